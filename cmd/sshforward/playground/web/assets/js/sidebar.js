// The left side: who one acts as, and the conversations.

import { $, fill, h, icon, langOf, mark } from './dom.js';
import { keeping } from './focus.js';
import { avatar } from './people.js';
import { actAs, botDM, go, me, on, persons, sees, show, state, unread, unreadOf } from './state.js';

function draw() {
  const mine = [...state.channels.values()].filter((c) => !c.is_im && sees(state.me, c));
  const dm = botDM(state.me);
  fill($('sidebar'),
    h('div', { class: 'brand' }, mark(), h('div', {}, h('strong', {}, 'sshforward'), h('span', {}, 'playground'))),
    h('h2', { id: 'channels-label' }, 'Channels'),
    h('ul', { 'aria-labelledby': 'channels-label' }, mine.map((c) => place(c, icon(c.is_private ? 'lock' : 'hash'), c.name))),
    h('h2', { id: 'dms-label' }, 'Direct messages'),
    h('ul', { 'aria-labelledby': 'dms-label' }, dm && place(dm, presence(), 'sshforward', 'APP')),
    h('h2', { id: 'people-label' }, 'Acting as'),
    h('div', { class: 'persons', role: 'radiogroup', 'aria-labelledby': 'people-label', onkeydown: arrows }, persons().map(person)));
}

function presence() {
  return h('span', { class: state.online ? 'presence on' : 'presence', title: state.online ? 'connected' : 'not connected' });
}

function place(c, sign, name, badge) {
  const n = unread(state.me, c.id);
  const here = c.id === state.channel;
  return h('li', {}, h('button', {
    type: 'button', class: 'place' + (n ? ' unread' : ''), 'aria-current': here ? 'page' : null, dataset: { key: c.id },
    onclick: () => { go(c.id); show('chat'); },
  }, sign, h('span', { class: 'name' }, name), badge && h('span', { class: 'badge' }, badge),
  n > 0 && h('span', { class: 'count', 'aria-label': n + ' unread' }, n)));
}

function person(u) {
  const chosen = u.id === state.me;
  const n = chosen ? 0 : unreadOf(u.id);
  const notes = [u.team_id !== state.team && 'another workspace', u.locale?.startsWith('ja') && '日本語'].filter(Boolean);
  return h('button', {
    type: 'button', class: 'person', role: 'radio', 'aria-checked': String(chosen), tabindex: chosen ? 0 : -1, dataset: { key: u.id, user: u.id },
    onclick: () => { actAs(u.id); show('chat'); },
  }, avatar(u.id), h('span', { class: 'who' }, h('span', { class: 'name', lang: langOf(u.real_name), title: u.real_name }, u.real_name), h('small', {}, ['@' + u.name, ...notes].join(' · '))),
  n > 0 && h('span', { class: 'count', 'aria-label': n + ' for them' }, n));
}

// In a group of radio buttons the arrows move the choice.
function arrows(e) {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[e.key];
  if (!step) return;
  e.preventDefault();
  const all = persons();
  const next = all[(all.findIndex((u) => u.id === state.me) + step + all.length) % all.length];
  actAs(next.id);
  document.querySelector(`[data-user="${CSS.escape(next.id)}"]`)?.focus();
}

export function startSidebar() {
  on('place online message', () => keeping($('sidebar'), draw));
  on('place', () => { document.title = `${me()?.real_name ?? ''} · sshforward playground`; });
}
