// Inputs: the controls of forms and menus, and the input block around one.

import { h, langOf } from './dom.js';
import { text } from './blocks.js';
import { combobox } from './combobox.js';
import { says } from './says.js';
import { channel, persons, state } from './state.js';

let ids = 0;

/** input renders an input block and puts its control into the surface's form. */
export function input(b, surface) {
  const e = b.element;
  const c = control(e, surface, () => {});
  const id = (c.node.id ||= 'input-' + ++ids);
  const named = c.field ?? c.node;
  named.id ||= id + '-field';
  const error = h('p', { class: 'error', id: id + '-error', hidden: true });
  const hint = b.hint && h('p', { class: 'hint', id: id + '-hint' }, text(b.hint));
  named.setAttribute('aria-describedby', [id + '-error', hint && id + '-hint'].filter(Boolean).join(' '));
  if (!b.optional) named.setAttribute('aria-required', 'true');
  const fail = (why) => {
    error.textContent = why;
    error.lang = langOf(why) ?? 'en';
    error.hidden = !why;
    if (why) named.setAttribute('aria-invalid', 'true');
    else named.removeAttribute('aria-invalid');
  };
  named.addEventListener('input', () => fail('')); // it was about what stood there
  surface.form?.set(b.block_id, { control: c, optional: b.optional, fail, focus: () => named.focus() });
  const grouped = c.node.getAttribute('role');
  return h('div', { class: 'block input', dataset: { block: b.block_id } },
    h(grouped ? 'span' : 'label', { class: 'label', for: grouped ? null : named.id, id: id + '-label' },
      text(b.label), b.optional && h('span', { class: 'optional' }, says(' (optional)'))),
    c.node, hint, error);
}

const options = (e) => [...(e.options ?? []), ...(e.option_groups ?? []).flatMap((g) => g.options)];

/**
 * control makes what an element is typed or chosen in: its node, the field in
 * it that takes the focus, and its value as text (several with commas).
 */
export function control(e, surface, changed) {
  const multi = e.type.startsWith('multi_');
  const label = e.placeholder?.text ?? '';
  switch (e.type.replace('multi_', '')) {
    case 'plain_text_input': return typed(e, e.multiline ? 'textarea' : 'input', { type: 'text' }, e.initial_value, changed);
    case 'email_text_input': return typed(e, 'input', { type: 'email' }, e.initial_value, changed);
    case 'url_text_input': return typed(e, 'input', { type: 'url' }, e.initial_value, changed);
    case 'number_input': return typed(e, 'input', { type: 'number', step: e.is_decimal_allowed ? 'any' : 1, min: e.min_value, max: e.max_value }, e.initial_value, changed);
    case 'datepicker': return typed(e, 'input', { type: 'date' }, e.initial_date, changed);
    case 'timepicker': return typed(e, 'input', { type: 'time' }, e.initial_time, changed);
    case 'datetimepicker': return moment(e, changed);
    case 'external_select': return combobox(e, surface, changed);
    case 'static_select': return select(label, multi, groups(e), initial(e), changed);
    case 'users_select': return select(label, multi, persons().map((u) => [u.id, u.real_name]), e.initial_users ?? [e.initial_user], changed);
    case 'channels_select': return select(label, multi, channels(false), e.initial_channels ?? [e.initial_channel], changed);
    case 'conversations_select':
      return select(label, multi, channels(true), e.initial_conversations ?? [e.initial_conversation ?? (e.default_to_current_conversation ? channel()?.id : '')], changed);
    case 'radio_buttons': return boxes('radio', e, [e.initial_option?.value], changed);
    case 'checkboxes': return boxes('checkbox', e, (e.initial_options ?? []).map((o) => o.value), changed);
    default: return { node: h('span', { class: 'unknown' }, `(an element of type ${e.type})`), value: () => '' };
  }
}

function typed(e, tag, attributes, value, changed) {
  const node = h(tag, {
    ...attributes, class: 'field-input', placeholder: e.placeholder?.text, maxlength: e.max_length, autocomplete: 'off',
    'data-action': e.action_id, value: value ?? '', rows: tag === 'textarea' ? 3 : null, onchange: () => changed(node.value),
  });
  if (tag === 'input') node.removeAttribute('rows');
  return { node, value: () => node.value };
}

function moment(e, changed) {
  const local = e.initial_date_time ? new Date(e.initial_date_time * 1000 - new Date().getTimezoneOffset() * 60e3).toISOString().slice(0, 16) : '';
  const node = h('input', { type: 'datetime-local', class: 'field-input', value: local, onchange: () => changed(value()) });
  const value = () => (node.value ? String(Date.parse(node.value) / 1000) : '');
  return { node, value };
}

const groups = (e) => (e.option_groups
  ? e.option_groups.map((g) => ({ label: g.label.text, options: g.options.map((o) => [o.value, o.text.text]) }))
  : options(e).map((o) => [o.value, o.text.text]));
const initial = (e) => (e.initial_options ?? [e.initial_option]).map((o) => o?.value);
const channels = (dms) => [...state.channels.values()].filter((c) => dms || !c.is_im).map((c) => [c.id, c.is_im ? 'Direct message' : '#' + c.name]);

function select(label, multi, list, chosen, changed) {
  const option = ([value, name]) => h('option', { value, selected: chosen.includes(value) }, name);
  const node = h('select', { class: 'field-input', multiple: multi, 'aria-label': label || null, onchange: () => changed(value()) },
    !multi && h('option', { value: '' }, label || 'Choose'),
    list.map((o) => (Array.isArray(o) ? option(o) : h('optgroup', { label: o.label }, o.options.map(option)))));
  const value = () => [...node.selectedOptions].map((o) => o.value).filter(Boolean).join(',');
  return { node, value };
}

function boxes(type, e, chosen, changed) {
  const name = 'boxes-' + ++ids;
  const fields = options(e).map((o) => h('input', { type, name, value: o.value, checked: chosen.includes(o.value), onchange: () => changed(value()) }));
  const value = () => fields.filter((f) => f.checked).map((f) => f.value).join(',');
  const node = h('div', { class: 'boxes', role: type === 'radio' ? 'radiogroup' : 'group' }, options(e).map((o, i) =>
    h('label', {}, fields[i], h('span', {}, text(o.text), o.description && h('small', {}, text(o.description))))));
  return { node, field: fields[0], value };
}
