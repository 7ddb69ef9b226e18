// Interactive elements outside of a form: each tells the bot at once.
// https://docs.slack.dev/reference/block-kit/block-elements

import { h } from './dom.js';
import * as act from './act.js';
import { text } from './blocks.js';
import { confirm } from './dialog.js';
import { control } from './inputs.js';

export function element(e, surface) {
  if (e.type === 'button') return button(e, surface);
  if (e.type === 'overflow') return overflow(e, surface);
  const c = control(e, surface, async (value) => {
    if (value && (!e.confirm || await confirm(e.confirm))) act.choose(surface.target, e.action_id, value);
  });
  return h('div', { class: 'control' }, c.node);
}

function button(e, surface) {
  const b = h('button', {
    type: 'button',
    class: 'button ' + (e.style ?? ''),
    'aria-label': e.accessibility_label,
    dataset: { action: e.action_id, value: e.value ?? '' },
    onclick: async () => {
      if (b.getAttribute('aria-busy') || (e.confirm && !(await confirm(e.confirm)))) return;
      if (e.url) window.open(e.url, '_blank', 'noopener,noreferrer');
      b.setAttribute('aria-busy', 'true');
      await act.click(surface.target, e.action_id, e.value);
      b.removeAttribute('aria-busy');
    },
  }, text(e.text));
  return b;
}

function overflow(e, surface) {
  const menu = h('select', { class: 'overflow', 'aria-label': 'More actions', onchange: async () => {
    const value = menu.value;
    menu.value = '';
    if (!e.confirm || await confirm(e.confirm)) act.choose(surface.target, e.action_id, value);
  } }, h('option', { value: '' }, '⋯'), e.options.map((o) => h('option', { value: o.value }, text(o.text))));
  return menu;
}
