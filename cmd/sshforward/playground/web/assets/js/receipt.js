// The receipt of a lease: one picture, a slider that replays its life, and a way
// to keep it.

import { announce, h, icon } from './dom.js';
import * as act from './act.js';
import { dismiss } from './dialog.js';
import { lifeOf, receiptPicture, stateAt } from './receiptpicture.js';
import { state } from './state.js';

const steps = 200; // of the slider
const replayFor = 6000; // ms

/** showReceipt shows what is known about a lease. */
export async function showReceipt(lease) {
  let r = await act.receipt(lease);
  if (!r) return;
  let timer = 0;
  let at = 0; // the moment that is shown
  const place = h('div', { class: 'receipt-picture', tabindex: 0, role: 'group', 'aria-label': 'Picture of the receipt' });
  const slider = h('input', { type: 'range', min: 0, max: steps, value: steps, id: 'receipt-slider', oninput: () => { stop(); draw(); } });
  const moment = h('output', { for: 'receipt-slider' });
  const replay = h('button', { type: 'button', class: 'button', dataset: { receipt: 'replay' }, onclick: () => play() }, icon('play'), 'Replay');
  const leases = (state.story?.leases ?? []).filter((l) => l.state !== 'requested');
  const choice = h('select', { 'aria-label': 'Lease', class: 'field-input', onchange: async () => {
    const other = await act.receipt(choice.value);
    if (!other) return;
    r = other;
    slider.value = steps;
    stop();
    draw();
  } }, leases.map((l) => h('option', { value: l.id, selected: l.id === lease }, `${l.name}, ${l.state}${l.urgent ? ', urgent' : ''} (${l.id})`)));

  function draw() {
    const life = lifeOf(r);
    const [from, to] = [life[0].at, life.at(-1).at];
    const until = from + (to - from) * slider.value / steps;
    at = until;
    place.replaceChildren(receiptPicture(r, until, place.clientWidth || undefined));
    moment.textContent = `${new Date(until).toISOString().slice(11, 19)} UTC, ${stateAt(life, until) || 'nothing yet'}`;
    slider.setAttribute('aria-valuetext', moment.textContent);
  }
  const stop = () => { clearInterval(timer); timer = 0; };
  function play() {
    stop();
    slider.value = 0;
    draw();
    timer = setInterval(() => {
      slider.value = Number(slider.value) + steps / (replayFor / 100);
      draw();
      if (Number(slider.value) >= steps) stop();
    }, 100);
  }

  const box = h('dialog', { class: 'receipt', 'aria-labelledby': 'receipt-heading' },
    h('header', {}, h('h2', { id: 'receipt-heading' }, 'Receipt'), choice,
      h('button', { type: 'button', class: 'plain', 'aria-label': 'Close', onclick: () => box.close() }, icon('close'))),
    place,
    h('div', { class: 'receipt-replay' }, replay, h('label', { for: 'receipt-slider', class: 'sr-only' }, 'Replay the life of the lease'), slider, moment),
    h('div', { class: 'dialog-buttons' },
      h('button', { type: 'button', class: 'button', dataset: { receipt: 'svg' }, onclick: () => save(receiptPicture(r, at), `receipt-${r.lease}.svg`, svgFile) }, 'Save as SVG'),
      h('button', { type: 'button', class: 'button', dataset: { receipt: 'png' }, onclick: () => save(receiptPicture(r, at), `receipt-${r.lease}.png`, pngFile) }, 'Save as PNG')));
  box.addEventListener('close', () => { stop(); dismiss(box); });
  document.body.append(box);
  box.showModal();
  draw(); // it has a width now
  slider.focus();
}

const svgFile = async (svg) => new Blob([new XMLSerializer().serializeToString(svg)], { type: 'image/svg+xml' });

async function pngFile(svg) {
  const { width, height } = svg.viewBox.baseVal;
  const url = URL.createObjectURL(await svgFile(svg));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = h('canvas', { width: width * 2, height: height * 2 });
    canvas.getContext('2d').drawImage(image, 0, 0, width * 2, height * 2);
    return await new Promise((done) => canvas.toBlob(done, 'image/png'));
  } finally {
    URL.revokeObjectURL(url);
  }
}

async function save(picture, name, make) {
  const url = URL.createObjectURL(await make(picture));
  const a = h('a', { href: url, download: name });
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  announce(`Saved ${name}`);
}
