// The page's address, and its way back to it. See lib/visit.js.
const lib = (/** @type {string} */ name) => import(new URL(`ganlab/static/lib/${name}.js`, document.baseURI).href);
Promise.all([lib('visit'), lib('notices')]).then(([{ Visit }, { replaceToasts }]) => {
  replaceToasts(document.body);
  new Visit((/** @type {object} */ data) => trigger('arrive', data)).start();
});
