// Asks Python for a folded part of a stage when it is opened: what takes time, and few look at.

const LATER = 'details[open] > [data-later]';
const FOLDED = 'details:not([open])';

/**
 * Ask for what is open and not there yet, now and whenever a part is opened.
 * @param {Element} root
 * @param {(key: string) => void} ask has Python draw the stage with all its parts
 * @returns {() => void} to be called when the stage has been drawn anew
 */
export function followLater(root, ask) {
  let last = '';
  const look = () => {
    const part = /** @type {HTMLElement | null} */ (root.querySelector(LATER));
    const key = (part && !part.closest(FOLDED) && part.dataset.later) || '';
    if (key && key !== last) ask(key);
    last = key;
  };
  root.addEventListener('toggle', look, { capture: true }); // it does not bubble
  look();
  return look;
}
