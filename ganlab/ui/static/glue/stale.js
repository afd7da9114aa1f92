// Belongs to the header: marks what the tabs still show of another model than the header's. See lib/stale.js.
import(new URL('ganlab/static/lib/stale.js', document.baseURI).href).then(({ watchStale }) => {
  watchStale(document.body);
});
