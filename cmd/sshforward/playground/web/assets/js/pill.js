// What is true at the moment, in one line: who can be reached, what is amiss, and
// whether somebody is in.

import { isOpen, isLocked } from './forward.js';
import { span } from './dates.js';

const late = 3000; // ms after its end within which a way in may still be going

/** summary says what can be reached, as a class and a sentence. */
export function summary(p, status, now = Date.now()) {
  const name = (id) => p.instances.find((i) => i.id === id)?.name ?? id ?? 'an instance';
  const names = (all) => [...new Set(all.map((f) => name(f.instance)))].join(', ');
  const over = (f) => (f.expires ? now - Date.parse(f.expires) : 0);
  const open = p.forwards.filter(isOpen);
  const overdue = open.filter((f) => over(f) > late);
  const due = open.filter((f) => !overdue.includes(f));
  const missing = p.forwards.filter((f) => f.balancer && f.instance && !f.door);
  const ready = p.forwards.filter((f) => f.balancer?.health === 'InService' && f.door && isLocked(f));
  const rest = p.forwards.filter((f) => ![open, missing, ready].some((all) => all.includes(f)));
  const making = rest.filter((f) => f.balancer);

  const says = [];
  if (overdue.length) says.push(`${names(overdue)} can be reached ${span(Math.max(...overdue.map(over)))} past the end`);
  if (due.length) says.push(`${names(due)} can be reached`);
  if (missing.length) says.push(p.forwards.length === 1 ? 'A rule is missing: nobody new gets through' : `A rule is missing: nobody new gets through to ${names(missing)}`);
  if (ready.length) says.push(`${names(ready)} is ready behind a locked door: nobody gets through`);
  if (making.length) says.push(says.length ? 'another way in is being made or taken down' : 'A way in is being made or taken down');
  else if (rest.length && !says.length) says.push('No way in; some things are still there');
  if (!says.length) says.push('No way in. Nothing is left over.');
  if (status?.sessions) says.push(`${status.sessions} live ${status.sessions === 1 ? 'session' : 'sessions'}`);
  if (status && !status.bot_running) says.push('the bot is down');

  const kind = overdue.length ? 'late' : missing.length || (status && !status.bot_running) ? 'making' : open.length ? 'open' : p.forwards.length ? 'making' : 'shut';
  return [kind, says.join(' · ')];
}
