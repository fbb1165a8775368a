// litfassctl: every command, its help, its JSON, its errors and exit codes.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { createServer } from 'node:http';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { address, freePort, program, scratch, top } from './lib/env.js';
import { run, startHub } from './lib/hub.js';
import { orgs, startSite } from './lib/site.js';
import { until } from './lib/wait.js';

const OK = 0, FAILED = 1, USAGE = 2, NOT_FOUND = 3, REFUSED = 4, CONFIG = 5, UNAVAILABLE = 6, UNVERIFIED = 7;
let hub, site, dir;
before(async () => {
	dir = scratch('ctl');
	site = await startSite({ dir, host: address() });
	hub = await startHub({ dir, host: address() });
}, { timeout: 120_000 });

const commands = ['org add', 'org list', 'org show', 'source add', 'source list', 'source test', 'source poll', 'post list', 'post show', 'post withdraw',
	'follower list', 'queue list', 'queue retry', 'record verify', 'setting list', 'setting set', 'config check', 'doctor', 'migrate'];

// Expects a code, and a sentence on stderr when it is not 0.
async function expect(code, ...args) {
	const r = await hub.ctl(...args);
	assert.equal(r.code, code, `litfassctl ${args.join(' ')}: exit ${r.code}, want ${code}\n${r.stderr}${r.stdout}`);
	if (code !== OK) assert.match(r.stderr, /\S+ \S+/, 'an error says what is wrong');
	return r;
}
async function json(...args) {
	return JSON.parse((await expect(OK, '--json', ...args)).stdout);
}

test('help', async t => {
	const all = await run(program('litfassctl'), ['--help']);
	assert.equal(all.code, OK);
	for (const c of commands) assert.ok(all.stdout.includes(c.split(' ')[0]), c);
	for (const c of commands)
		await t.test(c, async () => {
			const r = await run(program('litfassctl'), [...c.split(' '), '--help']);
			assert.equal(r.code, OK);
			assert.match(r.stdout, /usage/i);
			assert.match(r.stdout, new RegExp(c.replace(' ', '\\s+')));
			assert.equal(r.stderr, '');
		});
	const version = await run(program('litfassctl'), ['--version']);
	assert.equal(version.code, OK);
	assert.match(version.stdout, /0\.1\.0/);
});

test('the manual page and the completion know every command and option', async () => {
	const man = readFileSync(join(top, 'doc/man/litfassctl.1'), 'utf8');
	const completion = readFileSync(join(top, 'contrib/completion/litfassctl'), 'utf8');
	for (const c of commands) {
		assert.match(man, new RegExp(`^\\.It Nm Cm ${c}\\b`, 'm'), c);
		for (const word of c.split(' ')) assert.match(completion, new RegExp(`\\b${word}\\b`), word);
		const help = (await run(program('litfassctl'), [...c.split(' '), '--help'])).stdout;
		for (const [, option] of help.matchAll(/^ {2}--(\S+)/gm)) {
			assert.match(man, new RegExp(`^\\.It Nm Cm ${c}\\b.*-${option}\\b`, 'm'), `${c} --${option}`);
			assert.ok(completion.includes(`--${option}`), `--${option}`);
		}
	}
});

test('usage errors', async () => {
	for (const args of [[], ['nothing'], ['org'], ['org', 'nothing'], ['org', 'add'], ['org', 'list', '--nothing'], ['post', 'show'], ['post', 'show', 'abc'],
		['source', 'poll'], ['post', 'list', '--limit', 'x'], ['org', 'show', 'a', 'b']])
		await expect(USAGE, ...args);
});

test('org', async () => {
	await expect(OK, 'org', 'add', 'feuerwehr_musterstadt', '--name', 'Freiwillige Feuerwehr Musterstadt', '--kind', 'fire_brigade', '--summary', 'Retten & löschen',
		'--website', 'https://feuerwehr.example/', '--language', 'de', '--claimed');
	await expect(REFUSED, 'org', 'add', 'feuerwehr_musterstadt', '--name', 'Noch eine');
	for (const slug of ['hub', 'admin', 'Groß', 'a-b', 'x'.repeat(31), '']) {
		const r = await hub.ctl('org', 'add', slug, '--name', 'X');
		assert.ok([USAGE, REFUSED].includes(r.code), `${slug}: ${r.code} ${r.stderr}`);
		assert.match(r.stderr, /\S+ \S+/);
	}
	const list = await json('org', 'list');
	assert.deepEqual(list.map(o => o.slug), ['feuerwehr_musterstadt']);
	const one = await json('org', 'show', 'feuerwehr_musterstadt');
	assert.equal(one.slug, 'feuerwehr_musterstadt');
	assert.equal(one.name, 'Freiwillige Feuerwehr Musterstadt');
	assert.equal(one.summary, 'Retten & löschen');
	assert.equal(one.claimed, true);
	assert.ok(!JSON.stringify(one).includes('PRIVATE'), 'no private key');
	await expect(NOT_FOUND, 'org', 'show', 'niemand');
	assert.match((await expect(OK, 'org', 'list')).stdout, /feuerwehr_musterstadt/);
	const bad = await expect(NOT_FOUND, '--json', 'org', 'show', 'niemand');
	const error = JSON.parse(bad.stderr).error;
	assert.equal(typeof error.kind, 'string');
	assert.match(error.message, /niemand/);
});

test('source test finds, shows and stores nothing', async () => {
	for (const org of orgs) {
		const page = await json('source', 'test', `${site.base}/${org.path}/`);
		const feed = await json('source', 'test', site.url(org.feed));
		assert.equal(feed.title, org.name);
		assert.equal(feed.items.length, org.items);
		assert.deepEqual(page.items.map(i => i.title), feed.items.map(i => i.title), 'the page leads to the feed');
		assert.ok(feed.items.every(i => i.title && i.url));
	}
	assert.match((await expect(OK, 'source', 'test', site.url('/stadt/rss.xml'))).stdout, /Wochenmarkt heute mit Musik/);
	const cp1252 = await json('source', 'test', site.url('/stadt/rss.xml'));
	assert.ok(JSON.stringify(cp1252).includes('4,20 € das Kilo – und ja'), 'windows-1252 is read');
	assert.deepEqual(await json('source', 'list'), []);
	assert.deepEqual(await json('post', 'list'), []);
	for (const [url, codes] of [[`${site.base}/nichts`, [FAILED, NOT_FOUND, UNAVAILABLE]], ['http://127.0.0.1:1/', [FAILED, UNAVAILABLE]], ['ftp://x.example/', [USAGE, FAILED]],
		[`${site.base}/fault/html`, [FAILED]], ['http://10.1.2.3/feed', [FAILED, REFUSED]]]) {
		const r = await hub.ctl('source', 'test', url);
		assert.ok(codes.includes(r.code), `${url}: exit ${r.code} ${r.stderr}`);
		assert.match(r.stderr, /\S+ \S+/);
	}
});

test('source test follows the Link header of an answer', async () => {
	const rss = 'rel="alternate"; type="application/rss+xml"';
	const wanted = async (path, args, org) => {
		await site.serve({ path, ...args });
		assert.equal((await json('source', 'test', site.url(path))).url, site.url(org.feed), path);
	};
	const page = { type: 'text/html; charset=utf-8', body: '<!DOCTYPE html><title>Kopf</title><p>Hier steht kein Verweis.' };
	// In the second header and second in it, relative to the page; the first named of equals does not do.
	await wanted('/kopf/seite', { ...page, headers: [['Link', '</wp-json/>; rel="https://api.w.org/"'],
		['link', `<nichts,da>; ${rss}; title="Neues, kurz", <../feuerwehr/feed.rss>; ${rss}`]] }, orgs[2]);
	await wanted('/kopf/beide', { ...page, body: `${page.body}<link rel=alternate type=application/rss+xml href="/stadt/rss.xml">`,
		headers: [['Link', `<../feuerwehr/feed.rss>; ${rss}`]] }, orgs[2]);
	await wanted('/kopf/text', { type: 'text/plain', body: 'kein HTML', headers: [['Link', `</stadt/rss.xml>; ${rss}`]] }, orgs[6]);
	await wanted('/kopf/leer', { headers: [['Link', `</stadt/rss.xml>; ${rss}`]] }, orgs[6]);
	// An interface in JSON does not keep us from the usual places.
	await site.serve({ path: '/feed/', status: 302, headers: [['Location', '/stadt/rss.xml']] });
	await wanted('/kopf/json', { ...page, headers: [['Link', '</kopf/seite>; rel=alternate; type="application/json"']] }, orgs[6]);
	await site.control('unserve', { path: '/feed/' });
	// Nothing leads to a feed: what is said is about the address that was given.
	await site.serve({ path: '/kopf/text', type: 'text/plain', body: 'kein HTML', headers: [['Link', `<nichts>; ${rss}`]] });
	const none = await expect(FAILED, 'source', 'test', site.url('/kopf/text'));
	assert.doesNotMatch(none.stderr, /404|leads to no feed/);
});

test('source add, list, poll', async () => {
	const url = site.url('/feuerwehr/feed.rss');
	await expect(NOT_FOUND, 'source', 'add', 'niemand', url);
	await expect(OK, 'source', 'add', 'feuerwehr_musterstadt', url, '--interval', '3600', '--language', 'de');
	await expect(REFUSED, 'source', 'add', 'feuerwehr_musterstadt', url);
	const bad = await hub.ctl('source', 'add', 'feuerwehr_musterstadt', 'kein url');
	assert.ok([USAGE, REFUSED].includes(bad.code), bad.stderr);
	await expect(OK, 'source', 'poll', 'feuerwehr_musterstadt', '--wait');
	await hub.settled(); // what is new waits for its pictures
	const [source] = await json('source', 'list');
	assert.equal(source.url, url);
	assert.equal(source.health, 'ok');
	assert.equal(source.posts, orgs[2].items);
	assert.equal((await json('source', 'list', 'feuerwehr_musterstadt')).length, 1);
	await expect(OK, 'source', 'poll', String(source.id), '--wait');
	await expect(OK, 'source', 'poll', '--all');
	await expect(NOT_FOUND, 'source', 'poll', '1');
});

test('post list, show, withdraw', async () => {
	const posts = await json('post', 'list', 'feuerwehr_musterstadt', '--limit', '5');
	assert.equal(posts.length, 5);
	const [post] = posts;
	assert.equal(post.state, 'published');
	assert.equal((await json('post', 'show', post.id)).title, post.title);
	assert.equal((await hub.get(`/api/v1/statuses/${post.id}`)).status, 200);
	await expect(OK, 'post', 'withdraw', post.id);
	await until('the post is gone', async () => (await hub.get(`/api/v1/statuses/${post.id}`)).status === 404, { timeout: 2000 });
	assert.equal((await json('post', 'show', post.id)).state, 'withdrawn');
	await expect(REFUSED, 'post', 'withdraw', post.id);
	await expect(NOT_FOUND, 'post', 'withdraw', '1');
	await expect(NOT_FOUND, 'post', 'show', '1');
	await expect(NOT_FOUND, 'post', 'list', 'niemand');
});

test('a held post is withdrawn before anybody sees it', async () => {
	const [[id]] = await hub.sql(`INSERT INTO post (account, state, reason, content_hash, html, text, language, published_at)
		SELECT id, 'held', 'media', '\\x00', '<p>x</p>', 'x', 'de', now() FROM account WHERE slug = 'feuerwehr_musterstadt' RETURNING id::text`);
	const before = (await json('record', 'verify')).entries;
	assert.match((await expect(OK, 'post', 'withdraw', id, '--reason', 'Irrtum')).stdout, /will not be published/);
	assert.equal((await json('post', 'show', id)).state, 'withdrawn');
	// The job that brings its pictures comes too late.
	await hub.sql(`INSERT INTO job (kind, key, args) VALUES ('media', '${id}', '{"post": ${id}}')`);
	await until('the job is done', async () => (await hub.sql(`SELECT id FROM job WHERE kind = 'media' AND key = '${id}'`)).length === 0);
	assert.equal((await json('post', 'show', id)).state, 'withdrawn');
	assert.equal((await json('record', 'verify')).entries, before, 'nobody is told');
	await expect(REFUSED, 'post', 'withdraw', id);
});

test('post withdraw meets an edit: the record still rises', async () => {
	const [post] = (await json('post', 'list', 'feuerwehr_musterstadt', '--limit', '5')).filter(p => p.state === 'published');
	// An edit that holds the post until the command waits behind it.
	const edit = hub.sql(`BEGIN;
UPDATE post SET revision = revision + 1 WHERE id = ${post.id};
DO $$ BEGIN
	FOR i IN 1..400 LOOP
		EXIT WHEN EXISTS (SELECT FROM pg_locks WHERE NOT granted);
		PERFORM pg_sleep(0.05);
	END LOOP;
	IF NOT EXISTS (SELECT FROM pg_locks WHERE NOT granted) THEN RAISE 'nobody came'; END IF;
END $$;
COMMIT;`);
	await until('the edit holds the post', async () =>
		(await hub.sql("SELECT 1 FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE c.relname = 'post' AND l.mode = 'RowExclusiveLock'")).length > 0);
	const [withdrawn] = await Promise.all([json('post', 'withdraw', post.id), edit]);
	assert.deepEqual(withdrawn, { id: post.id, state: 'withdrawn' });
	const [[revision]] = await hub.sql(`SELECT revision FROM post WHERE id = ${post.id}`);
	assert.deepEqual(await hub.sql(`SELECT revision FROM record_entry WHERE object = ${post.id} AND kind = 'delete'`), [[revision]]);
	assert.equal(Number(revision), 3, 'created, edited, withdrawn');
});

test('follower list, queue, record, config, doctor, migrate', async () => {
	assert.deepEqual(await json('follower', 'list', 'feuerwehr_musterstadt'), []);
	assert.deepEqual(await json('follower', 'list', 'hub'), []);
	await expect(NOT_FOUND, 'follower', 'list', 'niemand');
	assert.ok(Array.isArray(await json('queue', 'list')));
	assert.deepEqual(await json('queue', 'list', '--dead'), []);
	await expect(NOT_FOUND, 'queue', 'retry', '9007199254740991');
	await expect(OK, 'queue', 'retry', '--all-dead');
	const verified = await json('record', 'verify');
	const kinds = Object.fromEntries(await hub.sql('SELECT kind, count(*) FROM record_entry GROUP BY kind'));
	assert.equal(Number(kinds.create), orgs[2].items, 'one Create for each item');
	assert.equal(Number(kinds.delete), 2, 'two Deletes');
	assert.equal(verified.entries, Object.values(kinds).reduce((n, v) => n + Number(v), 0), 'pictures that came later are updates');
	assert.match((await expect(OK, 'record', 'verify')).stdout, /\d/);
	await expect(OK, 'config', 'check');
	await expect(OK, 'doctor');
	const checks = await json('doctor');
	assert.ok(Array.isArray(checks.checks ?? checks));
	await expect(OK, 'migrate', '--status');
	await expect(OK, 'migrate');
	assert.ok(await json('migrate', '--status'));
});

// What others build on: names stay, ids are texts.
test('--json: one document from every command', async t => {
	const text = v => typeof v === 'string', number = Number.isInteger, id = v => /^[0-9]+$/.test(v);
	const boolean = v => typeof v === 'boolean', list = Array.isArray, time = v => v === null || /^20\d\d-\d\d-\d\dT[0-9:.]+Z$/.test(v);
	const account = { id, slug: text, handle: text, name: text, kind: text, language: text, claimed: boolean, url: text, uri: text, statuses_count: number, followers_count: number, created_at: time };
	const source = { id, org: text, connector: text, url: text, state: text, health: text, posts: number, fail_count: number, last_ok_at: time, next_poll_at: time };
	const post = { id, org: text, state: text, title: text, text, language: text, archive: boolean, revision: number, created_at: time, edited_at: time, deleted_at: time, url: text };
	const [mine] = await json('source', 'list', 'feuerwehr_musterstadt');
	const published = (await json('post', 'list', 'feuerwehr_musterstadt')).find(p => p.state === 'published');
	for (const [command, args, shape] of [
		['org add', ['json_org', '--name', 'In JSON'], account],
		['org list', [], [account]],
		['org show', ['json_org'], account],
		['source add', ['json_org', site.url('/schule/feed.rdf'), '--interval', '3600'], source],
		['source list', [], [source]],
		['source test', [site.url('/schule/feed.rdf')], { title: text, items: list }],
		['source poll', ['json_org'], { polled: v => list(v) && v.length === 1 && v.every(id) }],
		['source poll', ['json_org', '--wait'], [source]],
		['source poll', [mine.id, '--wait'], [source]],
		['post list', [], [post]],
		['post show', [published.id], { ...post, uri: text, tags: list, media: list, content: text }],
		['post withdraw', [published.id, '--reason', 'Zum Prüfen'], { id: v => v === published.id, state: v => v === 'withdrawn' }],
		['queue list', [], [{ id, kind: text, key: text, state: text, attempt: number, crashes: number, run_at: time, created_at: time }]],
		['queue retry', ['--all-dead'], { retried: v => v === 0 }],
		['record verify', [], { entries: number }],
		['setting set', ['hub_name', 'Kreis'], { key: text, set: boolean }],
		['setting list', [], [{ key: text }]],
		['config check', [], { path: v => v === hub.conf, base_url: v => v === hub.base, media_base_url: v => v === hub.mediaBase, data_dir: v => v === hub.data, database: v => v === 'embedded', workers: v => v === 1 }],
		['doctor', [], { ok: v => v === true, checks: list }],
		['migrate', [], { applied: v => v === 0 }],
		['migrate', ['--status'], [{ number, name: text, applied: v => v === true }]],
	])
		await t.test([command, ...args].join(' '), async () => {
			const r = await expect(OK, '--json', ...command.split(' '), ...args);
			const got = JSON.parse(r.stdout);
			assert.equal(r.stderr, '', 'nothing beside it');
			assert.equal(list(got), list(shape), r.stdout);
			if (list(shape)) assert.ok(got.length > 0);
			for (const one of list(shape) ? got : [got])
				for (const [key, fits] of Object.entries(list(shape) ? shape[0] : shape)) assert.ok(key in one && fits(one[key]), `${key}: ${JSON.stringify(one[key])}`);
		});
	await expect(OK, 'setting', 'set', 'hub_name', '');
});

test('queue retry: a job that waits, one that was given up, one that lives again', async () => {
	const [source] = await json('source', 'list', 'feuerwehr_musterstadt');
	const reads = async () => (await site.requests())['/feuerwehr/feed.rss'];
	const [[job]] = await hub.sql(`SELECT id FROM job WHERE kind = 'poll' AND args ->> 'source' = '${source.id}'`);
	const waits = async state => until(`the poll is ${state}`, async () => (await hub.sql(`SELECT 1 FROM job WHERE id = ${job} AND state = '${state}' AND run_at > now()`))[0]);
	for (const state of ['ready', 'dead']) {
		await waits('ready');
		const before = await reads();
		await hub.sql(`UPDATE job SET state = '${state}', attempt = 9, error = 'Probe' WHERE id = ${job}`);
		assert.deepEqual((await json('queue', 'list', '--dead')).map(j => [j.id, j.error]), state === 'dead' ? [[job, 'Probe']] : []);
		const said = await (state === 'dead' ? expect(OK, 'queue', 'retry', job) : json('queue', 'retry', job));
		if (state === 'dead') assert.match(said.stdout, /^1 job will run now/);
		else assert.deepEqual(said, { retried: 1 });
		await until('the source is read', async () => await reads() > before, { logs: () => hub.tail() });
	}
	// Given up, and meanwhile there is a new one of the same key: one is enough.
	await waits('ready');
	const [[dead]] = await hub.sql(`INSERT INTO job (kind, key, args, state, error) SELECT kind, key, args, 'dead', 'Probe' FROM job WHERE id = ${job} RETURNING id`);
	const r = await expect(REFUSED, 'queue', 'retry', dead);
	assert.match(r.stderr, /the same key is alive already/);
	await hub.sql(`DELETE FROM job WHERE id = ${dead}`);
});

test('source poll --wait: a feed that fails is told with exit code 1', async () => {
	await site.serve({ path: '/feuerwehr/feed.rss', status: 500, type: 'text/plain', body: 'kaputt' });
	const r = await hub.ctl('source', 'poll', 'feuerwehr_musterstadt', '--wait');
	assert.equal(r.code, FAILED, r.stderr + r.stdout);
	assert.match(r.stdout, /feuerwehr_musterstadt.*500/, 'which one and why');
	const j = await hub.ctl('--json', 'source', 'poll', 'feuerwehr_musterstadt', '--wait');
	assert.equal(j.code, FAILED);
	const [source] = JSON.parse(j.stdout);
	assert.ok(source.fail_count > 0);
	assert.match(source.health_text, /500/);
	await site.control('unserve', { path: '/feuerwehr/feed.rss' });
	await expect(OK, 'source', 'poll', 'feuerwehr_musterstadt', '--wait');
	assert.equal((await json('source', 'list', 'feuerwehr_musterstadt'))[0].health, 'ok');
});

test('source poll --wait: older pages are not waited for', async t => {
	const [source] = await json('source', 'list', 'feuerwehr_musterstadt');
	let ended = 0;
	const held = [];
	const slow = createServer((req, res) => held.push(res.once('close', () => ended++)));
	await new Promise(done => slow.listen(0, hub.host, done));
	t.after(() => {
		slow.close();
		slow.closeAllConnections();
	});
	// The page behind the first one is due, and comes as soon as the newest items are there.
	await hub.sql(`UPDATE source SET backfill_url = 'http://${hub.host}:${slow.address().port}/', backfill_at = now() WHERE id = ${source.id}`);
	const [polled] = await json('source', 'poll', source.id, '--wait');
	assert.equal(polled.health, 'ok');
	assert.ok(polled.last_ok_at > source.last_ok_at, 'it was read');
	assert.equal(ended, 0, 'nobody has waited until the older page was there, or given up');
	await until('it is asked for', () => held.length > 0, { logs: () => hub.tail() });
	for (const res of held) res.writeHead(410).end();
	await until('its job rests', async () => {
		await hub.sql(`UPDATE source SET backfill_url = NULL WHERE id = ${source.id}`);
		return (await hub.sql(`SELECT 1 FROM job WHERE kind = 'poll' AND key = '${source.id}' AND state = 'ready' AND run_at > now()`)).length > 0;
	}, { logs: () => hub.tail() });
});

test('doctor says what is wrong, with exit code 7', async () => {
	const bad = async (...args) => {
		const r = await run(program('litfassctl'), [...args, '--json', 'doctor']);
		const { ok, checks } = JSON.parse(r.stdout);
		return { code: r.code, ok, failed: Object.fromEntries(checks.filter(c => c.status === 'fail').map(c => [c.check, c.text])) };
	};
	const text = readFileSync(hub.conf, 'utf8');
	const file = join(dir, 'ill.conf');
	const port = await freePort(hub.host);
	for (const [change, check, says] of [
		[['listen = {', `listen = {"${hub.host}:${port}", `], 'port', new RegExp(`${hub.host}:${port} does not answer`)],
		[[/base_url = .*/, 'base_url = "http://127.9.9.9:9999"'], 'base_url', /base_url/],
		[[/data_dir = .*/, `data_dir = "${dir}/nothing"`], 'data_dir', /litfassd makes it/],
	]) {
		writeFileSync(file, text.replace(...change));
		const found = await bad('-c', file);
		assert.deepEqual([found.code, found.ok], [UNVERIFIED, false], check);
		assert.match(found.failed[check] ?? '', says, JSON.stringify(found));
		const r = await run(program('litfassctl'), ['-c', file, 'doctor']);
		assert.equal(r.code, UNVERIFIED);
		assert.match(r.stdout, new RegExp(`^${check} +fail `, 'm'), 'people see it as well');
	}
	const { mode } = statSync(hub.data);
	chmodSync(hub.data, mode | 0o2);
	assert.deepEqual(Object.keys((await bad('-c', hub.conf)).failed), ['data_dir']);
	chmodSync(hub.data, mode);
	assert.deepEqual(await bad('-c', hub.conf), { code: OK, ok: true, failed: {} });
});

test('standard descriptors that are closed: nothing of ours comes to stand there', async () => {
	// The shell stays and keeps its own: who writes to it must not meet a closed pipe.
	const with_ = async (closed, ...args) => run('sh', ['-c', `"$@" ${closed}; exit $?`, 'sh', program('litfassctl'), '-c', hub.conf, ...args], { env: hub.env });
	const whole = await hub.ok('--json', 'org', 'list');
	for (const [closed, stdout] of [['<&-', whole], ['>&-', ''], ['2>&-', whole], ['<&- >&- 2>&-', '']]) {
		const r = await with_(closed, '--json', 'org', 'list');
		assert.deepEqual([r.code, r.stdout, r.stderr], [OK, stdout, ''], closed);
	}
	// Nothing was to be read where standard input should be.
	const r = await with_('<&-', 'setting', 'set', 'hub_name', '--file', '-');
	assert.equal(r.code, OK, r.stderr);
});

test('a broken configuration is named with file and line', async () => {
	for (const [text, want] of [['base_url = "http://x"\nnothing = 1\n', /nothing/], ['base_url = \n', /litfass|conf/], ['base_url = "ftp://x"\n', /base_url/],
		['base_url = "http://127.0.0.1:1"\nmedia_base_url = "http://127.0.0.1:2"\nworkers = 100000\n', /workers/]]) {
		const file = join(dir, 'bad.conf');
		writeFileSync(file, text);
		const r = await run(program('litfassctl'), ['-c', file, 'config', 'check']);
		assert.equal(r.code, CONFIG, `${text}: ${r.code} ${r.stderr}`);
		assert.match(r.stderr, want);
		const d = await run(program('litfassd'), ['-c', file, '--check']);
		assert.notEqual(d.code, 0);
		assert.match(d.stderr, want);
	}
	const r = await run(program('litfassctl'), ['-c', join(dir, 'none.conf'), 'org', 'list']);
	assert.equal(r.code, CONFIG);
	assert.match(r.stderr, /none\.conf/);
});

test('without a database: a clear error and its own exit code', async () => {
	const file = join(dir, 'nodb.conf');
	writeFileSync(file, `base_url = "http://127.0.0.1:1"\nmedia_base_url = "http://127.0.0.1:2"\ndata_dir = "${dir}/nodb"\ndatabase {\n\tdsn = "host=127.0.0.1 port=1 dbname=x user=x"\n}\n`);
	const r = await run(program('litfassctl'), ['-c', file, 'org', 'list']);
	assert.equal(r.code, UNAVAILABLE, r.stderr);
	assert.match(r.stderr, /\S+ \S+/);
});

test('another base_url than at the first start is refused with the reason', async () => {
	const r = await run(program('litfassctl'), ['-c', hub.conf, 'doctor'], { env: { LITFASS_BASE_URL: 'http://127.9.9.9:9999' } });
	assert.notEqual(r.code, OK);
	assert.match(r.stderr + r.stdout, /base_url/);
});

test('setting: names and texts of the pages', async () => {
	const page = async (path, lang) => (await hub.get(path, { headers: { 'accept-language': lang } })).text();
	const shows = (path, lang, what) => until(`${path} in ${lang} shows ${what}`, async () => (await page(path, lang)).includes(what), { timeout: 2000, every: 50 });
	assert.match(await page('/impressum', 'de'), /noch kein Impressum hinterlegt/);
	const file = join(dir, 'impressum.txt');
	writeFileSync(file, '## Landratsamt <Musterkreis>\n\nAm Markt 1\n12345 Musterstadt\n\n- vertreten durch den Landrat\n- Aufsicht: Regierungspräsidium\n');
	assert.deepEqual(await json('setting', 'set', 'impressum', '--file', file), { key: 'impressum', lang: 'de', set: true });
	await shows('/impressum', 'de', '<h2>Landratsamt &lt;Musterkreis&gt;</h2>');
	const text = await page('/impressum', 'de');
	assert.match(text, /<p>Am Markt 1<br>12345 Musterstadt<\/p>/);
	assert.match(text, /<li><p>Aufsicht: Regierungspräsidium<\/p><\/li>/);
	assert.match(await page('/impressum', 'en'), /<article class="text" lang="de">/, 'where there is no English text the German one is shown and says so');
	await expect(OK, 'setting', 'set', 'impressum', 'County office', '--lang', 'en');
	await shows('/impressum', 'en', '<p>County office</p>');
	await shows('/impressum', 'de', 'Am Markt 1');
	assert.deepEqual((await json('setting', 'list')).filter(s => s.key === 'impressum').map(s => s.lang).sort(), ['de', 'en']);
	await expect(OK, 'setting', 'set', 'impressum', '');
	await expect(OK, 'setting', 'set', 'impressum', '', '--lang', 'en');
	await shows('/impressum', 'de', 'noch kein Impressum hinterlegt');
	await expect(OK, 'setting', 'set', 'contact_email', 'post@musterkreis.example');
	await shows('/barrierefreiheit', 'de', 'post@musterkreis.example');
	await expect(OK, 'setting', 'set', 'hub_name', 'Kreis & Co');
	await shows('/', 'de', 'Kreis &amp; Co');
	for (const args of [['base_url', 'http://x'], ['impressum'], ['impressum', 'x', '--file', file], ['impressum', 'x', '--lang', 'fr'], ['contact_email', 'x', '--lang', 'de'],
		['impressum', '--file', join(dir, 'missing')], ['hub_name', 'x'.repeat(101)]])
		await expect(USAGE, 'setting', 'set', ...args);
});
