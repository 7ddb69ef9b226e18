// The bots, where several share the work: how each fares, whose the leases are, and
// what can be done to it.

import { $, announce, h } from './dom.js';
import * as act from './act.js';
import { on, state } from './state.js';

let box;

function build() {
  box = h('ol', { class: 'replica-list' });
  const section = h('section', { class: 'replicas', hidden: true }, h('h3', {}, 'Replicas, and the leases that each works on'), box);
  $('cloud').querySelector('.picture').after(section);
}

const word = (r) => (!r.pid ? 'dead' : r.paused ? 'paused' : r.cut ? 'cut off' : 'well');

function status() {
  const replicas = state.status?.replicas ?? [];
  box.parentElement.hidden = replicas.length === 0;
  const focused = document.activeElement?.dataset?.kind;
  box.replaceChildren(...replicas.map((r, i) => row(r, i + 1)));
  if (focused) box.querySelector(`[data-kind="${CSS.escape(focused)}"]`)?.focus();
}

function row(r, n) {
  const b = (kind, text, pressed) => h('button', {
    type: 'button', class: 'replica-button', dataset: { kind: `${kind}-${n}` }, 'aria-pressed': String(!!pressed),
    'aria-label': `${text} replica ${n}`, onclick: (e) => cause(e.currentTarget, `${kind}-${n}`),
  }, text);
  return h('li', { class: 'replica', dataset: { replica: n, state: word(r) } },
    h('strong', {}, `Replica ${n}`), h('span', { class: 'replica-state' }, word(r)),
    h('span', { class: 'replica-leases' }, (r.leases ?? []).length
      ? r.leases.map((id) => h('code', { dataset: { lease: id } }, id))
      : h('small', {}, 'no lease')),
    h('span', { class: 'replica-buttons', role: 'group', 'aria-label': `Replica ${n}` },
      r.pid ? b('kill', 'Kill') : b('start', 'Start', true),
      r.pid && (r.paused ? b('resume', 'Resume', true) : b('pause', 'Pause')),
      r.cut ? b('join', 'Join', true) : r.pid && b('cut', 'Cut off')));
}

async function cause(button, kind) {
  if (button.getAttribute('aria-busy')) return;
  button.setAttribute('aria-busy', 'true');
  const done = await act.trouble(kind);
  button.removeAttribute('aria-busy');
  if (done) announce(`Done: ${kind.replace('-', ' replica ')}`);
}

export function startReplicas() {
  build();
  on('status', status);
}
