// Connects the Training tab to its component: which runs an address names comes in; the rest it asks for itself.
import(new URL('ganlab/static/lib/training.js', document.baseURI).href).then(({ Training }) => {
  const training = new Training(element.querySelector('.gl-training'));
  watch('value', () => training.show(props.value));
  training.show(props.value);
});
