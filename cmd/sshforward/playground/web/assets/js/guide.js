// The guide: a bar that says what to do next and why, with one button that does
// it. What is ticked is what has really happened, as the server tells it; who
// types or clicks instead of pressing the button gets the tick too.

import { $, announce, fill, h, icon } from './dom.js';
import { steps } from './guidesteps.js';
import { on, remember, remembered, state } from './state.js';

let box, count, title, says, button, list, leave;
let left = false;
let was = ''; // the step that was shown last

const doneAt = (id) => state.story?.steps.find((x) => x.id === id)?.done;
const next = () => steps.find((x) => !doneAt(x.id)) ?? null;

const end = {
  title: 'That is all of it',
  now: () => ({ says: 'Try what you like: everything here is the real bot.', ...steps.at(-1).again() }),
};

function draw() {
  if (!state.story || !state.cloud || !state.me) return;
  box.hidden = false;
  const step = next();
  const number = step ? steps.indexOf(step) + 1 : steps.length;
  const now = (step ?? end).now();
  count.textContent = `${number} of ${steps.length}`;
  title.textContent = (step ?? end).title;
  says.textContent = now.says;
  box.dataset.step = step?.id ?? 'end';
  box.classList.toggle('left', left);
  const waits = !now.act;
  button.hidden = left || (waits && !now.button);
  button.onclick = () => { if (now.act && !button.getAttribute('aria-busy')) press(now.act); };
  button.setAttribute('aria-disabled', String(waits));
  if (button.dataset.text !== now.button) {
    button.dataset.text = now.button ?? '';
    fill(button, now.button);
  }
  const comes = left ? 'Come back to the guide' : 'Leave the guide';
  if (leave.getAttribute('aria-label') !== comes) {
    leave.setAttribute('aria-label', comes);
    leave.setAttribute('aria-expanded', String(!left));
    fill(leave, left ? 'Guide' : icon('close'));
  }
  ticks(step);
  if (was && was !== box.dataset.step && !left) announce(`Done. Next: ${title.textContent}. ${now.says}`);
  was = box.dataset.step;
}

function ticks(step) {
  const text = steps.map((x) => `${x.id} ${doneAt(x.id) ?? ''} ${x === step}`).join();
  if (list.dataset.text === text) return;
  list.dataset.text = text;
  list.replaceChildren(...steps.map((x) => h('li', {
    class: doneAt(x.id) ? 'done' : '', title: x.title, 'aria-current': x === step ? 'step' : null, dataset: { step: x.id },
  }, doneAt(x.id) ? icon('check') : null, h('span', { class: 'sr-only' }, `${x.title}${doneAt(x.id) ? ', done' : ''}`))));
}

async function press(act) {
  button.setAttribute('aria-busy', 'true');
  try { await act(); } finally { button.removeAttribute('aria-busy'); }
  draw();
}

export function startGuide() {
  count = h('span', { class: 'guide-count' });
  title = h('h2', {});
  says = h('p', { class: 'guide-says' });
  list = h('ol', { class: 'guide-steps', 'aria-label': 'Steps' });
  button = h('button', { type: 'button', class: 'guide-button' });
  leave = h('button', { type: 'button', class: 'guide-leave', onclick: () => {
    left = !left;
    remember('guide', left ? 'left' : '');
    draw();
  } });
  box = h('section', { id: 'guide', 'aria-label': 'Guide', hidden: true },
    h('div', { class: 'guide-text' }, h('div', { class: 'guide-title' }, count, title), says), button, list, leave);
  $('app').before(box);
  left = remembered('guide') === 'left';
  on('story cloud status place message', draw);
}
