// The VPC as a picture. Everything drawn has a key and is drawn again only when
// it changed, so that what appears and goes can be seen to do so.

import { s } from './dom.js';
import { frame, gatewayAt, instancesAt, laptop, table } from './scenery.js';
import { cardHeight, forwardCard, isLocked, isOpen, lock } from './forward.js';

const width = 600;
const top = 142; // of the public subnet
const gone = 450; // ms that something takes to fade

const drawn = new Map(); // key -> {node, text}
let svg = null;

/** draw puts the picture of p into a place, or changes the one that is there. */
export function draw(place, p) {
  if (!svg) {
    svg = s('svg', { role: 'img', 'aria-labelledby': 'picture-title picture-desc', class: 'vpc' },
      s('title', { id: 'picture-title' }, 'The network'), s('desc', { id: 'picture-desc' }));
    place.append(svg);
  }
  const keep = new Set();
  const part = (key, data, make, layer) => {
    keep.add(key);
    put(key, JSON.stringify(data), make, layer);
  };

  const cards = [];
  let y = top + 42;
  for (const f of p.forwards) {
    cards.push({ f, y, height: cardHeight(f) });
    y += cardHeight(f) + 12;
  }
  const publicHeight = Math.max(150, y - top + 4);
  const privateTop = top + publicHeight + 22;
  const height = privateTop + 194;
  svg.setAttribute('viewBox', `0 0 ${width} ${height + 12}`);
  svg.querySelector('desc').textContent = describe(p);

  part('frame', [p.cidr, p.region, p.public, p.private, publicHeight, privateTop, height],
    () => frame(p, { width, top, publicHeight, privateTop, height }), 0);
  part('gateway', p.gateway, () => gatewayAt(p.gateway), 3);
  part('laptop', p.forwards.length, () => laptop(), 3);
  part('public-table', [p.public.routes, top], () => table(p.public, 404, top + 42, true), 1);
  part('private-table', [p.private.routes, privateTop], () => table(p.private, 404, privateTop + 42, false), 1);
  part('others', [p.others, top, publicHeight], () => s('g', { class: 'others' }, p.others.map((o, i) =>
    s('g', { transform: `translate(404 ${top + publicHeight - 34 - i * 28})` },
      s('rect', { width: 156, height: 22, rx: 6 }), s('text', { x: 10, y: 15 }, `${o.name} :${o.listen}`),
      s('text', { x: 146, y: 15, 'text-anchor': 'end', class: 'dim' }, 'not ours')))), 1);
  part('instances', [p.instances, p.group, privateTop, reached(p)], () => instancesAt(p, privateTop, reached(p)), 2);

  cards.forEach(({ f, y: at, height: tall }, i) => {
    part('card ' + f.lease, [f, at, p.instances], () => forwardCard(f, p, at), 2);
    paths(f, p, { at, tall, i, privateTop }, part);
  });
  for (const [key, d] of drawn) if (!keep.has(key)) drop(key, d);
}

const reached = (p) => p.forwards.filter(isOpen).map((f) => f.instance);

// A line is drawn when the rule behind it exists, and runs when the instance is
// in service.
function paths(f, p, { at, tall, i, privateTop }, part) {
  const live = isOpen(f);
  const cy = at + 40;
  const kind = (f.balancer ? (live ? 'live' : 'waiting') : 'ghost');
  if (isLocked(f)) part('lock ' + f.lease, [at], () => lock(52, cy), 3);
  if (f.group?.in.length && f.balancer) {
    part('in ' + f.lease, [kind, at, i], () => wire(`M 76 58 V 112 H ${34 - i * 3} V ${cy} H 52`, kind), 1);
  }
  const target = p.instances.findIndex((x) => x.id === f.instance);
  if (target >= 0 && f.door && f.balancer) {
    const x = 98 + target * 110 + i * 5;
    part('out ' + f.lease, [kind, at, i, privateTop, target], () => wire(`M 376 ${cy} H ${388 + i * 4} V ${privateTop + 36 - i * 3} H ${x} V ${privateTop + 55}`, kind), 1);
  }
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
