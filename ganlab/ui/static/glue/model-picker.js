// Connects the choice of a model to its component: the name of the model in use comes in, "choose" goes out. "follow"
// is lib/visit.js's: which model the page shows when it rests.
import(new URL('ganlab/static/lib/model-picker.js', document.baseURI).href).then(({ ModelPicker }) => {
  const picker = new ModelPicker(element, (/** @type {string} */ name) => {
    props.value = name;
    trigger('choose');
  });
  watch('value', () => picker.show(props.value));
  element.addEventListener('follow', (event) => {
    const { model } = /** @type {CustomEvent<{ model: string }>} */ (event).detail;
    const isTyping = picker.form?.hidden === false;
    if (isTyping || (props.value === model && picker.list.value === model)) return;
    props.value = model;
    picker.show(model);
  });
  picker.show(props.value);
});
