// Belongs to the header, which offers the tour on a first visit and starts it at any time. See lib/tour.js. A click that
// comes before the script is there waits for it.
const coming = import(new URL('ganlab/static/lib/tour.js', document.baseURI).href).then(({ Tour }) => {
  const tour = new Tour(document.querySelector('.gradio-container .contain'));
  tour.offer();
  return tour;
});
element.addEventListener('click', async (event) => {
  const target = /** @type {Element} */ (event.target).closest('[data-do]');
  const action = target instanceof HTMLElement && target.dataset.do;
  if (action === 'tour') (await coming).start();
  if (action === 'no-tour') (await coming).decline();
});
