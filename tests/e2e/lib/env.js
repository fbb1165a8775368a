// Where things are, and a private place and address for each test file.
import { execFileSync, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { after } from 'node:test';

export const top = resolve(import.meta.dirname, '../../..');
export const build = resolve(process.env.LITFASS_BUILD ?? join(top, 'build'));
export const isRoot = process.getuid() === 0;
export const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';

// The account of workers and PostgreSQL: ours, or as root an unprivileged one that exists.
export const account = isRoot
	? (process.env.LITFASS_TEST_USER ? [process.env.LITFASS_TEST_USER] : ['litfass', 'postgres'])
		.find(name => spawnSync('getent', ['passwd', name]).status === 0)
	: userInfo().username;
if (!account) throw new Error('As root the tests need an account for PostgreSQL: run contrib/check, or set LITFASS_TEST_USER.');

export function program(name) {
	const path = join(build, name);
	if (!existsSync(path)) throw new Error(`${path} is missing: build Litfass and set LITFASS_BUILD to its build directory.`);
	return path;
}

export function asAccount(command, args) {
	return isRoot ? ['runuser', ['-u', account, '--', command, ...args]] : [command, args];
}

// A directory of our own, searchable by the account; removed when the file's tests are over.
export function privateDir(name) {
	const dir = mkdtempSync(join(tmpdir(), `litfass-${name}-`));
	chmodSync(dir, 0o755);
	if (isRoot) {
		const [uid, gid] = ['-u', '-g'].map(o => Number(execFileSync('id', [o, account]).toString()));
		chownSync(dir, uid, gid);
	}
	return dir;
}

// Things to end, newest first, after the file's tests, also when they failed.
const cleanups = [];
export function cleanup(what) {
	cleanups.push(what);
}
after(async () => {
	const errors = [];
	while (cleanups.length) {
		try {
			await cleanups.pop()();
		} catch (e) {
			errors.push(e);
		}
	}
	if (errors.length) throw errors[0];
}, { timeout: 90_000 });

export function scratch(name) {
	const dir = privateDir(name);
	cleanup(() => {
		if (process.env.LITFASS_KEEP) console.error(`kept ${dir}`);
		else rmSync(dir, { recursive: true, force: true });
	});
	return dir;
}

// 127.x.y.n that nobody else is likely to use: from our pid, n counts up.
let hosts = 0;
export function address() {
	return `127.${100 + (process.pid % 101)}.${(process.pid >> 7) % 250}.${10 + hosts++}`;
}

export function freePort(host) {
	return new Promise((done, failed) => {
		const server = createServer();
		server.once('error', failed);
		server.listen(0, host, () => {
			const { port } = server.address();
			server.close(() => done(port));
		});
	});
}

// Seeded random numbers; the seed is printed so that a failure can be repeated.
export function randomFrom(seed) {
	let a = seed >>> 0;
	return () => {
		a = (a + 0x6d2b79f5) >>> 0;
		let t = a;
		t = Math.imul(t ^ (t >>> 15), t | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
}
