// What was kept, shared by all tabs of this browser. Each tab changes only what its own visitor changed: what a tab
// does not know of stays, and what was dropped in one tab does not come back from another.

/** @typedef {{ key: string, z: number[], caption: string, x?: string }} KeptItem as ganlab/ui/snapshots.py packs it */

/**
 * What is stored as items: a list that was tampered with, or is of another model, gives those that are some. An
 * earlier form had no keys; such an item gets one from its latent, the same in every tab.
 * @param {unknown} stored
 * @param {number} size numbers of a latent
 * @returns {KeptItem[]}
 */
export function readStored(stored, size) {
  if (!Array.isArray(stored)) return [];
  const items = stored.filter((item) => isLatent(item?.z, size));
  return items.map((item) => ({ ...item, key: String(item.key ?? hashLatent(item.z)), caption: String(item.caption ?? '') }));
}

/**
 * @param {unknown} z
 * @param {number} size
 */
function isLatent(z, size) {
  return Array.isArray(z) && z.length === size && z.every((value) => Number.isFinite(value));
}

/** @param {number[]} z */
function hashLatent(z) {
  let [low, high] = [0x811c9dc5, 0x1000193];
  for (const letter of JSON.stringify(z)) {
    low = Math.imul(low ^ letter.charCodeAt(0), 0x01000193);
    high = Math.imul(high ^ letter.charCodeAt(0), 0x85ebca6b);
  }
  return [low, high].map((part) => (part >>> 0).toString(16).padStart(8, '0')).join('');
}

/**
 * Join what this tab shows with what is stored. What is shown now and was not before is new; what was shown before
 * and is not now was dropped.
 * @param {string[]} before keys that this tab showed last; none when it has just been opened
 * @param {KeptItem[]} shown
 * @param {KeptItem[]} stored
 * @param {number} most items that are kept: of more, the newest
 * @returns {{ next: KeptItem[], add: KeptItem[], remove: string[] }} what is to be stored, and what has to change here
 */
export function mergeShelf(before, shown, stored, most) {
  const [was, is] = [new Set(before), new Set(shown.map(({ key }) => key))];
  const stays = stored.filter(({ key }) => is.has(key) || !was.has(key));
  const staying = new Set(stays.map(({ key }) => key));
  const fresh = shown.filter(({ key }) => !was.has(key) && !staying.has(key));
  const next = [...stays, ...fresh].slice(-most);
  const kept = new Set(next.map(({ key }) => key));
  return {
    next,
    add: next.filter(({ key }) => !is.has(key)),
    remove: shown.map(({ key }) => key).filter((key) => !kept.has(key)),
  };
}
