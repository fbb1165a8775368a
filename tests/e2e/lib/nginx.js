// nginx in front, from the example configuration that contrib/ ships.
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cleanup, isRoot, top } from './env.js';
import { Proc, family, listens } from './proc.js';
import { until } from './wait.js';

/*
 * sites: [{ host, port, upstream: "ip:port", kind: "hub" | "media" | "plain" }]
 * "hub" and "media" take the server blocks of contrib/nginx.conf with names and places replaced.
 */
export async function startNginx({ dir, tls, sites }) {
	const at = name => join(dir, 'nginx', name);
	mkdirSync(at('tmp'), { recursive: true });
	const example = readFileSync(join(top, 'contrib/nginx.conf'), 'utf8');
	const [, shared, hubBlock, mediaBlock] = example.match(/^([\s\S]*?)# --- hub ---\n([\s\S]*?)# --- media ---\n([\s\S]*?)# --- end ---/) ?? [];
	if (!mediaBlock) throw new Error('contrib/nginx.conf has lost its section marks');
	const block = site => {
		if (site.kind === 'plain')
			return `server {\n\tlisten ${site.host}:${site.port} ssl;\n\tserver_name ${site.host};\n\tssl_certificate ${tls.cert};\n\tssl_certificate_key ${tls.key};\n` +
				`\tlocation / {\n\t\tproxy_pass http://${site.upstream};\n\t\tproxy_set_header Host $http_host;\n\t}\n}\n`;
		return (site.kind === 'hub' ? hubBlock : mediaBlock)
			.replace(/^server \{\n\tlisten 80;[\s\S]*?^\}\n/m, '')
			.replace(/listen \[::\]:443[^;]*;\n/g, '')
			.replace(/listen 443/g, `listen ${site.host}:${site.port}`)
			.replace(/server_name [^;]+;/g, `server_name ${site.host};`)
			.replace(/ssl_certificate [^;]+;/g, `ssl_certificate ${tls.cert};`)
			.replace(/ssl_certificate_key [^;]+;/g, `ssl_certificate_key ${tls.key};`)
			.replace(/proxy_pass http:\/\/[^;]+;/g, `proxy_pass http://${site.upstream};`);
	};
	writeFileSync(at('nginx.conf'), `daemon off;
pid ${at('pid')};
error_log ${at('error.log')};
worker_processes 1;
${isRoot ? 'user nobody nogroup;\n' : ''}events {
	worker_connections 1024;
}
http {
	access_log off;
	${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(n => `${n}_temp_path ${at('tmp')}/${n};`).join('\n\t')}
${shared.replace(/\/var\/cache\/nginx\/litfass/g, at('cache'))}
${sites.map(block).join('\n')}
}
`);
	chmodSync(at(''), 0o755);
	const proc = new Proc('nginx', '/usr/sbin/nginx', ['-c', at('nginx.conf'), '-e', at('error.log')], { log: join(dir, 'nginx.log') });
	cleanup(() => proc.stop());
	for (const site of sites)
		await until(`nginx listens on ${site.host}:${site.port}`, () => proc.check() && listens(family(proc.pid).map(p => p.pid), site.host, site.port),
			{ logs: () => `${proc.tail()}\n${readFileSync(at('error.log'), 'utf8')}` });
	return proc;
}
