// What there is to type after /sshforward, and what fits what is typed so far.

import { state } from './state.js';

export const command = '/sshforward';

export const subcommands = [
  { name: 'open', usage: '<instance> [<duration>] [from <ip>] [port <n>] [urgent] [because <reason>]', says: 'ask for access' },
  { name: 'list', usage: '[all]', says: 'your leases, or everybody’s' },
  { name: 'close', usage: '[<lease> | <instance> | all]', says: 'end access now' },
  { name: 'extend', usage: '<lease | instance> <duration>', says: 'more time; the session goes on' },
  { name: 'show', usage: '<lease>', says: 'everything about one lease' },
  { name: 'ip', usage: '[<ip> | clear]', says: 'remember the address you come from' },
  { name: 'history', usage: '', says: 'your last leases, and how they ended' },
  { name: 'help', usage: '', says: 'all of this' },
];

const words = [
  { name: 'from', usage: '<ip>', says: 'where you connect from' },
  { name: 'port', usage: '<n>', says: 'another port of the instance' },
  { name: 'urgent', usage: '', says: 'without approval; whoever is on call may' },
  { name: 'because', usage: '<reason>', says: 'why; approvers read it' },
];

const leases = () => (state.cloud?.forwards ?? []).map((f) => f.lease);
const instances = () => (state.cloud?.instances ?? []).map((i) => i.name || i.id);
const after = { open: instances, close: leases, extend: leases, show: leases };

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
    return { options: subcommands.map(line), hint: '', firm: first !== command };
  }
  if (first !== command) return none;
  if (rest.length === 0) {
    const fit = subcommands.filter((c) => c.name.startsWith(second) && c.name !== second);
    const exact = subcommands.find((c) => c.name === second);
    return { options: exact ? [] : fit.map(line), hint: exact ? usage(exact) : '', firm: second !== '' && fit.length > 0 };
  }
  const sub = subcommands.find((c) => c.name === second);
  if (!sub) return none;
  // The last word may be the beginning of one that means something. What comes
  // after because is people's own words.
  const last = rest.at(-1);
  if (second === 'open' && rest.length > 1 && last && !rest.includes('because')) {
    const fit = words.filter((w) => w.name.startsWith(last) && w.name !== last && !rest.includes(w.name));
    if (fit.length) {
      const before = text.slice(0, text.length - last.length);
      return { options: fit.map((w) => ({ text: before + w.name + ' ', label: w.name, usage: w.usage, says: w.says })), hint: usage(sub), firm: false };
    }
  }
  const names = rest.length === 1 ? (after[second]?.() ?? []).filter((n) => n.startsWith(rest[0]) && n !== rest[0]) : [];
  return {
    options: names.map((n) => ({ text: `${command} ${second} ${n} `, label: n, usage: '', says: second === 'open' ? 'instance' : 'lease' })),
    hint: usage(sub), firm: false,
  };
}

const line = (c) => ({ text: `${command} ${c.name}${c.usage ? ' ' : ''}`, label: `${command} ${c.name}`, usage: c.usage, says: c.says });
const usage = (c) => (c.usage ? `${c.name} ${c.usage}` : '');
