// The first command of the README, in a fresh clone: build, start, look, again, stop.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { address, cleanup, freePort, scratch, top } from './lib/env.js';
import { run } from './lib/hub.js';
import { orgs, total } from './lib/county.js';
import { until } from './lib/wait.js';

test('quickstart', { timeout: 900_000 }, async t => {
	const dir = scratch('quickstart');
	const clone = join(dir, 'litfass');
	const data = join(dir, 'data');
	const host = address();
	let port;
	for (port = await freePort(host); port > 65000;) port = await freePort(host);
	const base = `http://${host}:${port}`;
	const media = `http://medien.musterkreis.test:${port + 1}`;
	const cloned = await run('git', ['clone', '-q', '--no-hardlinks', top, clone], { timeout: 60_000 });
	assert.equal(cloned.code, 0, cloned.stderr);
	const quickstart = (...args) => run('bash', [join(clone, 'contrib/quickstart'), '--data', data, ...args], { timeout: 800_000 });
	cleanup(() => quickstart('--stop'));

	await t.test('--help and wrong options', async () => {
		const help = await quickstart('--help');
		assert.equal(help.code, 0);
		for (const option of ['--data', '--port', '--base-url', '--media-base-url', '--feed', '--detach', '--stop', '--no-install']) assert.ok(help.stdout.includes(option), option);
		for (const args of [['--nothing'], ['--port'], ['--port', 'x'], ['--port', '70000'], ['--base-url', 'ftp://x'], ['--media-base-url', 'media']]) {
			const r = await quickstart(...args);
			assert.equal(r.code, 1, args.join(' '));
			assert.match(r.stderr, /^quickstart: \S+ \S+/);
		}
		const r = await quickstart('--stop');
		assert.equal(r.code, 0);
		assert.match(r.stdout, /No demo is running/);
	});

	await t.test('the first run builds, starts and fills the hub', async () => {
		const r = await quickstart('--no-install', '--detach', '--base-url', base, '--port', `${port}`, '--media-base-url', media, '--feed', `http://${host}:${port + 2}/stadt/`);
		assert.equal(r.code, 0, `${r.stdout}\n${r.stderr}`);
		for (const org of orgs) assert.ok(r.stdout.includes(`@${org.slug}`), org.slug);
		assert.match(r.stdout, /8 of 8 sources read/);
		assert.ok(r.stdout.includes(`${base}/`));
		assert.ok(r.stdout.includes(`@hub@${host}:${port}`));
		assert.match(r.stdout, /--stop/);
		assert.ok(existsSync(join(data, 'app/bin/litfassctl')));
	});

	let ids;
	await t.test('everything it named answers', async () => {
		for (const path of ['/', '/@feuerwehr_musterstadt', '/feed.atom', '/api/v1/timelines/public?local=true', '/ready', `/.well-known/webfinger?resource=acct:hub@${host}:${port}`]) {
			const r = await fetch(base + path);
			assert.equal(r.status, 200, path);
			await r.arrayBuffer();
		}
		ids = await all(base);
		assert.ok(ids.length >= total + 12, `${ids.length} posts`);
	});

	await t.test('pictures are under the address that was given for them', async () => {
		const page = await (await fetch(`${base}/`)).text();
		const src = page.match(/<img[^>]* src="([^"]+\.webp)"/)?.[1];
		assert.ok(src?.startsWith(`${media}/`), src);
		const { get } = await import('node:http');
		const status = await new Promise((done, failed) => {
			get({ host, port: port + 1, path: new URL(src).pathname, headers: { Host: new URL(media).host } }, r => {
				r.resume();
				done([r.statusCode, r.headers['content-type']]);
			}).on('error', failed);
		});
		assert.deepEqual(status, [200, 'image/webp']);
	});

	await t.test('no process of it runs as root but the supervisor', async () => {
		if (process.getuid() !== 0) return;
		const r = await run('ps', ['-eo', 'user=,args=']);
		const lines = r.stdout.split('\n').filter(l => l.includes(data) && !/^root +(runuser|ps) /.test(l));
		const [postgres, site] = [lines.filter(l => l.includes('postgres')), lines.filter(l => l.includes('site.py'))];
		assert.ok(postgres.length > 0 && site.length > 0, r.stdout);
		for (const l of [...postgres, ...site]) assert.doesNotMatch(l, /^root /);
	});

	await t.test('a run beside it says that it runs, and may add a feed', async () => {
		const again = await quickstart('--no-install', '--detach', '--feed', `http://${host}:${port + 2}/schule/`);
		assert.equal(again.code, 0, `${again.stdout}\n${again.stderr}`);
		assert.match(again.stdout, /running already/);
		assert.match(again.stdout, /9 of 9 sources read/);
		// Another title on the same host is another organisation; what is there is not added twice.
		const handle = host.replaceAll('.', '_');
		assert.ok(again.stdout.includes(`@${handle}_2  `), again.stdout);
		const same = await quickstart('--no-install', '--detach', '--feed', `http://${host}:${port + 2}/stadt/`, '--feed', `http://${host}:${port + 2}/schule/`);
		for (const slug of [handle, `${handle}_2`]) assert.ok(same.stdout.includes(`@${slug} has this feed already`), same.stdout);
		assert.match(same.stdout, /9 of 9 sources read/);
		assert.ok((await all(base)).length > ids.length);
	});

	await t.test('another hub on a taken port is refused with the reason', async () => {
		const r = await run('bash', [join(clone, 'contrib/quickstart'), '--data', join(dir, 'other'), '--no-install', '--detach', '--base-url', base], { timeout: 800_000 });
		assert.equal(r.code, 1);
		assert.match(r.stderr, new RegExp(`port ${port} on ${host} is taken`));
		assert.match(r.stderr, /--port/);
	});

	await t.test('--stop ends all of it; a second run goes on with the same data', async () => {
		const stopped = await quickstart('--stop');
		assert.equal(stopped.code, 0, stopped.stderr);
		await assert.rejects(fetch(`${base}/ready`));
		const left = await run('pgrep', ['-f', data]);
		assert.equal(left.stdout.trim(), '', 'no process is left');
		const before = ids;
		const r = await quickstart('--no-install', '--detach');
		assert.equal(r.code, 0, `${r.stdout}\n${r.stderr}`);
		const now = await all(base);
		for (const id of before) assert.ok(now.includes(id), `post ${id} is still there`);
		for (const other of [['--port', '9'], ['--base-url', 'http://127.0.0.1:9'], ['--media-base-url', 'http://127.0.0.1:9']]) {
			const moved = await quickstart('--no-install', '--detach', ...other);
			assert.equal(moved.code, 1);
			assert.match(moved.stderr, /permanent/);
		}
		assert.equal((await quickstart('--stop')).code, 0);
	});

	await t.test('in the foreground, Ctrl-C stops everything, whenever it comes', async () => {
		const { spawn } = await import('node:child_process');
		for (const moment of ['Starting litfassd', 'Setting up', 'Reading the feeds', 'Stop      Ctrl-C']) {
			const child = spawn('bash', [join(clone, 'contrib/quickstart'), '--data', data, '--no-install'], { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
			let said = '';
			child.stdout.on('data', d => { said += d; });
			child.stderr.on('data', d => { said += d; });
			const ended = new Promise(done => child.once('close', code => done(code)));
			await until(`it says ${moment}`, () => said.includes(moment), { timeout: 240_000, logs: () => said });
			if (moment.includes('Ctrl-C')) assert.equal((await fetch(`${base}/ready`)).status, 200);
			process.kill(-child.pid, 'SIGINT');
			assert.equal(await Promise.race([ended, new Promise(done => setTimeout(done, 60_000, 'still running'))]), 0, `${moment}:\n${said}`);
			assert.match(said, /Stopping[^]*Stopped\./, moment);
			await assert.rejects(fetch(`${base}/ready`));
			assert.equal((await run('pgrep', ['-f', data])).stdout.trim(), '', `${moment}: no process is left`);
		}
	});
});

async function all(base) {
	const ids = [];
	let url = `${base}/api/v1/timelines/public?local=true&limit=40`;
	while (url) {
		const r = await fetch(url);
		assert.equal(r.status, 200);
		const page = await r.json();
		ids.push(...page.map(s => s.id));
		url = page.length ? (r.headers.get('link') ?? '').match(/<([^>]+)>; rel="next"/)?.[1] : null;
	}
	return ids;
}
