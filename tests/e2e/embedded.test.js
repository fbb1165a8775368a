// The embedded database: found again after every kind of end, moved with its directory, never mixed up.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { before, test } from 'node:test';
import { lstatSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { address, asAccount, cleanup, freePort, program, scratch } from './lib/env.js';
import { run, startHub } from './lib/hub.js';
import { Proc, family } from './lib/proc.js';
import { orgs, startSite } from './lib/site.js';
import { until } from './lib/wait.js';

const CONFIG = 5;
const UNAVAILABLE = 6;
const [, , org] = orgs;
let hub, dir, bindir, picture;
before(async () => {
	dir = scratch('embedded');
	const site = await startSite({ dir, host: address() });
	hub = await startHub({ dir, host: address() });
	await hub.addOrg(org, site.url(org.feed));
	await hub.settled();
	bindir = family(hub.proc.pid).find(p => p.name === 'postgres' && p.args.includes('-D')).args[0];
	const posts = await hub.json('/api/v1/timelines/public?limit=40');
	picture = posts.flatMap(p => p.media_attachments).find(m => m.type === 'image').url;
}, { timeout: 120_000 });

const log = () => readFileSync(hub.log, 'utf8');
const pidFile = () => readFileSync(join(hub.data, 'pg/postmaster.pid'), 'utf8').split('\n');
const postmaster = () => Number(pidFile()[0]);

// Everything that was there is still there, and nothing of it was changed.
async function checkWhole() {
	assert.deepEqual((await hub.list('org', 'list')).map(o => [o.slug, o.statuses_count]), [[org.slug, org.items]]);
	await hub.ok('record', 'verify');
	const r = await fetch(picture);
	assert.equal(r.status, 200, picture);
	assert.ok((await r.arrayBuffer()).byteLength > 1000);
}

// A postmaster that nobody expected: somebody has started it by hand.
async function startByHand(socketDir) {
	const [command, args] = asAccount(bindir, ['-D', join(hub.data, 'pg'), '-c', 'listen_addresses=', '-c', `unix_socket_directories=${socketDir}`]);
	const proc = new Proc('postgres by hand', command, args, { log: join(dir, 'postgres.log') });
	cleanup(() => proc.stop());
	await until('it is ready', () => proc.check() && pidFile()[7]?.trim() === 'ready', { logs: () => proc.tail() });
	return { proc, pid: postmaster() };
}

// Starts the hub anew and tells what it logged meanwhile.
async function startAnew() {
	const from = log().length;
	await hub.start();
	return log().slice(from);
}

test('the supervisor is killed: all children end, and a start at once recovers', { timeout: 90_000 }, async () => {
	const pids = family(hub.proc.pid).map(p => p.pid);
	hub.proc.signal('SIGKILL');
	await hub.proc.ended;
	await startAnew(); // waits for the old postmaster, does not fail because of it
	await until('no child of before is left', () => pids.every(pid => family(pid).length === 0));
	await checkWhole();
});

test('a live postmaster of this directory is adopted, and stopped with the hub', { timeout: 90_000 }, async () => {
	await hub.stop();
	const { proc, pid } = await startByHand(join(hub.data, 'run'));
	assert.match(await startAnew(), new RegExp(`database_adopted .*pid=${pid}\\b`));
	assert.equal(postmaster(), pid, 'it is the same one');
	assert.deepEqual(hub.processes().postmaster, [], 'there is no second one');
	await checkWhole();
	await hub.stop();
	await until('it has ended', () => !proc.alive(), { timeout: 5000 });
	assert.equal(proc.exit.code, 0, 'in order');
});

test('an adopted postmaster that dies is replaced by one of our own', { timeout: 90_000 }, async () => {
	const { proc, pid } = await startByHand(join(hub.data, 'run'));
	await startAnew();
	assert.equal(postmaster(), pid);
	process.kill(pid, 'SIGKILL');
	await proc.ended;
	await until('our own one runs', () => hub.processes().postmaster.length === 1, { timeout: 30_000, logs: () => hub.tail() });
	await hub.ready();
	await checkWhole();
	await hub.stop();
});

test('a postmaster whose socket is elsewhere is stopped, and our own one started', { timeout: 90_000 }, async () => {
	const elsewhere = join(dir, 'elsewhere');
	const [mkdir, args] = asAccount('mkdir', [elsewhere]);
	assert.equal((await run(mkdir, args)).code, 0);
	const { proc, pid } = await startByHand(elsewhere);
	assert.match(await startAnew(), new RegExp(`database_elsewhere .*pid=${pid}\\b`));
	assert.ok(!proc.alive());
	assert.equal(hub.processes().postmaster.length, 1);
	await checkWhole();
});

test('the data directory can be moved', { timeout: 90_000 }, async () => {
	// A poll that somebody has removed by hand comes back.
	await hub.sql("DELETE FROM job WHERE kind = 'poll'");
	await hub.stop();
	const moved = join(dir, 'moved here');
	renameSync(hub.data, moved);
	hub.data = moved;
	writeFileSync(hub.conf, readFileSync(hub.conf, 'utf8').replace(/data_dir = .*/, `data_dir = "${moved}"`));
	await hub.start();
	await checkWhole();
	assert.equal(pidFile()[4], join(moved, 'run'));
	await until('the poll is back', async () => (await hub.sql("SELECT id FROM job WHERE kind = 'poll'")).length === 1, { timeout: 10_000, logs: () => hub.tail() });
});

// A copy of a hub that runs comes with the pid file of its PostgreSQL.
test('a copied data directory never works on the database of the original', { timeout: 90_000 }, async () => {
	const copy = join(dir, 'copy');
	execFileSync('cp', ['-a', hub.data, copy]);
	const conf = join(dir, 'copy.conf');
	writeFileSync(conf, readFileSync(hub.conf, 'utf8').replace(/data_dir = .*/, `data_dir = "${copy}"`));
	const port = await freePort(hub.host);
	writeFileSync(conf, readFileSync(conf, 'utf8').replace(/^listen = .*/m, `listen = {"${hub.host}:${port}"}`));
	const instance = readFileSync(join(hub.data, 'instance'), 'utf8').trim();
	await hub.sql("INSERT INTO job (kind, key, args, state, worker, lease_token, lease_until) VALUES ('test', 'lease', '{}', 'running'," +
		` '${instance}@${hostname().slice(0, 32)}/9.9', gen_random_uuid(), now() + interval '10 minutes')`);
	const lease = () => hub.sql("SELECT worker, lease_token, state FROM job WHERE key = 'lease'");
	const held = await lease();
	const r = await run(program('litfassctl'), ['-c', conf, 'org', 'list'], { env: hub.env });
	assert.equal(r.code, UNAVAILABLE, r.stdout + r.stderr);
	assert.match(r.stderr, /not running.*copied/s);
	const d = await run(program('litfassd'), ['-c', conf], { timeout: 60_000 });
	assert.equal(d.code, CONFIG, d.stderr);
	assert.match(d.stderr, new RegExp(`${copy}/pg is a copy of ${hub.data}/pg`));
	assert.deepEqual(await lease(), held, 'nobody has taken it');
	await hub.sql("DELETE FROM job WHERE key = 'lease'");
	await checkWhole();
	rmSync(copy, { recursive: true });
});

test('private addresses are warned about at the start, and only where they are permitted', () => {
	assert.match(log(), / warn private_addresses .*net\.allow_private/);
});

test('base_url and media_base_url stay what they were at the first start', { timeout: 120_000 }, async () => {
	await hub.stop();
	const file = join(dir, 'changed.conf');
	const text = readFileSync(hub.conf, 'utf8');
	for (const [key, was] of [['base_url', hub.base], ['media_base_url', hub.mediaBase]]) {
		const other = 'http://127.9.9.9:9999';
		writeFileSync(file, text.replace(new RegExp(`^${key} = .*`, 'm'), `${key} = "${other}"`).replace(/^net \{[^]*?^\}/m, ''));
		const r = await run(program('litfassd'), ['-c', file], { timeout: 60_000 });
		assert.equal(r.code, CONFIG, r.stderr);
		const why = r.stderr.split('\n').find(l => l.includes(' start_failed '));
		for (const part of [`"${key} is `, was, other]) assert.ok(why?.includes(part), `${part}: ${r.stderr}`);
		assert.doesNotMatch(r.stderr, /private_addresses/);
		assert.doesNotMatch(r.stderr, / info ready /);
	}
	await hub.start();
	await checkWhole();
});

test('a database that does not start: tried again for a while, then given up with the reason', { timeout: 120_000 }, async () => {
	await hub.stop();
	const settings = join(hub.data, 'pg/postgresql.conf');
	const whole = readFileSync(settings, 'utf8');
	writeFileSync(settings, `${whole}shared_buffers = nonsense\n`);
	const r = await run(program('litfassd'), ['-c', hub.conf], { timeout: 60_000 });
	assert.equal(r.code, UNAVAILABLE, r.stderr);
	assert.match(r.stderr, /invalid value for parameter "shared_buffers"/, 'what PostgreSQL says stands there');
	assert.ok(r.stderr.match(/ database_ended /g).length > 1, 'one try is not enough: another PostgreSQL may be about to end');
	assert.match(r.stderr, / error start_failed .*the embedded database does not start; what it said stands above/);
	assert.match(r.stderr, / stopped .*code=6\b/);
	assert.doesNotMatch(r.stderr, / info ready /);
	writeFileSync(settings, whole);
	await hub.start();
	await checkWhole();
});

test('a directory too deep for a socket gets a short one beside it', { timeout: 120_000 }, async () => {
	await hub.stop();
	const deep = join(dir, 'd'.repeat(60), 'e'.repeat(60));
	mkdirSync(deep, { recursive: true, mode: 0o755 });
	const far = await startHub({ dir: deep, host: address() });
	assert.ok(join(far.data, 'run').length > 90);
	const socketDir = readFileSync(join(far.data, 'pg/postmaster.pid'), 'utf8').split('\n')[4];
	assert.match(socketDir, /^\/tmp\/litfass-[0-9a-f]{16}$/);
	const stat = lstatSync(socketDir);
	assert.ok(stat.isDirectory());
	assert.equal(stat.mode & 0o777, 0o700);
	assert.equal(stat.uid, lstatSync(join(far.data, 'pg')).uid);
	assert.deepEqual(await far.list('org', 'list'), [], 'litfassctl finds it');
	await far.ok('doctor');
	await far.stop();
	assert.throws(() => lstatSync(socketDir), { code: 'ENOENT' }, 'nothing is left in /tmp');

	// Its name can be known beforehand: what somebody else has put there is not used.
	const trap = join(dir, 'trap');
	mkdirSync(trap, { mode: 0o777 });
	symlinkSync(trap, socketDir);
	try {
		const r = await run(program('litfassd'), ['-c', far.conf], { timeout: 60_000 });
		assert.equal(r.code, CONFIG, r.stderr);
		assert.match(r.stderr, new RegExp(`${socketDir} is not ours`));
	} finally {
		unlinkSync(socketDir);
	}
	await far.start();
	await far.stop();
	rmSync(trap, { recursive: true });
});
