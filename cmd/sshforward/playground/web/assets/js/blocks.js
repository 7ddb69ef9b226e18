// Block Kit, from blocks to nodes. The surface is where they are shown: its
// target is the message or view that the bot is told about.
// https://docs.slack.dev/reference/block-kit/blocks

import { h, langOf } from './dom.js';
import { element } from './elements.js';
import { input } from './inputs.js';
import { face, link, mrkdwn } from './mrkdwn.js';
import { pattern } from './emoji.js';
import { richText } from './richtext.js';

/** blocks renders all; one of a kind we do not know says so rather than vanish.
 * Each has a language of its own: a reason stays as its author wrote it. */
export const blocks = (list, surface) => (list ?? []).map((b) => {
  const node = block(b, surface);
  node.lang = langOf(JSON.stringify(b)) ?? '';
  if (!node.lang) node.removeAttribute('lang');
  return node;
});

function block(b, surface) {
  switch (b.type) {
    case 'section': return section(b, surface);
    case 'header': return h('h3', { class: 'block header' }, text(b.text));
    case 'context': return h('div', { class: 'block context' }, b.elements.map((e) => (e.type === 'image' ? image(e) : h('span', {}, text(e)))));
    case 'actions': return h('div', { class: 'block actions', role: 'group' }, b.elements.map((e) => element(e, surface)));
    case 'divider': return h('hr', { class: 'block divider' });
    case 'image': return h('div', { class: 'block' }, image(b));
    case 'rich_text': return h('div', { class: 'block' }, richText(b));
    case 'input': return input(b, surface);
    case 'markdown': return h('div', { class: 'block markdown' }, b.text);
    default: return h('div', { class: 'block unknown' }, `(a block of type ${b.type})`);
  }
}

function section(b, surface) {
  return h('div', { class: b.accessory ? 'block section with-accessory' : 'block section' },
    h('div', { class: 'section-body' },
      b.text && h('div', { class: 'text' }, text(b.text)),
      b.fields && h('div', { class: 'fields' }, b.fields.map((f) => h('div', { class: 'field' }, text(f))))),
    b.accessory && h('div', { class: 'accessory' }, b.accessory.type === 'image' ? image(b.accessory) : element(b.accessory, surface)));
}

/** text renders a text object, plain or mrkdwn. */
export function text(t) {
  if (!t) return [];
  return t.type === 'mrkdwn' ? mrkdwn(t.text, t.verbatim) : plain(t.text, t.emoji !== false);
}

function plain(t, emoji) {
  const out = [];
  t.split('\n').forEach((line, i) => {
    if (i) out.push(h('br'));
    let from = 0;
    if (emoji) {
      for (const m of line.matchAll(pattern)) {
        const e = face(m[1]);
        if (!e) continue;
        out.push(line.slice(from, m.index), e);
        from = m.index + m[0].length;
      }
    }
    out.push(line.slice(from));
  });
  return out;
}

// The page loads nothing from elsewhere, so a picture is a link to itself.
const image = (i) => h('span', { class: 'picture-link' }, link(i.image_url ?? '', i.alt_text || 'image'));
