// The guide's steps: what each says, and what its button does, as things are.

import { $, announce } from './dom.js';
import * as act from './act.js';
import { isLocked, isOpen } from './forward.js';
import { showReceipt } from './receipt.js';
import { actAs, emit, go, persons, show as view, state } from './state.js';
import { login } from './terminal.js';

const person = (name) => persons().find((u) => u.name === name)?.id ?? '';

// Somebody in #dev, which is where the bot's cards are.
function be(name) {
  actAs(person(name));
  go([...state.channels.values()].find((c) => c.name === 'dev')?.id ?? state.channel);
  view('chat');
}

function type(name, text) {
  be(name);
  emit('asked');
  return act.slash(text);
}

// press presses the newest button of the bot's that is meant, where it stands. What
// became of a lease is often told before the message with the button is there: it is
// waited for.
async function press(name, action, value) {
  be(name);
  const b = await soon(() => [...document.querySelectorAll(`#messages [data-action="${action}"]`)]
    .findLast((x) => x.dataset.value === value || x.dataset.value.startsWith(value + ' ')));
  b?.scrollIntoView({ block: 'center' });
  b?.focus({ preventScroll: true });
  b?.click();
}

// soon is what look finds, as soon as it finds something; undefined after five seconds.
async function soon(look) {
  for (const late = Date.now() + 5000; Date.now() < late;) {
    const found = look();
    if (found) return found;
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
  return undefined;
}

const leases = (name, owner) => (state.story?.leases ?? []).filter((l) => l.name === name && l.owner === person(owner));
const alive = (l) => l && l.state !== 'closed' && l.state !== 'failed';
const newest = (name, owner) => leases(name, owner).filter(alive).at(-1);
const forwardOf = (l) => state.cloud.forwards.find((f) => f.lease === l?.id);
const reachable = (l) => { const f = forwardOf(l); return l?.state === 'open' && f && isOpen(f); };
const inside = (l) => (state.story?.sessions ?? []).some((x) => x.lease === l?.id && !x.ended);

// What it takes until a lease of somebody's is open: asking, the yes, the wait.
// Null when it is.
function opening(name, owner, command, asks) {
  const l = newest(name, owner);
  if (!l || l.state === 'closing') return { says: asks, button: `Ask for ${name}`, act: () => type(owner, command) };
  if (l.state === 'requested') {
    return { says: 'The bot says what it would make and what it costs, to who asks alone. There is nothing in the cloud yet.',
      button: 'Press Open', act: () => press(owner, 'lease.confirm', l.id) };
  }
  if (!reachable(l) && l.state !== 'pending') return { says: making(forwardOf(l)), button: 'Being made…' };
  return null;
}

function making(f) {
  if (!f?.group) return 'First a security group of its own, which lets nobody in.';
  if (!f.balancer) return 'Its security group is there, and lets nobody in. Next is a load balancer.';
  if (!f.instance) return 'The load balancer is there. It may reach that one instance and nothing else.';
  if (!f.group.in.length) return 'The instance is being checked. Only when it answers is one address let in, last of all.';
  return 'Everything is there, and one address is let in.';
}

const web = () => opening('web-1', 'ann', '/sshforward open web-1 30m because I want to see it',
  'web-1 has no public address and there is no bastion. Ann asks for half an hour, in Slack.');

export const steps = [
  { id: 'open', title: 'Open a way in', now: () => web() ?? { says: 'It is open.', button: 'Open' } },
  { id: 'ssh', title: 'Log in', now: () => web() ?? {
    says: 'Plain ssh: log in here, or paste the command of the card into a terminal of yours.', button: 'Log in', act: () => enter(newest('web-1', 'ann')) } },
  { id: 'stranger', title: 'Be a stranger', now: () => web() ?? {
    says: 'The security group knows one address. Knock from 127.0.0.2 and see how far that gets.', button: 'Connect from another address',
    act: knock } },
  { id: 'close', title: 'Close, and see the session die', now: closing },
  { id: 'approve', title: 'Production needs Carol', now: () => {
    const l = newest('db-1', 'ann');
    if (l?.state !== 'pending') {
      return opening('db-1', 'ann', '/sshforward open db-1 30m because of the migration', 'db-1 is production: somebody else has to say yes.')
        ?? { says: 'It is open.', button: 'Open' };
    }
    const f = forwardOf(l);
    return { says: f && isLocked(f) && f.balancer.health === 'InService'
      ? 'All that is slow is done, and the door is locked: nobody gets in. Carol’s yes opens it within seconds.'
      : 'While Carol reads, the way in is built, with the door locked.',
    button: 'Be Carol and approve', act: () => press('carol', 'lease.approve', l.id) };
  } },
  { id: 'urgent', title: 'It burns, and Carol sleeps', now: () => {
    const l = newest('db-1', 'yuki');
    if (l?.state === 'requested') {
      return { says: 'Past the approvers takes two clicks and a short time, and the operators are told. ゆき is spoken to in Japanese.',
        button: 'Press the red button', act: () => press('yuki', 'lease.confirm', l.id) };
    }
    return opening('db-1', 'yuki', '/sshforward open db-1 10m urgent because 障害対応', 'ゆき is on call, and may say urgent.')
      ?? { says: 'It is open.', button: 'Open' };
  } },
  { id: 'break', title: 'Break something', now: () => (state.status?.bot_running
    ? breaking()
    : { says: 'It is dead, and everything in the picture goes on. It wrote down what it was about to do before it did it.', button: 'Start it again',
      act: () => act.trouble('restart-bot') }) },
  { id: 'receipt', title: 'The receipt', now: receipt, again: () => receiptOf(paid()) },
];

function breaking() {
  const l = newest('db-1', 'ann');
  if (reachable(l) && !inside(l)) return { says: 'First somebody should be in, to see what becomes of them.', button: 'Log in to db-1', act: () => enter(l) };
  const all = state.status?.replicas ?? [];
  if (all.length) return breakingOne(all, l);
  return { says: 'The bot is in no data path. Kill it: what is open stays open, and who is in stays in.', button: 'kill -9 the bot', act: () => act.trouble('kill-bot') };
}

// Of several bots one is broken: the one that works on the lease, if there is one.
function breakingOne(all, l) {
  const dead = all.findIndex((r) => !r.pid) + 1;
  if (dead) {
    return { says: 'It is dead, and everything in the picture goes on. The others miss it for twelve seconds, and then one of them has its leases.',
      button: `Start replica ${dead} again`, act: () => act.trouble(`start-${dead}`) };
  }
  const n = Math.max(all.findIndex((r) => (r.leases ?? []).includes(l?.id)), 0) + 1;
  return { says: 'The bots are in no data path. Kill one: what is open stays open, who is in stays in, and another one takes over.',
    button: `kill -9 replica ${n}`, act: () => act.trouble(`kill-${n}`) };
}

function enter(l) {
  view('cloud');
  return login(l.id);
}

function closing() {
  const l = newest('web-1', 'ann');
  if (l?.state === 'closing') return { says: 'The instance is taken out first, which cuts every session. Then the rest goes, and AWS is asked whether it is gone.', button: 'Being closed…' };
  const not = web();
  if (not) return not;
  if (!inside(l)) return { says: 'Somebody should be in, to see what becomes of them.', button: 'Log in', act: () => enter(l) };
  return { says: 'Somebody is in. End the lease: nobody outlives it.', button: 'Press Close', act: () => press('ann', 'lease.close', l.id) };
}

async function knock() {
  view('cloud');
  $('cloud').scrollTop = 0; // where the stranger is
  const out = await act.stranger(newest('web-1', 'ann')?.id ?? '');
  if (out) announce(out.says);
}

const paid = () => {
  const over = (state.story?.leases ?? []).filter((l) => l.state === 'closed');
  return over.findLast((l) => l.approved) ?? over.at(-1);
};
const receiptOf = (l) => (l ? { button: 'Show the receipt', act: () => showReceipt(l.id) } : {});

function receipt() {
  const open = (state.story?.leases ?? []).filter((l) => alive(l) && l.state !== 'closing');
  if (open.length) {
    return { says: 'Time to go. Every lease is closed, and what it made is taken away.', button: 'Close what is open', act: async () => {
      for (const name of ['ann', 'yuki', 'carol']) if (open.some((l) => l.owner === person(name))) await type(name, '/sshforward close all');
    } };
  }
  if (state.cloud.forwards.length || (state.story?.leases ?? []).some((l) => l.state === 'closing')) {
    return { says: 'A lease is closed when AWS shows nothing of it any more, and not before.', button: 'Being taken away…' };
  }
  return { says: 'Nothing is left, and the audit record can prove it.', ...receiptOf(paid()) };
}
