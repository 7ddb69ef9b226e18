// Draws deploy/grafana-dashboard.json as Grafana's own components draw it, from what
// a Prometheus knows: node draw.mjs PROMETHEUS FROM TO OUT.png, times in seconds.
// TestDashboardPicture has the bot live for it. The picture says of which file it is.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { build } from 'esbuild';

const [prometheus, from, to, out] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4]), process.argv[5]];
const here = import.meta.dirname;
const file = readFileSync(join(here, '../../deploy/grafana-dashboard.json'));
const dashboard = JSON.parse(file);
const scrape = 2; // seconds, as TestDashboardPicture has Prometheus do it
const step = scrape;
const width = 1400, cell = 30, gap = 8; // Grafana's grid

// ask sends a query with what Grafana puts in the place of its words.
async function ask(target) {
  const words = { $job: 'sshforward', $__rate_interval: `${Math.max(step + scrape, 4 * scrape)}s` };
  const query = target.expr.replace(/\$\w+/g, (word) => words[word]);
  const path = target.instant ? `query?time=${to}` : `query_range?start=${from}&end=${to}&step=${step}`;
  const answer = await (await fetch(`${prometheus}/api/v1/${path}&query=${encodeURIComponent(query)}`)).json();
  if (answer.status !== 'success') throw new Error(`${query}: ${answer.error}`);
  return answer.data.result.map(({ metric, value, values }) => ({ metric, values: values ?? [value] }));
}

const answers = {};
for (const panel of dashboard.panels) answers[panel.id] = await Promise.all(panel.targets.map(ask));

const height = gap + Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h)) * (cell + gap);
const drawing = JSON.stringify({ dashboard, answers, from, to, step, width, cell, gap });
const dir = mkdtempSync(join(tmpdir(), 'dashboard-'));
try {
  const bundle = await build({
    entryPoints: [join(here, 'panels.jsx')], bundle: true, write: false, outdir: dir, format: 'iife', jsx: 'automatic', logLevel: 'error',
    define: { 'process.env.NODE_ENV': '"production"', global: 'window' }, loader: { '.ttf': 'empty' },
  });
  for (const { path, contents } of bundle.outputFiles) writeFileSync(path, contents);
  writeFileSync(join(dir, 'index.html'), `<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="panels.css">
<style>body { margin: 0 } .nothing { display: grid; place-items: center; height: 100% }</style>
<div id="dashboard"></div><script>window.drawing = ${drawing.replaceAll('<', '\\u003c')}</script><script src="panels.js"></script>`);
  execFileSync('chromium', ['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', `--user-data-dir=${join(dir, 'profile')}`,
    '--virtual-time-budget=20000', `--window-size=${width},${height}`, `--screenshot=${join(dir, 'shot.png')}`,
    `file://${join(dir, 'index.html')}`], { stdio: ['ignore', 'inherit', 'ignore'] });
  writeFileSync(out, signed(readFileSync(join(dir, 'shot.png')), createHash('sha256').update(file).digest('hex')));
} finally {
  rmSync(dir, { recursive: true, force: true, maxRetries: 10 });
}

// signed puts the dashboard's hash into the PNG, behind its header.
function signed(png, hash) {
  const body = Buffer.concat([Buffer.from('tEXt'), Buffer.from(`Source\0grafana-dashboard.json ${hash}`)]);
  const length = Buffer.alloc(4), sum = Buffer.alloc(4);
  length.writeUInt32BE(body.length - 4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([png.subarray(0, 33), length, body, sum, png.subarray(33)]);
}
