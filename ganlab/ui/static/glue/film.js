// Connects the film studio to its component: values come in, "use" and "upload" go out.
import(new URL('ganlab/static/lib/film-studio.js', document.baseURI).href).then(({ FilmStudio }) => {
  const studio = new FilmStudio(element.querySelector('.gl-films'), {
    use: (/** @type {object} */ data) => trigger('use', data),
    upload: (/** @type {object} */ data) => trigger('upload', data),
  });
  watch('value', () => studio.show(props.value));
  studio.show(props.value);
});
