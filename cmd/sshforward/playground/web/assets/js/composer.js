// The composer: Enter sends, the arrows bring back what was sent, and a slash
// brings up what there is to type.

import { $, h, icon, toast } from './dom.js';
import * as act from './act.js';
import { command, complete } from './completion.js';
import { outgoing } from './mrkdwn.js';
import { channel, emit, on, show, state } from './state.js';

const drafts = new Map(); // what was begun, by person and channel
const sentBy = new Map(); // by person, newest last
let writing = ''; // the key of the draft in the field
let past = 0; // how far back the arrows have gone
let draft = '';
let active = -1; // option that the arrows are on; -1: none yet
let shown = { options: [], hint: '', firm: false };
let dismissed = false;
let shifted = false; // Shift is down, which makes Enter a line break
let field, menu, hint;

function build() {
  field = h('textarea', {
    id: 'composer-text', rows: 1, spellcheck: 'false', autocomplete: 'off', 'aria-haspopup': 'listbox', 'aria-controls': 'completions',
    'aria-autocomplete': 'list', 'aria-describedby': 'composer-hint', oninput: () => { dismissed = false; past = 0; refresh(); }, onkeydown: key,
    // The Enter of a phone's keyboard, or a key event that lost its default.
    onbeforeinput: (e) => { if (e.inputType === 'insertLineBreak' && !shifted) e.preventDefault(); },
    onblur: () => { dismissed = true; refresh(); }, onfocus: () => { dismissed = false; refresh(); },
  });
  menu = h('ul', { id: 'completions', role: 'listbox', 'aria-label': 'Commands', hidden: true });
  hint = h('p', { id: 'composer-hint' });
  $('composer').append(menu,
    h('div', { class: 'composer-box' }, field, h('button', { type: 'submit', class: 'send', 'aria-label': 'Send' }, icon('send'))), hint);
  $('composer').addEventListener('submit', (e) => { e.preventDefault(); send(); });
}

function refresh() {
  field.rows = Math.min(8, field.value.split('\n').length);
  const was = shown.options.map((o) => o.text).join();
  shown = complete(field.value);
  if (shown.options.map((o) => o.text).join() !== was) active = -1;
  const open = shown.options.length > 0 && !dismissed;
  menu.hidden = !open;
  menu.replaceChildren(...(open ? shown.options : []).map((o, i) => h('li', {
    role: 'option', id: 'completion-' + i, 'aria-selected': String(i === mark()),
    onmousedown: (e) => { e.preventDefault(); take(i); },
  }, h('span', { class: 'completion' }, h('strong', {}, o.label), ' ', h('span', { class: 'usage' }, o.usage)), h('span', { class: 'says' }, o.says))));
  if (open && mark() >= 0) {
    field.setAttribute('aria-activedescendant', 'completion-' + mark());
    menu.children[mark()].scrollIntoView({ block: 'nearest' });
  } else field.removeAttribute('aria-activedescendant');
  hint.replaceChildren(...(shown.hint
    ? [h('code', {}, shown.hint)]
    : [h('kbd', {}, 'Enter'), ' to send · ', h('kbd', {}, '/'), ' for commands · ', h('kbd', {}, '↑'), ' for what you sent']));
}

const sent = () => {
  if (!sentBy.has(state.me)) sentBy.set(state.me, []);
  return sentBy.get(state.me);
};

const mark = () => (active < 0 && shown.firm ? 0 : active);

function take(i) {
  fill(shown.options[i].text);
}

function fill(text) {
  field.value = text;
  past = 0;
  dismissed = false;
  show('chat');
  field.focus();
  field.setSelectionRange(text.length, text.length);
  refresh();
}

function key(e) {
  shifted = e.shiftKey;
  if (e.isComposing) return; // an input method has the keys
  const open = !menu.hidden;
  const arrow = { ArrowDown: 1, ArrowUp: -1 }[e.key];
  if (arrow && open) {
    active = (Math.max(mark(), arrow > 0 ? -1 : 0) + arrow + shown.options.length) % shown.options.length;
  } else if (arrow && !field.value.includes('\n') && sent().length) {
    history(-arrow);
  } else if (e.key === 'Tab' && open && !e.shiftKey) {
    take(Math.max(0, mark()));
  } else if (e.key === 'Enter' && !e.shiftKey) {
    if (open && mark() >= 0) take(mark());
    else send();
  } else if (e.key === 'Escape' && open) {
    dismissed = true;
  } else return;
  e.preventDefault();
  refresh();
}

function history(step) {
  if (past === 0) draft = field.value;
  past = Math.max(0, Math.min(sent().length, past + step));
  fillQuietly(past === 0 ? draft : sent().at(-past));
}

// Without the completions, which would take the arrows.
function fillQuietly(text) {
  field.value = text;
  dismissed = true;
  field.setSelectionRange(text.length, text.length);
}

async function send() {
  const text = field.value.trim();
  if (!text) return;
  if (text.startsWith('/') && text.split(/\s/)[0] !== command) {
    toast(`${text.split(/\s/)[0]} is not a command here. Try ${command}.`);
    return;
  }
  if (sent().at(-1) !== text) sent().push(text);
  past = 0;
  field.value = '';
  refresh();
  if (text.startsWith('/')) {
    emit('asked');
    await act.slash(text);
    return;
  }
  const [user, here] = [state.me, channel()];
  if (await act.say(outgoing(text)) && here?.is_im) emit('unheard', { user, channel: here.id });
}

// What one has begun to write stays with who wrote it, and where.
function place() {
  const now = state.me + ' ' + state.channel;
  if (now !== writing) {
    if (writing) drafts.set(writing, field.value);
    writing = now;
    fillQuietly(drafts.get(now) ?? '');
    past = 0;
  }
  const c = channel();
  field.placeholder = c?.is_im ? `Type ${command} here` : `Message #${c?.name ?? ''}`;
  field.setAttribute('aria-label', c?.is_im ? 'Message sshforward' : field.placeholder);
  refresh();
}

export function startComposer() {
  build();
  on('fill', fill);
  on('place', place);
  on('cloud', () => { if (!menu.hidden) refresh(); });
  // A slash anywhere begins a command, unless one is typing already.
  document.addEventListener('keydown', (e) => {
    if (e.key !== '/' || e.ctrlKey || e.metaKey || e.altKey || document.querySelector('dialog[open]')) return;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName ?? '') || state.tab === 'home') return;
    field.focus(); // and the key goes on to it
  });
}
