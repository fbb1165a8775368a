// A hub of our own: data under /tmp, private addresses, the real litfassd.
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { account, asAccount, cleanup, freePort, program } from './env.js';
import { Proc, family, listens } from './proc.js';
import { until } from './wait.js';

const list = values => `{${values.map(v => JSON.stringify(v)).join(', ')}}`;

export function run(command, args, { timeout = 30_000, env = {}, input, cwd = '/' } = {}) {
	return new Promise(done => {
		const child = execFile(command, args, { timeout, cwd, env: { ...process.env, ...env }, maxBuffer: 64 << 20, killSignal: 'SIGKILL' },
			(error, stdout, stderr) => done({ code: error ? (typeof error.code === 'number' ? error.code : -1) : 0, signal: error?.signal ?? null, stdout, stderr }));
		child.stdin.end(input ?? '');
	});
}

/*
 * opts: dir, host (bind address), base_url (default http://host:port), media_base_url,
 * workers, extra (configuration text), ca_file, start (default true), env
 */
export async function startHub(opts) {
	const hub = new Hub();
	hub.dir = opts.dir;
	hub.host = opts.host;
	hub.port = await freePort(opts.host);
	do hub.mediaPort = await freePort(opts.host); while (hub.mediaPort === hub.port);
	hub.local = `http://${hub.host}:${hub.port}`;
	hub.base = opts.base_url ?? hub.local;
	hub.mediaBase = opts.media_base_url ?? `http://${hub.host}:${hub.mediaPort}`;
	hub.authority = new URL(hub.base).host;
	hub.data = join(opts.dir, 'hub');
	hub.conf = join(opts.dir, 'litfass.conf');
	hub.log = join(opts.dir, 'litfassd.log');
	hub.env = opts.env ?? {};
	mkdirSync(opts.dir, { recursive: true });
	writeFileSync(hub.conf, `base_url = "${hub.base}"
media_base_url = "${hub.mediaBase}"
name = "Landkreis Musterkreis"
data_dir = "${hub.data}"
user = "${account}"
listen = ${list([`${hub.host}:${hub.port}`, `${hub.host}:${hub.mediaPort}`])}
workers = ${opts.workers ?? 1}
trusted_proxies = {"127.0.0.0/8"}
metrics {
	listen = ""
}
net {
	allow_private = {"127.0.0.0/8"}
${opts.ca_file ? `	ca_file = "${opts.ca_file}"\n` : ''}}
${opts.extra ?? ''}`);
	cleanup(() => hub.stop());
	if (opts.start !== false) await hub.start();
	return hub;
}

export class Hub {
	proc = null;

	spawn() {
		this.proc = new Proc('litfassd', program('litfassd'), ['-c', this.conf], { log: this.log, env: this.env });
	}

	async start() {
		this.spawn();
		await this.ready();
		const pids = family(this.proc.pid).map(p => p.pid);
		for (const port of [this.port, this.mediaPort])
			if (!listens(pids, this.host, port)) throw new Error(`${this.host}:${port} is not listened on by our litfassd`);
	}

	ready(timeout = 60_000) {
		return until('/ready answers 200', async () => {
			this.proc.check();
			const r = await this.get('/ready', { signal: AbortSignal.timeout(3000) });
			await r.arrayBuffer();
			return r.status === 200;
		}, { timeout, logs: () => this.tail() });
	}

	async stop() {
		await this.proc?.stop(60_000);
	}

	tail(lines = 40) {
		return this.proc ? this.proc.tail(lines) : '';
	}

	// The supervisor's children by what they are.
	processes() {
		const all = family(this.proc.pid);
		const of = test => all.filter(test).map(p => p.pid);
		return {
			supervisor: this.proc.pid,
			workers: of(p => /^litfassd-\d+$/.test(p.name)), // not what is about to become something else
			helpers: of(p => p.name.startsWith('litfass-media')),
			postmaster: of(p => p.name === 'postgres' && p.args.includes('-D')),
		};
	}

	// The hub's own answers, straight from its port whatever its public address is.
	get(path, init = {}) {
		return fetch(this.local + path, init);
	}

	async json(path, init) {
		const r = await this.get(path, init);
		if (!r.ok) throw new Error(`GET ${path}: ${r.status} ${await r.text()}`);
		return r.json();
	}

	ctl(...args) {
		return run(program('litfassctl'), ['-c', this.conf, ...args.map(String)], { env: this.env });
	}

	// Must succeed.
	async ok(...args) {
		const r = await this.ctl(...args);
		if (r.code !== 0) throw new Error(`litfassctl ${args.join(' ')}: exit ${r.code}\n${r.stderr}${r.stdout}`);
		return r.stdout;
	}

	async list(...args) {
		return JSON.parse(await this.ok('--json', ...args));
	}

	async sql(text) {
		const [command, args] = asAccount('psql', ['-X', '-q', '-A', '-t', '-F', '\t', '-v', 'ON_ERROR_STOP=1',
			'-h', join(this.data, 'run'), '-U', account, '-d', 'litfass', '-f', '-']);
		const r = await run(command, args, { input: text });
		if (r.code !== 0) throw new Error(`psql: ${r.stderr}`);
		return r.stdout.trimEnd().split('\n').filter(Boolean).map(l => l.split('\t'));
	}

	async addOrg(org, url, interval = 3600) {
		await this.ok('org', 'add', org.slug, '--name', org.name, '--claimed');
		await this.ok('source', 'add', org.slug, url, '--interval', interval);
	}

	poll(what) {
		return this.ok('source', 'poll', what, '--wait');
	}

	// Every source read once and nothing left in the queue.
	settled(timeout = 60_000) {
		return until('all sources are read and the queue is empty', async () => {
			const sources = await this.list('source', 'list');
			const jobs = (await this.list('queue', 'list')).filter(j => j.kind !== 'poll');
			return sources.every(s => s.health !== 'new') && jobs.length === 0;
		}, { timeout, every: 300, logs: () => this.tail() });
	}
}
