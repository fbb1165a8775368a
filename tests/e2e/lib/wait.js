// Waiting: always for a condition, always with a deadline, always saying what did not come.
import { setTimeout as sleep } from 'node:timers/promises';

export { sleep };

// until('the hub is ready', async () => value or falsy, { timeout, every, logs })
export async function until(what, condition, { timeout = 20_000, every = 100, logs } = {}) {
	const end = Date.now() + timeout;
	let last;
	for (;;) {
		try {
			const value = await condition();
			if (value) return value;
			last = undefined;
		} catch (e) {
			if (e.fatal) throw e;
			last = e;
		}
		if (Date.now() >= end) break;
		await sleep(every);
	}
	const tail = logs ? `\n--- log ---\n${logs()}` : '';
	throw new Error(`Not within ${timeout} ms: ${what}${last ? ` (${last.message})` : ''}${tail}`);
}

// An error that until() does not retry.
export function fatal(message) {
	return Object.assign(new Error(message), { fatal: true });
}
