// What stands in the picture all the time: the laptop, the VPC, its subnets and
// route tables, and the instances.

import { s } from './dom.js';

const t = (x, y, text, attributes = {}) => s('text', { x, y, ...attributes }, text);
const then = (text, attributes = {}) => s('tspan', { dx: 6, ...attributes }, text);

/** frame is the ground: VPC and subnets. */
export function frame(p, g) {
  return s('g', { class: 'frame' },
    s('rect', { ...g.vpc, rx: 14, class: 'vpc-box' }),
    t(100, 112, ['VPC', then(p.cidr, { class: 'mono' })], { class: 'kind' }), t(g.width - 14, 112, p.region, { class: 'dim', 'text-anchor': 'end' }),
    subnet('Public subnet', p.public, g.subnet, g.public, 'public'),
    subnet('Private subnet', p.private, g.subnet, g.private, 'private'));
}

function subnet(name, n, { x, width, zone }, { y, height }, kind) {
  return s('g', { class: 'subnet ' + kind, transform: `translate(${x} ${y})` },
    s('rect', { width, height, rx: 10 }),
    t(24, 23, [name, then(n.cidr, { class: 'mono' })], { class: 'kind' }), zone ? t(zone, 23, n.zone, { class: 'dim', 'text-anchor': 'end' }) : null);
}

/** laptop is the other end, out in the internet. */
export function laptop(g) {
  return s('g', { class: 'laptop' },
    s('path', { d: 'M14 34a11 11 0 0 1-1-22 15 15 0 0 1 28-4 13 13 0 0 1 19 9 9 9 0 0 1-1 17z', class: 'cloud-line', transform: `translate(${g.width - 84} 14)` }),
    t(g.width - 14, 64, 'the internet', { class: 'dim', 'text-anchor': 'end' }),
    s('rect', { x: 58, y: 18, width: 36, height: 25, rx: 3, class: 'screen' }),
    s('path', { d: 'M64 27l4 3.5-4 3.5M71 35h7', class: 'cursor' }),
    s('path', { d: 'M51 47h50l-3 5.5H54z', class: 'keys' }),
    t(112, 34, 'your laptop', { class: 'kind' }), t(112, 50, 'any ssh client', { class: 'dim' }));
}

/** gatewayAt is the internet gateway, on the edge of the VPC. */
export function gatewayAt(id, g) {
  if (!id) return s('g', {}, t(60, 88, 'no gateway', { class: 'dim' }));
  return s('g', { class: 'gateway', transform: `translate(${g.gateway.x} ${g.gateway.y})` },
    s('circle', { r: 11 }), s('path', { d: 'M0-6V6M-3.5-2.5 0-6l3.5 3.5M-3.5 2.5 0 6l3.5-3.5' }),
    t(18, -7, ['internet gateway', then(short(id), { class: 'mono small' })], { class: 'dim' }));
}

/** table is a route table; the way to the internet is what sets them apart. */
export function table(n, at, isPublic, wide) {
  const out = s('g', { class: 'table', transform: `translate(${at.x} ${at.y})` },
    s('rect', { width: at.width, height: at.height, rx: 8 }), t(10, 18, 'Route table', { class: 'kind small' }));
  const way = (r) => r.via.startsWith('igw-');
  const far = (r) => (r.state === 'active' ? '→ ' + (way(r) ? 'igw' : short(r.via)) : 'blackhole');
  const none = 'no way to the internet';
  if (!wide) {
    out.append(t(10, 35, n.routes.map((r, i) => then(`${r.to} ${far(r)}`, { dx: i ? 12 : 0, class: way(r) ? 'way' : null })), { class: 'mono small' }));
    if (!isPublic) out.append(t(at.width - 10, 18, none, { class: 'dim small', 'text-anchor': 'end' }));
    return out;
  }
  n.routes.forEach((r, i) => {
    const kind = 'mono small' + (way(r) ? ' way' : '');
    out.append(t(10, 38 + i * 18, r.to, { class: kind }), t(at.width - 10, 38 + i * 18, far(r), { class: kind, 'text-anchor': 'end' }));
  });
  if (!isPublic) out.append(t(10, 38 + n.routes.length * 18, none, { class: 'dim small' }));
  return out;
}

/** others are load balancers that are not ours. */
export const others = (p, at) => s('g', { class: 'others' }, p.others.map((o, i) =>
  s('g', { transform: `translate(${at.x} ${at.y + i * 28 - 6})` },
    s('rect', { width: at.width, height: 22, rx: 6 }), t(10, 15, `${o.name} :${o.listen}`),
    t(at.width - 10, 15, 'not ours', { 'text-anchor': 'end', class: 'dim' }))));

/** instancesAt is the instances within their group, and the group's rules. */
export function instancesAt(p, g, reached) {
  const out = s('g', { class: 'instances' }, s('rect', { ...g.box, rx: 10, class: 'group-box' }));
  p.instances.slice(0, 3).forEach((i, n) => {
    const on = reached.includes(i.id);
    const { x, y, width, height } = g.instance(n);
    out.append(s('g', { class: `instance ${i.state} ${on ? 'reached' : ''}`, transform: `translate(${x} ${y})` },
      s('rect', { width, height, rx: 8 }),
      s('circle', { cx: 12, cy: 17, r: 4, class: 'dot' }), t(21, 21, i.name || short(i.id), { class: 'kind' }),
      t(11, 38, i.ip, { class: 'mono small' }), i.env && t(width - 7, 21, i.env, { class: 'dim small', 'text-anchor': 'end' })));
  });
  const { x, y, width } = g.box;
  out.append(t(x + 12, y + 78, ['security group', then(p.group.name ?? '', { class: 'mono small' })], { class: 'dim small' }));
  p.group.in.slice(0, 3).forEach((r, n) => {
    const ours = Boolean(r.lease);
    out.append(s('g', { class: ours ? 'rule ours appear' : 'rule', transform: `translate(${x + 12} ${y + 94 + n * 15})` },
      t(0, 0, 'allow', { class: 'dim small' }), t(34, 0, r.what, { class: 'mono small' }),
      t(92, 0, 'from ' + (r.peer.startsWith('sg-') ? `the balancer of ${r.lease ?? ''}` : r.peer), { class: 'mono small' })));
  });
  if (p.group.in.length > 3) out.append(t(x + width - 12, y + 124, `+${p.group.in.length - 3}`, { class: 'dim small', 'text-anchor': 'end' }));
  return out;
}

/** short keeps the kind and the beginning of an id. */
export const short = (id) => (id.length > 13 ? id.slice(0, 12) + '…' : id);
