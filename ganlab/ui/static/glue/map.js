// The map is a module of its own; this hands it its place, its value and its way to Python.
import(new URL('ganlab/static/lib/codemap.js', document.baseURI)).then(({ CodeMap }) => {
  const map = new CodeMap(element.querySelector('.gl-map'), { use: (data) => trigger('use', data) });
  watch('value', () => map.show(props.value));
  map.show(props.value);
});
