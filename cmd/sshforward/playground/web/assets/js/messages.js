// The conversation: messages in order, replies below the message they belong
// to, each drawn again only when it has changed.

import { $, announce, h, icon, langOf, toast } from './dom.js';
import { avatar } from './people.js';
import { blocks } from './blocks.js';
import { clock, dayKey, dayName, zone } from './dates.js';
import { keeping, rest } from './focus.js';
import { code, mrkdwn } from './mrkdwn.js';
import { says } from './says.js';
import { channel, conversation, nameOf, on, state, visible, watching } from './state.js';
import { thread } from './thread.js';
import { first, welcome } from './welcome.js';

const nodes = new Map(); // by ts
const texts = new Map(); // by ts, what was announced
let list, scroller, jump;
let drawnFor = ''; // who and where that was
let stuck = true; // to the newest, when the window or a phone's keyboard changes the size
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
    is.querySelector(':scope > .thread')?.remove();
    keeping(old, () => {
      while (was.firstChild !== stays) was.firstChild.remove();
      was.prepend(...is.childNodes);
    });
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
  const here = [state.me, state.channel, state.tab].join(' ');
  const at = here === drawnFor && !atBottom() ? scroller.scrollTop : -1; // somebody reads what is older
  drawnFor = here;
  nodes.clear();
  list.replaceChildren();
  list.setAttribute('aria-label', 'Messages in ' + (channel()?.name || 'the direct message'));
  for (const m of conversation()) {
    put(m);
    texts.set(m.ts, m.text);
  }
  for (const f of state.failures) (f.unheard ? unheard : failed)(f);
  days();
  empty();
  jump.hidden = true;
  if (at >= 0) scroller.scrollTop = at;
  else arrive();
}

/** arrive goes to the first message that was not seen yet, or to the newest. */
function arrive() {
  list.querySelector('.unseen-from')?.remove();
  const first = nodes.get(state.unseen);
  state.unseen = '';
  if (!watching()) return;
  bottom();
  if (!first) return;
  const text = says('New');
  first.before(h('li', { class: 'unseen-from' }, h('span', { lang: langOf(text) }, text)));
  // What does not fit is below it, and one reads on from there.
  if (first.getBoundingClientRect().top < scroller.getBoundingClientRect().top + 40) first.previousSibling.scrollIntoView({ block: 'start' });
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
  const had = node?.contains(document.activeElement);
  node?.remove();
  nodes.delete(ts);
  if (replies?.classList.contains('replies')) replies.hidden = replies.children.length === 0;
  days();
  empty();
  // It was an answer to what one typed; on a phone the keyboard stays away.
  if (had) rest(matchMedia('(pointer: coarse)').matches ? scroller : $('composer-text'));
}

// What Slack itself says to a person, when the bot did not answer.
const said = {
  operation_timeout: 'did not answer in time (operation_timeout). The bot may be busy, or down.',
  dispatch_failed: 'failed because the bot is not connected (dispatch_failed).',
  invalid_command_response: 'answered with something Slack does not take (invalid_command_response).',
  trouble_connecting: 'had trouble connecting. Try again?',
  command_in_thread: 'is not supported in threads. Sorry!',
};
const noAnswer = ['operation_timeout', 'dispatch_failed', 'trouble_connecting'];

const failed = (f) => note(f, h('p', {}, whyFailed(f)));

function whyFailed(f) {
  const down = noAnswer.includes(f.error) && state.status && !state.status.bot_running;
  const why = down ? `got no answer (${f.error}): the bot is down. Start it in the cloud panel; it goes on where it was.` : said[f.error] ?? `failed with ${f.error}.`;
  // A button is known by what it says, not by what it is called on the wire.
  const button = !f.what.startsWith('/') && document.querySelector(`[data-action="${CSS.escape(f.what)}"]`)?.textContent;
  return `${button ? `The button “${button}”` : f.what} ${why}`;
}

// Slack's own client has nobody to answer a line that is no command.
function unheard(f) {
  const node = note(f, h('p', {}, 'Nobody reads that: sshforward goes by commands and buttons alone. Type ', code('/sshforward'), ' for the form, or a line such as ', code(first()), '.'));
  node?.classList.remove('failure');
  return node;
}

/** note is something that Slack itself says to one person. */
function note(f, text) {
  if (f.user !== state.me || (f.channel && f.channel !== state.channel)) return null;
  const node = h('li', { class: 'message ephemeral failure', dataset: { ts: String(Date.parse(f.at) / 1000) } },
    only(),
    h('div', { class: 'row' }, avatar(''), h('div', { class: 'content' }, h('p', { class: 'by' }, h('span', { class: 'author' }, 'Workspace')), text)));
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
    node.scrollIntoView({ block: 'center' });
    rest(node);
    jump.hidden = true;
  };
  jump.hidden = false;
}

export function startMessages() {
  [list, scroller, jump] = [$('messages'), $('scroll'), $('jump')];
  scroller.addEventListener('scroll', () => {
    stuck = atBottom();
    if (stuck) jump.hidden = true;
  }, { passive: true });
  new ResizeObserver(() => { if (stuck) bottom(); }).observe(scroller);
  on('place', () => keeping(list, drawAll));
  let suggested = '';
  on('status', () => {
    if (suggested !== first()) keeping(list, empty); // what to type is known now
    suggested = first();
  });
  on('view-part', arrive);
  on('message', changed);
  on('asked', () => { asked = Date.now(); });
  const tell = (node) => {
    if (!node) return;
    announce(node.textContent);
    node.scrollIntoView({ block: 'nearest' });
  };
  on('failure', (f) => {
    tell(failed(f));
    // In Home, in a form or on another part of a phone nobody sees the messages.
    if (f.user === state.me && (!watching() || document.querySelector('dialog[open]'))) toast(whyFailed(f));
  });
  on('unheard', (f) => {
    const all = { ...f, unheard: true, at: new Date().toISOString() };
    state.failures = [...state.failures.slice(-50), all];
    tell(unheard(all));
  });
}
