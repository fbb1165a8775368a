// The whole demo county on a hub of its own: seven organisations, every item read.
import { address, scratch } from './env.js';
import { startHub } from './hub.js';
import { orgs, startSite } from './site.js';

export { orgs };
export const total = orgs.reduce((n, o) => n + o.items, 0);

export async function startCounty(name, opts = {}) {
	const dir = scratch(name);
	const site = await startSite({ dir, host: address() });
	const hub = await startHub({ dir, host: address(), ...opts });
	for (const org of orgs) await hub.addOrg(org, site.url(org.feed));
	await hub.settled(120_000);
	return { dir, site, hub };
}
