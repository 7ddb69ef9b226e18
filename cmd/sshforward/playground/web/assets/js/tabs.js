// The tabs of a narrow screen, on which the three parts take turns, each with
// what there is of news on it.

import { $, h, icon } from './dom.js';
import { on, persons, show, state, unreadOf } from './state.js';

const parts = [['side', 'people', 'People'], ['chat', 'chat', 'Chat'], ['cloud', 'cloud', 'Cloud']];
let told = ''; // what the cloud panel said when one last looked

const news = {
  side: () => persons().filter((u) => u.id !== state.me).reduce((n, u) => n + unreadOf(u.id), 0),
  chat: () => unreadOf(state.me),
  cloud: () => (state.view !== 'cloud' && document.querySelector('.state')?.textContent !== told ? '•' : 0),
};
const inWords = { side: (n) => `${n} for others`, chat: (n) => `${n} unread`, cloud: () => 'something has changed' };

function draw() {
  if (state.view === 'cloud' || !told) told = document.querySelector('.state')?.textContent ?? '';
  for (const b of $('tabs').children) {
    const { view } = b.dataset;
    const n = news[view]();
    b.setAttribute('aria-pressed', String(view === state.view));
    b.querySelector('.count')?.remove();
    if (n) b.append(h('span', { class: 'count', role: 'img', 'aria-label': inWords[view](n) }, n));
  }
}

export function startTabs() {
  $('tabs').append(...parts.map(([view, sign, name]) =>
    h('button', { type: 'button', dataset: { view }, onclick: () => show(view) }, icon(sign), h('span', {}, name))));
  on('place message view-part summary', draw);
}
