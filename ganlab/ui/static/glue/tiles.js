// A click, or Enter and Space on the focused button, tells Python which tile it was, and of which model: a click that
// comes after another model was chosen is dropped there.
element.addEventListener('click', (event) => {
  const target = event.target.closest('[data-action]');
  if (!target || target.disabled) return;
  const { action, value } = target.dataset;
  const fingerprint = target.closest('.gl-from-model')?.dataset.fingerprint;
  trigger('pick', fingerprint ? { action, value, fingerprint } : { action, value });
});
