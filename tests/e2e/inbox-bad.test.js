// What strangers may send to an inbox, and what comes of it: nothing, with a clear answer.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { address, scratch } from './lib/env.js';
import { startHub } from './lib/hub.js';
import { startPeer } from './lib/peer.js';
import { post, send } from './lib/sign.js';
import { until } from './lib/wait.js';

const AS = 'https://www.w3.org/ns/activitystreams';
let hub, peer, key, other, target;
before(async () => {
	const dir = scratch('inbox');
	hub = await startHub({ dir, host: address() });
	peer = await startPeer({ dir, host: address() });
	await hub.ok('org', 'add', 'stadt_musterstadt', '--name', 'Stadt Musterstadt');
	target = `${hub.base}/o/stadt_musterstadt`;
	key = await peer.control('keys', { user: 'mallory' });
	other = await peer.control('keys', { user: 'alice' });
}, { timeout: 120_000 });

let n = 0;
const follow = (more = {}) => ({ '@context': AS, id: `${peer.base}/follows/${++n}`, type: 'Follow', actor: key.actor, object: target, ...more });
const followers = async () => (await hub.list('follower', 'list', 'stadt_musterstadt')).length;
const rows = async () => Number((await hub.sql('SELECT count(*) FROM inbox_activity'))[0][0]);
const ago = s => new Date(Date.now() - s * 1000).toUTCString();

const refused = [
	['unsigned', { none: true }, [401]],
	['a signature that does not match', { flip: true }, [401]],
	['signed for another host', { signedHost: 'anderswo.example' }, [401]],
	['signed 13 hours ago', { date: ago(13 * 3600) }, [401]],
	['signed 2 hours ahead', { date: ago(-2 * 3600) }, [401]],
	['a body other than the digest says', { body: '{"type":"Follow"}' }, [400, 401]],
	['a digest of another body', { digest: 'SHA-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' }, [400, 401]],
	['an unknown digest algorithm', { digest: 'MD5=xxxx' }, [400, 401]],
	['digest not signed', { headers: ['(request-target)', 'host', 'date'] }, [401]],
	['request target not signed', { headers: ['host', 'date', 'digest'] }, [401]],
	['host not signed', { headers: ['(request-target)', 'date', 'digest'] }, [401]],
	['date not signed', { headers: ['(request-target)', 'host', 'digest'] }, [401]],
	['a key of another actor', { keyId: 'swap' }, [401]],
	['a key that is not http', { keyId: 'acct:mallory@example.org' }, [400, 401]],
	['a key nobody serves', { keyId: 'http://127.0.0.1:1/users/x#main-key' }, [401, 502, 503]],
	['a key at a forbidden address', { keyId: 'http://10.1.2.3/users/x#main-key' }, [401, 502, 503]],
	['a compressed body', { more: { 'content-encoding': 'gzip' } }, [400, 415]],
	['form data', { type: 'application/x-www-form-urlencoded' }, [400, 401, 415]],
];
for (let [name, wrong, codes] of refused)
	test(`refused: ${name}`, { timeout: 60_000 }, async () => {
		if (wrong.keyId === 'swap') wrong = { keyId: other.keyId };
		for (const path of ['/inbox', '/o/stadt_musterstadt/inbox']) {
			const r = await post(hub, path, follow(), key, wrong);
			assert.ok(codes.includes(r.status), `${path}: ${r.status} ${r.text}`);
			assert.match(r.headers['content-type'] ?? '', /json/);
			assert.match(JSON.parse(r.text).error, /\S+ \S+/, 'the answer says why');
		}
		assert.equal(await rows(), 0);
		assert.equal(await followers(), 0);
	});

test('refused: the signer is not the actor', async () => {
	const r = await post(hub, '/inbox', follow({ actor: other.actor }), key);
	assert.ok([401, 403].includes(r.status), r.text);
	for (const actor of [null, 7, [key.actor, other.actor], {}, 'acct:x', `${hub.base}/hub`]) {
		const a = await post(hub, '/inbox', follow({ actor }), key);
		assert.ok([400, 401, 403].includes(a.status), `${JSON.stringify(actor)}: ${a.status} ${a.text}`);
	}
	assert.equal(await rows(), 0);
});

test('refused: bodies that are not an activity', async () => {
	for (const body of ['', '{', '[]', '"x"', 'null', '{"type":"Follow"}', `${'['.repeat(5000)}${']'.repeat(5000)}`, '{"a":1,"a":2}', '\u0000', '{}x',
		JSON.stringify(follow({ id: 7 })), JSON.stringify(follow({ id: 'urn:x' })), JSON.stringify(follow({ type: [] })), JSON.stringify(follow({ id: 'http://anderswo.example/1' }))]) {
		const r = await post(hub, '/inbox', body, key);
		assert.ok([400, 401, 403, 422].includes(r.status), `${body.slice(0, 40)}: ${r.status} ${r.text}`);
	}
	assert.equal(await rows(), 0);
});

test('refused: more than one megabyte', async () => {
	const big = JSON.stringify(follow({ content: 'x'.repeat(1 << 20) }));
	const r = await post(hub, '/inbox', big, key);
	assert.ok([413, 0].includes(r.status), `${r.status}`);
	const declared = await send(hub, '/inbox', 'POST', { host: hub.authority, 'content-type': 'application/activity+json', 'content-length': 1 << 30 }, 'x').catch(e => ({ status: 0, text: e.message }));
	assert.ok([413, 0].includes(declared.status), `${declared.status}`);
	assert.equal(await rows(), 0);
	// One text may have 256 KiB, all of them together a megabyte.
	const inside = await post(hub, '/inbox', JSON.stringify({ ...follow(), type: 'Listen', notes: Array(4).fill('x'.repeat(250_000)) }), key);
	const long = await post(hub, '/inbox', JSON.stringify({ ...follow(), type: 'Listen', note: 'x'.repeat(300_000) }), key);
	assert.equal(long.status, 413, long.text);
	assert.equal(inside.status, 202, inside.text);
	await hub.sql('DELETE FROM inbox_activity');
});

test('refused: inboxes nobody has, methods nobody takes', async () => {
	for (const path of ['/o/niemand/inbox', '/inbox/x']) assert.equal((await post(hub, path, follow(), key)).status, 404, path);
	for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) assert.equal((await send(hub, '/inbox', method, { host: hub.authority }, '')).status, 405, method);
});

test('a follow of an unknown actor has no effect', async () => {
	for (const object of [`${hub.base}/o/niemand`, `${hub.base}/`, 'http://anderswo.example/users/x', `${target}/x`]) {
		const r = await post(hub, '/inbox', follow({ object }), key);
		assert.ok([202, 400, 404, 422].includes(r.status), `${object}: ${r.status}`);
	}
	await until('the work is done', async () => (await hub.sql("SELECT count(*) FROM inbox_activity WHERE outcome IS NULL"))[0][0] === '0', { logs: () => hub.tail() });
	assert.equal((await hub.sql('SELECT count(*) FROM follow'))[0][0], '0');
	assert.ok(!(await peer.received()).some(a => a.type === 'Accept'));
});

test('a replayed follow is one follow, and a second Undo is none', { timeout: 60_000 }, async () => {
	const activity = follow();
	const now = () => ({ date: new Date().toUTCString() });
	const [followed, done] = [now(), async () => (await hub.sql('SELECT count(*) FROM inbox_activity WHERE outcome IS NULL'))[0][0] === '0'];
	for (let i = 0; i < 5; i++) assert.equal((await post(hub, '/inbox', activity, key, followed)).status, 202);
	await until('the follow is taken', async () => await followers() === 1, { logs: () => hub.tail() });
	await peer.activity({ type: 'Accept', object: activity.id });
	assert.equal((await hub.sql(`SELECT count(*) FROM inbox_activity WHERE uri = '${activity.id}'`))[0][0], '1');
	const undo = { '@context': AS, id: `${peer.base}/undos/${++n}`, type: 'Undo', actor: key.actor, object: activity };
	const undone = now();
	assert.equal((await post(hub, '/inbox', undo, key, undone)).status, 202);
	await until('the follower is gone', async () => await followers() === 0, { logs: () => hub.tail() });
	assert.equal((await post(hub, '/inbox', activity, key, followed)).status, 202, 'the old Follow again');
	assert.equal((await post(hub, '/inbox', undo, key, undone)).status, 202);
	await until('the work is done', done, { logs: () => hub.tail() });
	assert.equal(await followers(), 0, 'a replay has no effect');
	// Some servers have one id for every Follow of a pair: signed later, it is another one.
	await new Promise(r => setTimeout(r, 1100));
	assert.equal((await post(hub, '/inbox', activity, key)).status, 202);
	await until('followed again', async () => await followers() === 1, { logs: () => hub.tail() });
	assert.equal((await post(hub, '/inbox', undo, key)).status, 202);
	await until('and gone again', async () => await followers() === 0, { logs: () => hub.tail() });
});

test('an Undo by somebody else changes nothing', async () => {
	const activity = follow();
	await post(hub, '/inbox', activity, key);
	await until('the follow is taken', async () => await followers() === 1, { logs: () => hub.tail() });
	const undo = { '@context': AS, id: `${peer.base}/undos/${++n}`, type: 'Undo', actor: other.actor, object: activity };
	const r = await post(hub, '/inbox', undo, other);
	assert.ok([202, 400, 403].includes(r.status));
	await until('the work is done', async () => (await hub.sql("SELECT count(*) FROM inbox_activity WHERE outcome IS NULL"))[0][0] === '0', { logs: () => hub.tail() });
	assert.equal(await followers(), 1);
});

test('Deletes of unknown actors: 202, no row, no request', async () => {
	const [count, seen] = [await rows(), (await peer.requests()).length];
	for (let i = 0; i < 50; i++) {
		const actor = `${peer.base}/users/gone${i}`;
		const r = await post(hub, '/inbox', { '@context': AS, id: `${actor}#delete`, type: 'Delete', actor, object: actor, to: [`${AS}#Public`] }, { ...key, keyId: `${actor}#main-key` });
		assert.equal(r.status, 202);
	}
	assert.equal(await rows(), count);
	assert.equal((await peer.requests()).length, seen);
	assert.equal((await hub.sql("SELECT count(*) FROM remote_actor WHERE uri LIKE '%/users/gone%'"))[0][0], '0');
});

test('unknown kinds are taken and end as counted', async () => {
	const activity = { '@context': AS, id: `${peer.base}/x/${++n}`, type: 'Arrive', actor: key.actor, object: 'http://anderswo.example/x' };
	assert.equal((await post(hub, '/inbox', activity, key)).status, 202);
	const [[outcome]] = await until('it has an outcome', async () => {
		const r = await hub.sql(`SELECT outcome FROM inbox_activity WHERE uri = '${activity.id}' AND outcome IS NOT NULL`);
		return r.length && r;
	}, { logs: () => hub.tail() });
	assert.ok(outcome);
	assert.equal((await hub.list('queue', 'list', '--dead')).length, 0);
});

test('the 401 says which signature would be welcome', async () => {
	const r = await post(hub, '/inbox', follow(), key, { none: true });
	assert.equal(r.status, 401);
	assert.match(r.headers['accept-signature'] ?? '', /"@method" "@target-uri"/);
});
