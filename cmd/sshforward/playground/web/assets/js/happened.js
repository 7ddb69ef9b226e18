// What happened, the newest first: what people and the bot did, with the calls to
// AWS that followed folded under each. All of it in one time zone, the browser's,
// whoever one acts as.

import { h } from './dom.js';
import { on, state } from './state.js';

const most = 150; // lines
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const signs = { created: '+', changed: '~', deleted: '\u2212' };

let log, list;
let lines = []; // {at, node, fold, count}, the newest first

const time = (at) => h('time', { datetime: new Date(at).toISOString(), title: `${new Date(at).toLocaleString()} ${zone}` }, clock.format(at));

/** line puts an entry in its place in time. */
function line(e) {
  const at = Date.parse(e.at);
  const fold = h('details', { class: 'calls', hidden: true }, h('summary', {}), h('ol', {}));
  const node = h('li', { class: 'entry ' + e.kind, dataset: { seq: e.seq } }, time(at), h('span', { class: 'what' }, e.text), fold);
  const after = lines.findIndex((l) => l.at <= at);
  const i = after < 0 ? lines.length : after;
  if (i < lines.length) lines[i].node.before(node);
  else list.append(node);
  lines.splice(i, 0, { at, node, fold, count: 0 });
  for (const old of lines.splice(most)) old.node.remove();
}

/** call puts a change in AWS under what came before it. */
function call(e) {
  const at = Date.parse(e.at);
  if (!lines.length) line({ at: e.at, kind: 'bot', text: 'AWS, as it was found', seq: 0 });
  const l = lines.find((x) => x.at <= at) ?? lines.at(-1);
  l.fold.lastChild.append(h('li', { class: e.change }, time(at),
    h('span', { class: 'sign', role: 'img', title: e.change, 'aria-label': e.change }, signs[e.change] ?? '\u00b7'),
    h('span', { class: 'what' }, h('b', {}, e.kind.replaceAll('-', ' ')), ' ', h('code', { class: 'id' }, e.id),
      (e.detail ?? '').split(' ').flatMap((w) => [' ', h('span', { class: 'id' }, w)])),
    h('span', { class: 'cause' }, e.cause === 'time' ? '' : e.cause)));
  l.count++;
  l.fold.firstChild.textContent = l.count === 1 ? '1 change in AWS' : `${l.count} changes in AWS`;
  l.fold.hidden = false;
}

function all() {
  list.replaceChildren();
  lines = [];
  state.happened.forEach(line);
  state.events.forEach(call);
}

/** happened is the part of the panel. */
export function happened() {
  list = h('ol');
  log = h('div', { class: 'log', role: 'log', tabindex: 0, 'aria-labelledby': 'happened-title' }, list);
  on('happened', all);
  on('happening', line);
  on('event', call);
  return h('section', { class: 'happened' }, h('h3', { id: 'happened-title' }, 'What happened ', h('small', {}, `times in ${zone}`)), log);
}
