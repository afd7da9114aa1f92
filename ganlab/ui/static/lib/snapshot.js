// What lies on the page, as its HTML carries it (ganlab/ui/snapshots.py).

/**
 * @typedef {{ key: string, z: number[], caption: string, x?: string, address?: string }} PackedItem
 * @typedef {object} Snapshot
 * @property {string} tab
 * @property {string} model the name by which it is chosen
 * @property {string} name its own name
 * @property {string} checkpoint fingerprint that all items belong to
 * @property {PackedItem} current
 * @property {(PackedItem | null)[]} ends A and B
 * @property {PackedItem[]} kept
 * @property {object[]} waiting shelves that wait for another model
 * @property {object[]} trail of neighbours that were followed
 * @property {Record<string, string>} chosen settings of the tab
 */

/**
 * The page's state; null as long as its parts belong to different models, or are not there yet.
 * @param {ParentNode} root
 * @returns {Snapshot | null}
 */
export function takeSnapshot(root) {
  const part = (/** @type {string} */ selector) =>
    /** @type {HTMLElement | null} */ (root.querySelector(selector))?.dataset;
  const [header, current, ends, kept, choice, active] = [
    '.gl-header [data-fingerprint]',
    '.gl-current',
    '.gl-ends',
    '.gl-kept',
    '.gl-visits [data-choice]',
    '.gl-visits [data-tab]',
  ].map(part);
  if (!header || !current?.item || !ends?.items || !kept?.kept || !choice || !active?.tab) return null;
  const checkpoint = current.fingerprint ?? '';
  if ([header, ends, kept, choice].some(({ fingerprint }) => fingerprint !== checkpoint)) return null;
  return {
    tab: active.tab,
    model: choice.choice ?? '',
    name: choice.model ?? '',
    checkpoint,
    current: JSON.parse(current.item),
    ends: JSON.parse(ends.items),
    kept: JSON.parse(kept.kept),
    waiting: JSON.parse(part('.gl-waits [data-waiting]')?.waiting ?? '[]'),
    trail: JSON.parse(part('.gl-trail')?.items ?? '[]'),
    chosen: readChosen(root),
  };
}

/**
 * Settings of the tab in use, if they are part of the address.
 * @param {ParentNode} root
 * @returns {Record<string, string>}
 */
function readChosen(root) {
  const all = /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll('#tabs [data-chosen]'));
  const shown = [...all].find((each) => (each.parentElement?.offsetParent ?? null) !== null);
  return Object.fromEntries(new URLSearchParams(shown?.dataset.chosen ?? ''));
}
