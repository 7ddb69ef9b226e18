// Trouble to cause: each button says what will happen, and then how long the
// repair took. The buttons stay the same ones, so that the focus stays on them.

import { announce, h, icon } from './dom.js';
import * as act from './act.js';
import { span } from './dates.js';
import { on, state } from './state.js';

const seconds = (s) => (s < 60 ? `${s < 10 ? s.toFixed(1) : Math.round(s)} s` : span(s * 1000));

// What a button is, by what is so now: what it posts, its sign, its name, what it
// will do, and whether something is on.
const troubles = [
  (st) => (st.bot_running
    ? { kind: 'kill-bot', sign: 'bolt', name: st.replicas?.length ? 'kill -9 every replica' : 'kill -9 the bot', will: 'sessions go on, but nothing opens or ends until it is started again', did: (r) => `was down for ${seconds(r.took)}, and went on where it was` }
    : { kind: 'restart-bot', sign: 'play', name: 'Start the bot', will: 'it is down; it goes on where it was', on: true }),
  (st) => (st.slow_health
    ? { kind: 'fast-health', sign: 'slow', name: 'Slow health', will: 'what opens now waits 20 s longer; press to end it', on: true }
    : { kind: 'slow-health', sign: 'slow', name: 'Slow health', will: 'what opens from now on waits 20 s longer for its instance', on: false }),
  (st) => (st.throttled
    ? { kind: 'calm', sign: 'gauge', name: 'Throttle AWS', will: 'three in ten calls fail; press to end it', on: true }
    : { kind: 'throttle', sign: 'gauge', name: 'Throttle AWS', will: 'three in ten calls fail, and the bot tries again', on: false }),
  () => ({
    kind: 'remove-rule', sign: 'rule', name: 'Remove the rule', will: 'as Terraform might: nobody new gets in until the bot has put it back',
    doing: (s) => `gone for ${seconds(s)}: the bot has to see it first`, did: (r) => `the bot put it back after ${seconds(r.took)}`,
  }),
  (st) => ({
    kind: 'lose-database', sign: 'disk', name: st.replicas?.length ? 'Lose the table' : 'Lose the database',
    will: st.replicas?.length
      ? 'kill every replica and delete their table; they learn it again from the tags'
      : 'kill the bot and delete what it knows; it learns it again from the tags',
    doing: (s) => `gone for ${seconds(s)}`, did: (r) => `rebuilt from the tags in ${seconds(r.took)}`,
  }),
];

let buttons = [];

function draw() {
  const st = state.status;
  if (!st) return;
  buttons.forEach((b, i) => {
    const t = troubles[i](st);
    const r = st.repairs?.[t.kind];
    const note = !r ? t.will : r.took ? t.did?.(r) ?? t.will : t.doing?.((Date.now() - Date.parse(r.since)) / 1000) ?? t.will;
    b.dataset.kind = t.kind;
    b.classList.toggle('on', Boolean(t.on || (r && !r.took && t.doing)));
    if (t.on === undefined || t.kind === 'restart-bot') b.removeAttribute('aria-pressed');
    else b.setAttribute('aria-pressed', String(t.on));
    const [sign, name, small] = [b.querySelector('.icon'), b.querySelector('strong'), b.querySelector('small')];
    if (sign.dataset.sign !== t.sign) {
      const now = icon(t.sign);
      now.dataset.sign = t.sign;
      sign.replaceWith(now);
    }
    if (name.textContent !== t.name) name.textContent = t.name;
    if (small.textContent === note) return;
    small.textContent = note;
    if (r?.took && b.dataset.told !== r.since) announce(`${t.name}: ${note}`);
    if (r?.took) b.dataset.told = r.since;
  });
}

async function cause(b) {
  if (b.getAttribute('aria-busy')) return;
  const { kind } = b.dataset;
  const name = b.querySelector('strong').textContent;
  b.setAttribute('aria-busy', 'true');
  const done = await act.trouble(kind);
  b.removeAttribute('aria-busy');
  if (done) announce(`Done: ${name}`);
}

/** trouble is the part of the panel; it is there before anything is known. */
export function trouble() {
  buttons = troubles.map(() => {
    const b = h('button', { type: 'button', class: 'trouble-button', onclick: () => cause(b) }, icon('bolt'), h('span', {}, h('strong', {}), h('small', {})));
    return b;
  });
  on('status', draw);
  setInterval(draw, 1000); // what is being repaired is counted
  return h('section', { class: 'trouble', 'aria-labelledby': 'trouble-title' },
    h('h3', { id: 'trouble-title' }, 'Cause trouble'), h('div', { class: 'troubles', role: 'group', 'aria-labelledby': 'trouble-title' }, buttons));
}
