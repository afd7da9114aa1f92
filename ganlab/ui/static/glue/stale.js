// Belongs to the header. Marks what the tabs still show of another model than the header's; see lib/stale.js.
import(new URL('ganlab/static/lib/stale.js', document.baseURI)).then(({ watchStale }) => {
  watchStale(document.body);
});
