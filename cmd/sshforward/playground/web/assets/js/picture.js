// The VPC as a picture. Everything drawn has a key and is drawn again only when
// it changed, so that what appears and goes can be seen to do so.

import { s } from './dom.js';
import { geometry, room } from './geometry.js';
import { frame, gatewayAt, instancesAt, laptop, others, table } from './scenery.js';
import { forwardCard, isLocked, isOpen, lock } from './forward.js';
import { fades, traffic } from './traffic.js';

const gone = 450; // ms that something takes to fade

const drawn = new Map(); // key -> {node, text}
let svg = null;
let last = null; // what was drawn
let again = 0; // the timer for what is drawn for a while only

/** draw puts the picture of p into a place, or changes the one that is there. */
export function draw(place, p) {
  if (!svg) {
    svg = s('svg', { role: 'img', tabindex: 0, 'aria-labelledby': 'picture-title', 'aria-describedby': 'picture-desc', class: 'vpc' },
      s('title', { id: 'picture-title' }, 'The network'), s('desc', { id: 'picture-desc' }));
    place.append(svg);
    new ResizeObserver(() => { if (last && place.clientWidth && room(place) !== last.width) draw(place, last.p); }).observe(place);
  }
  const g = geometry(place.clientWidth ? room(place) : last?.width ?? 600, p); // out of sight it has no width
  last = { p, width: g.width };
  const keep = new Set();
  const part = (key, data, make, layer) => {
    keep.add(key);
    put(key, JSON.stringify([data, g.width]), make, layer);
  };
  svg.setAttribute('viewBox', `0 0 ${g.width} ${g.height}`);
  svg.setAttribute('width', g.width);
  svg.setAttribute('height', g.height);
  svg.querySelector('desc').textContent = describe(p);

  part('frame', [p.cidr, p.region, p.public, p.private, g.public, g.private, g.height], () => frame(p, g), 0);
  part('gateway', p.gateway, () => gatewayAt(p.gateway, g), 3);
  part('laptop', '', () => laptop(g), 3);
  part('public-table', [p.public.routes, g.publicTable], () => table(p.public, g.publicTable, true, g.wide), 1);
  part('private-table', [p.private.routes, g.privateTable], () => table(p.private, g.privateTable, false, g.wide), 1);
  part('others', [p.others, g.others], () => others(p, g.others), 1);
  part('instances', [p.instances, p.group, g.box, reached(p)], () => instancesAt(p, g, reached(p)), 2);

  for (const c of g.cards) {
    part('card ' + c.f.lease, [c, p.instances], () => forwardCard(c, p), 2);
    wires(c, p, g, part);
    traffic(c, p, g, part);
  }
  for (const [key, d] of drawn) if (!keep.has(key)) drop(key, d);
  const soon = fades();
  clearTimeout(again);
  if (soon) again = setTimeout(() => draw(place, last.p), soon);
}

const reached = (p) => p.forwards.filter(isOpen).map((f) => f.instance);

// A line is drawn when the rule behind it exists, and runs when the instance is
// in service.
function wires(c, p, g, part) {
  const { f } = c;
  const kind = (f.balancer ? (isOpen(f) ? 'live' : 'waiting') : 'ghost');
  if (isLocked(f)) part('lock ' + f.lease, [c.x, c.y], () => lock(c.x, c.y + 40), 3);
  if (f.group?.in.length && f.balancer) part('in ' + f.lease, [kind, g.wayIn(c)], () => wire(g.wayIn(c), kind), 1);
  const target = p.instances.findIndex((x) => x.id === f.instance);
  if (target >= 0 && f.door && f.balancer) part('out ' + f.lease, [kind, g.wayOn(c, target)], () => wire(g.wayOn(c, target), kind), 1);
}

function wire(d, kind) {
  return s('g', { class: 'wire ' + kind }, s('path', { d, class: 'under' }), s('path', { d, class: 'over', pathLength: 100 }));
}

// Layers, from the ground up, so that lines lie under cards.
const layers = [];
function layer(n) {
  while (layers.length <= n) {
    layers.push(s('g'));
    svg.append(layers.at(-1));
  }
  return layers[n];
}

function put(key, text, make, n) {
  const old = drawn.get(key);
  if (old?.text === text) return;
  const inner = make();
  if (old) {
    old.node.replaceChildren(inner);
    old.text = text;
    return;
  }
  const node = s('g', { class: 'appear' }, inner);
  layer(n).append(node);
  drawn.set(key, { node, text });
}

function drop(key, { node }) {
  drawn.delete(key);
  node.setAttribute('class', 'leaving');
  setTimeout(() => node.remove(), gone);
}

/** describe is the picture in words, for those who do not see it. */
export function describe(p) {
  const name = (id) => p.instances.find((i) => i.id === id)?.name ?? id;
  const out = [`VPC ${p.cidr} in ${p.region}. Public subnet ${p.public.cidr} routes to the internet gateway, private subnet ${p.private.cidr} does not.`,
    `Instances: ${p.instances.map((i) => `${i.name} ${i.ip} ${i.state}`).join(', ')}.`];
  for (const f of p.forwards) {
    const parts = [f.group && 'security group', f.balancer && `load balancer to ${name(f.instance) ?? 'nothing yet'}, ${f.balancer.health || 'no instance'}`, isLocked(f) && 'a locked door, nobody is let in',
      f.door && 'rule at the instance', f.lingering?.length && `${f.lingering.length} lingering interfaces`];
    out.push(`Lease ${f.lease}: ${parts.filter(Boolean).join(', ')}.`);
  }
  return out.join(' ');
}
