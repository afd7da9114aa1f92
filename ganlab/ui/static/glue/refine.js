// Start and Stop of a descent; one whose picture the stage no longer shows is stopped and put away.
element.addEventListener('click', (event) => {
  const wanted = event.target.closest('[data-do]')?.dataset.do;
  if (wanted === 'start') trigger('start');
  if (wanted === 'stop') trigger('stop');
});

watch('value', () => {
  const mine = element.querySelector('[data-refines]');
  const shown = document.querySelector('#reconstruct-stage [data-key]');
  if (mine && shown && shown.dataset.key !== mine.dataset.refines) trigger('stop');
});
