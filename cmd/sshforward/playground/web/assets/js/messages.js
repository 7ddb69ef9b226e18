// The conversation: messages in order, replies below the message they belong
// to, each drawn again only when it has changed.

import { $, announce, h, icon, langOf } from './dom.js';
import { avatar } from './people.js';
import { blocks } from './blocks.js';
import { clock, dayKey, dayName, zone } from './dates.js';
import { mrkdwn } from './mrkdwn.js';
import { says } from './says.js';
import { channel, conversation, nameOf, on, state, visible } from './state.js';
import { thread } from './thread.js';
import { welcome } from './welcome.js';

const nodes = new Map(); // by ts
const texts = new Map(); // by ts, what was announced
let list, scroller, jump;
let asked = 0; // when the person last sent a command, until it is answered
const answerWithin = 10_000; // ms

const only = () => {
  const text = says('Only visible to you');
  return h('p', { class: 'only', lang: langOf(text) }, icon('eye'), text);
};

/** message draws one. */
function message(m) {
  const bot = m.user === state.bot;
  const at = new Date(Number(m.ts) * 1000);
  const edited = m.edited && !m.edited.startsWith('0001');
  const surface = { target: m.ts };
  return h('li', { class: 'message' + (m.ephemeral ? ' ephemeral' : ''), id: 'm' + m.ts, dataset: { ts: m.ts, via: m.via ?? '' } },
    h('article', { 'aria-label': `${nameOf(m.user)}, ${clock(at)}` },
      m.ephemeral && only(),
      h('div', { class: 'row' },
        avatar(m.user),
        h('div', { class: 'content' },
          h('p', { class: 'by' },
            h('span', { class: 'author', lang: langOf(nameOf(m.user)) }, nameOf(m.user)),
            bot && h('span', { class: 'badge' }, 'APP'),
            h('time', { datetime: at.toISOString(), title: at.toLocaleString(undefined, { timeZone: zone() }) }, clock(at)),
            edited && h('span', { class: 'edited', lang: langOf(says('(edited)')) }, says('(edited)'))),
          m.blocks?.length ? blocks(m.blocks, surface) : h('div', { class: 'block text', lang: langOf(m.text) }, mrkdwn(m.text)),
          !m.ephemeral && !isReply(m) && thread(m)))));
}

const isReply = (m) => m.thread_ts && m.thread_ts !== m.ts;

/** put draws a message in its place, which is after all older ones. */
function put(m) {
  const old = nodes.get(m.ts);
  const node = message(m);
  if (old) {
    // The thread stays as it is, with the focus and what somebody is typing.
    const [was, is] = [old, node].map((n) => n.querySelector('.content'));
    const stays = was.querySelector(':scope > .thread');
    const focused = was.contains(document.activeElement) && !stays?.contains(document.activeElement) ? document.activeElement.dataset : null;
    is.querySelector(':scope > .thread')?.remove();
    while (was.firstChild !== stays) was.firstChild.remove();
    was.prepend(...is.childNodes);
    if (focused?.action) was.querySelector(`[data-action="${CSS.escape(focused.action)}"]`)?.focus();
    return old;
  }
  nodes.set(m.ts, node);
  const parent = isReply(m) && nodes.get(m.thread_ts)?.querySelector('.replies');
  place(node, parent || list);
  if (parent) parent.hidden = false;
  return node;
}

function days() {
  let last = '';
  for (const d of list.querySelectorAll(':scope > .day')) d.remove();
  for (const n of [...list.children]) {
    if (!n.dataset.ts) continue;
    const at = new Date(Number(n.dataset.ts) * 1000);
    if (dayKey(at) !== last) {
      last = dayKey(at);
      const name = dayName(at, { weekday: 'long', month: 'long', day: 'numeric' });
      n.before(h('li', { class: 'day' }, h('span', { lang: langOf(name) }, name)));
    }
  }
}

function drawAll() {
  nodes.clear();
  list.replaceChildren();
  list.setAttribute('aria-label', 'Messages in ' + (channel()?.name || 'the direct message'));
  for (const m of conversation()) {
    put(m);
    texts.set(m.ts, m.text);
  }
  for (const f of state.failures) failed(f);
  days();
  empty();
  jump.hidden = true;
  bottom();
}

// What there is to try stays in sight until somebody has tried something.
function empty() {
  list.querySelector('.welcome')?.remove();
  if (nodes.size === 0) list.prepend(welcome());
}

function changed({ message: m, isNew }) {
  if (m.channel !== state.channel) return;
  const stay = atBottom();
  if (m.deleted || !visible(m, state.me)) {
    remove(m.ts);
    return;
  }
  const node = put(m);
  if (isNew) {
    days();
    empty();
    node.classList.add('fresh');
  }
  // A card that has changed says so too.
  if (texts.get(m.ts) !== m.text) announce(`${nameOf(m.user)}: ${m.text}`);
  texts.set(m.ts, m.text);
  const answer = isNew && m.ephemeral && Date.now() - asked < answerWithin;
  if (answer) asked = 0;
  if (stay) bottom();
  else if (answer) node.scrollIntoView({ block: 'nearest' });
  else if (isNew) offer(node);
}

function remove(ts) {
  const node = nodes.get(ts);
  const replies = node?.parentElement;
  node?.remove();
  nodes.delete(ts);
  if (replies?.classList.contains('replies')) replies.hidden = replies.children.length === 0;
  days();
  empty();
}

// What Slack itself says to a person, when the bot did not answer.
const said = {
  operation_timeout: 'did not answer in time (operation_timeout). The bot may be down.',
  dispatch_failed: 'failed because the bot is not connected (dispatch_failed).',
  invalid_command_response: 'answered with something Slack does not take (invalid_command_response).',
  trouble_connecting: 'had trouble connecting. Try again?',
  command_in_thread: 'is not supported in threads. Sorry!',
};

function failed(f) {
  if (f.user !== state.me || (f.channel && f.channel !== state.channel)) return;
  const text = `${f.what} ${said[f.error] ?? 'failed with ' + f.error + '.'}`;
  const ts = String(Date.parse(f.at) / 1000);
  const node = h('li', { class: 'message ephemeral failure', dataset: { ts } },
    only(),
    h('div', { class: 'row' }, avatar(''), h('div', { class: 'content' }, h('p', { class: 'by' }, h('span', { class: 'author' }, 'Workspace')), h('p', {}, text))));
  const replies = f.thread_ts && nodes.get(f.thread_ts)?.querySelector('.replies');
  if (replies) replies.hidden = false;
  place(node, replies || list);
  return node;
}

// In order of time.
function place(node, into) {
  const after = [...into.children].findLast((n) => n.dataset.ts && n.dataset.ts < node.dataset.ts);
  if (after) after.after(node);
  else into.prepend(node);
}

const atBottom = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
const bottom = () => { scroller.scrollTop = scroller.scrollHeight; };

// Something new out of sight, such as a reply to an old card: offer to go there.
function offer(node) {
  const [is, view] = [node.getBoundingClientRect(), scroller.getBoundingClientRect()];
  const above = is.top < view.top;
  if (!above && is.bottom <= view.bottom) return;
  jump.replaceChildren(above ? '↑ New reply above' : '↓ New message');
  jump.onclick = () => {
    node.scrollIntoView({ block: 'center', behavior: 'smooth' });
    jump.hidden = true;
  };
  jump.hidden = false;
}

export function startMessages() {
  [list, scroller, jump] = [$('messages'), $('scroll'), $('jump')];
  scroller.addEventListener('scroll', () => { if (atBottom()) jump.hidden = true; }, { passive: true });
  on('place', drawAll);
  on('message', changed);
  on('asked', () => { asked = Date.now(); });
  on('failure', (f) => {
    const node = failed(f);
    if (!node) return;
    announce(node.textContent);
    node.scrollIntoView({ block: 'nearest' });
  });
}
