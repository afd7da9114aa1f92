// Sentences of the whole page, at its lower edge; also in place of Gradio's own notices, which say "Error".
import { button, el } from './elements.js';
import { FAILED, UNREACHABLE } from './sentences.js';

const SHOWN = 12000; // ms
const TOAST = '.toast-body.error';

/** @type {HTMLElement | null} */
let line = null;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let isLasting = false;

/**
 * Show a sentence. A lasting one stays until an empty one comes; others go by themselves.
 * @param {string} sentence
 * @param {boolean} [lasting]
 */
export function showSentence(sentence, lasting = false) {
  if (!sentence && !isLasting) return; // what is to be read is not taken away by the next answer
  if (!line) {
    line = el('div', { class: 'gl-said', role: 'status', 'aria-live': 'polite' });
    (document.querySelector('.gradio-container') ?? document.body).append(line); // where the colours are
  }
  clearTimeout(timer);
  isLasting = lasting;
  const close = button('×', () => line?.replaceChildren(), { 'aria-label': 'Close' });
  line.replaceChildren(...(sentence ? [el('p', {}, sentence), close] : []));
  if (sentence && !lasting) timer = setTimeout(() => line?.replaceChildren(), SHOWN);
}

/**
 * Put a sentence in place of each error that Gradio shows.
 * @param {HTMLElement} root
 */
export function replaceToasts(root) {
  new MutationObserver(() => {
    for (const toast of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll(TOAST))) {
      if (toast.hidden) continue;
      toast.hidden = true;
      showSentence(/connection/i.test(toast.textContent ?? '') ? UNREACHABLE : FAILED);
      /** @type {HTMLElement | null} */ (toast.querySelector('.toast-close'))?.click();
    }
  }).observe(root, { subtree: true, childList: true });
}
