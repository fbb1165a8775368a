// What a website, a feed reader and an app pull: every public endpoint of a full hub.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { orgs, startCounty, total } from './lib/county.js';
import { run } from './lib/hub.js';
import { until } from './lib/wait.js';

let hub, site;
before(async () => {
	({ hub, site } = await startCounty('website'));
}, { timeout: 180_000 });

const get = (path, headers = {}, method = 'GET') => fetch(hub.base + path, { method, headers, redirect: 'manual' });
const rel = (r, name) => (r.headers.get('link') ?? '').match(new RegExp(`<([^>]+)>; rel="${name}"`))?.[1];
const TIMELINE = '/api/v1/timelines/public?local=true&limit=20';

test('the timeline pages through every post exactly once, newest first', async () => {
	const seen = [];
	let url = hub.base + TIMELINE;
	let pages = 0;
	while (url && pages++ < 20) {
		const r = await fetch(url);
		assert.equal(r.status, 200);
		const page = await r.json();
		if (!page.length) break;
		assert.ok(page.length <= 20);
		seen.push(...page);
		url = rel(r, 'next');
		if (url) assert.match(url, /local=true/, 'the other parameters are repeated');
	}
	const ids = seen.map(s => s.id);
	assert.equal(new Set(ids).size, ids.length);
	assert.equal(ids.length, total);
	assert.deepEqual(ids, [...ids].sort((a, b) => b.length - a.length || (a < b ? 1 : -1)));
	for (const org of orgs) assert.equal(seen.filter(s => s.account.acct === org.slug).length, org.items, org.slug);
});

test('max_id, since_id and min_id mean what Mastodon means', async () => {
	const all = await hub.json('/api/v1/timelines/public?local=true&limit=40');
	const ids = async q => (await hub.json(`/api/v1/timelines/public?local=true&${q}`)).map(s => s.id);
	const mid = all[10].id;
	assert.deepEqual(await ids(`max_id=${mid}&limit=5`), all.slice(11, 16).map(s => s.id));
	assert.deepEqual(await ids(`since_id=${mid}&limit=5`), all.slice(0, 5).map(s => s.id));
	assert.deepEqual(await ids(`min_id=${mid}&limit=5`), all.slice(5, 10).map(s => s.id));
	assert.deepEqual(await ids(`max_id=${all[2].id}&min_id=${all[6].id}`), all.slice(3, 6).map(s => s.id));
	assert.equal((await ids('limit=9999')).length, 40, 'at most 40');
	const r = await get(TIMELINE);
	assert.match(rel(r, 'prev'), new RegExp(`min_id=${all[0].id}`));
	assert.deepEqual(await (await fetch(rel(r, 'prev'))).json(), []);
	for (const bad of ['max_id=x', 'limit=-1', 'max_id=99999999999999999999', 'limit=1e9'])
		assert.ok([200, 400, 422].includes((await get(`/api/v1/timelines/public?${bad}`)).status), bad);
});

test('statuses and accounts have every key of the Mastodon API', async () => {
	const [status] = await hub.json('/api/v1/timelines/public?local=true&only_media=true&limit=1');
	for (const key of ['id', 'uri', 'url', 'created_at', 'edited_at', 'account', 'content', 'visibility', 'sensitive', 'spoiler_text', 'language',
		'media_attachments', 'mentions', 'tags', 'emojis', 'reblogs_count', 'favourites_count', 'replies_count', 'in_reply_to_id',
		'in_reply_to_account_id', 'reblog', 'poll', 'card', 'application'])
		assert.ok(key in status, `status.${key}`);
	assert.match(status.id, /^[0-9]+$/);
	assert.match(status.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
	assert.equal(status.visibility, 'public');
	const a = status.account;
	for (const key of ['id', 'username', 'acct', 'url', 'uri', 'display_name', 'note', 'avatar', 'avatar_static', 'header', 'header_static', 'locked',
		'bot', 'group', 'discoverable', 'created_at', 'last_status_at', 'statuses_count', 'followers_count', 'following_count', 'emojis', 'fields'])
		assert.ok(key in a, `account.${key}`);
	assert.equal(typeof a.id, 'string');
	const m = status.media_attachments[0];
	for (const key of ['id', 'type', 'url', 'preview_url', 'remote_url', 'description', 'blurhash', 'meta']) assert.ok(key in m, `media.${key}`);
	assert.equal(m.type, 'image');
	assert.ok(m.description.length > 10, 'alt text');
	for (const url of [m.url, m.preview_url]) {
		assert.ok(url.startsWith(`${hub.mediaBase}/`), url);
		const r = await fetch(url);
		assert.equal(r.status, 200);
		assert.match(r.headers.get('content-type'), /^image\/webp/);
		assert.match(r.headers.get('cache-control'), /immutable/);
		assert.equal(r.headers.get('x-content-type-options'), 'nosniff');
	}
	assert.ok(m.meta.original.width > 0 && m.meta.original.height > 0);
	assert.match(m.blurhash, /^[0-9A-Za-z#$%*+,.:;=?@[\]^_{|}~-]{6,}$/);

	assert.deepEqual(await hub.json(`/api/v1/statuses/${status.id}`), status);
	const acc = await hub.json(`/api/v1/accounts/lookup?acct=${a.acct}`);
	assert.equal(acc.id, a.id);
	assert.deepEqual(await hub.json(`/api/v1/accounts/lookup?acct=${a.acct}@${hub.authority}`), acc);
	assert.deepEqual(await hub.json(`/api/v1/accounts/${a.id}`), acc);
	const org = orgs.find(o => o.slug === a.acct);
	assert.equal(acc.statuses_count, org.items);
	const own = await hub.json(`/api/v1/accounts/${a.id}/statuses?limit=40`);
	assert.equal(own.length, org.items);
	assert.ok(own.every(s => s.account.id === a.id));
	// The same in pages of three, down and up again, and of one hashtag.
	const down = [], up = [];
	for (let url = `${hub.base}/api/v1/accounts/${a.id}/statuses?limit=3`; url;) {
		const r = await fetch(url), page = await r.json();
		down.push(...page.map(s => s.id));
		assert.ok(page.length <= 3);
		url = page.length ? r.headers.get('link')?.match(/<([^>]+)>; rel="next"/)?.[1] : null;
	}
	assert.deepEqual(down, own.map(s => s.id));
	for (let min = '1'; ;) {
		const page = await hub.json(`/api/v1/accounts/${a.id}/statuses?limit=3&min_id=${min}`);
		if (!page.length) break;
		up.unshift(...page.map(s => s.id));
		min = page[0].id;
	}
	assert.deepEqual(up, down);
	const tag = own.flatMap(s => s.tags)[0].name;
	const tagged = await hub.json(`/api/v1/accounts/${a.id}/statuses?limit=40&tagged=${encodeURIComponent(tag)}`);
	assert.deepEqual(tagged.map(s => s.id), own.filter(s => s.tags.some(x => x.name.toLowerCase() === tag.toLowerCase())).map(s => s.id));
	assert.ok(tagged.length < own.length);
});

test('instance documents', async () => {
	const v1 = await hub.json('/api/v1/instance');
	assert.equal(v1.uri, hub.authority);
	assert.match(v1.version, /^\d+\.\d+\.\d+ \(compatible; Litfass \d+\.\d+\.\d+\)$/);
	assert.equal(v1.registrations, false);
	assert.equal(v1.stats.status_count, total);
	assert.equal(v1.title, 'Landkreis Musterkreis');
	const v2 = await hub.json('/api/v2/instance');
	assert.equal(v2.domain, hub.authority);
	assert.equal(v2.registrations.enabled, false);
	assert.ok(v2.configuration.statuses.max_media_attachments > 0);
});

test('unknown things are 404 with a JSON error for programs', async () => {
	for (const path of ['/api/v1/statuses/1', '/api/v1/accounts/1', '/api/v1/accounts/lookup?acct=niemand', '/api/v1/nothing', '/api/v1/statuses/abc', '/api/v1/accounts/1/statuses']) {
		const r = await get(path);
		assert.equal(r.status, 404, path);
		assert.match(r.headers.get('content-type'), /^application\/json/);
		assert.equal(typeof (await r.json()).error, 'string');
	}
	for (const path of ['/o/niemand', '/p/1', '/@niemand', '/@feuerwehr_musterstadt/1', '/nichts', '/@niemand.atom']) assert.equal((await get(path)).status, 404, path);
});

test('methods: HEAD like GET without a body, others 405 with Allow', async () => {
	for (const path of ['/', TIMELINE, '/feed.atom', '/@feuerwehr_musterstadt', '/o/feuerwehr_musterstadt']) {
		const headers = path.startsWith('/o/') ? { accept: 'application/activity+json' } : {};
		const [g, h] = [await get(path, headers), await get(path, headers, 'HEAD')];
		const body = await g.arrayBuffer();
		assert.equal(h.status, g.status, path);
		assert.equal((await h.arrayBuffer()).byteLength, 0);
		for (const name of ['content-type', 'etag', 'cache-control', 'vary']) assert.equal(h.headers.get(name), g.headers.get(name), `${path} ${name}`);
		assert.ok(body.byteLength > 0);
		for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
			const r = await get(path, {}, method);
			assert.equal(r.status, 405, `${method} ${path}`);
			assert.match(r.headers.get('allow') ?? '', /GET/);
			await r.arrayBuffer();
		}
	}
	const r = await get('/inbox');
	assert.equal(r.status, 405);
	assert.match(r.headers.get('allow'), /POST/);
});

test('ETag and 304; a new post makes a new ETag within a second', async () => {
	const paths = ['/', TIMELINE, '/feed.atom', '/feed.rss', '/feed.json', '/@stadt_musterstadt', '/@stadt_musterstadt.atom', '/api/v2/instance'];
	const old = new Map();
	for (const path of paths) {
		const r = await get(path);
		const etag = r.headers.get('etag');
		assert.match(etag ?? '', /^(W\/)?"[^"]+"$/, path);
		assert.match(r.headers.get('cache-control') ?? '', /max-age|no-cache/, path);
		await r.arrayBuffer();
		const again = await get(path, { 'if-none-match': etag });
		assert.equal(again.status, 304, path);
		assert.equal((await again.arrayBuffer()).byteLength, 0);
		assert.equal(again.headers.get('etag'), etag);
		old.set(path, etag);
	}
	await site.add({ org: 'stadt', title: 'Frisch aus dem Rathaus', html: '<p>Gerade eben. &amp; &lt;b&gt; #Neu</p>' });
	await hub.poll('stadt_musterstadt');
	for (const path of paths.filter(p => p !== '/api/v2/instance'))
		await until(`${path} has changed`, async () => (await get(path, { 'if-none-match': old.get(path) })).status === 200, { timeout: 1500, every: 50 });
	assert.match((await hub.json(TIMELINE))[0].content, /Frisch aus dem Rathaus/);
	assert.match(await (await get('/@stadt_musterstadt')).text(), /Frisch aus dem Rathaus/);
});

test('gzip where it is accepted, and only there', async () => {
	for (const path of ['/', TIMELINE, '/feed.rss']) {
		const plain = await run('curl', ['-sS', '-i', hub.base + path]);
		assert.doesNotMatch(plain.stdout.split('\r\n\r\n')[0], /content-encoding/i);
		const packed = await run('curl', ['-sS', '-D', '-', '-o', '/dev/null', '-H', 'Accept-Encoding: gzip', hub.base + path]);
		assert.match(packed.stdout, /content-encoding: gzip/i, path);
		assert.match(packed.stdout, /vary:.*accept-encoding/i, path);
	}
});

test('CORS on API, feeds, WebFinger and actors; none on pages', async () => {
	for (const path of [TIMELINE, '/api/v1/instance', '/.well-known/webfinger?resource=acct:hub@' + hub.authority, '/.well-known/nodeinfo', '/nodeinfo/2.1', '/feed.json', '/@stadt_musterstadt.atom']) {
		const r = await get(path, { origin: 'https://website.example' });
		assert.equal(r.status, 200, path);
		assert.equal(r.headers.get('access-control-allow-origin'), '*', path);
		assert.equal(r.headers.get('set-cookie'), null);
	}
	const exposed = (await get(TIMELINE, { origin: 'https://website.example' })).headers.get('access-control-expose-headers') ?? '';
	assert.match(exposed, /\bLink\b/i);
	const pre = await get('/api/v1/timelines/public', { origin: 'https://website.example', 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' }, 'OPTIONS');
	assert.ok([200, 204].includes(pre.status));
	assert.equal(pre.headers.get('access-control-allow-origin'), '*');
	assert.equal((await get('/')).headers.get('access-control-allow-origin'), null);
});

test('content negotiation on actors and objects', async () => {
	const AP = /^application\/activity\+json/;
	const HTML = /^text\/html/;
	const [status] = await hub.json(TIMELINE);
	const slug = status.account.acct;
	const table = [
		[`/o/${slug}`, 'application/activity+json', 200, AP],
		[`/o/${slug}`, 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"', 200, AP],
		[`/o/${slug}`, 'application/activity+json, application/ld+json', 200, AP],
		[`/o/${slug}`, 'application/json', 200, AP],
		[`/o/${slug}`, '*/*', 200, AP],
		[`/o/${slug}`, 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 302, null],
		[`/p/${status.id}`, 'application/activity+json', 200, AP],
		[`/p/${status.id}`, 'text/html', 302, null],
		[`/@${slug}`, 'text/html', 200, HTML],
		[`/@${slug}`, '*/*', 200, HTML],
		[`/@${slug}/${status.id}`, 'text/html', 200, HTML],
		[`/actor`, 'application/activity+json', 200, AP],
		[`/hub`, 'application/activity+json', 200, AP],
	];
	for (const [path, accept, want, type] of table) {
		const r = await get(path, { accept });
		await r.arrayBuffer();
		assert.equal(r.status, want, `${path} ${accept}`);
		if (type) assert.match(r.headers.get('content-type'), type, `${path} ${accept}`);
		else assert.ok(new URL(r.headers.get('location'), hub.base).pathname.startsWith(`/@${slug}`), r.headers.get('location'));
		assert.match(r.headers.get('vary') ?? '', /accept/i, path);
	}
	for (const path of [`/@${slug}`, `/@${slug}/${status.id}`]) {
		const r = await get(path, { accept: 'application/activity+json' });
		assert.ok([200, 302, 303].includes(r.status), `${path} for a server: ${r.status}`);
		const page = await (await get(path)).text();
		assert.match(page, /<link[^>]+rel="alternate"[^>]+type="application\/activity\+json"/);
	}
	const none = await get(`/o/${slug}`, { accept: 'image/png' });
	assert.ok([200, 406].includes(none.status));
});

test('WebFinger, host-meta, NodeInfo', async () => {
	const finger = q => get(`/.well-known/webfinger${q}`);
	const h = hub.authority;
	for (const resource of [`acct:feuerwehr_musterstadt@${h}`, `feuerwehr_musterstadt@${h}`, `acct:@feuerwehr_musterstadt@${h}`, `acct:FEUERWEHR_Musterstadt@${h}`,
		`${hub.base}/o/feuerwehr_musterstadt`, `${hub.base}/@feuerwehr_musterstadt`]) {
		const r = await finger(`?resource=${encodeURIComponent(resource)}`);
		assert.equal(r.status, 200, resource);
		assert.equal((await r.json()).subject, `acct:feuerwehr_musterstadt@${h}`);
	}
	for (const resource of [hub.base, `${hub.base}/`, `acct:${h}@${h}`]) assert.equal((await finger(`?resource=${encodeURIComponent(resource)}`)).status, 200, resource);
	for (const [q, want] of [['', 400], ['?resource=', 400], ['?resource=%00', 400], [`?resource=acct:niemand@${h}`, 404], ['?resource=acct:hub@anderswo.example', 404]])
		assert.equal((await finger(q)).status, want, q);
	const meta = await get('/.well-known/host-meta');
	assert.equal(meta.status, 200);
	assert.match(meta.headers.get('content-type'), /^application\/xrd\+xml/);
	assert.match(await meta.text(), /template="[^"]+\/\.well-known\/webfinger\?resource=\{uri\}"/);
	const links = (await hub.json('/.well-known/nodeinfo')).links.filter(l => l.rel.startsWith('http://nodeinfo'));
	assert.deepEqual(links.map(l => l.rel.slice(-3)).sort(), ['2.0', '2.1']);
	for (const l of links) {
		const doc = await (await fetch(l.href)).json();
		assert.equal(doc.version, l.rel.slice(-3));
		assert.equal(doc.software.name, 'litfass');
		assert.deepEqual(doc.protocols, ['activitypub']);
		assert.equal(doc.openRegistrations, false);
		assert.ok(Number.isInteger(doc.usage.localPosts));
	}
});

test('feeds parse, are complete and link to our pages', async () => {
	for (const [path, type] of [['/feed.atom', /^application\/atom\+xml/], ['/feed.rss', /^application\/rss\+xml/], ['/feed.json', /^application\/feed\+json/],
		['/@feuerwehr_musterstadt.atom', /^application\/atom\+xml/], ['/@feuerwehr_musterstadt.rss', /^application\/rss\+xml/], ['/@feuerwehr_musterstadt.json', /^application\/feed\+json/]]) {
		const r = await get(path);
		assert.equal(r.status, 200, path);
		assert.match(r.headers.get('content-type'), type, path);
		const text = await r.text();
		if (path.endsWith('.json')) {
			const feed = JSON.parse(text);
			assert.equal(feed.version, 'https://jsonfeed.org/version/1.1');
			assert.ok(feed.items.length >= 12);
			assert.ok(feed.items.every(i => i.url.startsWith(`${hub.base}/@`) && i.id && i.content_html && i.date_published));
			continue;
		}
		const lint = await run('xmllint', ['--noout', '-'], { input: text });
		assert.equal(lint.code, 0, `${path}: ${lint.stderr}`);
		const links = [...text.matchAll(path.endsWith('.atom') ? /<link[^>]+href="([^"]+\/@[^"]+\/[0-9]+)"/g : /<link>([^<]+\/@[^<]+)<\/link>/g)].map(m => m[1]);
		assert.ok(links.length >= 12, `${path}: ${links.length} links`);
		assert.equal((await fetch(links[1])).status, 200);
	}
});

test('pages: complete HTML with language, one h1, no third party, no cookie, strict policy', async () => {
	const [status] = await hub.json(TIMELINE);
	for (const path of ['/', '/@landkreis_musterkreis', `/@${status.account.acct}/${status.id}`]) {
		for (const lang of ['de', 'en']) {
			const r = await get(path, { 'accept-language': lang });
			const text = await r.text();
			assert.equal(r.status, 200, path);
			assert.match(text, new RegExp(`<html[^>]+lang="${lang}"`), path);
			assert.equal([...text.matchAll(/<h1[\s>]/g)].length, 1, path);
			assert.equal(r.headers.get('set-cookie'), null);
			const csp = r.headers.get('content-security-policy') ?? '';
			assert.match(csp, /default-src 'none'/);
			assert.equal(r.headers.get('referrer-policy'), 'no-referrer');
			assert.equal(r.headers.get('x-content-type-options'), 'nosniff');
			assert.match(r.headers.get('vary') ?? '', /accept-language/i);
			for (const [, url] of text.matchAll(/<(?:img|script|link|iframe|source|video|audio)\b[^>]+(?:src|href)="(https?:[^"]+)"/g))
				assert.ok(url.startsWith(`${hub.base}/`) || url.startsWith(`${hub.mediaBase}/`), `${path} loads ${url}`);
		}
	}
	assert.match(await (await get('/?lang=en', { 'accept-language': 'de' })).text(), /<html[^>]+lang="en"/, '?lang wins');
	const simple = await (await get('/@feuerwehr_musterstadt')).text();
	assert.match(simple, /lang="de-simple"/, 'a post in another language says so');
	assert.match(simple, /lang="en"/);
});

test('the two hosts are apart: media only on theirs, pages only on ours, others 421', async () => {
	const [status] = await hub.json('/api/v1/timelines/public?local=true&only_media=true&limit=1');
	const name = new URL(status.media_attachments[0].url).pathname;
	assert.equal((await get(name)).status, 404);
	for (const path of ['/', '/hub', TIMELINE]) assert.equal((await fetch(hub.mediaBase + path)).status, 404, path);
	const foreign = await run('curl', ['-sS', '-o', '/dev/null', '-w', '%{http_code}', '-H', 'Host: fremd.example', `${hub.local}/`]);
	assert.equal(foreign.stdout, '421');
});

test('/health and /ready', async () => {
	assert.equal((await get('/health')).status, 200);
	assert.equal((await get('/ready')).status, 200);
});
