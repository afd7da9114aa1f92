// The studio is a module of its own; this hands it its place, its value and its two ways to Python.
import(new URL('ganlab/static/lib/studio.js', document.baseURI)).then(({ Studio }) => {
  const studio = new Studio(element.querySelector('.gl-studio'), {
    rest: (data) => trigger('rest', data),
    sample: () => trigger('sample'),
  });
  watch('value', () => studio.show(props.value));
  studio.show(props.value);
});
