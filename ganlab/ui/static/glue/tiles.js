// A click on a tile, or Enter and Space on it, triggers "pick" with its action and value, and with the model that it
// belongs to: a click that comes after another model was chosen is dropped by Python.
element.addEventListener('click', (event) => {
  const target = /** @type {Element} */ (event.target).closest('[data-action]');
  if (!(target instanceof HTMLElement) || target.hasAttribute('disabled')) return;
  const { action, value } = target.dataset;
  /** @type {HTMLElement | null} */
  const stage = target.closest('.gl-from-model');
  const fingerprint = stage?.dataset.fingerprint;
  trigger('pick', fingerprint ? { action, value, fingerprint } : { action, value });
});
