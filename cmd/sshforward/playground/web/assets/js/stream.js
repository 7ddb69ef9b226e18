// The stream of server-sent events. Each connection begins with a snapshot, so
// that a lost one costs nothing but a moment.

import { actAs, arrived, emit, firstChannel, persons, remembered, sees, state } from './state.js';

const byID = (list) => new Map((list ?? []).map((x) => [x.id, x]));

const handlers = {
  workspace(scene) {
    people(scene);
    state.online = scene.online;
    state.messages = new Map((scene.messages ?? []).map((m) => [m.ts, m]));
    state.views = byID(scene.views);
    state.homes = new Map((scene.homes ?? []).map((v) => [v.user, v]));
    if (!state.users.has(state.me)) {
      const known = remembered('me');
      state.channel = remembered('channel');
      actAs(state.users.has(known) ? known : persons()[0]?.id ?? '');
    } else {
      emit('place');
    }
    emit('online');
  },
  people(p) {
    people(p);
    if (!state.channels.has(state.channel) || !sees(state.me, state.channels.get(state.channel))) state.channel = firstChannel(state.me);
    emit('place');
  },
  message(m) {
    const before = state.messages.get(m.ts);
    if (m.deleted) state.messages.delete(m.ts);
    else state.messages.set(m.ts, m);
    if (!before && !m.deleted) arrived(m);
    emit('message', { message: m, isNew: !before && !m.deleted });
  },
  view(v) {
    if (v.open) state.views.set(v.id, v);
    else state.views.delete(v.id);
    emit('view', v);
  },
  home(v) {
    state.homes.set(v.user, v);
    emit('home', v);
  },
  failure(f) {
    state.failures = [...state.failures.slice(-50), f];
    emit('failure', f);
  },
  online(n) {
    state.online = n;
    emit('online');
  },
  cloud(picture) {
    state.cloud = picture;
    emit('cloud');
  },
  happened(all) {
    state.happened = all.story ?? [];
    state.events = all.cloud ?? [];
    emit('happened');
  },
  happening(e) {
    state.happened.push(e);
    emit('happening', e);
  },
  event(e) {
    state.events.push(e);
    if (state.events.length > 200) state.events.splice(0, 100);
    emit('event', e);
  },
  story(story) {
    state.story = story;
    emit('story');
  },
  status(status) {
    state.status = status;
    emit('status');
  },
};

function people(p) {
  Object.assign(state, { team: p.team, bot: p.bot, users: byID(p.users), channels: byID(p.channels), groups: byID(p.groups) });
}

function connection(up) {
  if (state.connected === up) return;
  state.connected = up;
  emit('connection');
}

export function connect() {
  const source = new EventSource('events');
  source.onopen = () => connection(true);
  source.onerror = () => {
    connection(false);
    // The browser gives up by itself on an answer that is no stream, such as a
    // proxy's error page.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
  };
  for (const [name, handle] of Object.entries(handlers)) {
    source.addEventListener(name, (e) => handle(JSON.parse(e.data)));
  }
}
