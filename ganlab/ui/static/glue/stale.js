// Belongs to the header: marks what the tabs still show of another model than the header's, and has the tab in use
// drawn again where that stays so. See lib/stale.js.
import(new URL('ganlab/static/lib/stale.js', document.baseURI).href).then(({ watchStale }) => {
  watchStale(document.body, () => trigger('redraw'));
});
