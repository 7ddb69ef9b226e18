// The "are you sure?" of a button.

import { h, langOf } from './dom.js';
import { text } from './blocks.js';
import { lost, rest } from './focus.js';

/** whence is where the focus is, to go back to: also when the message it was in
 * is drawn anew meanwhile. */
export function whence() {
  const had = document.activeElement;
  const near = had?.closest('.message, #home, #cloud section');
  const action = had?.dataset?.action;
  return () => {
    const again = action && near?.querySelector(`[data-action="${CSS.escape(action)}"]`);
    rest([had, again, near, document.getElementById('composer-text')].find((e) => e && e !== document.body && e.isConnected && e.checkVisibility()));
  };
}

/** dismiss takes a dialog away and gives the focus back to where it was. */
export function dismiss(box, back) {
  box.close();
  box.remove();
  if (lost()) return back?.();
  // Chromium gives back the focus without the caret: what is typed then is lost.
  const had = document.activeElement;
  had.blur();
  had.focus();
}

/** confirm shows a confirmation object and resolves to what was chosen. */
export function confirm(c) {
  return new Promise((resolve) => {
    const box = h('dialog', { class: 'confirm', lang: langOf(JSON.stringify(c)), 'aria-labelledby': 'confirm-title', 'aria-describedby': 'confirm-text' },
      h('h2', { id: 'confirm-title' }, text(c.title)),
      h('div', { id: 'confirm-text' }, text(c.text)),
      h('div', { class: 'dialog-buttons' },
        h('button', { type: 'button', class: 'button', onclick: () => box.close('no') }, text(c.deny)),
        h('button', { type: 'button', class: 'button ' + (c.style ?? 'primary'), autofocus: true, onclick: () => box.close('yes') }, text(c.confirm))));
    const back = whence();
    box.addEventListener('close', () => {
      dismiss(box, back);
      resolve(box.returnValue === 'yes');
    });
    document.body.append(box);
    box.showModal();
  });
}
