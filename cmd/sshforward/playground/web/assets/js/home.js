// App Home: the tab beside the messages in the DM with the bot.

import { $, h } from './dom.js';
import * as act from './act.js';
import { blocks } from './blocks.js';
import { keeping } from './focus.js';
import { channel, on, state } from './state.js';

let opened = ''; // for whom the bot was told

function draw() {
  const here = state.tab === 'home' && channel()?.is_im;
  $('home').hidden = !here;
  $('scroll').hidden = $('composer').hidden = here;
  if (!here) {
    opened = '';
    return;
  }
  const view = state.homes.get(state.me);
  $('home').replaceChildren(...(view
    ? blocks(view.blocks, { target: view.id, form: new Map() })
    : [h('p', { class: 'empty' }, 'The bot has not published a home tab for you yet.')]));
  if (opened !== state.me) {
    opened = state.me;
    act.openHome();
  }
}

export function startHome() {
  on('place', draw);
  on('home', (v) => v.user === state.me && keeping($('home'), draw));
}
