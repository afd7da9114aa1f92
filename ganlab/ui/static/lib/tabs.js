// The row of tabs by keys: it is one stop of the Tab key, arrows, Home and End choose a tab. The chosen tab is always in
// sight, on a phone too, where the row is wider than the screen and scrolls.

const STEPS = /** @type {Record<string, number>} */ ({ ArrowRight: 1, ArrowLeft: -1 });

/**
 * The position that a key leads to from `position` among `count` tabs, round from the last to the first; null for
 * another key.
 * @param {string} key as in KeyboardEvent.key
 * @param {number} position from 0
 * @param {number} count
 */
export function findNext(key, position, count) {
  if (key === 'Home') return 0;
  if (key === 'End') return count - 1;
  return key in STEPS ? (position + STEPS[key] + count) % count : null;
}

/**
 * How far a row must be scrolled for a tab to be in sight with a part of its neighbours; `start` where it is already.
 * All in px from the left end of what the row holds.
 * @param {number} start where the row is scrolled to
 * @param {number} width of the row that is in sight
 * @param {number} left of the tab
 * @param {number} right of the tab
 * @param {number} margin that stays in sight beside the tab
 */
export function findScroll(start, width, left, right, margin) {
  if (left - margin < start) return Math.max(0, left - margin);
  return right + margin > start + width ? right + margin - width : start;
}

/** @param {HTMLElement} row the element of role "tablist" */
function listTabs(row) {
  return /** @type {HTMLElement[]} */ ([...row.querySelectorAll('[role=tab]:not(:disabled)')]);
}

/**
 * One stop for the Tab key, panels that are called as their tabs are, and the chosen tab in sight.
 * @param {HTMLElement} row
 */
function settle(row) {
  for (const tab of listTabs(row)) {
    const chosen = tab.ariaSelected === 'true';
    tab.tabIndex = chosen ? 0 : -1;
    document.getElementById(tab.getAttribute('aria-controls') ?? '')?.setAttribute('aria-labelledby', tab.id);
    if (!chosen) continue;
    const left = tab.offsetLeft;
    row.scrollLeft = findScroll(row.scrollLeft, row.clientWidth, left, left + tab.offsetWidth, tab.offsetWidth / 2);
  }
}

/** @param {HTMLElement} row */
function listen(row) {
  row.addEventListener('keydown', (event) => {
    const tabs = listTabs(row);
    const position = tabs.indexOf(/** @type {HTMLElement} */ (event.target));
    const held = event.altKey || event.ctrlKey || event.metaKey;
    const next = position < 0 || held ? null : findNext(event.key, position, tabs.length);
    if (next === null) return;
    event.preventDefault();
    tabs[next].focus({ preventScroll: true });
    tabs[next].click();
  });
  const observer = new MutationObserver(() => settle(row));
  observer.observe(row, { subtree: true, attributes: true, attributeFilter: ['aria-selected'] });
  const frame = row.parentElement?.parentElement;
  if (frame) observer.observe(frame, { childList: true }); // a panel is added when its tab is first opened
  new ResizeObserver(() => settle(row)).observe(row);
  settle(row);
}

/**
 * Watch the row of tabs, from when it is there.
 * @param {ParentNode & Node} root
 * @param {string} selector
 */
export function watchTabs(root, selector) {
  const find = () => /** @type {HTMLElement | null} */ (root.querySelector(selector));
  const row = find();
  if (row) return listen(row);
  const observer = new MutationObserver(() => {
    const added = find();
    if (!added) return;
    observer.disconnect();
    listen(added);
  });
  observer.observe(root, { subtree: true, childList: true });
}
