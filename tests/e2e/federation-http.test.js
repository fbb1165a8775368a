// A foreign server over plain HTTP on loopback, with both orders of signature schemes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { address, scratch } from './lib/env.js';
import { apGet, checkActors, followerStory } from './lib/federation.js';
import { startHub } from './lib/hub.js';
import { startPeer } from './lib/peer.js';
import { orgs, startSite } from './lib/site.js';

const dir = scratch('http');
const brigade = orgs[2];

for (const firstKnock of ['draft-cavage-http-signatures-12', 'rfc9421']) {
	test(`a follower whose server signs ${firstKnock} first`, { timeout: 180_000 }, async t => {
		const sub = scratch('http');
		const site = await startSite({ dir: sub, host: address() });
		const hub = await startHub({ dir: sub, host: address(), workers: 2 });
		const peer = await startPeer({ dir: sub, host: address(), firstKnock });
		await hub.addOrg(brigade, site.url(brigade.feed));
		await hub.settled();
		await t.test('actors, collections and WebFinger', () => checkActors(hub));
		await t.test('the whole story', () => followerStory({
			hub, site, peer, org: brigade.slug, orgActor: `${hub.base}/o/${brigade.slug}`, hubActor: `${hub.base}/hub`,
		}));
		await t.test('the outbox has every live post once, as Create', async () => {
			const head = (await apGet(`${hub.base}/o/${brigade.slug}/outbox`)).json;
			assert.equal(head.orderedItems, undefined, 'no items in the head');
			const seen = [];
			let next = head.first;
			for (let n = 0; next && n < 20; n++) {
				const page = (await apGet(next)).json;
				assert.equal(page.partOf, head.id);
				seen.push(...page.orderedItems.map(i => i.object?.id ?? i.object));
				next = page.next;
			}
			assert.equal(seen.length, head.totalItems);
			assert.equal(new Set(seen).size, seen.length);
			assert.equal(seen.length, brigade.items + 1, 'the feed\'s items and the one added, without the withdrawn one');
		});
		await t.test('the record verifies', () => hub.ok('record', 'verify'));
	});
}

test('a host that wants RFC 9421 gets it, and is remembered', { timeout: 120_000 }, async () => {
	const sub = scratch('http');
	const site = await startSite({ dir: sub, host: address() });
	const hub = await startHub({ dir: sub, host: address() });
	const peer = await startPeer({ dir: sub, host: address() });
	await peer.control('only9421', { on: true });
	await hub.addOrg(brigade, site.url(brigade.feed));
	await hub.settled();
	await peer.control('follow', { user: 'alice', actor: `${hub.base}/o/${brigade.slug}` });
	await peer.activity({ type: 'Accept' });
	await site.add({ org: 'feuerwehr', title: 'Zweites Verfahren', html: '<p>Neu.</p>' });
	await hub.poll(brigade.slug);
	await peer.activity({ type: 'Create' });
	const all = await peer.requests();
	assert.deepEqual(all.map(r => `${r.status < 300} ${r.scheme}`), ['false cavage', 'true rfc9421', 'true rfc9421']);
	assert.ok(all.filter(r => r.status < 300).every(r => r.verified));
	assert.equal(JSON.parse(all[0].body).id, JSON.parse(all[1].body).id, 'the same activity, signed again');
});
