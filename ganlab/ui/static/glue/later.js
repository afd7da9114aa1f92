// Parts of a stage that few open are asked for when they are. See lib/later.js.
import(new URL('ganlab/static/lib/later.js', document.baseURI).href).then(({ followLater }) => {
  const look = followLater(element, () => trigger('later'));
  watch('value', () => setTimeout(look));
});
