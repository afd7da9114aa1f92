// A click on what carries data-open triggers "open" with the id of a tab; data-word names the entry of the glossary
// that is shown there.
element.addEventListener('click', (event) => {
  const target = /** @type {Element} */ (event.target).closest('[data-open]');
  if (!(target instanceof HTMLElement)) return;
  event.preventDefault();
  const { open, word } = target.dataset;
  trigger('open', { value: open });
  import(new URL('ganlab/static/lib/opening.js', document.baseURI).href).then(({ follow }) => follow(target, word));
});
