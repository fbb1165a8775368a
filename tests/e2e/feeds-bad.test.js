// Feeds that are broken, hostile or endless: a clear health text, nothing wrong stored, and the
// hub goes on.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { address, scratch } from './lib/env.js';
import { startHub } from './lib/hub.js';
import { orgs, startSite } from './lib/site.js';
import { until } from './lib/wait.js';

let hub, site;
before(async () => {
	const dir = scratch('feeds');
	site = await startSite({ dir, host: address() });
	hub = await startHub({ dir, host: address(), workers: 2 });
}, { timeout: 120_000 });

let n = 0;
// Polls the address as the only source of a new organisation.
async function read(path, timeout = 60_000) {
	const slug = `probe_${++n}`;
	await hub.ok('org', 'add', slug, '--name', slug);
	await hub.ok('source', 'add', slug, site.url(path), '--interval', '86400');
	const source = await until(`${path} has been read`, async () => {
		const [s] = await hub.list('source', 'list', slug);
		return s.health !== 'new' && s;
	}, { timeout, every: 200, logs: () => hub.tail() });
	const posts = await hub.list('post', 'list', slug, '--limit', '10000');
	return { slug, source, posts };
}

const broken = s => {
	assert.notEqual(s.source.health, 'ok');
	assert.match(s.source.health_text ?? '', /\S+ \S+ \S+/, 'the health says what is wrong');
	assert.equal(s.posts.length, 0);
};

const table = [
	['truncated in the middle of an item: complete items are kept', '/fault/truncated', s => {
		assert.ok(s.posts.length >= 3 && s.posts.length < 10, `${s.posts.length} posts`);
		assert.equal(s.source.health, 'degraded');
		assert.ok(s.posts.every(p => /^Meldung \d$/.test(p.title)));
	}],
	['connection cut before the announced length', '/fault/cut', broken],
	['bare ampersands, unknown entities, unclosed elements', '/fault/malformed', s => {
		assert.equal(s.posts.length, 5);
		assert.equal(s.source.health, 'degraded');
	}],
	['HTML that claims to be RSS', '/fault/html', broken],
	['RSS that claims to be a picture', '/fault/wrong-type', s => {
		assert.equal(s.posts.length, 5);
	}],
	['windows-1252 that claims to be UTF-8', '/fault/wrong-charset', s => {
		assert.deepEqual(s.posts.map(p => p.title), ['Müllabfuhr „grün“ – 5 €']);
	}],
	['nothing at all', '/fault/empty', broken],
	['random bytes', '/fault/bytes', broken],
	['a server error', '/fault/status?code=500', broken],
	['forbidden', '/fault/status?code=403', broken],
	['gone', '/fault/status?code=410', s => {
		broken(s);
		assert.equal(s.source.health, 'gone');
	}],
	['too many requests: Retry-After is kept', '/fault/status?code=429', s => {
		broken(s);
		assert.ok(Date.parse(s.source.next_poll_at) - Date.now() > 60_000, s.source.next_poll_at);
	}],
	['a redirect loop', '/fault/loop', async s => {
		broken(s);
		const counts = await site.requests();
		assert.ok(counts['/fault/loop'] + counts['/fault/loop2'] <= 8, 'it stops early');
	}],
	['ten redirects', '/fault/chain?n=10', broken],
	['two redirects', '/fault/chain?n=2', s => {
		assert.equal(s.posts.length, orgs[6].items);
	}],
	['external entities and an entity bomb', '/fault/xxe', async s => {
		const text = JSON.stringify(s.posts);
		assert.doesNotMatch(text, /root:|nologin|a{50}/);
		for (const p of s.posts) assert.doesNotMatch(JSON.stringify(await hub.list('post', 'show', p.id)), /root:|nologin|a{50}/);
		assert.equal((await site.requests())['/fault/trap'], undefined, 'nothing was fetched');
	}],
];
for (const [name, path, check] of table) test(name, { timeout: 90_000 }, async () => check(await read(path)));

const rss = pid => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]) / 1024;

// What came of the address, and by how many MiB a worker grew at most.
async function weighed(path, timeout) {
	const idle = Math.max(...hub.processes().workers.map(rss));
	let most = idle;
	const watch = setInterval(() => {
		for (const pid of hub.processes().workers)
			try {
				most = Math.max(most, rss(pid));
			} catch { /* ended */ }
	}, 50);
	const s = await read(path, timeout).finally(() => clearInterval(watch));
	return { ...s, grown: most - idle };
}

test('50 MB: refused by size, in bounded memory', { timeout: 120_000 }, async () => {
	const s = await weighed('/fault/huge');
	broken(s);
	assert.match(s.source.health_text, /large|MiB|MB|size|limit/i);
	assert.ok(s.grown < 100, `worker grew by ${s.grown} MiB`);
});

// Short relative links with a long base: eight megabytes that would become gigabytes.
for (const [what, posts] of [['links', true], ['media', true], ['pictures', true], ['entry', true], ['channel', false], ['elements', false]])
	test(`8 MB that want more, as ${what}: bounded memory, and said`, { timeout: 180_000 }, async t => {
		const s = await weighed(`/fault/amplified?what=${what}`, 150_000);
		t.diagnostic(`${s.posts.length} posts, ${Math.round(s.grown)} MiB: ${s.source.health_text}`);
		assert.equal(s.posts.length > 0, posts);
		// A sanitizer keeps what was freed, and more beside what is not.
		const sanitized = /asan/.test(readFileSync(`/proc/${hub.processes().workers[0]}/maps`, 'utf8'));
		assert.ok(s.grown < (sanitized ? 1500 : 600), `worker grew by ${s.grown} MiB`);
		if (what !== 'entry') assert.match(s.source.health_text, /the feed is too large|more than \d+ elements/);
	});

test('one byte a second: given up, and the hub answers meanwhile', { timeout: 120_000 }, async () => {
	const reading = read('/fault/slow', 100_000);
	for (let i = 0; i < 10; i++) {
		const r = await hub.get('/ready', { signal: AbortSignal.timeout(2000) });
		assert.equal(r.status, 200);
		await r.arrayBuffer();
	}
	broken(await reading);
});

test('10 000 items: every one once', { timeout: 300_000 }, async () => {
	const s = await read('/fault/many?n=10000', 240_000);
	assert.equal(s.source.health, 'ok', s.source.health_text);
	await until('all are published', async () => Number((await hub.sql(`SELECT count(*) FROM post p JOIN account a ON a.id = p.account WHERE a.slug = '${s.slug}' AND p.state = 'published'`))[0][0]) === 10000,
		{ timeout: 120_000, every: 500, logs: () => hub.tail() });
	await hub.ok('source', 'poll', s.slug, '--wait');
	const [[count, distinct]] = await hub.sql(`SELECT count(*), count(DISTINCT p.remote_id) FROM post p JOIN account a ON a.id = p.account WHERE a.slug = '${s.slug}'`);
	assert.deepEqual([count, distinct], ['10000', '10000']);
});

test('after all that a good feed is read and the record verifies', { timeout: 120_000 }, async () => {
	const s = await read('/landkreis/feed.xml');
	assert.equal(s.source.health, 'ok');
	assert.equal(s.posts.length, orgs[0].items);
	await hub.ok('record', 'verify');
	assert.equal((await hub.get('/')).status, 200);
	assert.ok(hub.proc.alive());
});
