// What moves on the wires: each session is a dot, the time that is left sits on
// the way on, a session that was cut ends in a cross, and who is not let in gets
// as far as the security group.

import { s } from './dom.js';
import { span } from './dates.js';
import { isOpen } from './forward.js';
import { state } from './state.js';

const remains = 6000; // ms that a cut session, or a refusal, stays in the picture
const rounds = 4; // s in which a dot goes once along its wire
const still = matchMedia('(prefers-reduced-motion: reduce)');

// Where a forward led to, also when its load balancer is gone.
const targets = new Map();

const recent = (at) => at && Date.now() - Date.parse(at) < remains;

/** fades says in how many milliseconds something of the story has to go. */
export function fades() {
  const all = [...(state.story?.sessions ?? []).filter((x) => x.cut).map((x) => x.ended), ...(state.story?.refusals ?? []).map((x) => x.at)];
  const left = all.filter(recent).map((at) => Date.parse(at) + remains - Date.now());
  return left.length ? Math.max(20, Math.min(...left)) : 0;
}

/** traffic draws what goes on at the forward of a card c. */
export function traffic(c, p, g, part) {
  const { f } = c;
  const target = p.instances.findIndex((x) => x.id === f.instance);
  if (target >= 0) targets.set(f.lease, target);
  if (targets.has(f.lease)) {
    const way = g.wayIn(c) + ` H ${c.x + c.width} ` + g.wayOn(c, targets.get(f.lease)).replace(/^M \S+ \S+ /, '');
    sessions(f).forEach((x, n) => part('session ' + x.id, [way, n, x.cut], () => (x.cut ? cut(way, n) : dot(way, n, x)), 3));
    if (isOpen(f) && f.expires) part('left ' + f.lease, [f.expires, c.x, c.y, c.width], () => left(f, c), 3);
  }
  const refused = (state.story?.refusals ?? []).filter((x) => x.lease === f.lease && recent(x.at)).at(-1);
  if (refused && f.group) part('refused ' + f.lease, [refused.from, c.x, c.y], () => stranger(refused.from, c, g), 3);
}

const sessions = (f) => (state.story?.sessions ?? []).filter((x) => x.lease === f.lease && (!x.ended || (x.cut && recent(x.ended))));

// Sessions keep their distance, as far as there is room for it.
const place = (n) => 0.72 - (n % 7) * 0.05;

const pointOf = (way, share) => {
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', way);
  return path.getPointAtLength(path.getTotalLength() * share);
};

function dot(way, n, x) {
  const title = s('title', {}, `a session from ${x.from}`);
  if (still.matches) {
    const at = pointOf(way, place(n));
    return s('g', { class: 'on-wire', transform: `translate(${at.x} ${at.y})` }, title, s('circle', { r: 5.5 }));
  }
  return s('g', { class: 'on-wire' }, title, s('circle', { r: 5.5 },
    s('animateMotion', { path: way, dur: rounds + 's', begin: `${-n * 0.5}s`, repeatCount: 'indefinite' })));
}

function cut(way, n) {
  const at = pointOf(way, place(n));
  return s('g', { class: 'cut-wire', transform: `translate(${at.x} ${at.y})` },
    s('circle', { r: 9 }), s('path', { d: 'M-4-4 4 4M4-4-4 4' }), s('text', { x: -13, y: 4, 'text-anchor': 'end' }, 'session cut'));
}

function left(f, c) {
  const until = Date.parse(f.expires);
  return s('g', { class: 'time-left', transform: `translate(${c.x + c.width - 11} ${c.y + 80})` },
    s('rect', { x: -30, y: -10, width: 60, height: 20, rx: 10 }),
    s('text', { y: 4, 'text-anchor': 'middle', 'data-until': until, 'data-prefix': '' }, span(until - Date.now())));
}

function stranger(from, c, g) {
  const x = g.wide ? g.laptop.x + 200 : g.width - 34;
  const says = g.wide ? { x: x + 24 } : { x: x - 24, 'text-anchor': 'end' };
  const end = c.x - 3;
  return s('g', { class: 'stranger' },
    s('rect', { x: x - 14, y: 16, width: 28, height: 19, rx: 3, class: 'screen' }), s('path', { d: `M${x - 20} 38h40l-3 4.5h-34z`, class: 'keys' }),
    s('text', { ...says, y: 28 }, from), s('text', { ...says, y: 43, class: 'why' }, 'refused'),
    s('path', { d: `M ${x} 44 V 63 H ${g.gateway.x + 7} V 118 H ${c.x - 30} V ${c.y + 58} H ${end - 8}`, class: 'refused-wire' }),
    s('g', { class: 'cross', transform: `translate(${end} ${c.y + 58})` }, s('circle', { r: 9 }), s('path', { d: 'M-4-4 4 4M4-4-4 4' })));
}
