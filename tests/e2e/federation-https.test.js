// A foreign server over HTTPS behind nginx: discovery by handle, follow, and everything after.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { address, freePort, scratch } from './lib/env.js';
import { makeCa } from './lib/ca.js';
import { checkActors, followerStory } from './lib/federation.js';
import { run, startHub } from './lib/hub.js';
import { startNginx } from './lib/nginx.js';
import { startPeer } from './lib/peer.js';
import { orgs, startSite } from './lib/site.js';

// The certificates must be known to this process too: start again with the test's authority.
const dir = process.env.LITFASS_E2E_TLS ?? scratch('https');
const brigade = orgs[2];

if (!process.env.LITFASS_E2E_TLS) {
	test('federation over HTTPS', { timeout: 240_000 }, async () => {
		const hosts = [address(), address(), address(), address()];
		const tls = makeCa(dir, hosts.slice(0, 3));
		const env = { LITFASS_E2E_TLS: dir, LITFASS_E2E_HOSTS: JSON.stringify(hosts), LITFASS_E2E_CERTS: JSON.stringify(tls), NODE_EXTRA_CA_CERTS: tls.ca, NODE_TEST_CONTEXT: '' };
		const r = await run(process.execPath, ['--test-reporter=spec', import.meta.filename], { timeout: 230_000, env, cwd: import.meta.dirname });
		if (r.code !== 0) throw new Error(`${r.stdout}\n${r.stderr}`);
	});
} else {
	const [hubHost, mediaHost, peerHost, siteHost] = JSON.parse(process.env.LITFASS_E2E_HOSTS);
	const tls = JSON.parse(process.env.LITFASS_E2E_CERTS);
	test('a follower over HTTPS', { timeout: 220_000 }, async t => {
		const site = await startSite({ dir, host: siteHost });
		const [hubPort, mediaPort, peerPort, peerInner] = [await freePort(hubHost), await freePort(mediaHost), await freePort(peerHost), await freePort(siteHost)];
		const hub = await startHub({
			dir, host: siteHost, ca_file: tls.ca,
			base_url: `https://${hubHost}:${hubPort}`, media_base_url: `https://${mediaHost}:${mediaPort}`, start: false,
		});
		await startNginx({
			dir, tls, sites: [
				{ kind: 'hub', host: hubHost, port: hubPort, upstream: `${siteHost}:${hub.port}` },
				{ kind: 'media', host: mediaHost, port: mediaPort, upstream: `${siteHost}:${hub.mediaPort}` },
				{ kind: 'plain', host: peerHost, port: peerPort, upstream: `${siteHost}:${peerInner}` },
			],
		});
		// The hub answers for its public name only, so /ready is asked through nginx.
		hub.local = hub.base;
		await hub.start();
		const peer = await startPeer({ dir, host: siteHost, port: peerInner, base: `https://${peerHost}:${peerPort}`, ca: tls.ca });
		await hub.addOrg(brigade, site.url(brigade.feed));
		await hub.settled();

		await t.test('actors, collections and WebFinger', () => checkActors(hub));
		await t.test('discovery by handle', async () => {
			for (const [handle, id] of [[brigade.slug, `${hub.base}/o/${brigade.slug}`], ['hub', `${hub.base}/hub`]]) {
				const found = await peer.control('lookup', { what: `@${handle}@${hub.authority}` });
				assert.ok(found, `@${handle}@${hub.authority} is found`);
				assert.equal(found.json.id, id);
			}
		});
		await t.test('NodeInfo', async () => {
			assert.deepEqual(await peer.control('nodeinfo', { url: hub.base }), { software: 'litfass' });
		});
		await t.test('follow, Create and Announce, Update, Delete, Undo', () => followerStory({
			hub, site, peer, org: brigade.slug,
			orgActor: `@${brigade.slug}@${hub.authority}`, hubActor: `@hub@${hub.authority}`,
		}));
		await t.test('the record verifies', () => hub.ok('record', 'verify'));
	});
}
