// A foreign ActivityPub server: Fedify, in a process of its own.
// argv: JSON { host, port, base, firstKnock }. Says "listening" on stdout when ready.
import { createServer } from 'node:http';
import { MemoryKvStore, createFederation, generateCryptoKeyPair, getDocumentLoader, parseNodeInfo, verifyRequest } from '@fedify/fedify';
import { Activity, Application, Endpoints, Follow, Person, Undo, isActor } from '@fedify/vocab';

const opts = JSON.parse(process.argv[2]);
const base = new URL(opts.base);
const requests = []; // every inbox POST as it came: arrival, path, headers, body, status
const received = []; // every activity Fedify accepted after verifying it
const underWay = new Set(); // answers being made
let arrivals = 0; // requests are numbered as they come, and listed as they are answered
const keys = new Map();
const documentLoader = getDocumentLoader({ allowPrivateAddress: true });

// Fedify may also trust a proof inside the body; here the HTTP signature itself is judged.
const keyCache = {
	known: new Map(),
	async get(id) {
		return this.known.get(id.href);
	},
	async set(id, key) {
		if (key) this.known.set(id.href, key);
	},
};
async function judge(request, timeWindow) {
	const scheme = request.headers.has('signature-input') ? 'rfc9421' : request.headers.has('signature') ? 'cavage' : 'none';
	const key = await verifyRequest(request, { documentLoader, contextLoader: documentLoader, keyCache, timeWindow });
	return { scheme, verified: key !== null, keyId: key?.id?.href ?? null };
}
// While a sender is down its key cannot be asked for: what was accepted is judged again later.
async function judgeAgain() {
	for (const r of requests) {
		if (r.verified || r.status >= 300 || r.scheme === 'none') continue;
		const headers = new Headers();
		for (let i = 0; i < r.headers.length; i += 2) headers.append(r.headers[i], r.headers[i + 1]);
		Object.assign(r, await judge(new Request(new URL(r.path, base), { method: 'POST', headers, body: r.body }), false));
	}
	return requests;
}
let silent = false; // answer 503 to inbox posts
let only9421 = false; // answer 401 to the older signature scheme

const federation = createFederation({
	kv: new MemoryKvStore(),
	allowPrivateAddress: true,
	firstKnock: opts.firstKnock,
	origin: base.origin,
	userAgent: { software: 'litfass-test-peer/1.0', url: base },
});

federation.setActorDispatcher('/users/{identifier}', async (ctx, identifier) => {
	if (!/^[a-z0-9_]+$/.test(identifier)) return null;
	const pairs = await ctx.getActorKeyPairs(identifier);
	return new Person({
		id: ctx.getActorUri(identifier),
		preferredUsername: identifier,
		name: `Peer ${identifier}`,
		url: ctx.getActorUri(identifier),
		inbox: ctx.getInboxUri(identifier),
		endpoints: new Endpoints({ sharedInbox: ctx.getInboxUri() }),
		publicKey: pairs[0].cryptographicKey,
		assertionMethods: pairs.map(p => p.multikey),
	});
}).setKeyPairsDispatcher(async (_ctx, identifier) => {
	if (!keys.has(identifier))
		keys.set(identifier, [await generateCryptoKeyPair('RSASSA-PKCS1-v1_5'), await generateCryptoKeyPair('Ed25519')]);
	return keys.get(identifier);
});

federation.setInboxListeners('/users/{identifier}/inbox', '/inbox')
	.setSharedKeyDispatcher(() => ({ identifier: 'instance' }))
	.on(Activity, async (_ctx, activity) => {
		received.push({
			at: Date.now(),
			id: activity.id?.href,
			type: activity.constructor.name,
			actor: activity.actorId?.href,
			object: activity.objectId?.href,
			json: await activity.toJsonLd({ format: 'compact' }),
		});
	});

async function toRequest(req) {
	const chunks = [];
	for await (const c of req) chunks.push(c);
	const body = Buffer.concat(chunks);
	const headers = new Headers();
	for (let i = 0; i < req.rawHeaders.length; i += 2) headers.append(req.rawHeaders[i], req.rawHeaders[i + 1]);
	const url = new URL(req.url, base);
	return [new Request(url, { method: req.method, headers, body: body.length ? body : undefined }), body];
}

const commands = {
	async follow({ user, actor }) {
		const ctx = federation.createContext(base);
		const target = await ctx.lookupObject(actor, { documentLoader: await ctx.getDocumentLoader({ identifier: user }) });
		if (!isActor(target)) throw new Error(`${actor} is not an actor`);
		const id = new URL(`/follows/${crypto.randomUUID()}`, base);
		await ctx.sendActivity({ identifier: user }, target, new Follow({ id, actor: ctx.getActorUri(user), object: target.id, to: target.id }));
		return { id: id.href, actor: target.id.href };
	},
	async unfollow({ user, actor, follow }) {
		const ctx = federation.createContext(base);
		const target = await ctx.lookupObject(actor);
		const id = new URL(`/undos/${crypto.randomUUID()}`, base);
		await ctx.sendActivity({ identifier: user }, target, new Undo({
			id, actor: ctx.getActorUri(user), to: target.id,
			object: new Follow({ id: new URL(follow), actor: ctx.getActorUri(user), object: target.id }),
		}));
		return { id: id.href };
	},
	async lookup({ what }) {
		const ctx = federation.createContext(base);
		const found = await ctx.lookupObject(what);
		return found && { type: found.constructor.name, json: await found.toJsonLd({ format: 'compact' }) };
	},
	async webfinger({ what }) {
		return federation.createContext(base).lookupWebFinger(what);
	},
	// Fedify's own lookup refuses every private address, so the documents are fetched here and read by it.
	async nodeinfo({ url }) {
		const { links } = await (await fetch(new URL('/.well-known/nodeinfo', url))).json();
		const { href } = links.find(l => l.rel === 'http://nodeinfo.diaspora.software/ns/schema/2.1');
		const found = parseNodeInfo(await (await fetch(href)).json());
		return found && { software: found.software.name };
	},
	received: () => received,
	// What was received is known before its signature has been judged.
	async requests() {
		await Promise.allSettled(underWay);
		return judgeAgain();
	},
	silent({ on }) {
		silent = on;
		return {};
	},
	only9421({ on }) {
		only9421 = on;
		return {};
	},
	// Private keys for tests that sign by hand.
	async keys({ user }) {
		const ctx = federation.createContext(base);
		await ctx.getActorKeyPairs(user);
		const pem = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.get(user)[0].privateKey)).toString('base64');
		return { pkcs8: pem, keyId: `${ctx.getActorUri(user).href}#main-key`, actor: ctx.getActorUri(user).href };
	},
};

async function respond(req, request, body, path) {
	const copy = request.clone();
	const arrival = ++arrivals;
	const refused = silent ? 503 : only9421 && !request.headers.has('signature-input') ? 401 : 0;
	const response = refused && req.method === 'POST' ? new Response('refused', { status: refused })
		: await federation.fetch(request, { contextData: undefined });
	if (req.method === 'POST')
		requests.push({ at: Date.now(), arrival, path, headers: req.rawHeaders, body: body.toString('utf8'), status: response.status, ...await judge(copy) });
	return response;
}

createServer(async (req, res) => {
	try {
		const [request, body] = await toRequest(req);
		const path = new URL(request.url).pathname;
		if (path.startsWith('/control/')) {
			const out = await commands[path.slice(9)](body.length ? JSON.parse(body) : {});
			res.setHeader('content-type', 'application/json');
			return res.end(JSON.stringify(out ?? null));
		}
		const answer = respond(req, request, body, path);
		underWay.add(answer);
		const response = await answer.finally(() => underWay.delete(answer));
		res.writeHead(response.status, Object.fromEntries(response.headers));
		res.end(Buffer.from(await response.arrayBuffer()));
	} catch (e) {
		res.writeHead(500, { 'content-type': 'application/json' });
		res.end(JSON.stringify({ error: `${e.name}: ${e.message}` }));
	}
}).listen(opts.port, opts.host, () => console.log('listening'));

process.on('SIGTERM', () => process.exit(0));
