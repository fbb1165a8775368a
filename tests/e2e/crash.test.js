// kill -9 of workers, helpers, supervisor and PostgreSQL at random moments while items come, are
// edited and withdrawn. Afterwards: every item published once, with its last text; every follower
// has every activity, each under one id, and nothing old after something new.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { address, program, randomFrom, scratch, top } from './lib/env.js';
import { apGet } from './lib/federation.js';
import { run, startHub } from './lib/hub.js';
import { startPeer } from './lib/peer.js';
import { startSite } from './lib/site.js';
import { fatal, sleep, until } from './lib/wait.js';

const KILLS = Number(process.env.LITFASS_KILLS ?? 24);
const seed = Number(process.env.LITFASS_SEED ?? Date.now() % 1_000_000);
const REFUSED = 4, UNAVAILABLE = 6;
const sources = [{ slug: 'stadt', path: 'stadt', feed: '/stadt/rss.xml' }, { slug: 'schule', path: 'schule', feed: '/schule/feed.rdf' }];

// What the feeds say, and what has become of it: n -> { n, org, title, version, pictures, withdrawn }.
class Newsroom {
	items = new Map();
	withdrawals = new Set();
	pictures = 0;
	allowed = 0; // items: a slow machine shall not get more of them than a fast one
	interrupted = 0; // withdrawals that were

	constructor(hub, site) {
		Object.assign(this, { hub, site, random: randomFrom(seed + 1), open: true });
	}

	pick(list) {
		return list[Math.floor(this.random() * list.length)];
	}

	// A JPEG of its own: a comment makes it one that the hub has never seen.
	async picture() {
		const name = `/bild/${++this.pictures}.jpg`;
		const comment = Buffer.from(name);
		const size = Buffer.alloc(2);
		size.writeUInt16BE(2 + comment.length);
		const plain = readFileSync(join(top, 'contrib/demo/images/schule.jpg'));
		const body = Buffer.concat([plain.subarray(0, 2), Buffer.from([0xff, 0xfe]), size, comment, plain.subarray(2)]);
		await this.site.serve({ path: name, type: 'image/jpeg', body_base64: body.toString('base64') });
		return [[this.site.base + name, 'Schule']];
	}

	text(item) {
		return `<p>Text ${item.n}, Fassung ${item.version}.</p>`;
	}

	async add() {
		const n = this.items.size + 1;
		const source = this.pick(sources);
		const item = { n, org: source.path, title: `Meldung ${n} aus ${source.slug}`, version: 1, images: this.random() < 0.3 ? await this.picture() : [] };
		this.items.set(n, item);
		await this.site.add({ org: item.org, id: `n${n}`, title: item.title, html: this.text(item), images: item.images });
	}

	// What was withdrawn is edited as well: it must not come back.
	async edit() {
		const item = this.pick([...this.items.values()]);
		item.version++;
		if (this.random() < 0.2) item.images = await this.picture();
		await this.site.edit({ org: item.org, id: `n${item.n}`, html: this.text(item), images: item.images });
	}

	// Like an operator: until it says that it is done. Sometimes the command itself is killed.
	async withdraw(item) {
		const id = await until(`${item.title} is published`, async () =>
			(await this.hub.sql(`SELECT id FROM post WHERE title = '${item.title}' AND state = 'published'`))[0]?.[0], { timeout: 180_000, logs: () => this.hub.tail() });
		for (let again = false; ; again = true) {
			const timeout = this.random() < 0.3 ? Math.ceil(50 + this.random() * 800) : 60_000;
			const r = await run(program('litfassctl'), ['-c', this.hub.conf, 'post', 'withdraw', id], { timeout });
			if (r.code === 0) return;
			if (again && r.code === REFUSED && /it is withdrawn/.test(r.stderr)) return;
			assert.ok(r.code === UNAVAILABLE || r.signal === 'SIGKILL', `post withdraw: exit ${r.code} ${r.signal} ${r.stderr}`);
			this.interrupted++;
			await sleep(100);
		}
	}

	async work() {
		for (; this.open; await sleep(100 + this.random() * 300)) {
			const what = this.random();
			const live = [...this.items.values()].filter(i => !i.withdrawn);
			if (this.items.size < 5 || (what < 0.4 && this.items.size < this.allowed)) {
				await this.add();
			} else if (what < 0.85) {
				await this.edit();
			} else if (live.length * 3 > this.items.size * 2) {
				const item = this.pick(live);
				item.withdrawn = true;
				const done = this.withdraw(item);
				this.withdrawals.add(done);
				done.catch(() => {}); // looked at in the end
			}
		}
		await Promise.all(this.withdrawals);
	}
}

// Every kind comes as often as the bag has it, in random order.
function* victims(random) {
	for (;;) {
		const bag = ['worker', 'worker', 'worker', 'helper', 'helper', 'postmaster', 'supervisor', 'all'];
		while (bag.length) yield bag.splice(Math.floor(random() * bag.length), 1)[0];
	}
}

function kill(pids) {
	let hit = 0;
	for (const pid of pids)
		try {
			process.kill(pid, 'SIGKILL');
			hit++;
		} catch (e) {
			if (e.code !== 'ESRCH') throw e;
		}
	return hit;
}

// The post that an activity is about.
function noteOf(a) {
	if (a.type === 'Undo') return a.object.object?.id ?? a.object.object;
	return a.object?.id ?? a.object;
}

const ids = list => [...new Set(list.map(a => a.id))];

/*
 * What one peer got about one post, in the order of arrival. A repeated delivery of the same
 * activity is fine, two ids for the same thing are not.
 */
function checkStory({ who, hub, post, item, revisions, got, effects }) {
	const author = `${hub.base}/o/${post.slug}`;
	const where = `${who}: ${post.note}: ${got.map(a => a.id.split('/').pop()).join(' ')}:`;
	const of = (type, actor) => got.filter(a => a.type === type && a.actor === actor);
	const one = (type, actor, id) => assert.deepEqual(ids(of(type, actor)), [id], `${where} one ${type}`);
	const told = of('Create', author).length > 0 || of('Announce', `${hub.base}/hub`).length > 0;

	// What was withdrawn before it went out to this peer goes there no more: either may be missing.
	for (const [type, actor, id] of [['Create', author, `${author}/a/${post.id}/create`], ['Announce', `${hub.base}/hub`, `${hub.base}/hub/a/${post.id}/announce`]])
		if (!item.withdrawn || of(type, actor).length) one(type, actor, id);
	const updates = revisions.map(r => `${author}/a/${post.id}/update-${r}`);
	const updated = ids(of('Update', author));
	if (item.withdrawn) {
		assert.ok(updated.every(id => updates.includes(id)), `${where} Updates of ${revisions}`);
		if (told) {
			one('Delete', author, `${author}/a/${post.id}/delete`);
			one('Undo', `${hub.base}/hub`, `${hub.base}/hub/a/${post.id}/undo-announce`);
		}
		const last = got.findLastIndex(a => a.type === 'Create' || a.type === 'Update' || a.type === 'Announce');
		assert.ok(got.findIndex(a => a.type === 'Delete') > last, `${where} nothing after the Delete`);
	} else {
		assert.deepEqual(updated, updates, `${where} all Updates in their order`);
		assert.deepEqual([...of('Delete', author), ...got.filter(a => a.type === 'Undo')], [], `${where} no Delete`);
	}
	const known = got.filter(a => a.type === 'Create' || a.type === 'Update');
	const versions = known.map(a => Number(a.object.content.match(/Fassung (\d+)/)[1]));
	assert.deepEqual(versions, versions.toSorted((a, b) => a - b), `${where} no older text after a newer one`);
	if (!item.withdrawn) assert.equal(versions.at(-1), item.version, `${where} the last text`);
	for (const id of ids(got)) assert.equal(effects.get(id), 1, `${where} ${id} took effect once`);
}

test(`${KILLS} kills lose and double nothing`, { timeout: 600_000 }, async t => {
	t.diagnostic(`seed ${seed} (repeat with LITFASS_SEED=${seed})`);
	const random = randomFrom(seed);
	const pick = list => list[Math.floor(random() * list.length)];
	const dir = scratch('crash');
	const site = await startSite({ dir, host: address() });
	const hub = await startHub({ dir, host: address(), workers: 2 });
	const peers = [await startPeer({ dir, host: address(), name: 'one' }), await startPeer({ dir, host: address(), name: 'two' })];
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

	const room = new Newsroom(hub, site);
	const working = room.work();
	working.catch(() => {}); // awaited below
	const killed = { worker: 0, helper: 0, supervisor: 0, postmaster: 0, all: 0 };
	try {
		const kinds = victims(random);
		for (let n = 0; n < KILLS; n++) {
			room.allowed = 20 + 3 * n;
			await sleep(200 + random() * 1500);
			const what = kinds.next().value;
			await until(`there is a ${what} to kill`, () => {
				const p = hub.processes();
				return kill({
					worker: p.workers.length ? [pick(p.workers)] : [],
					helper: p.helpers.length ? [pick(p.helpers)] : [],
					supervisor: [p.supervisor],
					postmaster: p.postmaster,
					all: [p.supervisor, ...p.workers, ...p.helpers, ...p.postmaster],
				}[what]) > 0;
			}, { timeout: 60_000, every: 20, logs: () => hub.tail() });
			killed[what]++;
			if (what === 'supervisor' || what === 'all') {
				await hub.proc.ended;
				hub.spawn();
			}
			// Most of the time the next kill comes before everything is well again.
			if (random() < 0.6) await hub.ready(60_000);
		}
		await until('there is enough to judge', () => room.items.size >= 20 && room.withdrawals.size >= 3, { timeout: 60_000 });
	} finally {
		room.open = false;
		await working;
	}
	const items = new Map([...room.items.values()].map(i => [i.title, i]));
	const withdrawn = [...items.values()].filter(i => i.withdrawn).length;
	t.diagnostic(`killed ${JSON.stringify(killed)}; ${items.size} items, ${withdrawn} withdrawn (${room.interrupted} times interrupted), ${room.pictures} pictures`);

	await hub.ready(90_000);
	await until('every item is there with its last text', async () => {
		const rows = await hub.sql("SELECT title, state, text FROM post WHERE state <> 'held'");
		return rows.length >= items.size && rows.every(([title, state, text]) => state === 'withdrawn' || text.includes(`Fassung ${items.get(title).version}.`));
	}, { timeout: 90_000, every: 500, logs: () => hub.tail() });
	await until('the queue is empty', async () => {
		const jobs = (await hub.sql("SELECT kind, state, attempt, error FROM job WHERE kind <> 'poll'"));
		if (jobs.some(j => j[1] === 'dead')) throw fatal(`buried: ${JSON.stringify(jobs.filter(j => j[1] === 'dead'))}`);
		// A picture whose helper was killed has its pauses, of minutes in the end.
		await hub.sql("UPDATE job SET run_at = now() WHERE kind = 'media' AND state = 'ready' AND run_at > now()");
		return jobs.length === 0;
	}, { timeout: 120_000, every: 500, logs: () => hub.tail() });
	await until('the record is read to its end', async () =>
		(await hub.sql("SELECT 1 FROM reader r JOIN record_head h ON own AND h.epoch = r.epoch AND h.seq = r.seq WHERE r.name = 'fanout'"))[0], { timeout: 30_000, logs: () => hub.tail() });
	await until('all is delivered', async () => (await hub.sql("SELECT 1 FROM job WHERE kind <> 'poll'")).length === 0, { timeout: 60_000, logs: () => hub.tail() });

	const posts = (await hub.sql('SELECT p.id, a.slug, p.title, p.state FROM post p JOIN account a ON a.id = p.account'))
		.map(([id, slug, title, state]) => ({ id, slug, title, state, note: `${hub.base}/p/${id}` }));
	assert.deepEqual(posts.map(p => `${p.title}: ${p.state}`).sort(), [...items.values()].map(i => `${i.title}: ${i.withdrawn ? 'withdrawn' : 'published'}`).sort(), 'every item exactly once');

	// The record tells one story of each: created once, revisions that rise, deleted last and once.
	const entries = new Map(posts.map(p => [p.id, []]));
	for (const [object, kind, revision] of await hub.sql('SELECT object, kind, revision FROM record_entry ORDER BY epoch, seq'))
		entries.get(object).push({ kind, revision: Number(revision) });
	for (const p of posts) {
		const list = entries.get(p.id);
		const kinds = list.map(e => e.kind);
		const tale = `${p.title}: ${list.map(e => `${e.kind} ${e.revision}`).join(', ')}`;
		assert.ok(kinds[0] === 'create' && !kinds.includes('create', 1), tale);
		assert.equal(kinds.indexOf('delete'), p.state === 'withdrawn' ? kinds.length - 1 : -1, tale);
		for (let n = 1; n < list.length; n++) assert.ok(list[n].revision > list[n - 1].revision, tale);
	}

	for (const peer of peers) {
		const requests = (await peer.requests()).filter(r => r.status < 300).sort((a, b) => a.arrival - b.arrival);
		assert.ok(requests.every(r => r.verified), 'every signature holds');
		const effects = new Map();
		for (const { id } of await peer.received()) effects.set(id, (effects.get(id) ?? 0) + 1);
		const about = Map.groupBy(requests.map(r => JSON.parse(r.body)).filter(a => a.type !== 'Accept'), noteOf);
		for (const post of posts)
			checkStory({
				who: peer.proc.name, hub, post, item: items.get(post.title), effects,
				got: about.get(post.note) ?? [],
				revisions: entries.get(post.id).filter(e => e.kind === 'update').map(e => e.revision),
			});
		assert.deepEqual([...about.keys()].filter(note => !posts.some(p => p.note === note)), [], 'nothing about anything else');
		t.diagnostic(`${peer.proc.name} took ${requests.length} deliveries of ${effects.size} activities`);
	}

	for (const p of posts) {
		const { status, json } = await apGet(p.note);
		assert.equal(status, p.state === 'withdrawn' ? 410 : 200, p.note);
		if (status === 410) {
			assert.deepEqual([json.type, json.id], ['Tombstone', p.note]);
			continue;
		}
		assert.match(json.content, new RegExp(`Fassung ${items.get(p.title).version}\\.`));
		assert.equal(json.attachment?.length ?? 0, items.get(p.title).images.length, `${p.title} has its picture`);
	}
	await hub.ok('record', 'verify');
	assert.equal((await hub.sql('SELECT count(*) - count(DISTINCT uri) FROM activity'))[0][0], '0');
	await hub.ok('doctor');
});
