// A foreign server to federate with: starts lib/peer-main.js and talks to it.
import { join } from 'node:path';
import { cleanup, freePort } from './env.js';
import { Proc, listens } from './proc.js';
import { until } from './wait.js';

// base: the address it is known under; default plain HTTP on host.
export async function startPeer({ dir, host, port, base, ca, firstKnock = 'draft-cavage-http-signatures-12', name = 'peer' }) {
	port ??= await freePort(host);
	base ??= `http://${host}:${port}`;
	const proc = new Proc(name, process.execPath, [join(import.meta.dirname, 'peer-main.js'), JSON.stringify({ host, port, base, firstKnock })],
		{ log: join(dir, `${name}.log`), env: ca ? { NODE_EXTRA_CA_CERTS: ca } : {} });
	cleanup(() => proc.stop());
	await until('the peer listens', () => proc.check() && listens([proc.pid], host, port), { logs: () => proc.tail() });

	async function control(what, args = {}) {
		const r = await fetch(`http://${host}:${port}/control/${what}`, { method: 'POST', body: JSON.stringify(args) });
		const out = await r.json();
		if (!r.ok) throw new Error(`peer ${what}: ${out.error}\n--- log ---\n${proc.tail()}`);
		return out;
	}
	const peer = {
		proc, base, host, port, control,
		received: () => control('received'),
		requests: () => control('requests'),
		// Waits for an accepted activity: { type, actor, object, test }
		activity(want, timeout = 20_000) {
			const fits = a => ['type', 'actor', 'object', 'id'].every(k => want[k] === undefined || a[k] === want[k]) && (!want.test || want.test(a));
			return until(`the peer receives ${JSON.stringify(want)}`, async () => (await peer.received()).find(fits),
				{ timeout, logs: () => `${proc.tail(15)}\n--- inbox ---\n${peer.summary}` });
		},
		summary: '',
	};
	const plain = peer.received;
	peer.received = async () => {
		const all = await plain();
		peer.summary = all.map(a => `${a.type} ${a.actor} ${a.object}`).join('\n');
		return all;
	};
	return peer;
}

// First value of a raw header list.
export function header(raw, name) {
	for (let i = 0; i < raw.length; i += 2) if (raw[i].toLowerCase() === name) return raw[i + 1];
	return undefined;
}
