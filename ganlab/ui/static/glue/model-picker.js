// Connects the choice of a model to its component: the name of the model in use comes in, "choose" goes out.
import(new URL('ganlab/static/lib/model-picker.js', document.baseURI).href).then(({ ModelPicker }) => {
  const picker = new ModelPicker(element, (/** @type {string} */ name) => {
    props.value = name;
    trigger('choose');
  });
  watch('value', () => picker.show(props.value));
  picker.show(props.value);
});
