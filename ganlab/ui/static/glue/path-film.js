// The film studio is a module of its own; this hands it its place, its value and its way to Python.
import(new URL('ganlab/static/lib/film.js', document.baseURI)).then(({ FilmStudio }) => {
  const studio = new FilmStudio(element.querySelector('.gl-films'), {
    use: (data) => trigger('use', data),
    bring: (data) => trigger('bring', data),
  });
  watch('value', () => studio.show(props.value));
  studio.show(props.value);
});
