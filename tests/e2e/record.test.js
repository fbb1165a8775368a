// `record verify` names the first broken entry, whatever was done to the record.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { address, scratch } from './lib/env.js';
import { startHub } from './lib/hub.js';
import { orgs, startSite } from './lib/site.js';
import { until } from './lib/wait.js';

const TABLES = ['record_entry', 'record_content', 'record_head', 'record_checkpoint'];
let hub;
before(async () => {
	const dir = scratch('record');
	const site = await startSite({ dir, host: address() });
	hub = await startHub({ dir, host: address() });
	await hub.addOrg(orgs[2], site.url(orgs[2].feed));
	await hub.settled();
	await until('the head is signed', async () =>
		(await hub.sql('SELECT 1 FROM record_head h JOIN record_checkpoint c USING (hub, epoch, seq) WHERE own'))[0], { timeout: 10_000, logs: () => hub.tail() });
	for (const t of TABLES) await hub.sql(`CREATE TABLE kept_${t} AS TABLE ${t}`);
}, { timeout: 120_000 });

const restore = () => hub.sql(`BEGIN; ${TABLES.map(t => `DELETE FROM ${t}; INSERT INTO ${t} SELECT * FROM kept_${t};`).join(' ')} COMMIT`);

const cases = [
	['a changed entry', 5, "UPDATE record_entry SET account = account + 1 WHERE seq = 5"],
	['a changed time', 2, "UPDATE record_entry SET at = at + interval '1 second' WHERE seq = 2"],
	['a changed mark', 4, 'UPDATE record_entry SET archive = NOT archive WHERE seq = 4'],
	['changed content', 7, "UPDATE record_content SET content = convert_to(replace(convert_from(content, 'UTF8'), 'e', 'E'), 'UTF8') WHERE seq = 7"],
	['a changed salt', 6, "UPDATE record_content SET salt = set_byte(salt, 0, get_byte(salt, 0) # 1) WHERE seq = 6"],
	['a swapped pair', 3, 'UPDATE record_entry SET seq = -3 WHERE seq = 3; UPDATE record_entry SET seq = 3 WHERE seq = 4; UPDATE record_entry SET seq = 4 WHERE seq = -3;' +
		'UPDATE record_content SET seq = -3 WHERE seq = 3; UPDATE record_content SET seq = 3 WHERE seq = 4; UPDATE record_content SET seq = 4 WHERE seq = -3'],
	['a removed middle', 6, 'DELETE FROM record_entry WHERE seq = 6; DELETE FROM record_content WHERE seq = 6'],
	['a removed first entry', 1, 'DELETE FROM record_entry WHERE seq = 1; DELETE FROM record_content WHERE seq = 1'],
	['a truncated tail, the head moved back with it', orgs[2].items - 1,
		`DELETE FROM record_entry WHERE seq > ${orgs[2].items - 2}; DELETE FROM record_content WHERE seq > ${orgs[2].items - 2};` +
		`UPDATE record_head h SET seq = e.seq, hash = e.hash FROM record_entry e WHERE own AND e.seq = ${orgs[2].items - 2}`],
	['a forged checkpoint', null, "UPDATE record_checkpoint SET signature = set_byte(signature, 0, get_byte(signature, 0) # 1)"],
];

test('untouched, it verifies', async () => {
	const r = await hub.list('record', 'verify');
	const [[entries, creates]] = await hub.sql("SELECT count(*), count(*) FILTER (WHERE kind = 'create') FROM record_entry");
	assert.equal(r.entries, Number(entries));
	assert.equal(Number(creates), orgs[2].items);
});

for (const [name, seq, sql] of cases)
	test(`${name} is found and named`, async () => {
		await hub.sql(`BEGIN; ${sql}; COMMIT`);
		const r = await hub.ctl('record', 'verify');
		const j = await hub.ctl('--json', 'record', 'verify');
		await restore();
		assert.equal(r.code, 7, `${r.code} ${r.stderr}${r.stdout}`);
		assert.equal(j.code, 7);
		if (seq !== null) assert.match(r.stderr + r.stdout, new RegExp(`\\b${seq}\\b`), r.stderr + r.stdout);
		assert.equal(typeof JSON.parse(j.stderr).error.message, 'string');
		assert.equal((await hub.ctl('record', 'verify')).code, 0, 'restored, it verifies again');
	});

test('erased content leaves the chain whole', async () => {
	await hub.sql('DELETE FROM record_content WHERE seq = 8');
	const r = await hub.ctl('record', 'verify');
	await restore();
	assert.equal(r.code, 0, r.stderr);
});
