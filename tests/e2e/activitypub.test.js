// What another server reads: outboxes walked both ways, every id followed, every status.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { orgs, startCounty, total } from './lib/county.js';
import { apGet } from './lib/federation.js';
import { until } from './lib/wait.js';

const AP = 'application/activity+json';
let hub;
before(async () => {
	({ hub } = await startCounty('activitypub'));
}, { timeout: 180_000 });

const objects = page => page.orderedItems.map(i => i.object?.id ?? i.object);

async function walk(start, way) {
	const seen = [];
	let pages = 0;
	for (let url = start; url; pages++) {
		assert.ok(pages < 20, 'the pages come to an end');
		const { status, json } = await apGet(url);
		assert.equal(status, 200, url);
		assert.equal(json.id, url);
		assert.equal(json.type, 'OrderedCollectionPage');
		assert.ok(json.orderedItems.length <= 40);
		if (way === 'next') seen.push(...objects(json));
		else seen.unshift(...objects(json));
		url = json[way];
	}
	return { seen, pages };
}

test('outboxes: forward and back, each post once', async () => {
	for (const [who, want] of [['/hub', total], [`/o/${orgs[0].slug}`, orgs[0].items], ['/actor', 0]]) {
		const head = (await apGet(`${hub.base}${who}/outbox`)).json;
		assert.equal(head.totalItems, want, who);
		assert.equal(head.orderedItems, undefined);
		if (!want) {
			assert.equal(head.first, undefined, 'nothing to walk');
			continue;
		}
		const down = await walk(head.first, 'next');
		assert.equal(down.seen.length, want);
		assert.equal(new Set(down.seen).size, want);
		assert.equal(down.pages, Math.ceil(want / 40));
		assert.deepEqual((await walk(head.last, 'prev')).seen, down.seen, `${who} from its end`);
	}
	for (const bad of ['max_id=x', 'max_id=-1', 'min_id=99999999999999999999', 'max_id=1e9'])
		assert.equal((await apGet(`${hub.base}/hub/outbox?page=true&${bad}`)).status, 400, bad);
	const beyond = (await apGet(`${hub.base}/hub/outbox?page=true&max_id=1`)).json;
	assert.deepEqual([beyond.orderedItems, beyond.next], [[], undefined], 'no way on from an empty page');
});

test('what stands in an outbox stands at its own id, with the same bytes', async () => {
	for (const who of ['/hub', `/o/${orgs[2].slug}`]) {
		const head = (await apGet(`${hub.base}${who}/outbox`)).json;
		const page = (await apGet(head.first)).json;
		for (const item of page.orderedItems.slice(0, 3)) {
			const { status, json, type } = await apGet(item.id);
			assert.equal(status, 200, item.id);
			assert.match(type, /^application\/activity\+json; charset=utf-8$/);
			const { '@context': context, ...rest } = json;
			assert.ok(context);
			assert.deepEqual(rest, item);
			const { '@context': _, ...note } = (await apGet(item.object.id ?? item.object)).json;
			if (item.type === 'Create') assert.deepEqual(note, item.object);
			else assert.deepEqual([item.type, note.attributedTo], ['Announce', item.cc[1]]);
		}
	}
});

test('featured: the newest five of an institution; the hub has none of its own', async () => {
	const own = (await apGet(`${hub.base}/o/${orgs[0].slug}/featured`)).json;
	const first = (await apGet(`${hub.base}/o/${orgs[0].slug}/outbox?page=true`)).json;
	assert.deepEqual(own.orderedItems.map(n => n.id), objects(first).slice(0, 5));
	assert.ok(own.orderedItems.every(n => n.type === 'Note' && n.content));
	assert.equal((await apGet(`${hub.base}/hub/featured`)).json.totalItems, 0);
});

test('statuses of ids', async () => {
	const [slug, other] = [orgs[2].slug, orgs[0].slug];
	const note = objects((await apGet(`${hub.base}/o/${slug}/outbox?page=true`)).json)[0];
	const id = note.split('/').pop();
	const table = [
		['/o/niemand', 404], ['/o/hub', 404], ['/o/actor', 404], [`/o/${slug.toUpperCase()}`, 404], [`/o/${slug}/liked`, 404],
		['/p/1', 404], ['/p/0', 404], [`/p/0${id}`, 404], ['/p/x', 404], ['/p/99999999999999999999', 404], [`/p/${id}`, 200], [`/p/${id}`, 302, 'text/html'],
		[`/o/${slug}/a/${id}/create`, 200], [`/o/${slug}/a/${id}/create`, 302, 'text/html'], [`/o/${other}/a/${id}/create`, 404],
		[`/o/${slug}/a/${id}/update-2`, 404], [`/o/${slug}/a/${id}/delete`, 404], [`/o/${slug}/a/${id}/announce`, 404], [`/o/${slug}/a/0${id}/create`, 404],
		[`/hub/a/${id}/announce`, 200], [`/hub/a/${id}/undo-announce`, 404], [`/hub/a/${id}/create`, 404],
		[`/o/${slug}`, 302, 'text/html'], ['/hub', 302, 'text/html'], ['/actor', 302, 'text/html'],
		[`/o/${slug}`, 200, '*/*'], [`/o/${slug}`, 200, 'text/html;q=0.5, application/activity+json'], [`/o/${slug}`, 302, 'application/activity+json;q=0.1, text/html'],
	];
	for (const [path, want, accept = AP] of table) {
		const r = await fetch(hub.base + path, { headers: { accept }, redirect: 'manual' });
		const text = await r.text();
		assert.equal(r.status, want, `${path} for ${accept}: ${text}`);
		if (want === 404) assert.equal(typeof JSON.parse(text).error, 'string', path);
	}
	const get = await fetch(`${hub.base}/o/${slug}`, { headers: { accept: AP } });
	const again = await fetch(`${hub.base}/o/${slug}`, { headers: { accept: AP, 'if-none-match': get.headers.get('etag') } });
	assert.equal(again.status, 304);
	assert.equal(get.headers.get('access-control-allow-origin'), '*');

	await hub.ok('post', 'withdraw', id);
	await until('the note is gone', async () => (await apGet(note)).status === 410, { timeout: 3000, logs: () => hub.tail() });
	for (const [path, status, type] of [[`/p/${id}`, 410, 'Tombstone'], [`/o/${slug}/a/${id}/create`, 410, 'Tombstone'], [`/hub/a/${id}/announce`, 410, 'Tombstone'],
		[`/o/${slug}/a/${id}/delete`, 200, 'Delete'], [`/hub/a/${id}/undo-announce`, 200, 'Undo']]) {
		const r = await apGet(hub.base + path);
		assert.deepEqual([r.status, r.json.type, r.json.id], [status, type, hub.base + path]);
		assert.doesNotMatch(r.text, /content/, 'nothing is left of what it said');
	}
	assert.equal((await apGet(`${hub.base}/hub/outbox`)).json.totalItems, total - 1);
});

test('host-meta as JSON, NodeInfo counts', async () => {
	for (const [path, accept] of [['/.well-known/host-meta', 'application/json'], ['/.well-known/host-meta.json', '*/*']]) {
		const { links } = await (await fetch(hub.base + path, { headers: { accept } })).json();
		assert.deepEqual(links, [{ rel: 'lrdd', template: `${hub.base}/.well-known/webfinger?resource={uri}` }]);
	}
	const { usage } = await hub.json('/nodeinfo/2.1');
	assert.equal(usage.users.total, orgs.length);
	assert.ok(usage.users.activeMonth > 0 && usage.users.activeMonth <= orgs.length);
	assert.equal(usage.localPosts, total - 1);
});
