// What there is to type after /sshforward, and what fits what is typed so far. What
// is offered works here: a whole line can be sent as it is.

import { state } from './state.js';

export const command = '/sshforward';

const address = '127.0.0.1'; // where everybody comes from in here

const leasesOf = (user) => (state.cloud?.forwards ?? []).filter((f) => !user || f.owner === user).map((f) => f.lease);
const hasSome = () => leasesOf(state.me).length > 0;
const hadSome = () => (state.story?.leases ?? []).some((l) => l.owner === state.me && l.state === 'closed' && l.expires); // and was open
const fitting = () => subcommands.filter((c) => !c.fits || c.fits());

export const subcommands = [
  { name: 'open', usage: '<instance> [<duration>] [from <ip>] [urgent] [because <reason>]', says: 'ask for access' },
  { name: 'again', usage: '[<n>]', says: 'the same as last time', fits: hadSome, whole: true },
  { name: 'list', usage: '[all]', says: 'your leases, or everybody’s', whole: true },
  { name: 'close', usage: '[<lease> | <instance> | all]', says: 'end access now', fits: hasSome },
  { name: 'extend', usage: '<lease | instance> <duration>', says: 'more time; the session goes on', fits: hasSome },
  { name: 'from', usage: '<lease | instance> <ip>', says: 'come from another address', fits: hasSome },
  { name: 'why', usage: '<instance>', says: 'which rule decides about it' },
  { name: 'show', usage: '<lease>', says: 'everything about one lease', fits: () => leasesOf().length > 0 },
  { name: 'ip', usage: '[<ip> | clear]', says: 'remember the address you come from' },
  { name: 'history', usage: '', says: 'your last leases, and how they ended', whole: true },
  { name: 'help', usage: '', says: 'all of this', whole: true },
];

const instances = () => (state.cloud?.instances ?? []).map((i) => i.name || i.id);
const isProduction = (name) => (state.cloud?.instances ?? []).some((i) => i.env === 'prod' && (i.name === name || i.id === name));
const isOnCall = () => (state.status?.on_call ?? []).includes(state.me);
/** length is that of a lease which policy lets everybody have here. */
const length = () => /^\/sshforward open \S+ (\S+)/.exec(state.status?.command ?? '')?.[1] ?? '5m';

// The words after the instance of an open command, each once. What comes after
// because is people's own words.
function afterInstance([instance, ...rest]) {
  const last = rest.at(-1) ?? '';
  const before = rest.slice(0, -1);
  if (before.includes('because')) return [];
  if (before.at(-1) === 'from') return [{ word: address, says: 'where you connect from' }];
  const reason = 'I want to see it';
  const may = [
    // For production policy may allow less; without a length it takes what is usual.
    before.length || isProduction(instance) ? null : { word: length(), says: 'for how long' },
    before.includes('from') ? null : { word: `from ${address}`, says: 'where you connect from' },
    isProduction(instance) && isOnCall() && !before.includes('urgent') ? { word: 'urgent', says: 'without approval' } : null,
    { word: `because ${reason}`, says: 'why; approvers read it', ends: true },
  ];
  return may.filter((w) => w && w.word.startsWith(last)).map((w) => ({ ...w, whole: w.ends || !isProduction(instance) }));
}

// What follows a subcommand, by the words that are there, the last of which may be
// half typed.
const after = {
  open: (rest) => (rest.length === 1 ? instances().map((word) => ({ word, says: 'instance', whole: !isProduction(word) })) : afterInstance(rest)),
  list: (rest) => (rest.length === 1 ? [{ word: 'all', says: 'everybody’s', whole: true }] : []),
  close: (rest) => (rest.length === 1 ? leasesOf(state.me).map((word) => ({ word, says: 'lease', whole: true })) : []),
  extend: (rest) => [leasesOf(state.me).map((word) => ({ word, says: 'lease' })), [{ word: length(), says: 'more time', whole: true }]][rest.length - 1] ?? [],
  from: (rest) => [leasesOf(state.me).map((word) => ({ word, says: 'lease' })), [{ word: '127.0.0.2', says: 'where you come from now', whole: true }]][rest.length - 1] ?? [],
  why: (rest) => (rest.length === 1 ? instances().map((word) => ({ word, says: 'instance', whole: true })) : []),
  show: (rest) => (rest.length === 1 ? leasesOf().map((word) => ({ word, says: 'lease', whole: true })) : []),
  ip: (rest) => (rest.length === 1 ? [{ word: address, says: 'where you connect from', whole: true }, { word: 'clear', says: 'forget it', whole: true }] : []),
};

/**
 * complete looks at what is typed and returns the options, each the whole text
 * it would make, and a hint about what may follow. Firm options are those that
 * Enter takes, since what is typed is no command yet.
 */
export function complete(text) {
  const none = { options: [], hint: '', firm: false };
  if (!text.startsWith('/') || text.includes('\n')) return none;
  const [first, second, ...rest] = text.split(/ +/);
  if (second === undefined) {
    if (!command.startsWith(first)) return none;
    return { options: fitting().map(line), hint: '', firm: first !== command };
  }
  if (first !== command) return none;
  if (rest.length === 0) {
    const fit = fitting().filter((c) => c.name.startsWith(second) && c.name !== second);
    const exact = subcommands.find((c) => c.name === second);
    return { options: exact ? [] : fit.map(line), hint: exact ? usage(exact) : '', firm: second !== '' && fit.length > 0 };
  }
  const sub = subcommands.find((c) => c.name === second);
  if (!sub) return none;
  const last = rest.at(-1);
  const before = text.slice(0, text.length - last.length);
  const fit = (after[second]?.(rest) ?? []).filter((o) => o.word.startsWith(last) && o.word !== last);
  return {
    options: fit.map((o) => ({ text: before + o.word + (o.ends ? '' : ' '), label: o.word, usage: '', says: o.says, whole: Boolean(o.whole) })),
    hint: usage(sub), firm: false,
  };
}

const line = (c) => ({ text: `${command} ${c.name}${c.usage ? ' ' : ''}`, label: `${command} ${c.name}`, usage: c.usage, says: c.says, whole: Boolean(c.whole) });
const usage = (c) => (c.usage ? `${c.name} ${c.usage}` : '');
