// Draws the demo site's pictures: SVG made here, rendered to JPEG by Debian's chromium.
// Run from tests/e2e (it has playwright-core): node ../../contrib/demo/draw.mjs [name...]
import { createRequire } from 'node:module';
import { writeFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(join(process.cwd(), 'package.json'));
const { chromium } = require('playwright-core');
const out = join(dirname(fileURLToPath(import.meta.url)), 'images');

const W = 1200;
const H = 800;
const rect = (x, y, w, h, fill, more = '') =>
	`<rect x="${x}" y="${y}" width="${w}" height="${h}" fill="${fill}" ${more}/>`;
const round = (x, y, w, h, fill, r = 10) => rect(x, y, w, h, fill, `rx="${r}"`);
const circle = (x, y, r, fill, more = '') => `<circle cx="${x}" cy="${y}" r="${r}" fill="${fill}" ${more}/>`;
const ellipse = (x, y, rx, ry, fill) => `<ellipse cx="${x}" cy="${y}" rx="${rx}" ry="${ry}" fill="${fill}"/>`;
const path = (d, fill, more = '') => `<path d="${d}" fill="${fill}" ${more}/>`;
const line = (d, stroke, width, more = '') =>
	`<path d="${d}" fill="none" stroke="${stroke}" stroke-width="${width}" stroke-linecap="round" stroke-linejoin="round" ${more}/>`;
const at = (x, y, s, inner) => `<g transform="translate(${x} ${y}) scale(${s})">${inner}</g>`;
const text = (x, y, size, fill, what, more = '') =>
	`<text x="${x}" y="${y}" font-family="DejaVu Sans" font-size="${size}" fill="${fill}" ${more}>${what}</text>`;
const many = (n, f) => Array.from({ length: n }, (_, i) => f(i)).join('');

let gradients = 0;
function sky(top = '#8ec5e8', bottom = '#e8f3f4') {
	const id = `g${gradients++}`;
	return `<defs><linearGradient id="${id}" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="${top}"/><stop offset="1" stop-color="${bottom}"/></linearGradient></defs>` +
		rect(0, 0, W, H, `url(#${id})`);
}
const cloud = (x, y, s) => at(x, y, s, `<g opacity=".85">${ellipse(0, 0, 90, 30, '#fff')}${circle(-35, -18, 34, '#fff')}${circle(20, -26, 44, '#fff')}</g>`);
const sun = (x, y, r = 60) => circle(x, y, r * 1.5, '#ffe9a8', 'opacity=".5"') + circle(x, y, r, '#ffd35c');
const hill = (y, amp, fill, phase = 0) =>
	path(`M0 ${y} C 250 ${y - amp + phase} 400 ${y + amp * 0.6} 640 ${y - amp * 0.4} S 1000 ${y - amp} 1200 ${y - amp * 0.2 + phase} L1200 800 L0 800Z`, fill);
const tree = (x, y, s, fill = '#4f8f55') =>
	at(x, y, s, rect(-8, -60, 16, 60, '#7a5a41') + circle(0, -110, 62, fill) + circle(-34, -80, 42, fill) + circle(36, -82, 44, fill) + circle(-16, -128, 26, '#fff', 'opacity=".12"'));
const windows = (x, y, cols, rows, w, h, dx, dy, fill = '#cfe6f2') =>
	many(cols * rows, i => round(x + (i % cols) * dx, y + Math.floor(i / cols) * dy, w, h, fill, 4));
const person = (x, y, s, coat, skin = '#e3b58f', hair = '#4a372c', more = '') =>
	at(x, y, s, round(-26, -96, 52, 96, coat, 22) + round(-22, -10, 18, 62, '#2d3a4a', 6) + round(4, -10, 18, 62, '#2d3a4a', 6) + circle(0, -126, 27, skin) + path('M-28 -128 A28 28 0 0 1 28 -128 Q0 -146 -28 -128Z', hair) + more);
const wheel = (x, y, r) => circle(x, y, r, '#2b2f36') + circle(x, y, r * 0.5, '#b9c0c7') + circle(x, y, r * 0.18, '#2b2f36');

// A timber-framed house: w x h, gable above.
function timber(x, y, w, h, wall = '#f4ead7', roof = '#b5533c') {
	const beam = '#6b4733';
	return rect(x, y - h, w, h, wall) +
		path(`M${x - 24} ${y - h} L${x + w / 2} ${y - h - w * 0.55} L${x + w + 24} ${y - h}Z`, roof) +
		many(5, i => rect(x + (i * (w - 10)) / 4, y - h, 10, h, beam)) +
		many(4, i => rect(x, y - h + (i * (h - 10)) / 3, w, 10, beam)) +
		many(4, i => line(`M${x + (i * w) / 4 + 8} ${y - h / 3} L${x + ((i + 1) * w) / 4 - 4} ${y - 8}`, beam, 7)) +
		windows(x + w * 0.075, y - h * 0.93, 4, 2, w * 0.12, h * 0.2, w * 0.245, h * 0.335, '#9cc3d6') +
		round(x + w / 2 - 26, y - 84, 52, 84, '#55402f', 6);
}

function engine(x, y, s) {
	const red = '#c8281e';
	return at(x, y, s,
		round(0, -210, 520, 170, red, 14) + path('M520 -40 L520 -190 Q522 -210 545 -210 L610 -210 Q632 -210 642 -190 L676 -120 Q682 -108 682 -96 L682 -40Z', red) +
		path('M552 -188 L604 -188 Q616 -188 622 -176 L646 -118 L552 -118Z', '#bfe0ee') +
		rect(0, -92, 682, 16, '#fff') + rect(0, -70, 682, 8, '#f5c945') +
		many(3, i => round(24 + i * 160, -192, 142, 88, '#d9dee2', 6)) +
		many(3, i => many(5, j => rect(24 + i * 160, -180 + j * 16, 142, 3, '#b3bac1'))) +
		rect(40, -236, 440, 12, '#8d959c') + rect(40, -256, 440, 8, '#8d959c') + many(9, i => rect(52 + i * 51, -256, 8, 30, '#8d959c')) +
		round(560, -232, 60, 24, '#1f6fd6', 8) + circle(590, -222, 66, '#4fa4ff', 'opacity=".28"') +
		text(196, -100, 0, '#fff', '') + text(534, -52, 24, '#fff', '112', 'font-weight="bold"') +
		wheel(120, -34, 46) + wheel(420, -34, 46) + wheel(592, -34, 46));
}

const windmill = (x, y, s, turn) => at(x, y, s,
	path('M-9 0 L-4 -330 L4 -330 L9 0Z', '#f7f9fa') + `<g transform="translate(0 -330) rotate(${turn})">` +
	many(3, i => `<g transform="rotate(${i * 120})">${path('M-6 0 Q-16 -60 -2 -210 Q10 -80 6 0Z', '#fdfefe')}</g>`) + circle(0, 0, 11, '#c9d2d8') + '</g>');

const stall = (x, y, colour) => at(x, y, 1,
	rect(10, -150, 10, 150, '#7a5a41') + rect(250, -150, 10, 150, '#7a5a41') +
	many(6, i => path(`M${i * 45} -190 L${i * 45 + 45} -190 L${i * 45 + 45} -140 Q${i * 45 + 22} -118 ${i * 45} -140Z`, i % 2 ? '#fff' : colour)) +
	path('M14 -230 L256 -230 L270 -190 L0 -190Z', colour) +
	many(3, i => round(12 + i * 84, -72, 78, 44, '#a77b4f', 4) + many(8, j => circle(22 + i * 84 + (j % 4) * 19, -78 - Math.floor(j / 4) * 14, 11, ['#d8402f', '#e9a23b', '#6fa545'][i]))) +
	rect(6, -30, 258, 30, '#8a6238'));

const clinic = () => sky() + sun(1040, 130, 50) + cloud(260, 150, 1.2) + cloud(720, 100, 0.9) + hill(600, 60, '#a8cf9a') +
	rect(180, 280, 840, 380, '#fbfcfd') + rect(180, 280, 840, 22, '#d7e2e8') + rect(120, 430, 300, 230, '#eef3f6') +
	windows(220, 330, 10, 3, 52, 50, 78, 100) + rect(420, 250, 360, 32, '#c6d2da') + ellipse(600, 250, 150, 14, '#9fb0bb') +
	text(578, 244, 62, '#3b4a55', 'H', 'font-weight="bold"') +
	rect(520, 560, 160, 100, '#9cc9dd') + rect(596, 560, 8, 100, '#fbfcfd') + round(470, 540, 260, 22, '#2f8f5b', 4) +
	round(860, 306, 96, 96, '#fff', 8) + rect(894, 318, 28, 72, '#2f9e5f') + rect(872, 340, 72, 28, '#2f9e5f') +
	rect(0, 660, W, 140, '#bcc3c7') + rect(0, 650, W, 14, '#8fb97d') + tree(90, 660, 1.1) + tree(1100, 660, 1.2) +
	at(760, 750, 0.62, round(0, -170, 330, 150, '#fff', 14) + path('M330 -20 L330 -150 L390 -150 L440 -90 L440 -20Z', '#fff') + path('M346 -136 L384 -136 L420 -92 L346 -92Z', '#bfe0ee') + rect(0, -84, 440, 22, '#e2452f') + round(300, -190, 50, 22, '#1f6fd6', 8) + wheel(90, -18, 38) + wheel(360, -18, 38));

const pictures = {
	'feuerwehr-einsatz': () => sky('#7fa9c9', '#f3dfc6') + cloud(900, 130, 1.1) + hill(560, 50, '#9fbf97') +
		timber(120, 650, 330, 260) + timber(520, 650, 260, 220, '#efe0c4', '#a2483a') +
		many(6, i => circle(250 + i * 34 + (i % 2) * 18, 250 - i * 40, 26 + i * 9, '#8b8f93', `opacity="${0.6 - i * 0.08}"`)) +
		rect(0, 650, W, 150, '#8d9297') + rect(0, 644, W, 12, '#c9cdd0') + many(6, i => rect(60 + i * 210, 722, 110, 10, '#eef0f1')) + engine(480, 740, 0.98),
	'feuerwehr-uebung': () => sky() + cloud(250, 120, 1) + hill(560, 80, '#9cc78d') + rect(560, 300, 420, 360, '#b98a58') +
		path('M530 300 L770 170 L1010 300Z', '#7d5a3c') + many(9, i => rect(560 + i * 47, 300, 4, 360, '#96693e')) + windows(620, 360, 3, 2, 70, 70, 120, 130, '#3c4650') +
		rect(0, 660, W, 140, '#b9c9a0') + engine(40, 730, 0.66) + line('M250 590 L640 330', '#c9ced2', 16) + line('M262 610 L652 350', '#c9ced2', 16) +
		many(12, i => line(`M${258 + i * 33} ${588 - i * 22} L${264 + i * 33} ${606 - i * 22}`, '#9aa2a8', 6)) + person(636, 330, 0.5, '#26364f', '#e3b58f', '#f0d13a') +
		line('M480 730 C 560 660 620 800 720 730 S 900 700 960 760 S 1100 740 1180 770', '#f0c330', 18) + line('M420 770 C 560 800 700 740 820 780', '#f0c330', 18) +
		person(900, 690, 0.85, '#26364f', '#c98f68', '#f0d13a') + person(990, 700, 0.85, '#26364f', '#e3b58f', '#f0d13a'),
	'feuerwehr-jugend': () => sky('#9fd0ec', '#eef7ee') + sun(160, 130) + cloud(760, 120, 1) + hill(540, 60, '#8fc37f') + rect(0, 620, W, 180, '#a5cf8c') + tree(1080, 620, 1.3) +
		line('M80 720 C 180 640 300 690 520 610', '#d9b52a', 20) +
		[[170, 680, '#e58b2a', '#e3b58f'], [280, 690, '#e58b2a', '#8d5a3c'], [390, 672, '#e58b2a', '#f0c9a6']].map(([x, y, c, k]) => person(x, y, 1.05, '#2b4a7d', k, c)).join('') +
		line('M520 610 Q 760 420 990 560', '#6fb7e8', 14, 'opacity=".9"') + line('M520 606 Q 760 400 990 550', '#bfe2f7', 6) +
		rect(980, 560, 14, 120, '#7a5a41') + circle(988, 530, 64, '#d9a867') + circle(988, 530, 42, '#f5e6cb') + circle(988, 530, 20, '#c8281e') +
		many(10, i => circle(940 + ((i * 37) % 90), 520 + ((i * 53) % 90), 5, '#8cc7ee')),
	'feuerwehr-ehrung': () => rect(0, 0, W, H, '#e9dfd0') + rect(0, 600, W, 200, '#b98d62') + many(8, i => path(`M${i * 150} 0 L${i * 150 + 150} 0 Q${i * 150 + 120} 300 ${i * 150 + 140} 600 L${i * 150 + 10} 600 Q${i * 150 + 40} 300 ${i * 150} 0Z`, i % 2 ? '#b3352b' : '#9f2d25')) +
		rect(0, 590, W, 18, '#8a6238') + ellipse(600, 700, 430, 40, '#a37749') +
		person(380, 640, 2, '#22304f', '#c98f68', '#2f241d') + person(820, 640, 2, '#22304f', '#f0c9a6', '#8d8578') + person(600, 630, 2.1, '#22304f', '#e3b58f', '#8a4a24') +
		many(3, i => circle(374 + i * 222, 500, 9, '#e8c84a')) + round(600, 470, 120, 86, '#fdf8ea', 4) + many(4, i => rect(616, 488 + i * 15, 88 - (i % 2) * 20, 4, '#b9a97e')) +
		circle(548, 500, 24, '#e26d8a') + circle(524, 486, 20, '#f0b73f') + circle(534, 520, 20, '#f6f2ee') + circle(560, 474, 18, '#b25fc0') + path('M528 520 L560 520 L546 600Z', '#4f8f55'),
	landratsamt: () => sky('#8fc4ea', '#eaf4f6') + sun(1030, 120, 46) + cloud(300, 130, 1.2) + rect(140, 250, 920, 400, '#f3efe7') + rect(140, 232, 920, 24, '#7fae6b') +
		many(14, i => ellipse(170 + i * 66, 228, 26, 13, i % 2 ? '#6c9f58' : '#8bbd74')) + many(33, i => round(176 + (i % 11) * 78, 290 + Math.floor(i / 11) * 92, 62, 66, '#a9d0e2', 3)) +
		rect(480, 520, 240, 130, '#86b9d0') + rect(596, 520, 8, 130, '#f3efe7') + round(440, 500, 320, 24, '#3f5f78', 4) + text(468, 520, 19, '#fff', 'Landratsamt Musterkreis') +
		rect(0, 650, W, 150, '#d8d0c2') + many(12, i => rect(i * 104, 690, 70, 6, '#c5bcab')) + tree(120, 670, 1.3) + tree(1080, 680, 1.4, '#5f9c4f') + tree(330, 664, 0.8, '#6aa860') +
		many(4, i => at(820 + i * 60, 700, 0.5, line('M0 0 L0 -50 Q0 -70 20 -70 L30 -70 Q50 -70 50 -50 L50 0', '#59656e', 9))) + at(848, 702, 0.55, circle(0, 0, 36, 'none', 'stroke="#2d3a4a" stroke-width="6"') + circle(110, 0, 36, 'none', 'stroke="#2d3a4a" stroke-width="6"') + line('M0 0 L40 -56 L96 -56 L110 0 M40 -56 L58 0 L96 -56 M30 -70 L50 -70', '#c0432f', 7)) + person(420, 730, 0.9, '#5b7fb0') + person(500, 740, 0.9, '#b8574a', '#8d5a3c'),
	bus: () => sky('#9accec', '#f2f4ea') + cloud(900, 120, 1.1) + hill(520, 60, '#a6cf95') + timber(60, 560, 200, 180, '#f4ead7', '#9e4b3a') + rect(0, 640, W, 160, '#8d9297') + rect(0, 600, W, 44, '#c9c5bb') + many(5, i => rect(40 + i * 260, 740, 130, 10, '#f0f1f2')) +
		round(250, 330, 620, 330, '#f6f8f7', 26) + rect(250, 530, 620, 92, '#3f9a5a') + many(5, i => round(276 + i * 96, 380, 84, 110, '#a9d0e2', 8)) + round(756, 380, 100, 250, '#bcdce9', 8) + rect(803, 380, 5, 250, '#5c6b74') + round(276, 340, 300, 32, '#20262b', 6) + text(290, 365, 26, '#f7c83d', '7  Klinikum') + text(400, 596, 50, '#fff', '7', 'font-weight="bold"') + wheel(360, 664, 46) + wheel(690, 664, 46) +
		rect(920, 360, 12, 290, '#5c6b74') + rect(1130, 360, 12, 290, '#5c6b74') + round(890, 336, 290, 26, '#3f5f78', 6) + rect(936, 400, 190, 160, '#cfe6f2', 'opacity=".6"') + circle(905, 300, 34, '#f5c945') + text(889, 315, 42, '#2f7d45', 'H', 'font-weight="bold"') +
		person(960, 640, 1.15, '#8c4f8f', '#c98f68', '#2f241d') + at(1046, 690, 1, path('M-30 -60 A44 44 0 0 1 50 -60 L36 -22 L-20 -22Z', '#36699a') + line('M-58 -82 L-30 -60', '#3a424a', 6) + circle(-14, -6, 14, '#2b2f36') + circle(32, -6, 14, '#2b2f36')),
	baustelle: () => sky() + sun(180, 130, 50) + cloud(820, 120, 1.2) + hill(480, 90, '#a3cd90') + hill(560, 50, '#8dbf7a', 20) + path('M0 800 L0 700 L480 560 L720 560 L1200 700 L1200 800Z', '#7f858a') + path('M330 800 L500 620 L720 620 L820 800Z', '#8a6a48') + path('M390 800 L530 650 L690 650 L750 800Z', '#6f5236') +
		at(640, 620, 1.05, round(-20, -40, 250, 56, '#3b3f44', 26) + many(5, i => circle(16 + i * 46, -12, 18, '#6d747b')) + round(10, -150, 190, 116, '#f0b429', 12) + round(100, -230, 96, 100, '#f0b429', 8) + round(112, -218, 72, 66, '#bfe0ee', 6) + line('M30 -130 L-90 -260 L-190 -120', '#e0a21f', 30) + path('M-220 -130 L-160 -130 L-166 -60 Q-200 -40 -226 -70Z', '#5b6168')) +
		many(5, i => at(90 + i * 240 - (i % 2) * 20, 770 - Math.abs(i - 2) * 14, 1, many(5, j => path(`M${j * 40} -120 l40 0 l-20 40 l-40 0Z`, j % 2 ? '#fff' : '#d8372b')) + rect(10, -80, 10, 76, '#5c6b74') + rect(170, -80, 10, 76, '#5c6b74') + circle(20, -136, 14, '#f6b93b'))),
	landschaft: () => sky('#79b8e6', '#f6efd9') + sun(960, 150, 64) + cloud(220, 130, 1.3) + cloud(620, 90, 0.8) + hill(430, 120, '#9fc7b0') + hill(500, 100, '#8fbf84', 40) + hill(580, 80, '#a9cd74', -30) +
		path('M1200 560 C 980 560 960 620 780 620 S 520 600 470 660 S 640 720 560 800 L 760 800 C 800 740 620 700 700 670 S 980 680 1200 610Z', '#6fb0d8') +
		many(7, i => path(`M${60 + i * 70} 560 l60 -16 l30 60 l-70 18Z`, ['#d9c86a', '#b7d27c', '#c9b25c'][i % 3])) +
		many(7, i => at(640 + i * 58 - (i % 2) * 12, 590 + (i % 3) * 12, 0.9, rect(0, -34, 44, 34, '#f7efe2') + path('M-6 -34 L22 -62 L50 -34Z', '#b5533c'))) + rect(822, 486, 34, 90, '#f7efe2') + path('M814 486 L839 410 L864 486Z', '#6d4a3a') + tree(120, 720, 1.1) + tree(230, 760, 1.4, '#5f9c4f') + tree(1080, 740, 1.5) + tree(980, 760, 1, '#6aa860'),
	windrad: () => sky('#86c2ea', '#f2f5e6') + cloud(300, 140, 1.1) + cloud(1000, 110, 0.9) + hill(560, 90, '#98c788') + windmill(360, 560, 1.15, 15) + windmill(800, 530, 1.3, 50) + hill(640, 50, '#a9d17f', 20) +
		many(8, i => at(80 + (i % 4) * 290, 690 + Math.floor(i / 4) * 90, 1, path('M0 0 L40 -62 L230 -62 L190 0Z', '#24487a') + many(4, j => line(`M${40 + j * 47} -62 L${j * 47} 0`, '#8fb3dd', 2)) + line('M20 -31 L210 -31', '#8fb3dd', 2) + rect(90, 0, 8, 16, '#6d747b'))) +
		[[330, 716], [640, 700], [940, 726], [620, 784]].map(([x, y]) => ellipse(x, y, 30, 19, '#f6f2ea') + circle(x + 30, y - 8, 11, '#4a4038') + rect(x - 16, y + 12, 5, 16, '#4a4038') + rect(x + 12, y + 12, 5, 16, '#4a4038')).join(''),
	rathaus: () => sky('#8dc3ea', '#f7efdf') + cloud(250, 120, 1) + cloud(960, 150, 0.9) + timber(40, 640, 230, 300, '#f2dfc0', '#a2483a') + timber(930, 640, 230, 280, '#e9e2cf', '#8d4436') + timber(340, 640, 520, 330) +
		`<g transform="rotate(2 600 160)">${rect(560, 60, 80, 130, '#f4ead7')}${path('M548 62 L600 -20 L652 62Z', '#5f7f78')}${circle(600, 116, 28, '#fff')}${line('M600 116 L600 98 M600 116 L614 122', '#333', 5)}</g>` +
		rect(0, 640, W, 160, '#d9cdb8') + many(20, i => ellipse(40 + (i * 61) % 1200, 670 + ((i * 37) % 110), 26, 6, '#cbbda5')) + ellipse(600, 730, 130, 30, '#9aa5aa') + ellipse(600, 722, 112, 22, '#7fbbe0') + rect(588, 620, 24, 100, '#aab3b7') + circle(600, 612, 20, '#aab3b7') + line('M600 616 Q560 610 548 706 M600 616 Q640 610 652 706', '#cfe9f8', 5) +
		[[180, '#d8402f'], [330, '#3f8f6b'], [880, '#e9a23b'], [1030, '#3f6fa8']].map(([x, c]) => rect(x - 4, 590, 8, 140, '#7a5a41') + path(`M${x - 80} 610 Q${x} 530 ${x + 80} 610Z`, c)).join('') + person(460, 750, 0.8, '#4a6f9c') + person(760, 756, 0.8, '#b8574a', '#8d5a3c'),
	streuobst: () => sky('#a4d3ee', '#f7f3dc') + sun(180, 130, 54) + hill(520, 80, '#a8cf86') + hill(600, 40, '#94c473', 20) + [[180, 640, 1.7], [960, 660, 2], [560, 610, 1.3], [760, 590, 0.9]].map(([x, y, s]) => tree(x, y, s, '#5f9c4f') + many(9, i => circle(x - 60 * s + ((i * 47) % 120) * s, y - 60 * s - ((i * 31) % 90) * s, 9 * s, '#d33c2c'))).join('') +
		line('M860 740 L930 430 M920 750 L980 440', '#a77b4f', 12) + many(7, i => line(`M${870 + i * 9} ${704 - i * 40} L${926 + i * 8.6} ${712 - i * 40}`, '#a77b4f', 9)) + at(820, 760, 1.2, path('M-50 -46 L50 -46 L38 0 L-38 0Z', '#b98a58') + many(6, i => circle(-36 + i * 15, -52 - (i % 2) * 10, 13, '#d33c2c')) + line('M-44 -48 Q0 -120 44 -48', '#8a6238', 7)) + many(40, i => line(`M${(i * 97) % 1200} ${740 + ((i * 13) % 60)} l-4 -16`, '#6fa557', 4)) + many(12, i => circle((i * 211) % 1200, 720 + ((i * 29) % 70), 7, i % 2 ? '#fff' : '#f2d24a')),
	wochenmarkt: () => sky('#9bcbea', '#f8f1e0') + timber(20, 560, 260, 250, '#f2dfc0', '#a2483a') + timber(330, 560, 230, 290, '#e9e2cf', '#8d4436') + timber(620, 560, 260, 260, '#f4ead7') + timber(930, 560, 240, 280, '#ead9bd', '#974a3b') + rect(0, 560, W, 240, '#d9cdb8') + many(24, i => ellipse((i * 83) % 1200, 600 + ((i * 43) % 190), 26, 6, '#cbbda5')) +
		stall(60, 700, '#c8403a') + stall(440, 720, '#3f8f6b') + stall(820, 700, '#3f6fa8') + person(380, 740, 1, '#8c4f8f') + person(760, 750, 1, '#4a6f9c', '#8d5a3c') + person(1130, 750, 1.05, '#b8874a', '#f0c9a6', '#a9a39b'),
	klinikum: clinic,
	'klinik-storch': () => sky('#a9d8f2', '#f1f8fb') + sun(200, 150, 60) + cloud(350, 300, 1.4) + cloud(880, 160, 1) + hill(690, 40, '#a9cf9a') + rect(760, 440, 360, 260, '#fbfcfd') + windows(790, 480, 5, 3, 40, 40, 64, 70) + round(890, 400, 90, 90, '#fff', 8) + rect(922, 412, 26, 66, '#2f9e5f') + rect(902, 432, 66, 26, '#2f9e5f') +
		at(420, 400, 1.5, ellipse(0, 0, 110, 44, '#fff') + path('M-20 -10 Q-120 -170 -210 -120 Q-150 -60 -60 20Z', '#fff') + path('M-160 -136 Q-260 -130 -220 -60 Q-170 -80 -110 -50Z', '#23282d') + line('M90 -10 Q150 -30 170 -70', '#fff', 26) + circle(176, -84, 26, '#fff') + circle(184, -90, 4, '#222') + path('M196 -92 L280 -70 L196 -74Z', '#e2552f') + line('M-90 10 L-190 50 M-80 20 L-180 70', '#e2552f', 7) + path('M-110 -6 L-170 10 L-110 24Z', '#23282d') + line('M262 -74 L240 -10 M262 -74 L290 -10', '#d9c7ae', 4) + path('M226 -14 Q266 70 306 -14 Q266 -34 226 -14Z', '#f3e3cc') + circle(266, -12, 15, '#f0c9a6')),
	'klinik-zimmer': () => rect(0, 0, W, H, '#f3ede2') + rect(0, 600, W, 200, '#c79c6c') + many(9, i => line(`M${i * 150} 600 L${i * 190 - 160} 800`, '#b3885a', 4)) + rect(620, 100, 480, 370, '#a9d6ee') + path('M620 390 Q760 300 880 380 T1100 340 L1100 470 L620 470Z', '#94c47f') + circle(1010, 180, 36, '#ffd35c') + rect(612, 92, 496, 12, '#fff') + rect(612, 466, 496, 14, '#fff') + rect(854, 92, 12, 380, '#fff') + path('M560 80 Q640 280 580 500 L520 500 L520 80Z', '#e8b98a') +
		round(120, 470, 560, 90, '#fff', 16) + round(150, 440, 160, 70, '#dcebf3', 24) + path('M300 480 L680 480 Q700 520 680 570 L300 570Z', '#7fb3a2') + rect(110, 380, 22, 260, '#9aa5aa') + rect(672, 470, 22, 170, '#9aa5aa') + circle(130, 646, 16, '#4a525a') + circle(676, 646, 16, '#4a525a') + circle(330, 210, 74, '#fff', 'stroke="#3b4a55" stroke-width="10"') + line('M330 210 L330 160 M330 210 L364 228', '#3b4a55', 9) + round(760, 560, 110, 90, '#d8b27f', 8) + tree(815, 560, 0.7) + round(930, 520, 190, 130, '#d98f5f', 24) + round(930, 440, 190, 100, '#e5a273', 24),
	schule: () => sky('#8ecbf0', '#f4f7e8') + sun(1000, 130, 70) + `<g>${circle(980, 118, 6, '#7a5a10')}${circle(1022, 118, 6, '#7a5a10')}${line('M972 146 Q1000 172 1030 146', '#7a5a10', 6)}</g>` + cloud(300, 130, 1.1) + hill(560, 50, '#a6d08f') + rect(140, 300, 760, 350, '#fbeed2') + path('M110 300 L520 190 L930 300Z', '#d2603f') + many(12, i => round(180 + (i % 6) * 118, 340 + Math.floor(i / 6) * 150, 92, 106, '#a9d6e8', 4) + rect(224 + (i % 6) * 118, 340 + Math.floor(i / 6) * 150, 4, 106, '#fff')) + round(470, 520, 104, 130, '#3f7f9c', 6) + text(420, 280, 36, '#fff', 'Schule Auental') + rect(0, 650, W, 150, '#dcd6c6') + tree(1030, 660, 1.5) + tree(70, 660, 1.1) +
		many(7, i => at(120 + i * 118, 730, 0.72, circle(0, 0, 36, 'none', 'stroke="#2d3a4a" stroke-width="6"') + circle(108, 0, 36, 'none', 'stroke="#2d3a4a" stroke-width="6"') + line('M0 0 L40 -56 L94 -56 L108 0 M40 -56 L58 0 L94 -56 M28 -70 L50 -70', ['#d33c2c', '#2f8f5b', '#3f6fa8', '#e9a23b'][i % 4], 8))) + person(980, 720, 0.85, '#d8743f', '#8d5a3c') + person(1060, 730, 0.8, '#3f8f6b', '#f0c9a6', '#b5651d'),
	schulhund: () => rect(0, 0, W, H, '#efe4cf') + round(110, 70, 980, 480, '#8a6238', 10) + rect(132, 92, 936, 436, '#2f6650') + text(210, 220, 76, '#f3f6ee', 'Balu wird 5', 'font-style="italic"') + line('M214 250 Q420 280 640 244', '#f3d77a', 6) + many(5, i => at(240 + i * 60, 430, 1, rect(-6, -50, 12, 50, ['#f3d77a', '#f0a8a8', '#a8d3f0'][i % 3]) + path('M0 -78 Q12 -60 0 -52 Q-12 -60 0 -78Z', '#ffd35c'))) + round(200, 430, 320, 60, '#f3f6ee', 8) + rect(0, 620, W, 180, '#c79c6c') + rect(0, 608, W, 14, '#a77b4f') +
		at(800, 700, 1.5, ellipse(0, 0, 130, 26, '#a9804f') + path('M-80 0 Q-100 -170 -20 -220 Q60 -200 80 0Z', '#9a623a') + path('M-30 0 Q-36 -110 10 -150 Q40 -100 36 0Z', '#c99a6c') + circle(10, -250, 74, '#9a623a') + ellipse(40, -226, 44, 34, '#c99a6c') + ellipse(66, -242, 16, 12, '#2b211a') + circle(18, -268, 8, '#1d1713') + circle(21, -271, 3, '#fff') + path('M-50 -290 Q-110 -270 -80 -190 Q-50 -200 -40 -250Z', '#7d4c2b') + path('M-60 -196 Q10 -160 78 -190 L84 -168 Q10 -136 -66 -172Z', '#d33c2c') + path('M10 -160 L36 -160 L24 -120Z', '#d33c2c') + line('M-86 -20 Q-150 -30 -150 -90', '#9a623a', 22) + line('M36 -206 Q50 -196 62 -204', '#5b3a22', 5)),
	konzert: () => rect(0, 0, W, H, '#241c33') + many(8, i => path(`M${i * 150} 0 h150 q-30 300 -10 620 h-130 q20 -320 -10 -620Z`, i % 2 ? '#7f2a4d' : '#97345c')) + [[260, '#ffe7a0'], [600, '#fff3d0'], [940, '#ffe7a0']].map(([x, c]) => path(`M${x} 0 L${x - 190} 660 L${x + 190} 660Z`, c, 'opacity=".22"')).join('') + rect(0, 620, W, 180, '#8a6238') + many(9, i => line(`M${i * 150} 620 L${i * 190 - 160} 800`, '#75522e', 4)) +
		person(300, 640, 1.7, '#2f4f7f', '#e3b58f', '#4a372c', path('M20 -80 Q50 -110 70 -84 Q84 -60 60 -50 Q40 -44 20 -80Z', '#a8612c') + line('M60 -80 L96 -120 M14 -100 L90 -60', '#5b3a22', 4)) + person(600, 640, 1.75, '#7a3f74', '#8d5a3c', '#1d1713', line('M10 -96 L96 -104', '#e8c84a', 12) + path('M90 -122 L116 -132 L116 -78 L90 -88Z', '#e8c84a')) + person(900, 640, 1.7, '#2f6f5a', '#f0c9a6', '#b5651d', round(-6, -76, 84, 60, '#d33c2c', 8) + rect(-6, -70, 84, 8, '#fff') + line('M10 -106 L50 -78 M90 -110 L58 -78', '#e8d5b0', 6)) + rect(455, 480, 8, 170, '#3a3340') + circle(459, 470, 16, '#59525f') + many(14, i => circle(30 + i * 88, 800, 46, '#17121f')),
	waermepumpe: () => sky('#9fd0ec', '#f2f6e8') + sun(180, 130, 56) + cloud(980, 130, 1) + rect(0, 640, W, 160, '#9ac77f') + path('M300 330 L640 130 L980 330Z', '#a9503c') + path('M660 160 L900 300 L860 322 L640 190Z', '#24487a') + many(4, i => line(`M${690 + i * 50} ${180 + i * 30} L${662 + i * 50} ${200 + i * 32}`, '#8fb3dd', 3)) + rect(340, 330, 600, 320, '#f7efe2') + rect(364, 354, 264, 130, '#fdf6e3') + rect(652, 354, 264, 130, '#eaf3f0') + rect(364, 506, 264, 144, '#f3e6d8') + rect(652, 506, 264, 144, '#fbeed2') +
		many(3, i => line(`M380 ${610 + i * 14} q20 -10 40 0 t40 0 t40 0 t40 0 t40 0`, '#e2703f', 4)) + round(676, 560, 100, 70, '#fff', 6) + many(5, i => rect(684 + i * 18, 566, 8, 58, '#e2a08a')) + person(840, 620, 0.7, '#4a6f9c') + round(400, 420, 140, 54, '#d98f5f', 14) + round(700, 400, 70, 80, '#b98a58', 4) + line('M660 650 L1010 650', '#c9c5bb', 10) + line('M916 600 L1020 600 M916 620 L1020 620', '#e2703f', 8) + round(1000, 540, 150, 120, '#e9edf0', 10) + circle(1062, 600, 44, '#b9c3ca') + many(4, i => `<g transform="rotate(${i * 90} 1062 600)">${path('M1062 600 q-16 -20 0 -40 q16 20 0 40Z', '#6d7a83')}</g>`) + tree(150, 660, 1.5) + tree(1150, 680, 0.8),
	hallenbad: () => rect(0, 0, W, H, '#dff0f3') + many(6, i => path(`M${i * 210 - 20} 0 L${i * 210 + 150} 0 L${i * 210 + 130} 260 L${i * 210} 260Z`, '#bfe3ef')) + rect(0, 260, W, 60, '#f5f2ea') + path('M200 380 L1000 380 L1200 800 L0 800Z', '#4fb3d9') + many(3, i => line(`M${400 + i * 200} 384 L${300 + i * 300 - 0} 800`, '#d8372b', 9, 'stroke-dasharray="26 18"')) + many(16, i => line(`M${100 + ((i * 173) % 1000)} ${440 + ((i * 67) % 330)} q20 -10 40 0 t40 0`, '#a9dff2', 5)) + path('M200 380 L1000 380 L1010 396 L190 396Z', '#fff') +
		path('M880 250 Q1010 250 1010 350 T1130 470', 'none', 'stroke="#f2c230" stroke-width="40" stroke-linecap="round"') + rect(860, 210, 14, 180, '#8fa3ad') + many(5, i => rect(820, 240 + i * 30, 44, 6, '#8fa3ad')) + ellipse(1100, 500, 110, 34, '#7fd0ea') + circle(420, 560, 24, '#e3b58f') + path('M396 556 A24 24 0 0 1 444 556Z', '#d8372b') + line('M444 574 Q500 540 520 580', '#e3b58f', 14) + circle(760, 650, 28, '#8d5a3c') + path('M732 646 A28 28 0 0 1 788 646Z', '#2f6f9f') + circle(1090, 486, 18, '#f0c9a6') + round(1020, 380, 40, 10, '#e26d8a', 5),
	buecherei: () => rect(0, 0, W, H, '#5b4031') + many(4, r => rect(60, 60 + r * 150, 1080, 14, '#8a6238') + many(40, i => { const h = 84 + ((i * 37 + r * 13) % 40); return rect(66 + i * 26.6, 210 + r * 150 - h - 10, 22 - ((i * 7) % 8), h, ['#b3423a', '#d9a441', '#4f7f8f', '#6d8f5a', '#8a5a83', '#e3d3b4', '#35506f'][(i * 3 + r * 5) % 7]); })) + many(3, i => rect(54 + i * 540, 50, 14, 620, '#8a6238')) + rect(0, 660, W, 140, '#9c7449') + ellipse(560, 740, 420, 50, '#a8463c') + circle(820, 360, 260, '#ffd98a', 'opacity=".22"') + path('M770 400 L870 400 L900 300 L740 300Z', '#f6dfa8') + rect(815, 400, 10, 320, '#3a2a20') + ellipse(820, 722, 60, 12, '#3a2a20') + round(430, 500, 280, 220, '#3f7f6f', 40) + round(460, 590, 220, 110, '#4f9483', 24) + round(410, 560, 60, 160, '#376f61', 26) + round(670, 560, 60, 160, '#376f61', 26) + many(5, i => round(220 + (i % 2) * 8, 720 - i * 22, 150 - i * 6, 20, ['#e26d8a', '#f2c230', '#4f8fbf', '#6fae5a', '#d8743f'][i], 3)),
	spielplatz: () => sky('#8fcaee', '#f3f7e4') + sun(1050, 130, 56) + cloud(260, 120, 1.1) + hill(540, 50, '#9fcb86') + rect(0, 620, W, 180, '#e8d6a8') + path('M0 620 Q300 590 600 620 T1200 610 L1200 640 L0 650Z', '#8fc37f') + path('M0 790 Q200 750 420 780 T900 760 T1200 780 L1200 800 L0 800Z', '#6fb7e0') + many(5, i => tree(60 + i * 270, 600 - (i % 2) * 20, 0.9 + (i % 3) * 0.2, i % 2 ? '#5f9c4f' : '#6aa860')) + rect(420, 360, 16, 350, '#a77b4f') + rect(600, 360, 16, 350, '#a77b4f') + rect(410, 470, 216, 18, '#b98a58') + path('M396 360 L518 270 L640 360Z', '#3f6fa8') + many(6, i => rect(430, 510 + i * 32, 172, 8, '#c79c6c')) + path('M610 476 Q700 500 760 620 T880 716', 'none', 'stroke="#d8372b" stroke-width="36" stroke-linecap="round"') +
		line('M900 720 L960 420 L1150 420 L1200 720 M960 420 L930 720', '#8a6238', 14) + line('M1020 420 L1000 610 M1080 420 L1064 610', '#6d747b', 5) + round(990, 606, 84, 14, '#3f8f6b', 6) + person(1032, 604, 0.75, '#e9a23b', '#8d5a3c') + person(520, 468, 0.6, '#8c4f8f') + at(230, 720, 1, rect(-10, -110, 20, 110, '#6d747b') + line('M0 -100 L-70 -130', '#4a525a', 12) + line('M10 -86 Q50 -80 50 -30', '#6fb7e0', 9)) + person(150, 720, 0.8, '#3f6fa8', '#f0c9a6', '#b5651d'),
};

const wanted = process.argv.slice(2);
await mkdir(out, { recursive: true });
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
const page = await browser.newPage({ viewport: { width: W, height: H } });
for (const [name, draw] of Object.entries(pictures)) {
	if (wanted.length && !wanted.includes(name)) continue;
	const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${W}" height="${H}" viewBox="0 0 ${W} ${H}">${draw()}</svg>`;
	await page.setContent(`<body style="margin:0">${svg}</body>`);
	const jpeg = await page.screenshot({ type: 'jpeg', quality: 78 });
	await writeFile(join(out, `${name}.jpg`), jpeg);
	console.log(name, jpeg.length);
}
await browser.close();
