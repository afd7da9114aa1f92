// Connects the drawing pad to its component: pictures to show come in, "picture" goes out with what was drawn or
// uploaded as the value. data-kind says which of both the pad shows; it is empty for a picture from Python.
const frame = /** @type {HTMLElement} */ (element.querySelector('.gl-pad'));
import(new URL('ganlab/static/lib/drawing-pad.js', document.baseURI).href).then(({ DrawingPad }) => {
  const pad = new DrawingPad(element, (/** @type {{ kind: string }} */ value) => {
    props.value = value;
    frame.dataset.kind = value.kind;
    trigger('picture');
  });
  watch('value', () => {
    if (props.value?.show) frame.dataset.kind = '';
    pad.receive(props.value);
  });
  pad.receive(props.value);
  frame.dataset.ready = ''; // from here on it takes strokes and files
});
