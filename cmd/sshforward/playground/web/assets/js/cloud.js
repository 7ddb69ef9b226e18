// The cloud panel: what is true at the moment in one line, the picture, the
// command to paste, trouble to cause, and what happened.

import { $, copyButton, h, icon } from './dom.js';
import { keeping } from './focus.js';
import { isOpen } from './forward.js';
import { happened } from './happened.js';
import { draw } from './picture.js';
import { summary } from './pill.js';
import { unescape, words } from './mrkdwn.js';
import { emit, on, state } from './state.js';
import { trouble } from './trouble.js';

let line, picture, shell, region;

function build() {
  line = h('p', { class: 'state', role: 'status' });
  picture = h('div', { class: 'picture' });
  shell = h('div', { class: 'shell', role: 'group', 'aria-label': 'What to type next', hidden: true });
  region = h('span', { class: 'region' });
  $('cloud').append(
    h('header', { class: 'cloud-head' }, h('h2', {}, icon('cloud'), 'Cloud'), region, line),
    picture, shell, trouble(), happened());
}

function cloud() {
  const p = state.cloud;
  draw(picture, p);
  region.textContent = p.region;
  say();
}

function say() {
  if (!state.cloud) return;
  const [kind, text] = summary(state.cloud, state.status);
  if (line.textContent === text) return;
  line.className = 'state ' + kind;
  line.textContent = text;
  emit('summary');
}

// What to do next: the ssh command of a forward that is in service, which is on
// its card; else what the stage says, which is something to type in the chat.
function paste() {
  const ready = (state.cloud?.forwards ?? []).findLast(isOpen);
  const command = (ready && cardCommand(ready)) || state.status?.command || '';
  shell.hidden = !command;
  if (shell.dataset.command === command) return;
  shell.dataset.command = command;
  keeping(shell, () => shell.replaceChildren(...(command.startsWith('/')
    ? [h('span', { class: 'prompt' }, 'try'), h('code', {}, command), h('button', { type: 'button', class: 'copy', onclick: () => emit('fill', command) }, 'Type it')]
    : [h('span', { class: 'prompt', 'aria-hidden': 'true' }, '$'), words(command), copyButton(() => command)])));
}

function cardCommand(f) {
  for (const m of [...state.messages.values()].reverse()) {
    if (m.deleted || !m.text.includes(f.lease)) continue;
    const found = /```(ssh [^`]+)```/.exec((m.blocks ?? []).map((b) => b.text?.text ?? '').join('\n'));
    if (found) return unescape(found[1]);
  }
  return '';
}

export function startCloud() {
  build();
  on('cloud', cloud);
  on('story', () => state.cloud && draw(picture, state.cloud));
  on('status', () => { say(); paste(); });
  on('cloud message place', paste);
  setInterval(say, 1000); // an end comes with time
}
