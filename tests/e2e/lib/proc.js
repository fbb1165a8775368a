// Processes: started with their output in a file, found by pid only, ended by us.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { fatal, until } from './wait.js';

export class Proc {
	constructor(name, command, args, { log, env = {}, cwd = '/' } = {}) {
		this.name = name;
		this.log = log;
		const fd = openSync(log, 'a');
		this.child = spawn(command, args, { stdio: ['ignore', fd, fd], env: { ...process.env, ...env }, cwd });
		closeSync(fd);
		this.pid = this.child.pid;
		this.exit = null;
		this.ended = new Promise((resolve, reject) => {
			this.child.once('error', e => {
				this.exit = { error: e.message };
				reject(e);
			});
			this.child.once('exit', (code, signal) => {
				this.exit = { code, signal };
				resolve(this.exit);
			});
		});
		this.ended.catch(() => {});
	}

	tail(lines = 40) {
		return tail(this.log, lines);
	}

	alive() {
		return this.exit === null;
	}

	// Throws for until() when the process has ended.
	check() {
		if (!this.alive()) throw fatal(`${this.name} ended: ${JSON.stringify(this.exit)}\n--- log ---\n${this.tail()}`);
		return true;
	}

	signal(name) {
		if (this.alive()) this.child.kill(name);
	}

	async stop(timeout = 30_000) {
		if (!this.alive()) return this.exit;
		this.signal('SIGTERM');
		try {
			await until(`${this.name} (pid ${this.pid}) ends after SIGTERM`, () => !this.alive(), {
				timeout, every: 20, logs: () => this.tail(),
			});
		} catch (e) {
			this.signal('SIGKILL');
			throw e;
		}
		return this.exit;
	}
}

export function tail(file, lines = 40) {
	try {
		return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
	} catch (e) {
		return `(${e.message})`;
	}
}

// All processes below pid, itself first: [{ pid, parent, name, args }].
export function family(pid) {
	const all = [];
	for (const entry of readdirSync('/proc')) {
		if (!/^\d+$/.test(entry)) continue;
		try {
			const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
			const rest = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
			if (rest[0] === 'Z') continue;
			all.push({
				pid: Number(entry),
				parent: Number(rest[1]),
				name: stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')),
				args: readFileSync(`/proc/${entry}/cmdline`, 'utf8').split('\0').filter(Boolean),
			});
		} catch { /* ended meanwhile */ }
	}
	const out = all.filter(p => p.pid === pid);
	for (let i = 0; i < out.length; i++) out.push(...all.filter(p => p.parent === out[i].pid));
	return out;
}

// Is address:port listened on by one of these processes? (IPv4)
export function listens(pids, address, port) {
	const hex = address.split('.').map(n => Number(n).toString(16).padStart(2, '0')).reverse().join('').toUpperCase();
	const place = `${hex}:${port.toString(16).padStart(4, '0').toUpperCase()}`;
	const inodes = readFileSync('/proc/net/tcp', 'utf8').split('\n').map(l => l.trim().split(/\s+/))
		.filter(f => f[1] === place && f[3] === '0A').map(f => `socket:[${f[9]}]`);
	if (!inodes.length) return false;
	return pids.some(pid => {
		try {
			return readdirSync(`/proc/${pid}/fd`).some(fd => inodes.includes(readlinkSync(`/proc/${pid}/fd/${fd}`)));
		} catch {
			return false;
		}
	});
}
