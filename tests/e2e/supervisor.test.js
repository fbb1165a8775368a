// The supervisor: reloads under load, refuses what cannot be, and leaves nothing behind.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { address, freePort, program, scratch } from './lib/env.js';
import { run, startHub } from './lib/hub.js';
import { family } from './lib/proc.js';
import { sleep, until } from './lib/wait.js';

const REFUSED = 4, CONFIG = 5;
let hub, dir, text;
before(async () => {
	dir = scratch('supervisor');
	hub = await startHub({ dir, host: address(), workers: 2 });
	text = readFileSync(hub.conf, 'utf8');
}, { timeout: 120_000 });

const said = what => readFileSync(hub.log, 'utf8').split('\n').filter(l => l.includes(` ${what} `)).length;

function get(agent) {
	return new Promise((done, failed) => {
		const r = request({ host: hub.host, port: hub.port, path: '/ready', agent, timeout: 30_000 }, answer => {
			answer.resume();
			answer.on('end', () => done(answer.statusCode));
		});
		r.on('timeout', () => r.destroy(new Error('no answer for 30 s')));
		r.on('error', failed);
		r.end();
	});
}

test('SIGHUP under load: every worker is replaced, every request answered', { timeout: 240_000 }, async t => {
	const answers = {};
	let busy = true;
	// New connections all the time, and connections that are kept.
	const clients = [0, 1, 2, 3, 4, 5, 6, 7].map(async n => {
		const agent = n % 2 ? new Agent({ keepAlive: true, maxSockets: 1 }) : new Agent({ keepAlive: false });
		while (busy) {
			const what = await get(agent).catch(e => e.message);
			answers[what] = (answers[what] ?? 0) + 1;
			await sleep(5);
		}
		agent.destroy();
	});
	let workers = hub.processes().workers;
	for (let n = 0; n < 3; n++) {
		const done = said('reloaded');
		hub.proc.signal('SIGHUP');
		await until('all workers are replaced', () => said('reloaded') > done, { timeout: 60_000, logs: () => hub.tail() });
		await until('the old ones have ended', () => !hub.processes().workers.some(pid => workers.includes(pid)), { timeout: 30_000 });
		workers = hub.processes().workers;
		assert.equal(workers.length, 2);
	}
	busy = false;
	await Promise.all(clients);
	t.diagnostic(JSON.stringify(answers));
	assert.deepEqual(Object.keys(answers), ['200']);
	assert.ok(answers[200] > 100);
});

test('a configuration that is broken, or needs a restart, is refused and the old one stays', { timeout: 120_000 }, async () => {
	const { workers } = hub.processes();
	for (const [change, want] of [['nonsense = 1\n', /nonsense/], [`data_dir = "${dir}/elsewhere"\n`, /data_dir.*restart/], ['base_url = "http://127.9.9.9:1"\n', /base_url/]]) {
		const from = readFileSync(hub.log, 'utf8').length;
		appendFileSync(hub.conf, change);
		hub.proc.signal('SIGHUP');
		await until(`refused: ${change}`, () => readFileSync(hub.log, 'utf8').slice(from).includes('reload_refused'), { timeout: 30_000, logs: () => hub.tail() });
		assert.match(readFileSync(hub.log, 'utf8').slice(from), want);
		writeFileSync(hub.conf, text);
	}
	// What may be the new database's trouble is not waited for without end, and what comes meanwhile is not lost.
	const from = readFileSync(hub.log, 'utf8').length;
	const since = () => readFileSync(hub.log, 'utf8').slice(from);
	appendFileSync(hub.conf, 'database { dsn = "host=/nonexistent dbname=x" }\n');
	hub.proc.signal('SIGHUP');
	await until('it is being checked', () => since().includes(' reloading '), { timeout: 5000 });
	writeFileSync(hub.conf, text);
	hub.proc.signal('SIGHUP');
	await until('refused', () => since().includes('reload_refused'), { timeout: 40_000, logs: () => hub.tail() });
	await until('the corrected file holds', () => since().includes(' reloaded '), { timeout: 60_000, logs: () => hub.tail() });
	workers.splice(0, workers.length, ...hub.processes().workers);
	// A worker that ends meanwhile comes back with what held, whatever stands in the file.
	appendFileSync(hub.conf, 'nonsense = 1\n');
	process.kill(workers[0], 'SIGKILL');
	await until('two workers again', () => hub.processes().workers.filter(pid => pid !== workers[0]).length === 2, { timeout: 20_000 });
	writeFileSync(hub.conf, text);
	await hub.ready();
});

// Stopped, it neither works nor ends, and does not hear SIGABRT.
test('a worker that hangs is ended and replaced, the other one answers meanwhile', { timeout: 120_000 }, async () => {
	const [hung, other] = hub.processes().workers;
	const from = readFileSync(hub.log, 'utf8').length;
	const log = () => readFileSync(hub.log, 'utf8').slice(from);
	const agent = new Agent({ keepAlive: false });
	process.kill(hung, 'SIGSTOP');
	await until('its silence is noticed', async () => {
		assert.equal(await get(agent), 200);
		return new RegExp(` worker_hangs .*pid=${hung}\\b`).test(log());
	}, { timeout: 60_000, every: 500, logs: () => hub.tail() });
	await until('another one is there instead', () => {
		const { workers } = hub.processes();
		return workers.length === 2 && workers.includes(other) && !workers.includes(hung);
	}, { timeout: 30_000, logs: () => hub.tail() });
	assert.match(log(), new RegExp(` worker_crashed .*pid=${hung}\\b.*how="it hung"`));
	assert.equal(log().match(/ worker_(hangs|crashed|ended) /g).length, 2, 'nothing has happened to the other one');
	await until('the new one is ready', () => / worker_ready /.test(log()), { timeout: 20_000, logs: () => hub.tail() });
});

test('the number of workers and the addresses follow the file', { timeout: 120_000 }, async () => {
	const port = await freePort(hub.host);
	writeFileSync(hub.conf, text.replace('workers = 2', 'workers = 3').replace('listen = {', `listen = {"${hub.host}:${port}", `));
	const done = said('reloaded');
	hub.proc.signal('SIGHUP');
	await until('reloaded', () => said('reloaded') > done, { timeout: 60_000, logs: () => hub.tail() });
	await until('three workers', () => hub.processes().workers.length === 3, { timeout: 20_000 });
	const answer = await new Promise((ok, failed) => request({ host: hub.host, port, path: '/ready', headers: { host: hub.authority } }, r => {
		r.resume();
		ok(r.statusCode);
	}).on('error', failed).end());
	assert.equal(answer, 200);
	writeFileSync(hub.conf, text);
	hub.proc.signal('SIGHUP');
	await until('two workers, the address closed', async () => hub.processes().workers.length === 2 &&
		await fetch(`http://${hub.host}:${port}/ready`).then(() => false, () => true), { timeout: 60_000, logs: () => hub.tail() });
});

test('a second one on the same data, or the same port, is refused with the reason', async () => {
	const same = await run(program('litfassd'), ['-c', hub.conf]);
	assert.equal(same.code, REFUSED, same.stderr);
	assert.match(same.stderr, new RegExp(`another litfassd \\(pid ${hub.proc.pid}\\)`));
	const other = join(dir, 'other.conf');
	writeFileSync(other, text.replace(/data_dir = .*/, `data_dir = "${dir}/other"`));
	const taken = await run(program('litfassd'), ['-c', other]);
	assert.equal(taken.code, CONFIG, taken.stderr);
	assert.match(taken.stderr, new RegExp(`${hub.host}:${hub.port} is taken`));
	await hub.ready();
});

test('SIGTERM ends all of it, and nothing is left', { timeout: 90_000 }, async () => {
	const pids = family(hub.proc.pid).map(p => p.pid);
	assert.ok(pids.length > 4);
	assert.deepEqual(await hub.proc.stop(60_000), { code: 0, signal: null });
	await until('its processes have ended', () => pids.every(pid => family(pid).length === 0), { timeout: 5000 });
	await assert.rejects(fetch(`${hub.local}/ready`));
});
