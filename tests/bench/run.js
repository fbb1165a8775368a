// make bench: every row is a ratio of two figures measured in the same run on the same machine.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeCa } from '../e2e/lib/ca.js';
import { account, address, asAccount, build, cleanup, freePort, scratch } from '../e2e/lib/env.js';
import { run, startHub } from '../e2e/lib/hub.js';
import { Proc, family, listens } from '../e2e/lib/proc.js';
import { orgs, startSite } from '../e2e/lib/site.js';
import { sleep, until } from '../e2e/lib/wait.js';

const RUNS = Number(process.env.LITFASS_BENCH_RUNS ?? 5);
const SECONDS = Number(process.env.LITFASS_BENCH_SECONDS ?? 3);
const ACTIVITIES = Number(process.env.LITFASS_BENCH_ACTIVITIES ?? 8000);
const INBOXES = Number(process.env.LITFASS_BENCH_INBOXES ?? 2000);
const TLS_INBOXES = Math.min(INBOXES, 200);
const ITEMS = 1000;
const SERVER = '0';
const CLIENT = '1';
const tool = name => join(build, 'tests/bench', name);
const AP = 'application/activity+json';

// Resident set of a process in MB.
const rss = pid => Number(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').match(/^Rss:\s+(\d+)/m)[1]) / 1024;
const median = list => [...list].sort((a, b) => a - b)[list.length >> 1];
const table = [];
function row(work, ratio, aim, how) {
	table.push({ work, ratio, aim, how });
	console.log(`  ${work}: ${typeof ratio === 'number' ? ratio.toFixed(2) : ratio}`);
}

async function must(command, args, opts = {}) {
	const r = await run(command, args, { timeout: 300_000, ...opts });
	if (r.code !== 0) throw new Error(`${command} ${args.join(' ')}: exit ${r.code}\n${r.stderr}${r.stdout}`);
	return r.stdout;
}
const measure = async (cpu, name, ...args) => JSON.parse(await must('taskset', ['-c', cpu, tool(name), ...args.map(String)]));

// As the account that PostgreSQL knows.
const measureAs = async (cpu, name, ...args) => JSON.parse(await must(...asAccount('taskset', ['-c', cpu, tool(name), ...args.map(String)])));

function pin(pids, cpus) {
	for (const pid of pids) execFileSync('taskset', ['-a', '-c', '-p', cpus, String(pid)], { stdio: 'ignore' });
}
const pinHub = (hub, cpus) => pin(family(hub.proc.pid).map(p => p.pid), cpus);

// ---- reading: our worker against nginx with the same bytes as a file ----

async function wrk(url, accept, connections = 50) {
	const out = await must('taskset', ['-c', CLIENT, 'wrk', '-t1', `-c${connections}`, `-d${SECONDS}s`, '-H', `Accept: ${accept}`, url]);
	if (/Non-2xx|Socket errors/.test(out)) throw new Error(`${url}: ${out}`);
	return Number(out.match(/Requests\/sec:\s+([\d.]+)/)[1]);
}

async function startStatic(dir, files) {
	const host = address();
	const port = await freePort(host);
	const root = join(dir, 'static');
	mkdirSync(join(root, 'tmp'), { recursive: true });
	for (const f of files) writeFileSync(join(root, f.name), f.bytes);
	writeFileSync(join(root, 'nginx.conf'), `daemon off;
pid ${join(root, 'pid')};
error_log ${join(root, 'error.log')};
worker_processes 1;
user nobody nogroup;
events { worker_connections 1024; }
http {
	access_log off;
	sendfile on;
	tcp_nopush on;
	keepalive_requests 1000000000;
	open_file_cache max=100;
	${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(n => `${n}_temp_path ${join(root, 'tmp')}/${n};`).join('\n\t')}
	server {
		listen ${host}:${port};
		root ${root};
		${files.map(f => `location = /${f.name} { default_type "${f.type}"; }`).join('\n\t\t')}
	}
}
`);
	const proc = new Proc('nginx', 'taskset', ['-c', SERVER, '/usr/sbin/nginx', '-c', join(root, 'nginx.conf'), '-e', join(root, 'error.log')], { log: join(dir, 'nginx.log') });
	cleanup(() => proc.stop());
	await until('nginx listens', () => proc.check() && listens(family(proc.pid).map(p => p.pid), host, port), { logs: () => proc.tail() });
	return `http://${host}:${port}`;
}

async function reads(hub, dir) {
	const slug = orgs[2].slug;
	const pages = [
		{ name: 'actor', work: 'GET actor JSON', path: `/o/${slug}`, accept: AP, aim: 0.7 },
		{ name: 'webfinger', work: 'GET WebFinger', path: `/.well-known/webfinger?resource=acct:${slug}@${hub.authority}`, accept: 'application/jrd+json', aim: 0.7 },
		{ name: 'timeline', work: 'GET public timeline JSON', path: '/api/v1/timelines/public?local=true&limit=20', accept: 'application/json', aim: 0.5 },
		{ name: 'home', work: 'GET /', path: '/', accept: 'text/html', aim: 0.5 },
	];
	for (const p of pages) {
		const r = await hub.get(p.path, { headers: { accept: p.accept, 'accept-encoding': 'identity' } });
		if (r.status !== 200) throw new Error(`${p.path}: ${r.status}`);
		p.type = r.headers.get('content-type');
		p.bytes = Buffer.from(await r.arrayBuffer());
	}
	const base = await startStatic(dir, pages);
	for (const p of pages) {
		const ratios = [];
		for (let i = 0; i < RUNS; i++) {
			const theirs = await wrk(`${base}/${p.name}`, p.accept);
			const ours = await wrk(hub.local + p.path, p.accept);
			ratios.push(ours / theirs);
		}
		row(`${p.work} (${p.bytes.length} B)`, median(ratios), `>= ${p.aim}`, `requests/s of one worker / nginx static, same bytes, warm, keep-alive, server on core ${SERVER}`);
	}
}

async function misses(hub, dsn) {
	const ratios = [];
	for (let i = 0; i < RUNS; i++) {
		const m = await measureAs(CLIENT, 'miss', dsn, hub.host, hub.port, hub.authority, '/api/v1/timelines/public?local=true&limit=20', 200);
		ratios.push(m.select / m.get);
	}
	row('timeline with a new post before each request', median(ratios), '>= 0.2', 'median time of the newest-20 SELECT alone / of the request');
}

// ---- inbox: our worker against a prototype of the unavoidable parts ----

async function inbox(hub, dir, dsn) {
	const actors = join(dir, 'actors');
	mkdirSync(actors);
	const host = address();
	const port = await freePort(host);
	const sign = run => must(tool('sign'), [hub.authority, '20', String(ACTIVITIES), run, actors]);
	await sign('warm');
	await hub.sql(readFileSync(join(actors, 'actors.sql'), 'utf8'));
	const [command, args] = asAccount('taskset', ['-c', SERVER, tool('proto_inbox'), host, String(port), dsn, join(actors, 'actors.json')]);
	const proto = new Proc('proto_inbox', command, args, { log: join(dir, 'proto.log') });
	cleanup(() => proto.stop());
	await until('the prototype listens', () => proto.check() && listens(family(proto.pid).map(p => p.pid), host, port), { logs: () => proto.tail() });
	const ratios = [];
	const clear = () => hub.sql("DELETE FROM job WHERE kind = 'receive'; DELETE FROM inbox_activity; VACUUM job; VACUUM inbox_activity;");
	for (let i = 0; i <= RUNS; i++) {
		const ids = [`p${i}`, `h${i}`];
		for (const id of ids) await sign(id);
		const theirs = await measure(CLIENT, 'load', host, port, 100, join(actors, `requests.${ids[0]}`));
		await clear();
		const ours = await measure(CLIENT, 'load', hub.host, hub.port, 100, join(actors, `requests.${ids[1]}`));
		if (theirs.bad || ours.bad) throw new Error(`not all were accepted: ${JSON.stringify({ theirs, ours })}`);
		const [[rows]] = await hub.sql('SELECT count(*) FROM inbox_activity');
		if (Number(rows) !== ACTIVITIES) throw new Error(`${rows} of ${ACTIVITIES} activities committed`);
		await clear();
		if (i > 0) ratios.push(theirs.seconds / ours.seconds);
	}
	row(`inbox: ${ACTIVITIES} signed Create/Like until committed`, median(ratios), '>= 0.5',
		'activities/s of one worker with role web / evhttp + digest + RSA + jansson + batch-100 insert, PostgreSQL on the same core');
	await proto.stop();
}

// nginx with one certificate for all inboxes of the HTTPS run, in front of the sink.
async function startTls(dir, tls, sinkPort) {
	const port = await freePort('0.0.0.0');
	const root = join(dir, 'tls');
	mkdirSync(join(root, 'tmp'), { recursive: true });
	writeFileSync(join(root, 'nginx.conf'), `daemon off;
pid ${join(root, 'pid')};
error_log ${join(root, 'error.log')};
worker_processes 1;
user nobody nogroup;
events { worker_connections 4096; }
http {
	access_log off;
	${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(n => `${n}_temp_path ${join(root, 'tmp')}/${n};`).join('\n\t')}
	upstream sink { server 127.0.0.1:${sinkPort}; keepalive 64; }
	server {
		listen ${port} ssl;
		ssl_certificate ${tls.cert};
		ssl_certificate_key ${tls.key};
		location / { proxy_pass http://sink; proxy_http_version 1.1; proxy_set_header Connection ""; }
	}
}
`);
	const proc = new Proc('nginx', '/usr/sbin/nginx', ['-c', join(root, 'nginx.conf'), '-e', join(root, 'error.log')], { log: join(dir, 'tls.log') });
	cleanup(() => proc.stop());
	await until('nginx listens', () => proc.check() && listens(family(proc.pid).map(p => p.pid), '0.0.0.0', port), { logs: () => proc.tail() });
	return port;
}

// ---- fan-out: all of it against its parts, each alone ----

async function startSink(dir) {
	const port = await freePort('0.0.0.0');
	const proc = new Proc('sink', tool('sink'), [String(port)], { log: join(dir, 'sink.log') });
	cleanup(() => proc.stop());
	await until('the sink listens', () => proc.check() && proc.tail().includes('listening'), { logs: () => proc.tail() });
	const ask = async path => (await fetch(`http://127.0.0.1:${port}${path}`)).json();
	return { port, seen: () => ask('/seen'), reset: () => ask('/reset') };
}

async function follow(hub, slug, base, inboxes) {
	await hub.sql(`WITH a AS (
	INSERT INTO remote_actor (uri, host, inbox, username, type, key_id, public_key_pem, fetched_at)
	SELECT u || '/u', split_part(u, '/', 3), u || '/inbox', 'u', 'Person', u || '/u#main-key', 'none', now()
	  FROM (SELECT format('${base}', i / 250, i % 250 + 1) AS u FROM generate_series(0, ${inboxes - 1}) i) v
	RETURNING id, uri)
INSERT INTO follow (account, actor, uri) SELECT o.id, a.id, a.uri || '/follow' FROM a, account o WHERE o.slug = '${slug}';`);
}

let posts = 0;
// Seconds for each of the inboxes, from the commit of the post until the last one has it.
async function deliver(hub, site, sink, org, inboxes) {
	await sink.reset();
	await site.add({ org: org.path, title: `Fan-out ${++posts}`, html: '<p>Ein Text.</p>' });
	await hub.poll(org.slug);
	const seen = await until('every inbox has it', async () => {
		const s = await sink.seen();
		return s.posts >= inboxes && s;
	}, { timeout: 120_000, every: 200, logs: () => hub.tail() });
	await until('the queue is empty', async () => (await hub.sql("SELECT 1 FROM job WHERE kind = 'deliver'")).length === 0, { timeout: 60_000, every: 200 });
	const [[began]] = await hub.sql("SELECT extract(epoch FROM max(at)) FROM record_entry WHERE kind = 'create'");
	return (seen.last - Number(began)) / inboxes;
}

async function fanout(hub, site, dir, dsn, worker, tls) {
	const sink = await startSink(dir);
	const [plain, secure] = [orgs[2], orgs[3]];
	await follow(hub, plain.slug, `http://127.40.%s.%s:${sink.port}`, INBOXES);
	const ratios = [];
	const memory = [];
	let each;
	for (let i = 0; i <= RUNS; i++) {
		const part = {
			sign: (await measure(CLIENT, 'parts', 'sign', 2000)).each,
			post: (await measure('0-1', 'parts', 'post', sink.port, INBOXES)).each,
			finish: (await measureAs('0-1', 'parts', 'finish', dsn, INBOXES)).each,
		};
		each = await deliver(hub, site, sink, plain, INBOXES);
		memory.push(rss(worker()));
		if (i > 0) ratios.push((part.sign + part.post + part.finish) / each);
		if (process.env.LITFASS_BENCH_VERBOSE) console.log(`    ${JSON.stringify({ part, each, memory: memory.at(-1) })}`);
	}
	row(`fan-out: one post to ${INBOXES} inboxes on as many hosts`, median(ratios), '>= 0.6', 'deliveries/s / 1/(RSA-2048 sign + curl POST + batched finish), each alone; plain HTTP, one worker plus its threads');
	row('memory after one fan-out, and after all', `${memory[0].toFixed(1)}, ${memory.at(-1).toFixed(1)} MB`, 'no growth', `resident set of the worker after 1 and ${RUNS + 1} times`);

	const port = await startTls(dir, tls, sink.port);
	await follow(hub, secure.slug, `https://127.41.%s.%s:${port}`, TLS_INBOXES);
	const [first, again] = [await deliver(hub, site, sink, secure, TLS_INBOXES), await deliver(hub, site, sink, secure, TLS_INBOXES)];
	row(`fan-out over HTTPS to ${TLS_INBOXES} hosts, first and again`, `${(each / first).toFixed(2)}, ${(each / again).toFixed(2)}`, 'reported', 'deliveries/s / over plain HTTP in this run; nginx in front of the inboxes on the same two cores');
}

// ---- ingest ----

async function ingest(hub, site, dir, dsn) {
	const ratios = [];
	for (let i = 0; i <= RUNS; i++) {
		const url = site.url(`/fault/many?n=${ITEMS}&run=${i}`);
		const file = join(dir, 'many.xml');
		writeFileSync(file, Buffer.from(await (await fetch(url)).arrayBuffer()));
		const xml = (await measure('0-1', 'parts', 'feed', file)).each / ITEMS;
		const rows = (await measureAs('0-1', 'parts', 'items', dsn, ITEMS)).each;
		const slug = `viele_${i}`;
		await hub.ok('org', 'add', slug, '--name', slug);
		const began = Date.now();
		await hub.ok('source', 'add', slug, url, '--interval', '3600');
		await until('all items are there', async () =>
			Number((await hub.sql(`SELECT count(*) FROM post p JOIN account a ON a.id = p.account WHERE a.slug = '${slug}'`))[0][0]) === ITEMS,
		{ timeout: 60_000, every: 20, logs: () => hub.tail() });
		const [[from, to]] = await hub.sql(`SELECT extract(epoch FROM s.created_at), extract(epoch FROM s.last_ok_at) FROM source s JOIN account a ON a.id = s.account WHERE a.slug = '${slug}'`);
		const each = ((Number(to) - Number(from)) || (Date.now() - began) / 1000) / ITEMS;
		if (i > 0) ratios.push((xml + rows) / each);
	}
	row(`ingest: a feed of ${ITEMS} items until committed`, median(ratios), 'reported', 'items/s / 1/(libxml2 parse + batched insert), each alone');
}

test('bench', { timeout: 3_600_000 }, async () => {
	const dir = scratch('bench');
	const site = await startSite({ dir, host: address() });
	const tls = makeCa(dir, Array.from({ length: TLS_INBOXES }, (_, i) => `127.41.${Math.floor(i / 250)}.${i % 250 + 1}`));
	const hub = await startHub({ dir, host: address(), workers: 1, ca_file: tls.ca, extra: 'rate_limit = 0\n' });
	const worker = () => hub.processes().workers[0];
	await sleep(3000);
	const idle = rss(worker());
	row('memory of an idle worker', `${idle.toFixed(1)} MB`, '<= 30 MB', 'resident set');
	for (const org of orgs) await hub.addOrg(org, site.url(org.feed));
	await hub.settled(120_000);
	const dsn = `host=${join(hub.data, 'run')} user=${account} dbname=litfass`;

	console.log('Measuring:');
	await fanout(hub, site, dir, dsn, worker, tls);
	await ingest(hub, site, dir, dsn);

	// Reading and accepting: one worker with role web, everything of the server on one core.
	await hub.stop();
	writeFileSync(hub.conf, readFileSync(hub.conf, 'utf8') + 'roles = {"web"}\n');
	await hub.start();
	pinHub(hub, SERVER);
	await reads(hub, dir);
	await misses(hub, dsn);
	await inbox(hub, dir, dsn);
	row('memory after reading and accepting', `${rss(worker()).toFixed(1)} MB`, 'reported', 'resident set of the worker with role web');

	const width = Math.max(...table.map(r => r.work.length));
	console.log('');
	for (const r of table)
		console.log(`${r.work.padEnd(width)}  ${(typeof r.ratio === 'number' ? r.ratio.toFixed(2) : r.ratio).padStart(12)}  ${r.aim.padEnd(10)}  ${r.how}`);
	console.log(`\nRatios: median of ${RUNS} interleaved runs.`);
});
