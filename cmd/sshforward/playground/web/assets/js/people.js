// Faces.

import { h, mark } from './dom.js';
import { state } from './state.js';

// The first letters of the words of a name; of one without spaces, the first.
const initials = (name) => name.replace(/\(.*\)/, '').trim().split(/\s+/).slice(0, 2).map((w) => [...w][0]?.toUpperCase() ?? '').join('');

/** avatar is decoration: the name stands beside it. */
export function avatar(id) {
  if (id === state.bot) return h('span', { class: 'avatar app', 'aria-hidden': 'true' }, mark());
  const u = state.users.get(id);
  if (!u) return h('span', { class: 'avatar tone-0', 'aria-hidden': 'true' }, '!');
  const index = [...state.users.keys()].indexOf(id);
  return h('span', { class: 'avatar tone-' + (1 + index % 6), 'aria-hidden': 'true' }, initials(u.real_name || u.name));
}
