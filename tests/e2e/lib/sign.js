// Signing by hand, so that it can be done wrongly.
import { createHash, createPrivateKey, createSign } from 'node:crypto';
import { request } from 'node:http';

const sha = body => createHash('sha256').update(body).digest('base64');

/*
 * Sends a signed POST. key: of the peer's control("keys"). wrong: what differs from a correct
 * request: date, signedHost, digest, keyId, headers (signed names), flip, body (sent instead),
 * path (sent), none (unsigned), more (extra headers).
 */
export function post(hub, path, activity, key, wrong = {}) {
	const body = typeof activity === 'string' ? activity : JSON.stringify(activity);
	const date = wrong.date ?? new Date().toUTCString();
	const values = {
		'(request-target)': `post ${path}`,
		host: wrong.signedHost ?? hub.authority,
		date,
		digest: wrong.digest ?? `SHA-256=${sha(body)}`,
		'content-type': 'application/activity+json',
	};
	const names = wrong.headers ?? ['(request-target)', 'host', 'date', 'digest', 'content-type'];
	const text = names.map(n => `${n}: ${values[n]}`).join('\n');
	const pkey = createPrivateKey({ key: Buffer.from(key.pkcs8, 'base64'), format: 'der', type: 'pkcs8' });
	const signature = createSign('RSA-SHA256').update(text).sign(pkey);
	if (wrong.flip) signature[20] ^= 1;
	const headers = {
		host: hub.authority,
		date,
		digest: values.digest,
		'content-type': wrong.type ?? 'application/activity+json',
		...wrong.more,
	};
	if (!wrong.none)
		headers.signature = `keyId="${wrong.keyId ?? key.keyId}",algorithm="rsa-sha256",headers="${names.join(' ')}",signature="${signature.toString('base64')}"`;
	const sent = Buffer.from(wrong.body ?? body);
	headers['content-length'] = sent.length;
	return send(hub, wrong.path ?? path, 'POST', headers, sent);
}

export function send(hub, path, method, headers, body) {
	return new Promise((done, failed) => {
		const url = new URL(hub.local);
		const req = request({ host: url.hostname, port: url.port, path, method, headers, agent: false }, res => {
			const chunks = [];
			res.on('data', c => chunks.push(c));
			res.on('end', () => done({ status: res.statusCode, headers: res.headers, text: Buffer.concat(chunks).toString() }));
			res.on('error', failed);
		});
		// A server that refuses a large body answers before it has read it.
		let answered = false;
		req.on('response', () => { answered = true; });
		req.on('error', e => answered || (e.code === 'EPIPE' || e.code === 'ECONNRESET' ? done({ status: 0, headers: {}, text: e.code }) : failed(e)));
		req.end(body);
	});
}
