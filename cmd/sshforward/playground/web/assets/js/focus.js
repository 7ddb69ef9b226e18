// The focus is never lost: what is drawn anew gets it back where it was, and
// where that is gone, what stands in its place.

const can = 'button, a[href], input, select, textarea, summary, [tabindex="0"]';

/** reach is all in a place that the Tab key comes to. */
const reach = (place) => [...place.querySelectorAll(can)].filter((e) => !e.disabled && e.checkVisibility());

const same = (a) => (b) => b.tagName === a.tagName && ['key', 'tab', 'kind', 'action', 'value'].every((k) => a.dataset[k] === b.dataset[k]);
const alike = (a) => (b) => b.tagName === a.tagName && ['key', 'tab', 'kind', 'action'].some((k) => a.dataset[k] && a.dataset[k] === b.dataset[k]);

/** lost: nothing has the focus, so that the next Tab would begin at the top. */
export const lost = () => !document.activeElement || document.activeElement === document.body;

/** rest gives the focus to something that is not in the order of Tab, from where
 * the next Tab goes on. */
export function rest(node) {
  if (!node) return;
  if (!node.matches(can) && !node.hasAttribute('tabindex')) node.setAttribute('tabindex', -1);
  node.focus({ preventScroll: true });
}

/** keeping changes a place and leaves the focus in it, if it was there: on the
 * same, or one that does the same, or what is at the same turn, or the place. */
export function keeping(place, change) {
  const had = document.activeElement;
  if (!had || had === document.body || !place.contains(had)) return change();
  const turn = reach(place).indexOf(had);
  const out = change();
  if (!lost() && document.activeElement.isConnected) return out;
  const now = reach(place);
  const at = had.tagName === 'BUTTON' && !Object.keys(had.dataset).length ? now[turn]?.className === had.className && now[turn] : null;
  rest((had.isConnected && had.checkVisibility() && had) || now.find(same(had)) || now.find(alike(had)) || at || place);
  return out;
}
