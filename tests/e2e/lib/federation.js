// The story of a follower, told over HTTPS and over plain HTTP alike.
import assert from 'node:assert/strict';
import { until } from './wait.js';

const AP = 'application/activity+json';
export const PUBLIC = 'https://www.w3.org/ns/activitystreams#Public';

export async function apGet(url, accept = AP) {
	const r = await fetch(url, { headers: { accept }, redirect: 'manual' });
	const text = await r.text();
	return { status: r.status, headers: r.headers, type: r.headers.get('content-type') ?? '', json: text.startsWith('{') ? JSON.parse(text) : null, text };
}

export async function checkActors(hub) {
	for (const [path, type, handle] of [['/o/feuerwehr_musterstadt', 'Organization', 'feuerwehr_musterstadt'], ['/hub', 'Service', 'hub']]) {
		const id = hub.base + path;
		const { status, type: mime, json, headers } = await apGet(id);
		assert.equal(status, 200, id);
		assert.match(mime, /^application\/activity\+json/);
		assert.match(headers.get('vary') ?? '', /accept/i);
		assert.equal(json.id, id);
		assert.equal(json.type, type);
		assert.equal(json.preferredUsername, handle);
		assert.equal(json.publicKey.id, `${id}#main-key`);
		assert.equal(json.publicKey.owner, id);
		assert.equal(json.endpoints.sharedInbox, `${hub.base}/inbox`);
		for (const part of ['inbox', 'outbox', 'followers', 'following', 'featured']) assert.equal(json[part], `${id}/${part}`);
		for (const part of ['outbox', 'followers', 'following', 'featured']) {
			const c = await apGet(json[part]);
			assert.equal(c.status, 200, json[part]);
			assert.equal(c.json.id, json[part]);
			assert.match(c.json.type, /^OrderedCollection$/);
		}
		const finger = await fetch(`${hub.base}/.well-known/webfinger?resource=acct:${handle}@${hub.authority}`);
		assert.equal(finger.status, 200);
		assert.match(finger.headers.get('content-type'), /^application\/jrd\+json/);
		const jrd = await finger.json();
		assert.equal(jrd.subject, `acct:${handle}@${hub.authority}`);
		assert.equal(jrd.links.find(l => l.rel === 'self' && l.type === AP).href, id);
	}
}

/*
 * alice follows the fire brigade, bob (same server) follows @hub; then an item comes, is edited,
 * is withdrawn, and alice leaves.
 */
export async function followerStory({ hub, site, peer, org, orgActor, hubActor }) {
	const author = `${hub.base}/o/${org}`;
	const announcer = `${hub.base}/hub`;

	const follow = await peer.control('follow', { user: 'alice', actor: orgActor });
	const followHub = await peer.control('follow', { user: 'bob', actor: hubActor });
	assert.equal(follow.actor, author);
	assert.equal(followHub.actor, announcer);
	for (const [f, who] of [[follow, author], [followHub, announcer]]) {
		const accept = await peer.activity({ type: 'Accept', actor: who, object: f.id });
		assert.equal(new URL(accept.id).host, new URL(hub.base).host);
	}
	const followers = await hub.list('follower', 'list', org);
	assert.equal(followers.length, 1);
	assert.equal((await hub.list('follower', 'list', 'hub')).length, 1);

	// A new item: Create from the organisation, Announce from the hub.
	const { id } = await site.add({
		org: 'feuerwehr', title: 'Prüfstein für die Föderation', html: '<p>Ein <strong>ganz neuer</strong> Einsatz. #Probe</p>', tags: ['Probe'],
		images: [['feuerwehr-einsatz.jpg', 'Ein rotes Löschfahrzeug']],
	});
	await hub.poll(org);
	const create = await peer.activity({ type: 'Create', actor: author, test: a => JSON.stringify(a.json).includes('Prüfstein') });
	const note = create.object;
	assert.match(note, new RegExp(`^${hub.base}/p/[0-9]+$`));
	const announce = await peer.activity({ type: 'Announce', actor: announcer, object: note });

	const raw = (await peer.requests()).find(r => r.status < 300 && JSON.parse(r.body).id === create.id);
	const body = JSON.parse(raw.body);
	assert.deepEqual(body.to, [PUBLIC]);
	assert.deepEqual(body.cc, [`${author}/followers`]);
	assert.deepEqual(body.object.to, body.to);
	assert.equal(body.object.attributedTo, author);
	assert.equal(body.object.type, 'Note');
	assert.match(body.object.content, /Prüfstein für die Föderation/);
	assert.equal(body.object.contentMap.de, body.object.content);
	assert.ok(body.object.tag.some(t => t.type === 'Hashtag' && t.name.toLowerCase() === '#probe'));
	const served = await apGet(note);
	assert.equal(served.status, 200);
	assert.equal(served.json.id, note);
	assert.equal(served.json.content, body.object.content);

	// The picture: there at once, or with an Update once it is fetched.
	const picture = await until('the note has its picture', async () => (await apGet(note)).json.attachment?.[0], { timeout: 30_000, logs: () => hub.tail() });
	assert.equal(picture.name, 'Ein rotes Löschfahrzeug');
	assert.ok(picture.url.startsWith(`${hub.mediaBase}/`), picture.url);
	const bytes = await fetch(picture.url);
	assert.equal(bytes.status, 200);
	assert.equal(bytes.headers.get('content-type'), picture.mediaType);
	assert.ok((await bytes.arrayBuffer()).byteLength > 1000);

	// An edit in the feed.
	await site.edit({ org: 'feuerwehr', id, html: '<p>Der Einsatz ist <em>beendet</em>. #Probe</p>' });
	await hub.poll(org);
	const update = await peer.activity({ type: 'Update', actor: author, object: note, test: a => JSON.stringify(a.json).includes('beendet') });
	assert.notEqual(update.id, create.id);
	const edited = (await apGet(note)).json;
	assert.match(edited.content, /beendet/);
	assert.ok(edited.updated, 'an edited note says when');

	// Withdrawn.
	const number = note.split('/').pop();
	const copy = await apGet(`${hub.base}/@${org}/${number}`, 'text/html');
	assert.equal(copy.status, 200);
	await hub.ok('post', 'withdraw', number);
	await peer.activity({ type: 'Delete', actor: author, test: a => a.object === note || JSON.stringify(a.json).includes(note) });
	for (const accept of [AP, 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"']) {
		const gone = await until('the object answers 410', async () => {
			const r = await apGet(note, accept);
			return r.status === 410 && r;
		}, { timeout: 5000, logs: () => hub.tail() });
		assert.equal(gone.json.type, 'Tombstone');
		assert.equal(gone.json.id, note);
	}
	const page = await apGet(`${hub.base}/@${org}/${number}`, 'text/html');
	assert.equal(page.status, 410);
	await hub.poll(org);
	assert.equal((await apGet(note)).status, 410, 'the feed still has it, and it does not come back');

	// Leaving.
	await peer.control('unfollow', { user: 'alice', actor: orgActor, follow: follow.id });
	await until('the follower is gone', async () => (await hub.list('follower', 'list', org)).length === 0, { logs: () => hub.tail() });
	const before = (await peer.received()).length;
	const last = await site.add({ org: 'feuerwehr', title: 'Nach dem Abschied', html: '<p>Nur noch für den Hub.</p>' });
	await hub.poll(org);
	await peer.activity({ type: 'Announce', actor: announcer, test: a => a.object !== note });
	const after = (await peer.received()).slice(before);
	assert.deepEqual(after.filter(a => a.type === 'Create'), [], 'no Create after the Undo');
	assert.ok(last.id);

	// Every delivery was signed, and every signature held when the peer checked it.
	const bad = (await peer.requests()).filter(r => r.status >= 300 || !r.verified);
	const refusedOnce = bad.filter(r => r.status === 401);
	assert.deepEqual(bad.filter(r => r.status !== 401), []);
	assert.deepEqual(refusedOnce, [], 'no delivery needed a second signature');
	const ids = (await peer.requests()).map(r => `${r.path} ${JSON.parse(r.body).id}`);
	assert.equal(new Set(ids).size, ids.length, 'no activity came twice to the same inbox');
	return { create, announce, update };
}
