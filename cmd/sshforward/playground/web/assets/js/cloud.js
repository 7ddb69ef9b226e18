// The cloud panel: what is true at the moment in one line, the picture, the
// command to paste, trouble to cause, and what happened.

import { $, announce, copyButton, h, icon } from './dom.js';
import * as act from './act.js';
import { clock } from './dates.js';
import { isLocked, isOpen } from './forward.js';
import { draw } from './picture.js';
import { unescape, words } from './mrkdwn.js';
import { emit, on, state } from './state.js';

let line, picture, shell, buttons, log, region;

function build() {
  line = h('p', { class: 'state', role: 'status' });
  picture = h('div', { class: 'picture' });
  shell = h('div', { class: 'shell', hidden: true });
  buttons = h('div', { class: 'troubles', role: 'group', 'aria-label': 'Cause trouble' });
  log = h('ol', { class: 'log' });
  region = h('span', { class: 'region' });
  $('cloud').append(
    h('header', { class: 'cloud-head' }, h('h2', {}, icon('cloud'), 'Cloud'), region, line),
    picture, shell,
    h('section', { class: 'trouble' }, h('h3', {}, 'Cause trouble'), buttons),
    h('section', { class: 'happened' }, h('h3', {}, 'What happened'), log));
}

/** summary says what can be reached, as a class and a sentence. */
export function summary(p, sessions = 0) {
  const name = (id) => p.instances.find((i) => i.id === id)?.name ?? id ?? 'an instance';
  const open = p.forwards.filter(isOpen);
  const ready = p.forwards.filter((f) => f.balancer?.health === 'InService' && isLocked(f));
  const made = p.forwards.filter((f) => f.balancer && f.balancer.health !== 'InService');
  if (open.length) {
    const using = sessions ? ` · ${sessions} live ${sessions === 1 ? 'session' : 'sessions'}` : '';
    return ['open', `${open.map((f) => name(f.instance)).join(', ')} can be reached${using}`];
  }
  if (ready.length) return ['making', `${ready.map((f) => name(f.instance)).join(', ')} is ready behind a locked door: nobody gets through`];
  if (made.some((f) => f.instance && !f.door)) return ['making', 'A rule is missing: nobody gets through'];
  if (made.length) return ['making', 'A way in is being made or taken down'];
  if (p.forwards.length) return ['making', 'No way in; some things are still there'];
  return ['shut', 'No way in. Nothing is left over.'];
}

function cloud() {
  const p = state.cloud;
  draw(picture, p);
  region.textContent = p.region;
  say();
}

function say() {
  if (!state.cloud) return;
  const [kind, text] = summary(state.cloud, state.status?.sessions);
  if (line.textContent === text) return;
  line.className = 'state ' + kind;
  line.textContent = text;
}

function status() {
  const st = state.status;
  say();
  paste();
  const focused = document.activeElement?.dataset?.kind;
  const b = (kind, sign, text, note, pressed) => h('button', {
    type: 'button', class: 'trouble-button' + (pressed ? ' on' : ''), dataset: { kind }, 'aria-pressed': pressed === undefined ? null : String(pressed),
    onclick: (e) => cause(e.currentTarget, kind),
  }, icon(sign), h('span', {}, h('strong', {}, text), h('small', {}, note)));
  buttons.replaceChildren(
    st.bot_running
      ? b('kill-bot', 'bolt', 'kill -9 the bot', st.bot_pid ? `pid ${st.bot_pid}` : 'running')
      : b('restart-bot', 'play', 'Start the bot', 'it is dead', true),
    b(st.slow_health ? 'fast-health' : 'slow-health', 'slow', 'Slow health', st.slow_health ? 'on: press to end it' : 'checks take long', st.slow_health),
    b(st.throttled ? 'calm' : 'throttle', 'gauge', 'Throttle AWS', st.throttled ? 'on: press to end it' : 'too many calls', st.throttled),
    b('remove-rule', 'rule', 'Remove the rule', 'as Terraform might'),
    b('lose-database', 'disk', 'Lose the database', 'rebuilt from the tags'));
  if (focused) buttons.querySelector(`[data-kind="${CSS.escape(focused)}"]`)?.focus();
}

async function cause(button, kind) {
  if (button.getAttribute('aria-busy')) return;
  button.setAttribute('aria-busy', 'true');
  const done = await act.trouble(kind);
  button.removeAttribute('aria-busy');
  if (done) announce(`Done: ${kind.replace('-', ' ')}`);
}

// What to do next: the ssh command of a forward that is in service, which is on
// its card; else what the stage says, which is something to type in the chat.
function paste() {
  const ready = (state.cloud?.forwards ?? []).findLast(isOpen);
  const command = (ready && cardCommand(ready)) || state.status?.command || '';
  shell.hidden = !command;
  if (shell.dataset.command === command) return;
  shell.dataset.command = command;
  shell.replaceChildren(...(command.startsWith('/')
    ? [h('span', { class: 'prompt' }, 'try'), h('code', {}, command), h('button', { type: 'button', class: 'copy', onclick: () => emit('fill', command) }, 'Type it')]
    : [h('span', { class: 'prompt', 'aria-hidden': 'true' }, '$'), words(command), copyButton(() => command)]));
}

function cardCommand(f) {
  for (const m of [...state.messages.values()].reverse()) {
    if (m.deleted || !m.text.includes(f.lease)) continue;
    const found = /```(ssh [^`]+)```/.exec((m.blocks ?? []).map((b) => b.text?.text ?? '').join('\n'));
    if (found) return unescape(found[1]);
  }
  return '';
}

const signs = { created: '+', changed: '~', deleted: '−' };

function event(e) {
  log.prepend(h('li', { class: e.change },
    h('time', { datetime: e.at }, clock(new Date(e.at)) + ':' + String(new Date(e.at).getSeconds()).padStart(2, '0')),
    h('span', { class: 'sign', title: e.change, 'aria-label': e.change }, signs[e.change] ?? '·'),
    h('span', { class: 'what' }, h('b', {}, e.kind.replaceAll('-', ' ')), ' ', h('code', { class: 'id' }, e.id),
      (e.detail ?? '').split(' ').flatMap((w) => [' ', h('span', { class: 'id' }, w)])),
    h('span', { class: 'cause' }, e.cause === 'time' ? '' : e.cause)));
  while (log.children.length > 100) log.lastChild.remove();
}

// What happened before the page was loaded, or while the stream was cut.
function happened() {
  log.replaceChildren();
  state.events.slice(-100).forEach(event);
}

export function startCloud() {
  build();
  on('happened', happened);
  on('cloud', cloud);
  on('story', () => state.cloud && draw(picture, state.cloud));
  on('status', status);
  on('cloud message place', paste);
  on('event', event);
}
