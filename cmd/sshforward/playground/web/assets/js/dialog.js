// The "are you sure?" of a button.

import { h, langOf } from './dom.js';
import { text } from './blocks.js';

/** dismiss takes a dialog away and gives the focus back to where it was. */
export function dismiss(box) {
  box.close();
  box.remove();
  // Chromium gives back the focus without the caret: what is typed then is lost.
  const back = document.activeElement;
  back?.blur();
  back?.focus();
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
    box.addEventListener('close', () => {
      dismiss(box);
      resolve(box.returnValue === 'yes');
    });
    document.body.append(box);
    box.showModal();
  });
}
