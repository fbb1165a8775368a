// The pages in Debian's chromium: axe-core clean, nothing foreign, no cookie, no script needed.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { startCounty } from './lib/county.js';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'EN-301-549', 'best-practice'];
const executablePath = ['/usr/bin/chromium', '/usr/bin/google-chrome'].find(existsSync);
let hub, browser, pages;

before(async () => {
	let dir;
	({ hub, dir } = await startCounty('browser'));
	const statuses = await hub.json('/api/v1/timelines/public?local=true&limit=40');
	const rich = statuses.find(s => s.media_attachments.length >= 2);
	const simple = statuses.find(s => s.language === 'de-simple');
	pages = {
		home: '/',
		organisation: '/@feuerwehr_musterstadt',
		'post with pictures': new URL(rich.url).pathname,
		'post in plain language': new URL(simple.url).pathname,
		'error page': '/gibt/es/nicht',
		organisations: '/organisationen',
		topic: '/tags/feuerwehr',
		accessibility: '/barrierefreiheit',
		'easy language': '/leichte-sprache',
	};
	// A profile of our own under the test's directory, gone with it.
	browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', `--crash-dumps-dir=${join(dir, 'crash')}`] });
}, { timeout: 240_000 });
after(() => browser?.close());

async function open(path, { lang = 'de', width = 1280, dark = false, script = true } = {}) {
	const context = await browser.newContext({
		locale: lang === 'de' ? 'de-DE' : 'en-GB', viewport: { width, height: 900 }, colorScheme: dark ? 'dark' : 'light', javaScriptEnabled: script, bypassCSP: false,
	});
	const page = await context.newPage();
	const seen = { foreign: [], failed: [], errors: [] };
	page.on('request', r => {
		if (!r.url().startsWith(`${hub.base}/`) && !r.url().startsWith(`${hub.mediaBase}/`) && !r.url().startsWith('data:')) seen.foreign.push(r.url());
	});
	page.on('response', r => {
		if (r.status() >= 400 && r.url() !== hub.base + path) seen.failed.push(`${r.status()} ${r.url()}`);
	});
	page.on('console', m => {
		// The browser itself reports the status of an error page.
		if (m.type() === 'error' && !m.text().startsWith('Failed to load resource')) seen.errors.push(m.text());
	});
	page.on('pageerror', e => seen.errors.push(e.message));
	const response = await page.goto(hub.base + path, { waitUntil: 'load' });
	return { context, page, seen, response };
}

async function violations(page) {
	await page.evaluate(axe);
	const result = await page.evaluate(async tags => {
		const known = new Set(axe.getRules().flatMap(r => r.tags));
		return axe.run({ runOnly: tags.filter(t => known.has(t)) });
	}, TAGS);
	return result.violations.map(v => `${v.id}: ${v.help}\n${v.nodes.slice(0, 4).map(n => `    ${n.html.slice(0, 160)} ${n.failureSummary.split('\n').slice(1, 2).join(' ')}`).join('\n')}`);
}

// Pages made of what the first five are made of are looked at in two ways instead of eight.
const similar = ['organisations', 'topic', 'accessibility', 'easy language'];
for (const name of ['home', 'organisation', 'post with pictures', 'post in plain language', 'error page', ...similar])
	test(name, { timeout: 600_000 }, async t => {
		for (const lang of ['de', 'en'])
			for (const width of [360, 1280])
				for (const dark of [false, true]) {
					if (similar.includes(name) && (lang === 'de' ? width !== 360 || dark : width !== 1280 || !dark)) continue;
					await t.test(`${lang} ${width} ${dark ? 'dark' : 'light'}`, async () => {
						const { context, page, seen, response } = await open(pages[name], { lang, width, dark });
						assert.equal(response.status(), name === 'error page' ? 404 : 200);
						assert.equal(await page.locator('html').getAttribute('lang'), lang);
						assert.equal(await page.locator('h1').count(), 1);
						assert.deepEqual(await violations(page), []);
						assert.deepEqual(seen.foreign, [], 'no third party');
						assert.deepEqual(seen.failed, [], 'everything loads');
						assert.deepEqual(seen.errors, [], 'no errors');
						assert.deepEqual(await context.cookies(), [], 'no cookie');
						const stored = await page.evaluate(() => { try { return localStorage.length + sessionStorage.length; } catch { return 0; } });
						assert.equal(stored, 0);
						const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
						assert.ok(overflow <= 0, `no sideways scrolling (${overflow}px)`);
						const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
						const light = background.match(/\d+/g).slice(0, 3).map(Number).reduce((a, b) => a + b);
						assert.equal(light < 384, dark, `${background} in ${dark ? 'dark' : 'light'}`);
						const blank = await page.evaluate(() => [...document.images].filter(i => i.complete && i.naturalWidth === 0).map(i => i.src));
						assert.deepEqual(blank, [], 'no broken picture');
						await context.close();
					});
				}
	});

test('without script everything is there', async () => {
	const { context, page } = await open('/', { script: false });
	assert.ok(await page.locator('article').count() >= 20);
	assert.ok(await page.locator('article img').count() > 0);
	const next = page.locator('a[rel~="next"]').first();
	assert.equal(await next.count(), 1, 'a link to older posts');
	const first = await page.locator('article').first().textContent();
	await next.click();
	assert.equal(await page.locator('h1').count(), 1);
	assert.notEqual(await page.locator('article').first().textContent(), first);
	await context.close();
});

test('keyboard: the skip link comes first and works; focus is visible', async () => {
	for (const name of ['home', 'organisation', 'post with pictures']) {
		const { context, page } = await open(pages[name]);
		await page.keyboard.press('Tab');
		const skip = await page.evaluate(() => {
			const e = document.activeElement;
			const box = e.getBoundingClientRect();
			return { tag: e.tagName, href: e.getAttribute('href'), shown: box.width > 1 && box.height > 1 && box.top >= 0 };
		});
		assert.equal(skip.tag, 'A');
		assert.match(skip.href, /^#/);
		assert.ok(skip.shown, 'it shows itself when focused');
		await page.keyboard.press('Enter');
		assert.ok(await page.evaluate(id => document.querySelector(id) !== null, skip.href), `${skip.href} exists`);
		for (let i = 0; i < 8; i++) {
			await page.keyboard.press('Tab');
			const focus = await page.evaluate(() => {
				const e = document.activeElement;
				const s = getComputedStyle(e);
				return { tag: e.tagName, ok: s.outlineStyle !== 'none' || s.boxShadow !== 'none' };
			});
			if (focus.tag === 'BODY') break;
			assert.ok(focus.ok, `visible focus on ${focus.tag}`);
		}
		await context.close();
	}
});

test('text twice as large, spaced text, and 320 px still read', async () => {
	for (const path of [pages.home, pages.organisation]) {
		const { context, page } = await open(path, { width: 320 });
		await page.evaluate(() => {
			document.documentElement.style.fontSize = '200%';
			for (const e of document.querySelectorAll('*')) Object.assign(e.style, { lineHeight: '1.5', letterSpacing: '.12em', wordSpacing: '.16em' });
		});
		const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
		assert.ok(overflow <= 0, `${path}: ${overflow}px too wide`);
		await context.close();
	}
});

test('print: no navigation, links keep their text, black on white', async () => {
	const { context, page } = await open(pages['post with pictures'], { dark: true });
	await page.emulateMedia({ media: 'print', colorScheme: 'light' });
	const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
	assert.match(background, /rgba?\((255, 255, 255|0, 0, 0, 0)/, background);
	for (const what of ['.skip', '.top-nav', '.foot nav'])
		for (const e of await page.locator(what).all()) assert.ok(await e.isHidden(), `${what} stays off the paper`);
	const links = await page.evaluate(() => [...document.querySelectorAll('.source a')].map(a => getComputedStyle(a, '::after').content));
	assert.ok(links.length > 0 && links.every(c => c.includes('http') || c.includes('attr')), `addresses are printed: ${links}`);
	const ink = await page.evaluate(() => getComputedStyle(document.querySelector('article')).color);
	assert.equal(ink, 'rgb(0, 0, 0)');
	await context.close();
});

test('motion: nothing moves for those who asked for less', async () => {
	const context = await browser.newContext({ reducedMotion: 'reduce' });
	const page = await context.newPage();
	await page.goto(hub.base + '/');
	const moving = await page.evaluate(() => document.getAnimations().length);
	assert.equal(moving, 0);
	await context.close();
});
