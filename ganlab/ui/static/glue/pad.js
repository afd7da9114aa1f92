// Connects the drawing pad to its component: pictures to show come in, "picture" goes out with what was drawn or
// uploaded as the value.
import(new URL('ganlab/static/lib/drawing-pad.js', document.baseURI).href).then(({ DrawingPad }) => {
  const pad = new DrawingPad(element, (/** @type {string} */ kind, /** @type {string} */ picture) => {
    props.value = { kind, picture };
    trigger('picture');
  });
  watch('value', () => pad.showGiven(props.value?.show));
  pad.showGiven(props.value?.show);
  element.querySelector('.gl-pad')?.setAttribute('data-ready', ''); // from here on it takes strokes and files
});
