// Keeps folded parts of the page open or closed as the visitor left them: over new results, and over visits.
//
// Each is a <details class="gl-details" data-name="...">; parts with one name are open or closed together.

import { concerns } from './elements.js';
import { recall, remember } from './storage.js';

const FOLDED = 'details.gl-details[data-name]';
const STORED = 'details';
const ABOVE = 'details.gl-about[open]'; // lies over the page until it is closed
const FIGURES = 'figures'; // the parts with which figures beside pictures are shown, see sight.css

/** @type {Map<string, boolean>} */
const left = new Map(); // by name, so that a browser that stores nothing remembers as long as the page is open

/** @param {string} name */
function isOpen(name) {
  return left.get(name) ?? recall(STORED, name) === true;
}

function showFigures() {
  document.body.classList.toggle('gl-with-figures', isOpen(FIGURES));
}

/**
 * @param {HTMLDetailsElement} part
 * @param {boolean} open
 */
function leave(part, open) {
  const name = part.dataset.name ?? '';
  left.set(name, open);
  showFigures();
  remember(STORED, name, open);
}

/**
 * Open or close every part under `root` as it was left; what was never touched is closed.
 * @param {ParentNode} root
 */
export function restoreDetails(root) {
  for (const part of /** @type {NodeListOf<HTMLDetailsElement>} */ (root.querySelectorAll(FOLDED))) {
    const open = isOpen(part.dataset.name ?? '');
    if (part.open !== open) part.open = open;
  }
}

/**
 * What lies over the page is closed by Escape, which takes the focus back to it, and by a click elsewhere.
 * @param {Element} root
 */
function watchAbove(root) {
  const find = () => /** @type {HTMLDetailsElement | null} */ (root.querySelector(ABOVE));
  root.addEventListener('keydown', (event) => {
    const part = /** @type {KeyboardEvent} */ (event).key === 'Escape' ? find() : null;
    if (!part) return;
    part.open = false;
    part.querySelector('summary')?.focus();
  });
  root.addEventListener('click', (event) => {
    const part = find();
    if (part && !part.contains(/** @type {Node} */ (event.target))) part.open = false;
  });
}

/**
 * Remember what the visitor opens and closes under `root`, and restore it with every new result. Gradio writes a
 * result into the elements that are there, which closes them, or adds new ones.
 * @param {Element} root
 * @returns {MutationObserver}
 */
export function watchDetails(root) {
  root.addEventListener('click', (event) => {
    const target = /** @type {Element} */ (event.target);
    const part = /** @type {HTMLDetailsElement | null} */ (target.closest('summary')?.parentElement);
    if (!part?.matches(FOLDED)) return;
    leave(part, !part.open); // the click itself opens or closes it, after this
  });
  for (const part of /** @type {NodeListOf<HTMLDetailsElement>} */ (root.querySelectorAll(FOLDED))) {
    if (part.open) leave(part, true); // opened before this script ran
  }
  const observer = new MutationObserver((records) => {
    if (records.some((record) => concerns(record, FOLDED))) restoreDetails(root);
  });
  observer.observe(root, { subtree: true, childList: true, attributes: true, attributeFilter: ['open'] });
  watchAbove(root);
  restoreDetails(root);
  showFigures();
  return observer;
}
