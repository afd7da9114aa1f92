// A click, or Enter and Space on the focused button, tells Python which tile it was.
element.addEventListener('click', (event) => {
  const target = event.target.closest('[data-action]');
  if (target && !target.disabled) {
    trigger('pick', { action: target.dataset.action, value: target.dataset.value });
  }
});
