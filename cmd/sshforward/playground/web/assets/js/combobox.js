// A menu whose options the bot offers while one types: external_select.
// Keys and roles follow the ARIA combobox pattern.
// https://www.w3.org/WAI/ARIA/apg/patterns/combobox/

import { h, langOf } from './dom.js';
import * as act from './act.js';

const pause = 150; // ms after the last key before the bot is asked
let ids = 0;

export function combobox(e, surface, changed) {
  const id = 'combo-' + ++ids;
  const least = e.min_query_length ?? 3;
  let value = e.initial_option?.value ?? '';
  let chosen = e.initial_option?.text?.text ?? '';
  let asked = 0;
  let timer = 0;
  let active = -1;
  let options = [];

  const list = h('ul', { class: 'suggestions', role: 'listbox', id: id + '-list', hidden: true, 'aria-label': 'Suggestions' });
  const field = h('input', {
    id, type: 'text', class: 'field-input', role: 'combobox', autocomplete: 'off', value: chosen,
    'aria-expanded': 'false', 'aria-controls': id + '-list', 'aria-autocomplete': 'list',
    'data-action': e.action_id, placeholder: e.placeholder?.text ?? 'Type to search',
    oninput: () => { value = ''; later(pause); },
    onfocus: () => { if (!value) later(0); },
    onblur: () => { close(); field.value = value ? chosen : field.value; },
    onkeydown: key,
  });

  function later(ms) {
    clearTimeout(timer);
    timer = setTimeout(ask, ms);
  }

  async function ask() {
    const query = field.value.trim();
    const mine = ++asked;
    if ([...query].length < least) return query ? show([], `Type at least ${least} characters`) : close();
    const out = await act.suggest(surface.target, e.action_id, query);
    // A later question may have been answered first.
    if (mine !== asked || document.activeElement !== field) return;
    if (!out || out.error) show([], 'The bot does not answer');
    else show(out.options ?? [], 'Nothing found');
  }

  function show(found, otherwise) {
    options = found;
    active = found.length ? 0 : -1;
    list.replaceChildren(...(found.length ? found.map((o, i) => h('li', {
      role: 'option', id: `${id}-${i}`, lang: langOf(o.text), 'aria-selected': String(i === active),
      // Not click: the field must not lose the focus before.
      onmousedown: (ev) => { ev.preventDefault(); pick(i); },
    }, o.text)) : [h('li', { class: 'none' }, otherwise)]));
    list.hidden = false;
    field.setAttribute('aria-expanded', 'true');
    mark();
  }

  function close() {
    asked++;
    clearTimeout(timer);
    list.hidden = true;
    active = -1;
    field.setAttribute('aria-expanded', 'false');
    field.removeAttribute('aria-activedescendant');
  }

  function mark() {
    [...list.children].forEach((li, i) => li.setAttribute('aria-selected', String(i === active)));
    if (active < 0) return field.removeAttribute('aria-activedescendant');
    field.setAttribute('aria-activedescendant', `${id}-${active}`);
    list.children[active].scrollIntoView({ block: 'nearest' });
  }

  function pick(i) {
    ({ value, text: chosen } = options[i]);
    field.value = chosen;
    close();
    changed(value);
  }

  function key(ev) {
    if (list.hidden) {
      if (ev.key === 'ArrowDown') later(0);
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[ev.key];
    if (step && options.length) active = (active + step + options.length) % options.length;
    else if (ev.key === 'Enter' && active >= 0) pick(active);
    else if (ev.key === 'Escape') close();
    else return;
    ev.preventDefault();
    ev.stopPropagation(); // Escape closes the list, not the modal
    if (step) mark();
  }

  // What was typed and not chosen is no choice, as in Slack.
  return { node: h('div', { class: 'combo' }, field, list), field, value: () => value };
}
