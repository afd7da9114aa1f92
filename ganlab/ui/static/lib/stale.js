// Marks what a tab still shows of a model that is no longer chosen, until both agree again.
//
// An element in a tab that shows results of a checkpoint carries data-fingerprint; so does the header, for the model
// in use. Where they differ, the element gets the class gl-stale and aria-busy="true".

import { concerns } from './elements.js';

const HEADER = '.gl-header [data-fingerprint]';
const MARKED = '[data-fingerprint]';
const RESULTS = `#tabs ${MARKED}`;

/**
 * Compare every result on the page with the header and mark or clear it. A result with an empty fingerprint shows
 * nothing yet and is never stale.
 * @param {ParentNode} root
 */
export function markStale(root) {
  const current = /** @type {HTMLElement | null} */ (root.querySelector(HEADER))?.dataset.fingerprint;
  for (const result of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll(RESULTS))) {
    const { fingerprint } = result.dataset;
    const stale = Boolean(current && fingerprint && fingerprint !== current);
    if (stale === result.classList.contains('gl-stale')) continue;
    result.classList.toggle('gl-stale', stale);
    if (stale) result.setAttribute('aria-busy', 'true');
    else result.removeAttribute('aria-busy');
  }
}

/**
 * Keep the marks up to date. Only changes that can matter cause any work: a drag, which writes texts and canvases,
 * does none.
 * @param {Element} root
 * @returns {MutationObserver}
 */
export function watchStale(root) {
  const observer = new MutationObserver((records) => {
    if (records.some((record) => concerns(record, MARKED))) markStale(root);
  });
  observer.observe(root, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-fingerprint'] });
  markStale(root);
  return observer;
}
