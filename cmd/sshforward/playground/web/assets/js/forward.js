// One lease in the picture: its security group as a box, in it the load
// balancer, its rules, and what lingers at the end.

import { s } from './dom.js';
import { span } from './dates.js';
import { short } from './scenery.js';

const t = (x, y, text, attributes = {}) => s('text', { x, y, ...attributes }, text);
const row = 17;

/** isLocked: there is a load balancer, and its group lets nobody in. */
export const isLocked = (f) => Boolean(f.balancer && f.group && !f.group.in.length);
/** isOpen: who is let in gets through to the instance. */
export const isOpen = (f) => f.balancer?.health === 'InService' && Boolean(f.door) && !isLocked(f);

export const cardHeight = (f) => (f.balancer ? 98 : f.group?.in.length ? 82 : 50) + (f.lingering?.length ?? 0) * row;

const health = {
  InService: ['live', 'in service'],
  OutOfService: ['waiting', 'out of service'],
  '': ['waiting', 'no instance yet'],
};

export function forwardCard({ f, x, y, width, height: tall }, p) {
  let [kind, says] = f.balancer ? health[f.balancer.health] ?? ['waiting', f.balancer.health] : ['ghost', ''];
  if (kind === 'live' && isLocked(f)) [kind, says] = ['locked', 'ready, locked'];
  const inner = width - 24;
  const end = { 'text-anchor': 'end' };
  const card = s('g', { class: 'card ' + kind, transform: `translate(${x} ${y})` },
    s('rect', { width, height: tall, rx: 10, class: f.group ? 'group-box' : 'group-box none' }),
    t(width - 12, 17, f.lease, { class: 'mono small lease', ...end }));
  if (f.balancer) {
    const long = inner > 292; // else there is no room for the port, which a rule says too
    card.append(s('g', { class: 'clb', transform: 'translate(12 24)' },
      s('rect', { width: inner, height: 32, rx: 8 }),
      s('path', { d: 'M12 16h8m0 0 7-7m-7 7h7m-7 0 7 7', class: 'sign' }), s('circle', { cx: 11, cy: 16, r: 2.5, class: 'sign-dot' }),
      t(36, 20, 'Load balancer' + (long ? ` :${f.balancer.listen}` : ''), { class: 'kind' }),
      t(inner - 10, 20, [s('tspan', { class: 'dot' }, '● '), says], { class: 'health', ...end })));
  } else {
    card.append(t(12, 35, f.group ? (f.lingering?.length ? 'load balancer is gone' : 'no load balancer') : 'left over', { class: 'dim' }));
  }
  card.append(t(12, 17, ['security group ', s('tspan', { class: 'mono small' }, f.group ? short(f.group.id) : 'none')], { class: 'dim small' }));
  let at = f.balancer ? 72 : 52;
  const peer = (r) => p.instances.find((i) => r.peer === i.ip + '/32')?.name ?? r.peer;
  const line = (word, r, far) => card.append(t(12, at, word, { class: 'dim small' }), t(38, at, r.what, { class: 'mono small' }), t(98, at, far, { class: 'mono small rule-peer' }));
  const [first, ...more] = f.group?.in ?? [];
  if (first) {
    line('in', first, 'from ' + first.peer + (more.length ? ` +${more.length}` : ''));
    at += row;
  } else if (isLocked(f)) {
    card.append(t(12, at, 'in', { class: 'dim small' }), t(38, at, 'nobody yet: the door is locked', { class: 'small shut' }));
    at += row;
  }
  if (f.group?.out.length) line('out', f.group.out[0], f.group.out[0].what === 'all' ? 'to anywhere' : 'to ' + peer(f.group.out[0]));
  (f.lingering ?? []).forEach((l, i) => {
    const until = Date.parse(l.gone);
    const yy = tall - 10 - ((f.lingering.length - 1 - i) * row);
    card.append(s('g', { class: 'lingering' }, t(12, yy, ['interface lingers ', s('tspan', { class: 'mono small' }, short(l.id))], { class: 'small' }),
      s('text', { x: width - 12, y: yy, class: 'small', ...end, 'data-until': until, 'data-prefix': 'gone in ' }, 'gone in ' + span(until - Date.now()))));
  });
  return card;
}

/** lock stands where people will come in, while nobody may. */
export function lock(x, y) {
  return s('g', { class: 'lock', transform: `translate(${x} ${y})` }, s('title', {}, 'locked: nobody is let in'),
    s('circle', { r: 12 }), s('path', { d: 'M-3.6-1v-2.6a3.6 3.6 0 0 1 7.2 0V-1' }), s('rect', { x: -5.5, y: -1.2, width: 11, height: 8, rx: 1.6 }));
}
