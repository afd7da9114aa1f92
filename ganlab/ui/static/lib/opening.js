// What follows a click on a button or a word that opens another tab: the focus goes along.

const PATIENCE = 20_000; // ms that the server may take to open a tab

/**
 * Wait for something on the page. Resolves with what `find` returns once that is an element, or with null if that takes
 * too long.
 * @param {() => HTMLElement | null | undefined} find
 * @param {number} [patience] ms
 * @returns {Promise<HTMLElement | null>}
 */
export function awaitElement(find, patience = PATIENCE) {
  return new Promise((resolve) => {
    const end = performance.now() + patience;
    const look = () => {
      const element = find();
      if (element) resolve(element);
      else if (performance.now() > end) resolve(null);
      else requestAnimationFrame(look);
    };
    look();
  });
}

/** @param {string} word the id of an entry of the glossary */
function findEntry(word) {
  const entry = document.getElementById(word);
  return entry?.offsetParent ? entry : null;
}

/**
 * Once `origin` is out of sight since another tab is open, focus that tab, or the entry of the glossary `word`.
 * @param {HTMLElement} origin
 * @param {string} [word]
 */
export async function follow(origin, word) {
  const next = await awaitElement(() => {
    if (word) return findEntry(word);
    if (origin.offsetParent) return null;
    return /** @type {HTMLElement | null} */ (document.querySelector('#tabs [role=tab][aria-selected=true]'));
  });
  next?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: word ? 'center' : 'nearest' });
}
