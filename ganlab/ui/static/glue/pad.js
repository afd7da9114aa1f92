// Connects the drawing pad to its component: pictures to show come in, "picture" goes out with what was drawn or
// uploaded as the value.
import(new URL('ganlab/static/lib/drawing-pad.js', document.baseURI).href).then(({ DrawingPad }) => {
  const pad = new DrawingPad(element, (/** @type {object} */ value) => {
    props.value = value;
    trigger('picture');
  });
  watch('value', () => pad.receive(props.value));
  pad.receive(props.value);
  element.querySelector('.gl-pad')?.setAttribute('data-ready', ''); // from here on it takes strokes and files
});
