// kill -9 of workers, supervisor and PostgreSQL at random moments while items come in and go out.
// Afterwards: every item published once, every follower has every activity, each under one id.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { address, randomFrom, scratch } from './lib/env.js';
import { startHub } from './lib/hub.js';
import { startPeer } from './lib/peer.js';
import { startSite } from './lib/site.js';
import { sleep, until } from './lib/wait.js';

const KILLS = Number(process.env.LITFASS_KILLS ?? 24);
const seed = Number(process.env.LITFASS_SEED ?? Date.now() % 1_000_000);

test(`${KILLS} kills lose and double nothing`, { timeout: 420_000 }, async t => {
	t.diagnostic(`seed ${seed} (repeat with LITFASS_SEED=${seed})`);
	const random = randomFrom(seed);
	const pick = list => list[Math.floor(random() * list.length)];
	const dir = scratch('crash');
	const site = await startSite({ dir, host: address() });
	const hub = await startHub({ dir, host: address(), workers: 2 });
	const peers = [await startPeer({ dir, host: address(), name: 'one' }), await startPeer({ dir, host: address(), name: 'two' })];
	const sources = [{ slug: 'stadt', path: 'stadt', feed: '/stadt/rss.xml' }, { slug: 'schule', path: 'schule', feed: '/schule/feed.rdf' }];
	for (const s of sources) {
		await site.clear(s.path);
		await hub.addOrg({ slug: s.slug, name: s.slug }, site.url(s.feed), 60);
	}
	await hub.settled();
	// More often than an operator may ask for: much shall be under way at every moment.
	await hub.sql("UPDATE source SET min_interval_s = 1; UPDATE job SET run_at = now() WHERE kind = 'poll'");
	for (const peer of peers) {
		await peer.control('follow', { user: 'alice', actor: `${hub.base}/o/stadt` });
		await peer.control('follow', { user: 'bob', actor: `${hub.base}/o/schule` });
		await peer.control('follow', { user: 'carol', actor: `${hub.base}/hub` });
		for (const who of ['/o/stadt', '/o/schule', '/hub']) await peer.activity({ type: 'Accept', actor: hub.base + who });
	}

	// Items keep coming until the last kill, on a slow machine not more than on a fast one.
	const added = new Map(); // title -> source
	let producing = true, kills = 0;
	const producer = (async () => {
		const rnd = randomFrom(seed + 1);
		for (let n = 1; producing; n++) {
			while (producing && added.size > 20 + 4 * kills) await sleep(100);
			const s = sources[Math.floor(rnd() * 2)];
			const title = `Meldung ${n} aus ${s.slug}`;
			added.set(title, s.slug);
			await site.add({ org: s.path, id: `n${n}`, title, html: `<p>Text ${n}.</p>`, images: rnd() < 0.2 ? [['schule.jpg', 'Schule']] : [] });
			await sleep(150 + rnd() * 350);
		}
	})();

	const killed = { worker: 0, supervisor: 0, postmaster: 0, all: 0 };
	try {
		for (let n = 0; n < KILLS; n++) {
			kills = n;
			await sleep(200 + random() * 1500);
			const p = hub.processes();
			const what = pick(['worker', 'worker', 'worker', 'postmaster', 'supervisor', 'all']);
			const targets = { worker: p.workers.length ? [pick(p.workers)] : [], supervisor: [p.supervisor], postmaster: p.postmaster, all: [p.supervisor, ...p.workers, ...p.postmaster] }[what];
			for (const pid of targets)
				try {
					process.kill(pid, 'SIGKILL');
				} catch (e) {
					if (e.code !== 'ESRCH') throw e;
				}
			if (targets.length) killed[what]++;
			else n--;
			if (what === 'supervisor' || what === 'all') {
				await hub.proc.ended;
				hub.spawn();
			}
			// Most of the time the next kill comes before everything is well again.
			if (random() < 0.6) await hub.ready(60_000);
		}
	} finally {
		producing = false;
		await producer;
	}
	t.diagnostic(`killed ${JSON.stringify(killed)}, ${added.size} items`);
	assert.ok(added.size >= 20);

	await hub.ready(90_000);
	await until('every item is published', async () => {
		const [[count]] = await hub.sql("SELECT count(*) FROM post WHERE state = 'published'");
		return Number(count) >= added.size;
	}, { timeout: 90_000, every: 500, logs: () => hub.tail() });
	await until('the queue is empty', async () => {
		const jobs = (await hub.sql("SELECT kind, state, attempt, error FROM job WHERE kind <> 'poll'"));
		if (jobs.some(j => j[1] === 'dead')) throw Object.assign(new Error(`buried: ${JSON.stringify(jobs.filter(j => j[1] === 'dead'))}`), { fatal: true });
		return jobs.length === 0;
	}, { timeout: 120_000, every: 500, logs: () => hub.tail() });
	await until('the record is read to its end', async () =>
		(await hub.sql("SELECT 1 FROM reader r JOIN record_head h ON own AND h.epoch = r.epoch AND h.seq = r.seq WHERE r.name = 'fanout'"))[0], { timeout: 30_000, logs: () => hub.tail() });

	const posts = await hub.sql("SELECT p.id, a.slug, p.title FROM post p JOIN account a ON a.id = p.account WHERE p.state = 'published'");
	assert.deepEqual(posts.map(p => `${p[1]}: ${p[2]}`).sort(), [...added].map(([title, slug]) => `${slug}: ${title}`).sort(), 'every item exactly once');

	for (const peer of peers) {
		const requests = (await peer.requests()).filter(r => r.status < 300);
		assert.ok(requests.every(r => r.verified), 'every signature holds');
		const received = await peer.received();
		for (const [id, slug] of posts) {
			const note = `${hub.base}/p/${id}`;
			for (const [type, actor] of [['Create', `${hub.base}/o/${slug}`], ['Announce', `${hub.base}/hub`]]) {
				const sent = requests.map(r => JSON.parse(r.body)).filter(a => a.type === type && a.actor === actor && (a.object?.id ?? a.object) === note);
				assert.equal(new Set(sent.map(a => a.id)).size, 1, `${peer.proc.name}: ${type} of ${note} under one id (${sent.length} deliveries)`);
				assert.equal(received.filter(a => a.type === type && a.id === sent[0].id).length, 1, `${type} of ${note} took effect once`);
			}
		}
	}
	await hub.ok('record', 'verify');
	const [[entries, creates]] = await hub.sql("SELECT count(*), count(*) FILTER (WHERE kind = 'create') FROM record_entry");
	assert.equal(Number(creates), added.size);
	assert.ok(Number(entries) >= added.size);
	assert.equal((await hub.sql('SELECT count(*) - count(DISTINCT uri) FROM activity'))[0][0], '0');
	await hub.ok('doctor');
});
