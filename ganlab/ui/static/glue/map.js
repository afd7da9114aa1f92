// Connects the map to its component: values come in, "use" goes out.
import(new URL('ganlab/static/lib/codemap.js', document.baseURI).href).then(({ CodeMap }) => {
  const map = new CodeMap(element.querySelector('.gl-map'), {
    use: (/** @type {object} */ data) => trigger('use', data),
  });
  watch('value', () => map.show(props.value));
  map.show(props.value);
});
