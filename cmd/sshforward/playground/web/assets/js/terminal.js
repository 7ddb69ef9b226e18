// A terminal beside the picture. What is typed goes over a WebSocket to the
// server, which is an ssh client like any other: it comes through the forward,
// and is cut with it.

import { $, announce, fill, h, icon } from './dom.js';
import { isOpen } from './forward.js';
import { on, state } from './state.js';

const ends = { left: 'You have left.', cut: 'The session was cut: the way in is gone.', refused: 'Not let in.' };
const dark = { background: '#10201f', foreground: '#d8f3ee', cursor: '#5eead4', selectionBackground: '#35534f' };

let box, title, says, screen, lines, button;
let term = null; // xterm, its fit addon and the socket of the session
let session = null;

const newest = () => (state.cloud?.forwards ?? []).findLast(isOpen);
const name = (f) => state.cloud.instances.find((i) => i.id === f.instance)?.name ?? f.instance;

// The page's policy lets nobody add a style element, not even an empty one, so
// what xterm would write into its own goes into sheets of the document.
function withoutStyleElements(open) {
  document.createElement = function createElement(tag, ...rest) {
    const el = Document.prototype.createElement.call(document, tag === 'style' ? 'template' : tag, ...rest);
    if (tag !== 'style') return el;
    const sheet = new CSSStyleSheet();
    document.adoptedStyleSheets.push(sheet);
    Object.defineProperty(el, 'textContent', { get: () => '', set: (text) => sheet.replaceSync(text) });
    return el;
  };
  try { open(); } finally { delete document.createElement; }
}

async function screenOf() {
  if (term) return term;
  const [{ Terminal }, { FitAddon }] = await Promise.all([import('../xterm/xterm.mjs'), import('../xterm/addon-fit.mjs')]);
  const x = new Terminal({
    fontFamily: getComputedStyle(document.documentElement).getPropertyValue('--mono'), fontSize: 13, theme: dark, screenReaderMode: true, scrollback: 500,
  });
  const fit = new FitAddon();
  x.loadAddon(fit);
  withoutStyleElements(() => x.open(lines));
  x.onData((keys) => session?.readyState === WebSocket.OPEN && session.send(new TextEncoder().encode(keys)));
  x.onResize(({ cols, rows }) => session?.readyState === WebSocket.OPEN && session.send(JSON.stringify({ cols, rows })));
  // Tab is the shell's, so who has only a keyboard needs another way out: Shift+Tab
  // back, Escape and then Tab on. Where there is no shell, Tab is as everywhere.
  let escaped = false;
  x.attachCustomKeyEventHandler((e) => {
    if (e.type !== 'keydown' || e.key === 'Shift') return true;
    const out = e.key === 'Tab' && (e.shiftKey || escaped || !session);
    escaped = e.key === 'Escape';
    return !out;
  });
  x.textarea.setAttribute('aria-description', 'Escape and then Tab leaves the terminal, Shift+Tab goes back');
  new ResizeObserver(() => { if (lines.clientWidth) fit.fit(); }).observe(lines);
  term = { x, fit };
  return term;
}

/** login opens a terminal through the forward of a lease, or the newest. */
export async function login(id) {
  const f = state.cloud?.forwards.find((x) => x.lease === id) ?? newest();
  if (!f || session) return;
  const lease = f.lease;
  box.hidden = screen.hidden = false;
  title.textContent = `ec2-user@${name(f)}`;
  says.textContent = 'connecting…';
  const { x, fit } = await screenOf();
  x.reset();
  fit.fit();
  const at = new URL('terminal', location.href);
  at.protocol = 'ws:';
  at.search = new URLSearchParams({ lease, cols: x.cols, rows: x.rows });
  const socket = new WebSocket(at);
  socket.binaryType = 'arraybuffer';
  session = socket;
  let end = '';
  socket.onopen = () => {
    says.textContent = 'through the load balancer';
    x.focus();
    box.scrollIntoView({ block: 'nearest' }); // xterm draws nothing out of sight
  };
  socket.onmessage = (e) => {
    if (typeof e.data !== 'string') {
      x.write(new Uint8Array(e.data));
      return;
    }
    const said = JSON.parse(e.data);
    end = said.end === 'refused' ? `${ends.refused} ${said.says}` : ends[said.end] ?? said.end;
    box.dataset.end = said.end;
  };
  socket.onclose = () => {
    session = null;
    end ||= 'The playground is gone.';
    x.write(`\r\n\x1b[1;31m${end}\x1b[0m\r\n`);
    says.textContent = end;
    announce(end);
    draw();
  };
  delete box.dataset.end;
  draw();
}

function draw() {
  const f = newest();
  box.hidden = !f && !session && screen.hidden;
  box.classList.toggle('live', Boolean(session));
  const [text, sign, act] = session ? ['Leave', 'close', () => session.close()]
    : f ? [`Log in to ${name(f)}`, 'play', () => login()] : ['Put away', 'close', () => { screen.hidden = true; draw(); }];
  if (button.dataset.text === text) return;
  const focused = document.activeElement === button;
  button.dataset.text = text;
  button.onclick = act;
  fill(button, icon(sign), text);
  if (!session && screen.hidden) {
    title.textContent = 'Terminal';
    says.textContent = 'ssh in the page, through the same forward';
  }
  if (focused) button.focus();
}

export function startTerminal() {
  title = h('strong', {}, 'Terminal');
  says = h('span', { class: 'tty-says', role: 'status' });
  lines = h('div', { class: 'tty-lines' }); // without a padding, which would be taken for room
  screen = h('div', { class: 'tty-screen', hidden: true }, lines);
  button = h('button', { type: 'button', class: 'copy', dataset: { terminal: 'button' } });
  box = h('section', { class: 'tty', 'aria-label': 'Terminal', hidden: true },
    h('header', {}, h('span', { class: 'prompt', 'aria-hidden': 'true' }, '$'), title, says, button), screen);
  $('cloud').querySelector('.picture').after(box);
  on('cloud', draw);
}
