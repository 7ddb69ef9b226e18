// Slack's mrkdwn, from text to nodes.
// https://docs.slack.dev/messaging/formatting-message-text

import { copyButton, h } from './dom.js';
import { date } from './dates.js';
import { emoji } from './emoji.js';
import { emit, go, persons, state } from './state.js';

export const unescape = (t) => t.replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&');

const escape = (t) => t.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');

/** outgoing is what Slack's client makes of what a person types: no markup of
 * their own, and names that somebody has become mentions. */
export const outgoing = (text) => escape(text).replace(/@([\w.-]+)/g, (all, name) => {
  const u = persons().find((p) => p.name === name);
  return u ? `<@${u.id}>` : all;
});

/** mrkdwn renders a text; verbatim leaves bare addresses alone. */
export function mrkdwn(text, verbatim = false) {
  const out = [];
  text.split('```').forEach((part, i, all) => {
    // An opening fence without a closing one is no fence.
    if (i % 2 === 1 && i < all.length - 1) out.push(codeBlock(unescape(part.replace(/^\n|\n$/g, ''))));
    else if (part !== '') out.push(...lines(i % 2 === 1 ? '```' + part : part, verbatim, out.length > 0));
  });
  return out;
}

export function codeBlock(text) {
  return h('div', { class: 'code' }, h('pre', { tabindex: 0 }, words(text)), copyButton(() => text));
}

/** words is code whose lines break between words, and not at a hyphen as in i-0abc. */
export const words = (text) => h('code', { class: 'words' }, text.split(/(\s+)/).map((w, i) => (i % 2 ? w : h('span', { class: w.length > 48 ? 'long' : null }, w))));

function lines(text, verbatim, afterBlock) {
  const out = [];
  const all = (afterBlock ? text.replace(/^\n/, '') : text).split('\n');
  for (let i = 0; i < all.length; i++) {
    if (all[i].startsWith('&gt;')) {
      const quoted = [];
      for (; i < all.length && all[i].startsWith('&gt;'); i++) quoted.push(all[i].replace(/^&gt; ?/, ''));
      i--;
      out.push(h('blockquote', {}, lines(quoted.join('\n'), verbatim)));
      continue;
    }
    if (out.length > 0 && out.at(-1).tagName !== 'BLOCKQUOTE') out.push(h('br'));
    out.push(...inline(all[i], verbatim));
  }
  return out;
}

// A mark opens after a space or punctuation and closes before one; what is
// between neither begins nor ends with a space.
const rules = [
  { find: /`([^`\n]+)`/, make: (m) => code(unescape(m[1])) },
  { find: /<([^<>\n]+)>/, make: (m) => reference(m[1]) },
  { find: /(?<![\w*])\*(?!\s)([^*\n]+?)(?<!\s)\*(?![\w*])/, make: (m, v) => h('strong', {}, inline(m[1], v)) },
  { find: /(?<![\w])_(?!\s)([^_\n]+?)(?<!\s)_(?![\w])/, make: (m, v) => h('em', {}, inline(m[1], v)) },
  { find: /(?<![\w~])~(?!\s)([^~\n]+?)(?<!\s)~(?![\w~])/, make: (m, v) => h('s', {}, inline(m[1], v)) },
  { find: /:([a-z0-9_+-]+):/, make: (m) => face(m[1]) ?? m[0] },
  // AWS's ids have a hyphen, at which no line should break.
  { find: /\(?\b[a-z]{1,6}-[0-9a-f]{8,17}\b\)?/, make: (m) => h('span', { class: 'id' }, m[0]) },
];
const bare = { find: /https?:\/\/[^\s<>|]+[^\s<>|.,;:!?)\]]/, make: (m) => link(unescape(m[0]), unescape(m[0])) };

function inline(text, verbatim) {
  const out = [];
  const using = verbatim ? rules : [...rules, bare];
  while (text) {
    let first = null;
    for (const rule of using) {
      const m = rule.find.exec(text);
      if (m && (!first || m.index < first.m.index)) first = { m, rule };
    }
    if (!first) break;
    if (first.m.index > 0) out.push(unescape(text.slice(0, first.m.index)));
    out.push(first.rule.make(first.m, verbatim));
    text = text.slice(first.m.index + first.m[0].length);
  }
  if (text) out.push(unescape(text));
  return out;
}

/** face renders a shortcode, or nothing if it is none. */
export function face(name) {
  const is = emoji(name);
  return is && h('span', { class: 'emoji', role: 'img', 'aria-label': name.replaceAll('_', ' '), title: ':' + name + ':' }, is);
}

// A command in a text is there to be typed: pressing it puts it in the composer.
export function code(text) {
  if (!text.startsWith('/sshforward')) return words(text);
  return h('button', { type: 'button', class: 'command', title: 'Put this in the composer', onclick: () => emit('fill', text) }, h('code', {}, text));
}

function reference(inner) {
  const [target, ...rest] = inner.split('|');
  const label = rest.length ? unescape(rest.join('|')) : '';
  switch (target[0]) {
    case '@': return mention(target.slice(1), label);
    case '#': return channelLink(target.slice(1), label);
    case '!': return special(target.slice(1), label);
  }
  return link(unescape(target), label || unescape(target));
}

export function mention(id, label) {
  const mine = id === state.me;
  return h('span', { class: mine ? 'mention mine' : 'mention' }, '@' + (state.users.get(id)?.real_name ?? (label || id)));
}

export function channelLink(id, label) {
  const c = state.channels.get(id);
  return h('button', { type: 'button', class: 'mention', disabled: !c, onclick: () => go(id) }, '#' + (c?.name ?? (label || id)));
}

export function groupMention(id, label) {
  const g = state.groups.get(id);
  const mine = g?.users?.includes(state.me);
  return h('span', { class: mine ? 'mention mine' : 'mention' }, g ? '@' + g.handle : label || '@' + id);
}

function special(what, label) {
  const [kind, ...args] = what.split('^');
  if (kind === 'subteam') return groupMention(args[0], label);
  if (kind === 'date') return date(Number(args[0]), args[1] ?? '', label);
  return h('span', { class: 'mention' }, label || '@' + kind);
}

/** link goes out only to the web, and tells the other side nothing. */
export function link(url, label) {
  if (!/^(https?:|mailto:)/i.test(url)) return h('span', {}, label);
  return h('a', { href: url, target: '_blank', rel: 'noopener noreferrer' }, label);
}
