// Dates as Slack shows them: in the viewer's zone and language, relative where
// that is shorter, and with the time that is left, which runs.

import { h } from './dom.js';
import { me } from './state.js';

/** zone is the acting person's, or the browser's where none is set. */
export const zone = () => {
  const tz = me()?.tz;
  return tz && tz !== 'Etc/UTC' ? tz : undefined;
};
export const locale = () => me()?.locale || undefined;

const format = (date, options) => new Intl.DateTimeFormat(locale(), { timeZone: zone(), ...options }).format(date);
export const clock = (date) => format(date, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const day = (date) => new Intl.DateTimeFormat('en-CA', { timeZone: zone() }).format(date); // 2026-11-23
export const dayKey = day;

/** dayName is "today", "yesterday", "tomorrow" or a date. */
export function dayName(date, options) {
  const days = Math.round((Date.parse(day(date)) - Date.parse(day(new Date()))) / 86400e3);
  if (Math.abs(days) <= 1) return new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' }).format(days, 'day');
  return format(date, options);
}

const short = { month: 'short', day: 'numeric', year: 'numeric' };
const long = { month: 'long', day: 'numeric', year: 'numeric' };
const tokens = {
  date_num: (d) => day(d),
  date: (d) => format(d, long),
  date_short: (d) => format(d, short),
  date_long: (d) => format(d, { weekday: 'long', ...long }),
  date_pretty: (d) => dayName(d, long),
  date_short_pretty: (d) => dayName(d, short),
  date_long_pretty: (d) => dayName(d, { weekday: 'long', ...long }),
  time: clock,
  time_secs: (d) => format(d, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }),
  ago: (d) => span(Math.abs(d - Date.now())) + ' ago',
};

/** span says a length of time: "1h 59m", "4m 12s", "8s". */
export function span(ms) {
  const all = Math.max(0, Math.round(ms / 1000));
  const [d, hours, m, sec] = [Math.floor(all / 86400), Math.floor(all / 3600) % 24, Math.floor(all / 60) % 60, all % 60];
  if (d) return `${d}d ${hours}h`;
  if (hours) return `${hours}h ${m}m`;
  return m ? `${m}m ${String(sec).padStart(2, '0')}s` : `${sec}s`;
}

/** date renders <!date^unix^format|fallback>. */
export function date(unix, pattern, fallback) {
  const when = new Date(unix * 1000);
  if (Number.isNaN(when.getTime())) return document.createTextNode(fallback);
  let known = true;
  const text = pattern.replace(/\{(\w+)\}/g, (_, token) => {
    if (!tokens[token]) known = false;
    return tokens[token]?.(when) ?? '';
  });
  const el = h('time', { datetime: when.toISOString(), title: format(when, { dateStyle: 'full', timeStyle: 'long' }) }, known ? text : fallback);
  if (when > Date.now()) el.append(countdown(when));
  return el;
}

/** countdown is a chip that runs down and goes when the time is up. */
export function countdown(when) {
  const prefix = locale()?.startsWith('ja') ? 'あと ' : 'in ';
  return h('span', { class: 'left', dataset: { until: when.getTime(), prefix }, 'aria-hidden': 'true' }, prefix + span(when - Date.now()));
}

function tick() {
  for (const el of document.querySelectorAll('[data-until]')) {
    const left = Number(el.dataset.until) - Date.now();
    if (left <= 0 && el.classList.contains('left')) el.remove();
    else el.textContent = (el.dataset.prefix ?? '') + span(left);
    el.classList.toggle('soon', left < 60e3);
  }
}
setInterval(tick, 1000);
