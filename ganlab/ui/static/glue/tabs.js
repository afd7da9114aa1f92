// Belongs to the header: the tabs by keys. See lib/tabs.js.
import(new URL('ganlab/static/lib/tabs.js', document.baseURI).href).then(({ watchTabs }) => {
  watchTabs(document.body, '#tabs [role=tablist]');
});
