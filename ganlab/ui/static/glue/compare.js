// Asks for the rows of the comparison part by part, as long as some are missing and the tab is visible. A part of an
// earlier comparison than the one shown is dropped.
const frame = element.closest('#compare-stage');
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** @returns {DOMStringMap} `began`, when the shown comparison began; `more`, ms until more is asked for */
function state() {
  return /** @type {HTMLElement | null} */ (element.querySelector('[data-began]'))?.dataset ?? {};
}

/** @param {number} pause ms */
function schedule(pause) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (state().more && element.offsetParent !== null) trigger('more', { began: Number(state().began) });
  }, pause);
}

watch('value', () => schedule(Number(state().more)));
frame?.addEventListener('part', (event) => {
  const { detail } = /** @type {CustomEvent<{ began: number, html: string } | null>} */ (event);
  const late = !detail || detail.began < Number(state().began);
  if (!late) props.value = detail.html;
  schedule(late ? Number(state().more) : 0);
});
new IntersectionObserver(() => schedule(0)).observe(element);
