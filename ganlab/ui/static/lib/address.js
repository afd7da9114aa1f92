// Where the page is, as its address says it: ?tab=neighbours&model=mnist-bigan&at=test-3&space=code&k=12. What has no
// short name stands there as a recipe. Everything else in the address is left alone.

/**
 * @typedef {object} Address
 * @property {string} tab
 * @property {string} model
 * @property {string} at the current picture, as ganlab/ui/items.py names it; or else
 * @property {string} recipe its latent, or a film
 * @property {Record<string, string>} chosen settings of the tab
 */

const NAMES = /** @type {const} */ (['tab', 'model', 'at', 'recipe']);
const CHOSEN = ['space', 'k', 'seed', 'count', 'truncation', 'source', 'run', 'beside']; // settings that an address may have

/**
 * @param {string} search
 * @returns {Address | null} null for an address that says nothing of this
 */
export function readAddress(search) {
  const query = new URLSearchParams(search);
  const names = CHOSEN.filter((name) => query.has(name));
  if (!names.length && !NAMES.some((name) => query.get(name))) return null;
  const chosen = Object.fromEntries(names.map((name) => [name, query.get(name) ?? '']));
  const [tab, model, at, recipe] = NAMES.map((name) => query.get(name) ?? '');
  return { tab, model, at, recipe, chosen };
}

/**
 * The address with another place in it.
 * @param {string} search
 * @param {Address} address
 */
export function writeAddress(search, address) {
  const query = new URLSearchParams(search);
  for (const name of [...NAMES, ...CHOSEN]) query.delete(name);
  for (const name of NAMES) if (address[name]) query.set(name, address[name]);
  for (const name of CHOSEN) if (address.chosen[name]) query.set(name, address.chosen[name]);
  return `?${query}`;
}

/**
 * @param {Address | null} a
 * @param {Address | null} b
 */
export function isSameAddress(a, b) {
  return Boolean(a && b) && writeAddress('', /** @type {Address} */ (a)) === writeAddress('', /** @type {Address} */ (b));
}

/**
 * Whether the browser's Back should lead from `b` to `a`: another tab or model, or another picture. Latents that follow
 * each other, as under a slider or a pen, are one step.
 * @param {Address} a
 * @param {Address} b
 */
export function isStep(a, b) {
  const samePicture = a.at === b.at && (a.recipe === b.recipe || Boolean(a.recipe && b.recipe));
  return a.tab !== b.tab || a.model !== b.model || !samePicture;
}
