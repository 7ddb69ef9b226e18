// The line above the conversation: where one is, and the tabs of the bot's DM.

import { $, fill, h, icon, langOf } from './dom.js';
import { avatar } from './people.js';
import { says } from './says.js';
import { channel, go, me, on, state } from './state.js';

function draw() {
  const c = channel();
  if (!c) return;
  const tab = (id, name) => h('button', {
    type: 'button', role: 'tab', 'aria-selected': String(state.tab === id), dataset: { tab: id }, lang: langOf(says(name)), onclick: () => go(c.id, id),
  }, says(name));
  fill($('chat-head'),
    h('h1', {}, c.is_im ? avatar(state.bot) : icon(c.is_private ? 'lock' : 'hash'), c.is_im ? 'sshforward' : c.name),
    c.is_im && h('div', { class: 'tablist', role: 'tablist' }, tab('home', 'Home'), tab('messages', 'Messages')),
    h('p', { class: 'as' }, h('span', {}, 'acting as'), avatar(state.me), h('strong', {}, me()?.real_name ?? '')));
}

export function startHead() {
  on('place', draw);
  on('connection', () => { $('offline').hidden = state.connected; });
}
