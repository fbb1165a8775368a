// Real clients that people use: Debian's Mastodon.py and toot.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { python } from './lib/env.js';
import { orgs, startCounty, total } from './lib/county.js';
import { run } from './lib/hub.js';

let hub;
before(async () => {
	({ hub } = await startCounty('clients'));
}, { timeout: 180_000 });

async function drive(script, ...args) {
	const r = await run(python, [join(import.meta.dirname, 'lib', script), hub.base, ...args], { timeout: 60_000 });
	assert.equal(r.code, 0, `${script}: ${r.stderr}${r.stdout}`);
	return JSON.parse(r.stdout);
}

test('Mastodon.py reads instance, timeline, account and status', { timeout: 90_000 }, async () => {
	const out = await drive('drive_mastodon.py', 'feuerwehr_musterstadt');
	assert.match(out.version, /^\d+\.\d+\.\d+$/);
	assert.equal(out.title, 'Landkreis Musterkreis');
	assert.equal(out.ids.length, total);
	assert.equal(new Set(out.ids).size, total, 'its paging meets every post once');
	assert.equal(out.account, 'feuerwehr_musterstadt');
	assert.equal(out.statuses, orgs[2].items);
	assert.equal(out.status, out.ids[0]);
	assert.deepEqual(out.newer, out.ids.slice(0, 4));
	assert.deepEqual(out.back, out.ids.slice(0, 5), 'previous of next is where it was');
});

test('toot reads the timelines and a status', { timeout: 90_000 }, async () => {
	const [status] = await hub.json('/api/v1/timelines/public?local=true&limit=1');
	const out = await drive('drive_toot.py', 'feuerwehr_musterstadt', status.id);
	assert.equal(out.timeline.length, 20);
	assert.equal(out.timeline[0], status.id);
	assert.equal(out.title, 'Landkreis Musterkreis');
	assert.equal(out.single, status.id);
	assert.equal(out.fetched, status.id);
	assert.equal(out.pages, total);
});
