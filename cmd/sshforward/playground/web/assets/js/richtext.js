// rich_text blocks: sections, lists, quotes and code, with their elements.
// https://docs.slack.dev/reference/block-kit/blocks/rich-text-block

import { h } from './dom.js';
import { date } from './dates.js';
import { channelLink, codeBlock, face, groupMention, link, mention } from './mrkdwn.js';

const plain = (elements) => (elements ?? []).map((e) => e.text ?? e.url ?? '').join('');

export function richText(block) {
  return h('div', { class: 'rich' }, (block.elements ?? []).map(part));
}

function part(e) {
  switch (e.type) {
    case 'rich_text_preformatted': return codeBlock(plain(e.elements));
    case 'rich_text_quote': return h('blockquote', {}, (e.elements ?? []).map(element));
    case 'rich_text_list':
      return h(e.style === 'ordered' ? 'ol' : 'ul', { class: 'indent-' + (e.indent ?? 0) },
        (e.elements ?? []).map((item) => h('li', {}, (item.elements ?? []).map(element))));
    default: return h('p', {}, (e.elements ?? []).map(element));
  }
}

function element(e) {
  switch (e.type) {
    case 'text': return styled(e.text.split('\n').flatMap((line, i) => (i ? [h('br'), line] : [line])), e.style);
    case 'link': return styled([link(e.url, e.text ?? e.url)], e.style);
    case 'user': return mention(e.user_id);
    case 'usergroup': return groupMention(e.usergroup_id);
    case 'channel': return channelLink(e.channel_id);
    case 'broadcast': return h('span', { class: 'mention' }, '@' + e.range);
    case 'emoji': return face(e.name) ?? ':' + e.name + ':';
    case 'date': return date(e.timestamp, e.format, e.fallback ?? '');
    default: return e.text ?? '';
  }
}

function styled(nodes, style = {}) {
  if (style.code) nodes = [h('code', {}, nodes)];
  if (style.strike) nodes = [h('s', {}, nodes)];
  if (style.italic) nodes = [h('em', {}, nodes)];
  if (style.bold) nodes = [h('strong', {}, nodes)];
  return nodes;
}
