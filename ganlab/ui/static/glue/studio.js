// Connects the latent studio to its component: values come in, "rest" and "sample" go out.
import(new URL('ganlab/static/lib/studio.js', document.baseURI).href).then(({ Studio }) => {
  const studio = new Studio(element.querySelector('.gl-studio'), {
    rest: (/** @type {object} */ data) => trigger('rest', data),
    sample: () => trigger('sample'),
  });
  watch('value', () => studio.show(props.value));
  studio.show(props.value);
});
