// Bytes on a socket, and what came back.
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

/*
 * place: { host, port, ca? }. parts: strings (latin1) or numbers (milliseconds to wait).
 * Resolves with { text, statuses, closed, ms } after the other side closes or falls silent.
 */
export function exchange(place, parts, { silence = 1500, limit = 60_000 } = {}) {
	return new Promise(done => {
		const start = Date.now();
		let text = '';
		let closed = false;
		let timer;
		const socket = place.ca ? connectTls({ host: place.host, port: place.port, ca: place.ca, ALPNProtocols: ['http/1.1'] }) : connect({ host: place.host, port: place.port });
		const end = () => {
			clearTimeout(timer);
			clearTimeout(hard);
			socket.destroy();
			done({ text, statuses: statuses(text), closed, ms: Date.now() - start });
		};
		const hard = setTimeout(end, limit);
		const quiet = () => {
			clearTimeout(timer);
			if (silence) timer = setTimeout(end, silence);
		};
		socket.on('data', d => {
			text += d.toString('latin1');
			quiet();
		});
		socket.on('close', () => {
			closed = true;
			end();
		});
		socket.on('error', () => {});
		socket.once(place.ca ? 'secureConnect' : 'connect', async () => {
			for (const part of parts) {
				if (socket.destroyed) return;
				if (typeof part === 'number') await new Promise(r => setTimeout(r, part));
				else socket.write(Buffer.from(part, 'latin1'));
			}
			quiet();
		});
	});
}

function statuses(text) {
	// An answer begins where the body before it ended, which need not be a line of its own.
	return [...text.matchAll(/HTTP\/1\.[01] (\d{3}) [A-Z]/g)].map(m => Number(m[1]));
}
