// The receipt as one picture, made of what the audit record says of a lease and
// of who came through its forward. It carries its own colours, so that it is the
// same when it is saved; what comes after the moment `until` is pale.

import { s } from './dom.js';
import { span } from './dates.js';
import { nameOf } from './state.js';

const most = 680; // px, and where two columns have room
const ink = { paper: '#fffdf8', text: '#1c2329', soft: '#55616b', line: '#d9d5c8', good: '#166534', goodSoft: '#dcf5e3', bad: '#be123c', warn: '#9a4508', pale: '#b9b5aa', way: '#8b949b' };
const sans = 'Inter, system-ui, "Hiragino Sans", "Noto Sans CJK JP", "Noto Sans", sans-serif';

const t = (x, y, text, more = {}) => s('text', { x, y, fill: ink.text, 'font-size': 13, ...more }, text);
const clock = (ms) => new Date(ms).toISOString().slice(11, 19);
const at = (e) => Date.parse(e.time);
const ok = (e) => e.result === 'ok';

const words = {
  open: (e) => `${nameOf(e.actor)} asked ${e.detail ?? ''}`,
  confirm: (e) => `${nameOf(e.actor)} pressed Open`,
  approve: (e) => `${nameOf(e.actor)} said yes`,
  deny: (e) => `${nameOf(e.actor)} said no`,
  extend: (e) => `${nameOf(e.actor)} extended it ${e.detail ?? ''}`,
  close: (e) => `${nameOf(e.actor)} closed it`,
  opened: () => 'It is open: the address is let in',
  ending: (e) => `Its end was decided: ${(e.reason ?? '').replaceAll('_', ' ')}`,
  access_ended: () => 'Access has ended: nothing leads to the instance any more',
  closed: () => 'Nothing is left: AWS was read back',
  mended: () => 'A rule that somebody had removed was put back',
  rebuilt: () => 'The database was lost; it was rebuilt from the tags',
};

const said = (e) => (!ok(e) ? `${nameOf(e.actor)} was refused: ${e.act.replaceAll('_', ' ')}` : words[e.act]?.(e) ?? `${e.act.replaceAll('_', ' ')} ${e.detail ?? ''}`);

/** lifeOf makes one list of moments of all that is known, oldest first. */
export function lifeOf(r) {
  const all = r.events.map((e) => ({ at: at(e), says: said(e), from: 'record', kind: ok(e) ? e.act : 'refused', state: e.state }));
  for (const x of r.sessions) {
    all.push({ at: Date.parse(x.began), says: `${x.from} logged in`, from: 'wire', kind: 'session' });
    if (x.ended) all.push({ at: Date.parse(x.ended), says: x.cut ? 'The session was cut' : 'The session was left', from: 'wire', kind: x.cut ? 'cut' : 'left' });
  }
  for (const x of r.refusals) all.push({ at: Date.parse(x.at), says: `${x.from} was refused by the security group`, from: 'wire', kind: 'refused' });
  return all.sort((a, b) => a.at - b.at);
}

/** stateAt is the state that the record says a lease was in. */
export const stateAt = (life, until) => life.filter((m) => m.state && m.at <= until).at(-1)?.state ?? '';

const find = (r, act) => r.events.findLast((e) => e.act === act && ok(e));

function facts(r) {
  const asked = r.events.find((e) => e.act === 'open') ?? r.events[0];
  const yes = r.events.filter((e) => e.act === 'approve' && ok(e)).map((e) => nameOf(e.actor));
  const opened = find(r, 'opened');
  const over = find(r, 'access_ended');
  const closed = find(r, 'closed');
  const cut = r.sessions.filter((x) => x.cut).length;
  const late = closed?.overstay_seconds ?? 0;
  return [
    ['Asked for by', nameOf(asked.owner ?? asked.actor)],
    ['Said yes', yes.length ? yes.join(', ') : asked.urgent ? 'nobody: it was urgent' : 'nobody had to'],
    ['Because', asked.because || 'not said'],
    ['Open from', opened ? `${clock(Date.parse(opened.opened ?? opened.time))} UTC` : 'never'],
    ['Promised end', opened?.expires ? `${clock(Date.parse((closed ?? opened).expires ?? opened.expires))} UTC` : 'none'],
    ['Access ended', over ? `${clock(Date.parse(over.access_ended ?? over.time))} UTC` : opened ? 'not yet' : 'there was none'],
    ['Last of it gone', closed ? `${clock(at(closed))} UTC` : 'not yet'],
    ['Left in AWS', closed ? 'nothing' : 'see the picture', closed ? ink.good : ink.warn],
    ['Overstay', late > 0 ? span(late * 1000) : 'none', late > 0 ? ink.bad : ink.good],
    ['Sessions', r.sessions.length ? `${r.sessions.length}, of which ${cut} cut` : 'none'],
    ['Refused', r.refusals.length ? r.refusals.map((x) => x.from).join(', ') : 'nobody'],
    ['Cost', closed?.cost_usd ? `about $${closed.cost_usd.toFixed(2)}` : 'none yet'],
  ];
}

const short = (text, n) => ([...text].length > n ? [...text].slice(0, n - 1).join('') + '…' : text);

/** receiptPicture draws a receipt as things were at a moment, as wide as there is room. */
export function receiptPicture(r, until, room = most) {
  const width = Math.max(300, Math.min(most, room));
  const columns = width >= 600 ? 2 : 1;
  const letters = Math.floor(width / 7.6); // of a line
  const life = lifeOf(r);
  const first = r.events[0];
  const rows = 152 + Math.ceil(facts(r).length / columns) * 24;
  const axis = rows + 34;
  const list = axis + 62;
  const height = list + life.length * 21 + 22;
  const svg = s('svg', { xmlns: 'http://www.w3.org/2000/svg', viewBox: `0 0 ${width} ${height}`, width, height, role: 'img', 'aria-labelledby': 'receipt-title receipt-desc', 'font-family': sans },
    s('title', { id: 'receipt-title' }, `Receipt of lease ${r.lease} on ${first.name}`),
    s('desc', { id: 'receipt-desc' }, facts(r).map(([k, v]) => `${k}: ${v}.`).join(' ')),
    s('rect', { width, height, fill: ink.paper }),
    t(24, 36, `Access to ${first.name}`, { 'font-size': 20, 'font-weight': 700 }),
    t(24, 57, short(`lease ${r.lease} · ${first.instance} · ${first.region} · rule ${first.rule ?? 'none'}`, letters), { fill: ink.soft, 'font-size': 12 }),
    t(width - 24, 36, new Date(life[0].at).toISOString().slice(0, 10), { 'text-anchor': 'end', fill: ink.soft }));
  svg.append(way(life, until, width));
  facts(r).forEach(([k, v, colour], i) => {
    const [x, y] = [24 + (i % columns) * 330, 160 + Math.floor(i / columns) * 24];
    svg.append(t(x, y, k, { fill: ink.soft }), t(x + 112, y, short(v, columns === 2 ? 28 : letters - 18), { 'font-weight': 620, fill: colour ?? ink.text }));
  });
  svg.append(timeline(r, life, until, axis, width));
  life.forEach((m, i) => {
    const y = list + i * 21;
    const on = m.at <= until;
    const colour = { cut: ink.bad, refused: ink.bad, opened: ink.good, closed: ink.good, access_ended: ink.bad }[m.kind] ?? ink.soft;
    svg.append(s('circle', { cx: 30, cy: y - 4, r: 4, fill: on ? colour : ink.paper, stroke: on ? colour : ink.pale }),
      t(44, y, clock(m.at), { fill: on ? ink.soft : ink.pale, 'font-size': 12, 'font-variant-numeric': 'tabular-nums' }),
      t(112, y, short(m.says, letters - 15), { fill: on ? ink.text : ink.pale }),
      m.from === 'wire' && columns === 2 ? t(width - 24, y, 'seen on the wire', { 'text-anchor': 'end', 'font-size': 11, fill: on ? ink.soft : ink.pale }) : '');
  });
  return svg;
}

// The way from the laptop to the instance, as it was.
function way(life, until, width) {
  const state = stateAt(life, until);
  const y = 100;
  const open = state === 'open';
  const made = { pending: ink.warn, opening: ink.warn, open: ink.good, closing: ink.bad }[state];
  const inside = life.filter((m) => m.at <= until && m.kind === 'session').length - life.filter((m) => m.at <= until && (m.kind === 'cut' || m.kind === 'left')).length;
  const small = width < 600;
  // Where the four boxes begin and end, as shares of the width: on a phone there is
  // room for their names and little more.
  const ends = (small ? [0, 0.18, 0.26, 0.45, 0.5, 0.73, 0.78, 1] : [0, 0.146, 0.272, 0.459, 0.5, 0.687, 0.816, 1]).map((x) => 24 + x * (width - 48));
  const box = (n, text, colour, x = ends[2 * n], w = ends[2 * n + 1] - x) => s('g', {},
    s('rect', { x, y: y - 15, width: w, height: 30, rx: 8, fill: ink.paper, stroke: colour ?? ink.line, 'stroke-width': 1.6, 'stroke-dasharray': colour ? 'none' : '4 4' }),
    t(x + w / 2, y + 4.5, text, { 'text-anchor': 'middle', 'font-weight': 600, 'font-size': small ? 11 : 12.5, fill: colour ?? ink.pale }));
  const wire = (n) => s('path', { d: `M${ends[2 * n + 1]} ${y}H${ends[2 * n + 2]}`, stroke: open ? ink.good : made ?? ink.pale, 'stroke-width': open ? 3 : 1.6, 'stroke-dasharray': open ? 'none' : '3 5', fill: 'none' });
  return s('g', {}, box(0, 'laptop', ink.way), wire(0), box(1, small ? 'group' : 'security group', made), wire(1), box(2, small ? 'balancer' : 'load balancer', made), wire(2), box(3, 'instance', ink.way),
    Array.from({ length: Math.max(0, inside) }, (_, i) => s('circle', { cx: ends[6] - 10 - i * 13, cy: y, r: 5, fill: ink.good, stroke: ink.paper })),
    t(width / 2, y + 34, says[state] ?? state, { 'text-anchor': 'middle', fill: ink.soft, 'font-size': 12 }));
}

const says = {
  '': 'nothing is there', requested: 'asked for; nothing is there', pending: 'waits for a yes; the door is locked', opening: 'being made; nobody is let in',
  open: 'open, for one address', closing: 'being taken away', closed: 'nothing is left', failed: 'it could not be made',
};

// A line of time: until it was open, open, until nothing was left.
function timeline(r, life, until, y, width) {
  const [from, to] = [life[0].at, Math.max(life.at(-1).at, life[0].at + 1000)];
  const x = (ms) => 24 + (Math.min(Math.max(ms, from), to) - from) / (to - from) * (width - 48);
  const moment = (act) => { const e = find(r, act); return e ? at(e) : undefined; };
  const opened = moment('opened');
  const over = moment('access_ended') ?? (opened ? to : undefined);
  const bar = (a, b, fill) => s('rect', { x: x(a), y: y - 5, width: Math.max(1, x(b) - x(a)), height: 10, fill });
  return s('g', {},
    bar(from, to, ink.line), opened && bar(opened, over, ink.good),
    r.sessions.map((q) => s('rect', { x: x(Date.parse(q.began)), y: y + 9, width: Math.max(3, x(q.ended ? Date.parse(q.ended) : to) - x(Date.parse(q.began))), height: 4, rx: 2, fill: q.cut ? ink.bad : ink.soft })),
    r.refusals.map((q) => s('path', { d: `M${x(Date.parse(q.at)) - 4} ${y - 18}l8 8m0-8l-8 8`, stroke: ink.bad, 'stroke-width': 2 })),
    s('path', { d: `M${x(until)} ${y - 22}V${y + 18}`, stroke: ink.text, 'stroke-width': 1.6 }),
    t(24, y + 32, clock(from), { 'font-size': 11, fill: ink.soft }), t(width - 24, y + 32, `${clock(to)} UTC`, { 'font-size': 11, fill: ink.soft, 'text-anchor': 'end' }));
}
