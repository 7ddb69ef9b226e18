// The shortcodes the bot uses, and some that people type. An unknown one stays
// as it is, as in Slack; so does :ffff: in an address.

const known = {
  raised_hand: '✋', large_green_circle: '🟢', black_circle: '⚫', white_circle: '⚪', red_circle: '🔴',
  large_yellow_circle: '🟡', large_blue_circle: '🔵', large_orange_circle: '🟠', hourglass: '⌛', hourglass_flowing_sand: '⏳',
  rotating_light: '🚨', warning: '⚠️', white_check_mark: '✅', heavy_check_mark: '✔️', wrench: '🔧', hammer_and_wrench: '🛠️', x: '❌',
  lock: '🔒', unlock: '🔓', key: '🔑', no_entry: '⛔', no_entry_sign: '🚫', bell: '🔔', no_bell: '🔕',
  alarm_clock: '⏰', stopwatch: '⏱️', clock1: '🕐', bulb: '💡', information_source: 'ℹ️', eyes: '👀', wave: '👋',
  tada: '🎉', rocket: '🚀', door: '🚪', computer: '💻', broom: '🧹', fire: '🔥', thinking_face: '🤔',
  smile: '😄', thumbsup: '👍', '+1': '👍', '-1': '👎', pray: '🙏', bow: '🙇', sob: '😭', point_right: '👉',
};

export const emoji = (name) => known[name];

/** pattern finds shortcodes; what it finds may be none. */
export const pattern = /:([a-z0-9_+-]+):/g;
