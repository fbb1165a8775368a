// The demo site under control: items come and go, faults are served, requests counted.
import { join } from 'node:path';
import { cleanup, python, top } from './env.js';
import { Proc, listens } from './proc.js';
import { until } from './wait.js';

export async function startSite({ dir, host }) {
	const proc = new Proc('demo site', python, ['-u', join(top, 'contrib/demo/site.py'), '--host', host, '--port', '0', '--control'],
		{ log: join(dir, 'site.log') });
	cleanup(() => proc.stop());
	const base = await until('the demo site listens', () => proc.check() && proc.tail().match(/listening on (\S+)/)?.[1], { logs: () => proc.tail() });
	const port = Number(new URL(base).port);
	if (!listens([proc.pid], host, port)) throw new Error(`${host}:${port} is not listened on by our demo site`);

	async function control(what, args = {}) {
		const r = await fetch(`${base}/control/${what}`, { method: 'POST', body: JSON.stringify(args) });
		const out = await r.json();
		if (!r.ok) throw new Error(`control ${what}: ${out.error}`);
		return out;
	}
	return {
		proc, base, port, control,
		url: path => base + path,
		add: args => control('add', args),
		edit: args => control('edit', args),
		remove: (org, id) => control('remove', { org, id }),
		clear: org => control('clear', { org }),
		serve: args => control('serve', args),
		requests: async () => (await fetch(`${base}/control/requests`)).json(),
	};
}

// What the site offers, as the quickstart sees it.
export const orgs = [
	{ slug: 'landkreis_musterkreis', name: 'Landratsamt Musterkreis', path: 'landkreis', feed: '/landkreis/feed.xml', items: 13 },
	{ slug: 'landrat_musterkreis', name: 'Landrat Dr. Jonas Albrecht', path: 'landrat', feed: '/landrat/feed.atom', items: 12 },
	{ slug: 'feuerwehr_musterstadt', name: 'Freiwillige Feuerwehr Musterstadt', path: 'feuerwehr', feed: '/feuerwehr/feed.rss', items: 13 },
	{ slug: 'klinikum_musterkreis', name: 'Kreisklinikum Musterkreis', path: 'klinikum', feed: '/klinikum/feed.json', items: 12 },
	{ slug: 'schule_auental', name: 'Gemeinschaftsschule Auental', path: 'schule', feed: '/schule/feed.rdf', items: 12 },
	{ slug: 'energieagentur', name: 'Energieagentur Musterkreis', path: 'energie', feed: '/energie/feed.atom', items: 12 },
	{ slug: 'stadt_musterstadt', name: 'Stadt Musterstadt', path: 'stadt', feed: '/stadt/rss.xml', items: 12 },
];
