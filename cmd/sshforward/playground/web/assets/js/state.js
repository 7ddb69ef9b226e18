// What the page knows. The stream writes it, everything else reads it and is
// told by topic when it has changed.

export const state = {
  team: '', bot: '', online: 0, connected: false,
  users: new Map(), channels: new Map(), groups: new Map(),
  messages: new Map(), // by ts, in order of arrival
  views: new Map(), homes: new Map(),
  failures: [], // what Slack told somebody, shown among the messages
  cloud: null, status: null, story: null,
  happened: [], events: [], // the story, and what changed in AWS
  me: '', channel: '', tab: 'messages',
  view: 'chat', // of the three parts that take turns on a narrow screen
  unread: new Map(), // user + channel: {count, first}, first being a ts
  unseen: '', // ts of the first message that was not seen when one came here
};

const listeners = new Map();

export function on(topics, listener) {
  for (const topic of topics.split(' ')) {
    if (!listeners.has(topic)) listeners.set(topic, []);
    listeners.get(topic).push(listener);
  }
}

export function emit(topic, detail) {
  for (const listener of listeners.get(topic) ?? []) listener(detail);
}

export const persons = () => [...state.users.values()].filter((u) => !u.is_bot && !u.deleted);
export const me = () => state.users.get(state.me);
export const channel = () => state.channels.get(state.channel);
export const nameOf = (id) => state.users.get(id)?.real_name ?? id;

export const sees = (user, c) => !c.archived && ((!c.is_private && !c.is_im) || (c.members ?? []).includes(user));

/** botDM is the direct channel of a person with the bot. */
export const botDM = (user) => [...state.channels.values()].find((c) => c.is_im && c.user === user);

export const visible = (m, user) => !m.deleted && (!m.ephemeral || m.to === user);

/** conversation lists what a person sees in a channel, oldest first. */
export function conversation() {
  return [...state.messages.values()]
    .filter((m) => m.channel === state.channel && visible(m, state.me))
    .sort((a, b) => (a.ts < b.ts ? -1 : 1));
}

export function actAs(user) {
  const was = channel();
  state.me = user;
  remember('me', user);
  // A DM is one person's own: stay in "the DM with the bot", not in theirs.
  if (was?.is_im) state.channel = botDM(user)?.id ?? '';
  const now = channel();
  if (!now || !sees(user, now)) state.channel = firstChannel(user);
  read();
  emit('place');
}

export function go(id, tab = 'messages') {
  state.channel = id;
  state.tab = channel()?.is_im ? tab : 'messages';
  remember('channel', id);
  read();
  emit('place');
}

export const firstChannel = (user) => [...state.channels.values()].find((c) => !c.is_im && sees(user, c))?.id ?? botDM(user)?.id ?? '';

/** arrived counts a new message for everybody who sees it and is not there. */
export function arrived(m) {
  for (const u of persons()) {
    const c = state.channels.get(m.channel);
    if (!c || !sees(u.id, c) || !visible(m, u.id) || m.user === u.id) continue;
    if (u.id === state.me && m.channel === state.channel && watching()) continue;
    // Everybody sees the channel; only what is for one person is worth a mark on them.
    if (u.id !== state.me && !m.ephemeral && !c.is_im && !mentions(m, u.id)) continue;
    const key = u.id + ' ' + m.channel;
    const was = state.unread.get(key);
    state.unread.set(key, { count: (was?.count ?? 0) + 1, first: was?.first ?? m.ts });
  }
}

export const unread = (user, channel) => state.unread.get(user + ' ' + channel)?.count ?? 0;
export const unreadOf = (user) => [...state.unread].reduce((n, [key, u]) => n + (key.startsWith(user + ' ') ? u.count : 0), 0);

const narrow = matchMedia('(max-width: 900px)');

/** watching: the messages of the conversation are on the screen. */
export const watching = () => state.tab === 'messages' && (state.view === 'chat' || !narrow.matches);

/** show brings one of the three parts to a narrow screen. */
export function show(view) {
  if (state.view === view) return;
  state.view = view;
  document.body.dataset.view = view;
  read();
  emit('view-part', view);
}

function read() {
  if (!watching()) return;
  const key = state.me + ' ' + state.channel;
  state.unseen = state.unread.get(key)?.first ?? '';
  state.unread.delete(key);
}

const mentions = (m, user) => {
  const all = JSON.stringify(m.blocks ?? m.text);
  return all.includes('@' + user) || [...state.groups.values()].some((g) => (g.users ?? []).includes(user) && all.includes('!subteam^' + g.id));
};

// The choice of person and channel outlives a reload, where storage is allowed.
export function remember(key, value) {
  try { sessionStorage.setItem('sshforward.' + key, value); } catch { /* private mode */ }
}

export function remembered(key) {
  try { return sessionStorage.getItem('sshforward.' + key) ?? ''; } catch { return ''; }
}
