// Belongs to the header: folded parts of the page stay as the visitor left them. See lib/details.js.
import(new URL('ganlab/static/lib/details.js', document.baseURI).href).then(({ watchDetails }) => {
  watchDetails(document.body);
});
