// Modals: the stack of views in front of the acting person. Only the top one is
// drawn, in a native dialog, which keeps the focus inside.

import { h, icon, langOf } from './dom.js';
import * as act from './act.js';
import { blocks } from './blocks.js';
import { dismiss, whence } from './dialog.js';
import { says } from './says.js';
import { on, state } from './state.js';

let box = null;
let shown = null; // the view in the box
let back = null; // to where the focus was before the first of a stack
let fields = new Map(); // of its input blocks, by block id

const top = () => [...state.views.values()].filter((v) => v.open && v.type === 'modal' && v.user === state.me).at(-1);

function draw() {
  const view = top();
  if (!view) {
    remove(back);
    back = null;
    return;
  }
  if (shown?.id === view.id && shown.hash === view.hash && JSON.stringify(shown.blocks) === JSON.stringify(view.blocks)) {
    shown = view;
    return errors(view.errors ?? {}); // keep what was typed
  }
  back ??= whence();
  remove();
  shown = view;
  fields = new Map();
  const form = h('form', { novalidate: true, onsubmit: send },
    h('header', { class: 'modal-head' },
      h('h2', { id: 'modal-title', lang: langOf(view.title) }, view.title ?? ''),
      h('button', { type: 'button', class: 'plain', 'aria-label': 'Close', onclick: () => act.closeView(view.id, true) }, icon('close'))),
    h('div', { class: 'modal-body' }, blocks(view.blocks, { target: view.id, form: fields })),
    h('footer', { class: 'dialog-buttons' },
      h('button', { type: 'button', class: 'button', lang: langOf(view.close), onclick: () => act.closeView(view.id, false) }, view.close || 'Cancel'),
      view.submit && h('button', { type: 'submit', class: 'button primary', lang: langOf(view.submit), dataset: { action: 'submit' } }, view.submit)));
  box = h('dialog', { class: 'modal', 'aria-labelledby': 'modal-title', dataset: { view: view.id, callback: view.callback_id ?? '' } }, form);
  // A browser closes a dialog without asking that nobody has touched yet, as one
  // that was open when the page was loaded.
  const mine = box;
  let closing = false;
  const close = () => {
    if (closing || box !== mine) return;
    closing = true;
    act.closeView(view.id, false);
  };
  box.addEventListener('cancel', (e) => {
    e.preventDefault(); // the view closes it, through the stream
    close();
  });
  box.addEventListener('close', close);
  document.body.append(box);
  box.showModal();
  // Where there is nothing to fill in, Enter presses what the dialog is for.
  (box.querySelector('.modal-body :is(input, select, textarea)') ?? box.querySelector('[data-action=submit]'))?.focus();
  errors(view.errors ?? {});
}

function remove(then) {
  if (box) dismiss(box, then);
  box = shown = null;
}

function errors(why) {
  let first = null;
  for (const [id, field] of fields) {
    field.fail(why[id] ?? '');
    if (why[id]) first ??= field;
  }
  first?.focus();
}

async function send(e) {
  e.preventDefault();
  const button = e.target.querySelector('[data-action=submit]');
  if (!button || button.getAttribute('aria-busy')) return;
  const values = {};
  const missing = {};
  for (const [id, field] of fields) {
    values[id] = field.control.value();
    if (!values[id] && !field.optional) missing[id] = says('Please fill in this one.');
  }
  errors(missing);
  if (Object.keys(missing).length) return;
  button.setAttribute('aria-busy', 'true');
  const view = shown;
  const out = await act.submit(view.id, values);
  button.removeAttribute('aria-busy');
  // Field errors come with the result and with the stream, whichever is first.
  if (out?.view_errors && shown?.id === view.id) errors(out.view_errors);
}

export function startModals() {
  on('view place', draw);
}
