// "other samples" is Python's; "use this model" chooses it in the picker as a hand would, so that the page
// has one way to switch.
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-action]');
  if (!button || button.disabled) return;
  if (button.dataset.action === 'another') trigger('another', {});
  if (button.dataset.action === 'use') choose(button.dataset.value);
});

function choose(name, waited = 0) {
  const input = document.querySelector('#model-picker input');
  if (waited === 0) input.focus(); // opens the list
  const options = [...document.querySelectorAll('[role=option]')];
  const option = options.find((one) => one.getAttribute('aria-label') === name);
  if (option) {
    option.dispatchEvent(new MouseEvent('mousedown', { bubbles: true, cancelable: true }));
    input.blur();
  } else if (waited < 60) {
    requestAnimationFrame(() => choose(name, waited + 1));
  }
}
