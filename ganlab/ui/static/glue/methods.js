// "other samples" is Python's; "use this model" chooses it in the picker as a person would, so that the page has one
// way to switch.
element.addEventListener('click', (event) => {
  const target = /** @type {Element} */ (event.target).closest('[data-action]');
  if (!(target instanceof HTMLElement) || target.hasAttribute('disabled')) return;
  if (target.dataset.action === 'another') trigger('another', {});
  if (target.dataset.action === 'use') choose(target.dataset.value ?? '');
});

/** @param {string} name */
function choose(name) {
  /** @type {HTMLSelectElement | null} */
  const list = document.querySelector('#model-picker select');
  if (!list) return;
  list.value = name;
  list.dispatchEvent(new Event('change'));
}
