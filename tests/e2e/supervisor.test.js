// The supervisor: reloads under load, refuses what cannot be, and leaves nothing behind.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { appendFileSync, closeSync, constants, openSync, readFileSync, renameSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { address, freePort, program, scratch } from './lib/env.js';
import { run, startHub } from './lib/hub.js';
import { Proc, family, listens } from './lib/proc.js';
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

// A second hub, on a database of its own in the server of the first.
let other, otherText;
const otherLog = () => readFileSync(other.log, 'utf8');
function otherSays(what, from, timeout = 20_000) {
	return until(`it says ${what}`, () => otherLog().slice(from).includes(` ${what} `), { timeout, logs: () => other.tail() });
}

test('a reload with a database that cannot be reached ends, with the next file or with the reason', { timeout: 180_000 }, async () => {
	await hub.sql('CREATE DATABASE zweiter');
	other = await startHub({ dir: join(dir, 'zweiter'), host: address(), extra: `database {\n\tdsn = "host=${hub.data}/run dbname=zweiter user=litfass"\n}\n` });
	otherText = readFileSync(other.conf, 'utf8');
	const broken = otherText.replace(/host=[^ ]*/, 'host=/nonexistent');

	let from = otherLog().length;
	writeFileSync(other.conf, broken);
	other.proc.signal('SIGHUP');
	await otherSays('reloading', from);
	writeFileSync(other.conf, otherText);
	other.proc.signal('SIGHUP');
	await otherSays('reloaded', from, 15_000); // not when the check has given up
	assert.doesNotMatch(otherLog().slice(from), /reload_refused/);

	from = otherLog().length;
	writeFileSync(other.conf, broken);
	other.proc.signal('SIGHUP');
	await otherSays('reload_refused', from, 60_000);
	assert.match(otherLog().slice(from), / start_failed .*\/nonexistent/);
	writeFileSync(other.conf, otherText);
	await other.ready();
});

test('workers that never get ready do not keep the file that mends it away', { timeout: 120_000 }, async () => {
	const media = join(other.data, 'media');
	const [a, b] = [await freePort(other.host), await freePort(other.host)];
	const listen = (...ports) => writeFileSync(other.conf, otherText.replace(/^listen = .*/m, `listen = {${ports.map(n => `"${other.host}:${n}"`)}}`));
	renameSync(media, `${media}.away`);
	writeFileSync(media, 'no directory');
	const from = otherLog().length;
	listen(a);
	other.proc.signal('SIGHUP');
	await otherSays('worker_failed', from);
	// What the first one took away comes back: its socket is still that of the workers who have it.
	listen(other.port, b);
	const second = otherLog().length;
	other.proc.signal('SIGHUP');
	await otherSays('reloading', second);
	await otherSays('worker_failed', second);
	assert.doesNotMatch(otherLog().slice(from), /reload_refused|reload_waits|reloaded/);
	assert.equal((await other.get('/ready')).status, 200, 'the old ones work all the while');
	unlinkSync(media);
	renameSync(`${media}.away`, media);
	await otherSays('reloaded', second, 40_000);
	const pids = family(other.proc.pid).map(p => p.pid);
	assert.ok(listens(pids, other.host, other.port) && listens(pids, other.host, b));
	await until('the first address is closed', () => !listens(family(other.proc.pid).map(p => p.pid), other.host, a), { timeout: 20_000 });
	assert.equal((await other.get('/ready')).status, 200);
});

// The configuration is a pipe: it stands where it reads that until we write.
test('signals before the start, and no standard input and output, do not end it', { timeout: 120_000 }, async () => {
	await other.stop();
	const real = join(other.dir, 'real.conf');
	writeFileSync(real, otherText);
	unlinkSync(other.conf);
	assert.equal((await run('mkfifo', [other.conf])).code, 0);
	const from = otherLog().length;
	other.proc = new Proc('litfassd', 'sh', ['-c', 'exec "$0" "$@" <&- >&-', program('litfassd'), '-c', other.conf], { log: other.log });
	let pipe;
	await until('it reads its configuration', () => {
		other.proc.check();
		try {
			pipe = openSync(other.conf, constants.O_WRONLY | constants.O_NONBLOCK);
		} catch (e) {
			if (e.code !== 'ENXIO') throw e;
		}
		return pipe !== undefined;
	}, { timeout: 10_000, every: 10 });
	other.proc.signal('SIGUSR1');
	other.proc.signal('SIGHUP');
	renameSync(real, other.conf);
	await sleep(100);
	writeSync(pipe, otherText);
	closeSync(pipe);
	await other.ready();
	await otherSays('reloaded', from, 40_000); // the signal was not lost either
	assert.deepEqual(await other.proc.stop(60_000), { code: 0, signal: null });
});

test('SIGTERM ends all of it, and nothing is left', { timeout: 90_000 }, async () => {
	const pids = family(hub.proc.pid).map(p => p.pid);
	assert.ok(pids.length > 4);
	assert.deepEqual(await hub.proc.stop(60_000), { code: 0, signal: null });
	await until('its processes have ended', () => pids.every(pid => family(pid).length === 0), { timeout: 5000 });
	await assert.rejects(fetch(`${hub.local}/ready`));
});
