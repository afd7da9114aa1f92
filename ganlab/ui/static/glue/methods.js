// "other samples" is Python's; "use this model" chooses it in the picker as a person would, so that the page has one
// way to switch.
const MAX_FRAMES = 60; // until the picker's list is open

element.addEventListener('click', (event) => {
  const target = /** @type {Element} */ (event.target).closest('[data-action]');
  if (!(target instanceof HTMLElement) || target.hasAttribute('disabled')) return;
  if (target.dataset.action === 'another') trigger('another', {});
  if (target.dataset.action === 'use') choose(target.dataset.value ?? '');
});

/**
 * @param {string} name
 * @param {number} [frames] that have passed
 */
function choose(name, frames = 0) {
  /** @type {HTMLInputElement | null} */
  const input = document.querySelector('#model-picker input');
  if (!input) return;
  if (frames === 0) input.focus(); // opens the list
  const options = [...document.querySelectorAll('[role=option]')];
  const option = options.find((each) => each.getAttribute('aria-label') === name);
  if (option) {
    option.dispatchEvent(new MouseEvent('mousedown', { bubbles: true, cancelable: true }));
    input.blur();
  } else if (frames < MAX_FRAMES) {
    requestAnimationFrame(() => choose(name, frames + 1));
  }
}
