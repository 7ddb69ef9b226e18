// Building elements. Data only ever becomes text nodes and attributes; there is
// no way in here from a string to markup, and the page's policy forbids one.

const SVG = 'http://www.w3.org/2000/svg';

function build(el, props, children) {
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith('on')) el.addEventListener(key.slice(2), value);
    else if (key === 'dataset') Object.assign(el.dataset, value);
    else if (key === 'value') el.value = value;
    else el.setAttribute(key, value === true ? '' : value);
  }
  el.append(...children.flat(Infinity).filter((c) => c !== undefined && c !== null && c !== false));
  return el;
}

/** fill replaces what is in an element, leaving out what is not there. */
export const fill = (el, ...children) => {
  el.replaceChildren();
  return build(el, {}, children);
};

/** h makes an HTML element; on… props are listeners, the others attributes. */
export const h = (tag, props, ...children) => build(document.createElement(tag), props, children);

/** s makes an SVG element. */
export const s = (tag, props, ...children) => build(document.createElementNS(SVG, tag), props, children);

/** langOf tells Japanese from the rest, which is as the page is: fonts draw the
 * same character differently, and screen readers need to know. */
export const langOf = (text) => (/[\u3040-\u30ff\u3400-\u9fff]/.test(text) ? 'ja' : null);

export const $ = (id) => document.getElementById(id);

// Outlines on a 20 by 20 grid.
const shapes = {
  hash: 'M7.5 3 6 17M14 3l-1.5 14M3.5 7.5h14M2.5 12.5h14',
  lock: 'M5 9h10v8H5zM7 9V6a3 3 0 0 1 6 0v3',
  eye: 'M2 10s3-5.5 8-5.5S18 10 18 10s-3 5.5-8 5.5S2 10 2 10zM10 12.3a2.3 2.3 0 1 0 0-4.6 2.3 2.3 0 0 0 0 4.6z',
  copy: 'M7 7h9v10H7zM4 13V3h9',
  check: 'M4 10.5 8.2 15 16 5.5',
  send: 'M3 10 17 3.5 13 17l-3.5-5.5zM9.5 11.5 17 3.5',
  close: 'M5 5l10 10M15 5 5 15',
  thread: 'M4 4v6a3 3 0 0 0 3 3h9M12.5 9.5 16 13l-3.5 3.5',
  chat: 'M3 4h14v10H9l-4 3v-3H3z',
  cloud: 'M6 15.5h8.5a3.3 3.3 0 0 0 .4-6.6A5 5 0 0 0 5.3 8 3.8 3.8 0 0 0 6 15.5z',
  people: 'M7.5 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2 16.5c0-3 2.4-4.8 5.5-4.8s5.5 1.8 5.5 4.8M13.2 9.2a2.6 2.6 0 1 0-.6-5M15 12c1.9.5 3 2.1 3 4.3',
  slow: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM10 6v4.3l2.8 1.7',
  gauge: 'M3.5 14.5a7 7 0 1 1 13 0M10 13l3-4.5',
  bolt: 'M11 2.5 4.5 11.5H9.5L9 17.5l6.5-9H10.5z',
  play: 'M6 4l10 6-10 6z',
  rule: 'M3 6h14M3 10h7M3 14h5M12.5 11.5l4 4M16.5 11.5l-4 4',
  disk: 'M4 5.5c0-1.4 2.7-2.5 6-2.5s6 1.1 6 2.5-2.7 2.5-6 2.5-6-1.1-6-2.5zM4 5.5v9c0 1.4 2.7 2.5 6 2.5s6-1.1 6-2.5v-9M4 10c0 1.4 2.7 2.5 6 2.5s6-1.1 6-2.5',
};

/** icon is decoration: what it means is said in text beside it. */
export function icon(name) {
  return s('svg', { class: 'icon', viewBox: '0 0 20 20', 'aria-hidden': 'true', focusable: 'false' },
    s('path', { d: shapes[name] }));
}

/** mark is the project's own sign. */
export function mark() {
  return s('svg', { class: 'mark', viewBox: '0 0 32 32', 'aria-hidden': 'true' },
    s('rect', { width: 32, height: 32, rx: 8, class: 'mark-ground' }),
    s('path', { d: 'M7 16h11m-4-5 5 5-5 5', class: 'mark-arrow' }),
    s('path', { d: 'M20 8h3a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2h-3', class: 'mark-door' }));
}

/** announce says something to screen readers and to nobody else. */
export function announce(text) {
  const line = h('p', {}, text);
  $('announcer').append(line);
  setTimeout(() => line.remove(), 5000);
}

const shownFor = 10_000; // ms

/** toast shows a problem for a while, in a place of its own, so that it covers
 * nothing; in a dialog where one is open, since nothing else can be reached then.
 * It stays while somebody is on it. */
export function toast(text) {
  const had = document.activeElement;
  let timer = 0;
  const go = () => {
    if (t.contains(document.activeElement)) had?.focus();
    t.remove();
  };
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(go, shownFor);
  };
  const stay = () => clearTimeout(timer);
  const t = h('div', { class: 'toast', onmouseenter: stay, onmouseleave: wait, onfocusin: stay, onfocusout: wait, onkeydown: (e) => { if (e.key === 'Escape') go(); } },
    h('span', {}, text), h('button', { type: 'button', class: 'plain', 'aria-label': 'Dismiss', onclick: go }, icon('close')));
  const dialog = [...document.querySelectorAll('dialog[open]')].at(-1);
  if (dialog) dialog.prepend(h('div', { role: 'alert' }, t));
  else $('toasts').append(t);
  wait();
}

/** copyButton copies a text; where the clipboard is refused it says so. */
export function copyButton(text, label = 'Copy') {
  const says = h('span', {}, label);
  const b = h('button', { type: 'button', class: 'copy', onclick: async () => {
    try {
      await navigator.clipboard.writeText(text());
      says.textContent = 'Copied';
      b.classList.add('done');
    } catch {
      says.textContent = 'Not allowed';
    }
    setTimeout(() => { says.textContent = label; b.classList.remove('done'); }, 1600);
  } }, icon('copy'), says);
  return b;
}
