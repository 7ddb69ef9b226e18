// What an empty conversation says: what this is, and what to type first.

import { h, mark } from './dom.js';
import { code } from './mrkdwn.js';
import { state } from './state.js';

/** first is what to type first; the stage knows how long a lease may be here. */
export const first = () => (state.status?.command?.startsWith('/') ? state.status.command : '/sshforward help');

export function welcome() {
  const say = (text, what) => h('li', {}, code(text), h('span', {}, what));
  return h('li', { class: 'welcome' },
    h('div', { class: 'welcome-mark' }, mark()),
    h('h2', {}, 'Reach a private instance, for a while'),
    h('p', {}, 'The bot is the real one; Slack and AWS are played by stand-ins on your machine. Ask for a forward, press Open, and paste the ssh command it gives you into a terminal.'),
    h('ul', {},
      say(first(), 'ask for access'),
      say('/sshforward list', 'what is open'),
      say('/sshforward help', 'everything else')));
}
