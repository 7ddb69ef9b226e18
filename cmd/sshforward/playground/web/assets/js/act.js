// What a person does, as posts. Each resolves to the result, or to null after
// the person has been told what went wrong.

import { toast } from './dom.js';
import { state } from './state.js';

async function post(name, body) {
  try {
    const answer = await fetch('do/' + name, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    if ((answer.headers.get('Content-Type') ?? '').startsWith('application/json')) {
      const out = await answer.json();
      if (answer.ok) return out;
      toast(out.error);
    } else {
      toast((await answer.text()).trim() || answer.statusText);
    }
  } catch {
    toast('The playground does not answer.');
  }
  return null;
}

const user = () => state.me;

export const slash = (text, thread) => post('slash', { user: user(), channel: state.channel, text, thread });
export const say = (text, thread) => post('say', { user: user(), channel: state.channel, text, thread });
export const click = (target, action, value) => post('click', { user: user(), target, action, value });
export const choose = (target, action, value) => post('choose', { user: user(), target, action, value });
export const suggest = (target, action, query) => post('suggest', { user: user(), target, action, query });
export const submit = (target, values) => post('submit', { user: user(), target, values });
export const closeView = (target, all) => post('close-view', { user: user(), target, all });
export const openHome = () => post('home', { user: user() });
export const stranger = (target) => post('stranger', { target });
export const receipt = (target) => post('receipt', { target });
export const trouble = (kind) => post('trouble', { kind });
