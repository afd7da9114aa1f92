// Marks what a tab still shows of a model that is no longer chosen, until both agree again.
//
// An element in a tab that shows results of a checkpoint carries data-fingerprint; so does the header, for the model
// in use. Where they differ, the element gets the class gl-stale and aria-busy="true". So does what follows a pad, which
// carries data-answers, while the tab's pad expects another square of an upload than it shows: until the answer arrives.

import { concerns } from './elements.js';

export const HEADER = '.gl-header [data-fingerprint]';
const MARKED = '[data-fingerprint]';
const RESULTS = `#tabs ${MARKED}`;
const STALE = '#tabs .gl-stale';
const PAD = '.gl-pad[data-expects]';
const PATIENCE = 4000; // ms that a result in sight may be stale before it is asked for again

/**
 * Compare every result on the page with the header and mark or clear it. A result with an empty fingerprint shows
 * nothing yet and is never stale.
 * @param {ParentNode} root
 */
export function markStale(root) {
  const current = /** @type {HTMLElement | null} */ (root.querySelector(HEADER))?.dataset.fingerprint;
  for (const result of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll(RESULTS))) {
    const { fingerprint } = result.dataset;
    const stale = Boolean(current && fingerprint && fingerprint !== current) || isOvertaken(result);
    if (stale === result.classList.contains('gl-stale')) continue;
    result.classList.toggle('gl-stale', stale);
    if (stale) result.setAttribute('aria-busy', 'true');
    else result.removeAttribute('aria-busy');
  }
}

/**
 * Whether a hand has moved on to another square than the result shows.
 * @param {HTMLElement} result
 */
function isOvertaken(result) {
  const { answers } = result.dataset;
  /** @type {HTMLElement | null | undefined} */
  const pad = answers === undefined ? null : result.closest('[role=tabpanel]')?.querySelector(PAD);
  return Boolean(pad?.dataset.expects) && pad?.dataset.expects !== answers;
}

/**
 * Keep the marks up to date. Only changes that can matter cause any work: a drag, which writes texts and canvases,
 * does none. `askAgain` is called while a result in sight stays stale: its answer was lost, or was overtaken by an
 * older one on the way.
 * @param {Element} root
 * @param {() => void} [askAgain]
 * @param {number} [patience] ms
 * @returns {MutationObserver}
 */
export function watchStale(root, askAgain = () => {}, patience = PATIENCE) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const mark = () => {
    markStale(root);
    clearTimeout(timer);
    timer = root.querySelector(STALE) ? setTimeout(remind, patience) : undefined;
  };
  const remind = () => {
    if (isStaleInSight(root)) askAgain();
    mark();
  };
  const observer = new MutationObserver((records) => {
    if (records.some((record) => concerns(record, `${MARKED}, ${PAD}`))) mark();
  });
  const attributeFilter = ['data-fingerprint', 'data-answers', 'data-expects'];
  observer.observe(root, { subtree: true, childList: true, attributes: true, attributeFilter });
  mark();
  return observer;
}

/** @param {ParentNode} root */
function isStaleInSight(root) {
  const results = /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll(STALE));
  return [...results].some((result) => result.offsetParent !== null && !isOvertaken(result));
}
