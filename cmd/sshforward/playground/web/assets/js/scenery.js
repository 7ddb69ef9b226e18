// What stands in the picture all the time: the laptop, the VPC, its subnets and
// route tables, and the instances.

import { s } from './dom.js';

const t = (x, y, text, attributes = {}) => s('text', { x, y, ...attributes }, text);

/** frame is the ground: VPC and subnets. */
export function frame(p, at) {
  return s('g', { class: 'frame' },
    s('rect', { x: 8, y: 84, width: at.width - 16, height: at.height - 84 + 4, rx: 14, class: 'vpc-box' }),
    t(100, 112, 'VPC', { class: 'kind' }), t(131, 112, p.cidr, { class: 'mono' }), t(at.width - 24, 112, p.region, { class: 'dim', 'text-anchor': 'end' }),
    subnet('Public subnet', p.public, at.top, at.publicHeight, 'public'),
    subnet('Private subnet', p.private, at.privateTop, at.height - at.privateTop - 8, 'private'));
}

function subnet(name, n, y, height, kind) {
  return s('g', { class: 'subnet ' + kind, transform: `translate(24 ${y})` },
    s('rect', { width: 552, height, rx: 10 }),
    t(20, 23, name, { class: 'kind' }), t(128, 23, n.cidr, { class: 'mono' }), t(536, 23, n.zone, { class: 'dim', 'text-anchor': 'end' }));
}

/** laptop is the other end, out in the internet. */
export function laptop() {
  return s('g', { class: 'laptop' },
    s('path', { d: 'M14 34a11 11 0 0 1-1-22 15 15 0 0 1 28-4 13 13 0 0 1 19 9 9 9 0 0 1-1 17z', class: 'cloud-line', transform: 'translate(498 14)' }),
    t(568, 64, 'the internet', { class: 'dim', 'text-anchor': 'end' }),
    s('rect', { x: 58, y: 18, width: 36, height: 25, rx: 3, class: 'screen' }),
    s('path', { d: 'M64 27l4 3.5-4 3.5M71 35h7', class: 'cursor' }),
    s('path', { d: 'M51 47h50l-3 5.5H54z', class: 'keys' }),
    t(112, 34, 'your laptop', { class: 'kind' }), t(112, 50, 'any ssh client', { class: 'dim' }));
}

/** gatewayAt is the internet gateway, on the edge of the VPC. */
export function gatewayAt(id) {
  if (!id) return s('g', {}, t(60, 88, 'no gateway', { class: 'dim' }));
  return s('g', { class: 'gateway', transform: 'translate(76 84)' },
    s('circle', { r: 11 }), s('path', { d: 'M0-6V6M-3.5-2.5 0-6l3.5 3.5M-3.5 2.5 0 6l3.5-3.5' }),
    t(18, -7, 'internet gateway', { class: 'dim' }), t(120, -7, short(id), { class: 'mono small' }));
}

/** table is a route table; the way to the internet is what sets them apart. */
export function table(n, x, y, isPublic) {
  const out = s('g', { class: 'table', transform: `translate(${x} ${y})` },
    s('rect', { width: 156, height: 28 + 18 * n.routes.length + (isPublic ? 0 : 20), rx: 8 }), t(10, 18, 'Route table', { class: 'kind small' }));
  n.routes.forEach((r, i) => {
    const way = r.via.startsWith('igw-');
    out.append(t(10, 38 + i * 18, r.to, { class: 'mono small' + (way ? ' way' : '') }),
      t(146, 38 + i * 18, r.state === 'active' ? '→ ' + (way ? 'igw' : short(r.via)) : 'blackhole', { class: 'mono small' + (way ? ' way' : ''), 'text-anchor': 'end' }));
  });
  if (!isPublic) out.append(t(10, 38 + n.routes.length * 18, 'no way to the internet', { class: 'dim small' }));
  return out;
}

/** instancesAt is the instances within their group, and the group's rules. */
export function instancesAt(p, top, reached) {
  const out = s('g', { class: 'instances', transform: `translate(36 ${top + 43})` });
  out.append(s('rect', { width: 348, height: 132, rx: 10, class: 'group-box' }),
    t(12, 78, 'security group', { class: 'dim small' }), t(94, 78, p.group.name ?? '', { class: 'mono small' }));
  p.instances.slice(0, 3).forEach((i, n) => {
    const on = reached.includes(i.id);
    out.append(s('g', { class: `instance ${i.state} ${on ? 'reached' : ''}`, transform: `translate(${10 + n * 110} 12)` },
      s('rect', { width: 104, height: 48, rx: 8 }),
      s('circle', { cx: 14, cy: 17, r: 4, class: 'dot' }), t(24, 21, i.name || short(i.id), { class: 'kind' }),
      t(12, 38, i.ip, { class: 'mono small' }), i.env && t(94, 21, i.env, { class: 'dim small', 'text-anchor': 'end' })));
  });
  p.group.in.slice(0, 3).forEach((r, n) => {
    const ours = Boolean(r.lease);
    out.append(s('g', { class: ours ? 'rule ours appear' : 'rule', transform: `translate(12 ${94 + n * 15})` },
      t(0, 0, 'allow', { class: 'dim small' }), t(34, 0, r.what, { class: 'mono small' }),
      t(96, 0, 'from ' + (r.peer.startsWith('sg-') ? `the balancer of ${r.lease ?? ''}` : r.peer), { class: 'mono small' })));
  });
  if (p.group.in.length > 3) out.append(t(336, 124, `+${p.group.in.length - 3}`, { class: 'dim small', 'text-anchor': 'end' }));
  return out;
}

/** short keeps the kind and the beginning of an id. */
export const short = (id) => (id.length > 13 ? id.slice(0, 12) + '…' : id);
