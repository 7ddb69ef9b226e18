// The line above the conversation: where one is, and the tabs of the bot's DM.

import { $, fill, h, icon, langOf } from './dom.js';
import { keeping } from './focus.js';
import { avatar } from './people.js';
import { says } from './says.js';
import { channel, go, me, on, state, unread } from './state.js';

function draw() {
  const c = channel();
  if (!c) return;
  const tab = (id, name) => h('button', {
    type: 'button', role: 'tab', 'aria-selected': String(state.tab === id), 'aria-controls': id === 'home' ? 'home' : 'scroll',
    tabindex: state.tab === id ? 0 : -1, dataset: { tab: id }, lang: langOf(says(name)), onclick: () => go(c.id, id),
  }, says(name), id === 'messages' && unread(state.me, c.id) > 0 && h('span', { class: 'count', 'aria-label': unread(state.me, c.id) + ' unread' }, unread(state.me, c.id)));
  fill($('chat-head'),
    h('h2', {}, c.is_im ? avatar(state.bot) : icon(c.is_private ? 'lock' : 'hash'), c.is_im ? 'sshforward' : c.name),
    c.is_im && h('div', { class: 'tablist', role: 'tablist', 'aria-label': 'sshforward', onkeydown: arrows }, tab('home', 'Home'), tab('messages', 'Messages')),
    h('p', { class: 'as' }, h('span', {}, 'acting as'), avatar(state.me), h('strong', {}, me()?.real_name ?? '')));
}

// In a list of tabs the arrows move the choice.
function arrows(e) {
  if (e.key !== 'ArrowLeft' && e.key !== 'ArrowRight') return;
  e.preventDefault();
  go(state.channel, state.tab === 'home' ? 'messages' : 'home');
  $('chat-head').querySelector('[aria-selected=true]')?.focus();
}

export function startHead() {
  on('place message', () => keeping($('chat-head'), draw));
  on('connection', () => { $('offline').hidden = state.connected; });
}
