// The thread below a message: its replies, and where one writes another.

import { h, icon, langOf } from './dom.js';
import * as act from './act.js';
import { outgoing } from './mrkdwn.js';
import { says } from './says.js';
import { me, nameOf } from './state.js';

// What was begun in a thread is there again when one comes back to it: by the
// person and the ts of the message.
const drafts = new Map();

/** thread is what hangs below a message that everybody sees. */
export function thread(m) {
  const key = me()?.id + ' ' + m.ts;
  // What is read out begins with what is seen.
  const label = langOf(says('Reply')) ? `${nameOf(m.user)}のスレッドに返信` : `Reply to ${nameOf(m.user)} in a thread`;
  const box = h('div', { class: 'thread' }, h('ol', { class: 'replies', 'aria-label': 'Replies', hidden: true }));
  const shut = () => {
    drafts.delete(key);
    const button = h('button', { type: 'button', class: 'reply', 'aria-label': label, lang: langOf(label), onclick: () => write().focus() },
      icon('thread'), h('span', { lang: langOf(says('Reply')) }, says('Reply')));
    box.replaceChildren(box.firstChild, button);
    return button;
  };
  let shifted = false; // Shift is down, which makes Enter a line break
  const write = () => {
    const field = h('textarea', {
      rows: 1, class: 'thread-text', placeholder: says('Reply…'), 'aria-label': label, autocomplete: 'off',
      value: drafts.get(key) ?? '',
      oninput: () => {
        drafts.set(key, field.value);
        field.rows = Math.min(6, field.value.split('\n').length);
      },
      // The Enter of a phone's keyboard, or a key event that lost its default.
      onbeforeinput: (e) => { if (e.inputType === 'insertLineBreak' && !shifted) e.preventDefault(); },
      onkeydown: (e) => {
        shifted = e.shiftKey;
        if (e.isComposing) return; // an input method has the keys
        if (e.key === 'Enter' && !e.shiftKey) {
          e.preventDefault();
          send();
        } else if (e.key === 'Escape') {
          e.preventDefault();
          shut().focus();
        }
      },
    });
    const send = () => {
      const text = field.value.trim();
      if (!text) return;
      field.value = '';
      field.rows = 1;
      drafts.set(key, '');
      // Slack refuses commands in threads, and says so there.
      if (text.startsWith('/')) act.slash(text, m.ts);
      else act.say(outgoing(text), m.ts);
    };
    drafts.set(key, field.value);
    box.replaceChildren(box.firstChild, h('form', { class: 'thread-form', onsubmit: (e) => { e.preventDefault(); send(); } },
      field, h('button', { type: 'submit', class: 'send', 'aria-label': 'Send the reply' }, icon('send'))));
    return field;
  };
  if (drafts.has(key)) write();
  else shut();
  return box;
}
