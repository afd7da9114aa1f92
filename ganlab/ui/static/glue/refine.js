// Start and Stop of an optimisation; a switch says whether the encoder's features count. One whose picture the stage no longer shows is stopped and removed.
element.addEventListener('click', (event) => {
  const target = /** @type {Element} */ (event.target).closest('[data-do]');
  const action = target instanceof HTMLElement && target.dataset.do;
  /** @type {HTMLInputElement | null} */
  const content = element.querySelector('[data-content]');
  if (action === 'start') trigger('start', content ? { content: content.checked } : {});
  if (action === 'stop') trigger('stop');
});

watch('value', () => {
  /** @type {HTMLElement | null} */
  const own = element.querySelector('[data-refines]');
  /** @type {HTMLElement | null} */
  const shown = document.querySelector('#reconstruct-stage [data-key]');
  if (own && shown && shown.dataset.key !== own.dataset.refines) trigger('stop');
});
