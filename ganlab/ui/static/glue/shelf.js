// The shelf survives a reload: this browser remembers its latents for each checkpoint. A shelf from a file goes to
// Python as base64.
const lib = (/** @type {string} */ name) => import(new URL(`ganlab/static/lib/${name}.js`, document.baseURI).href);

Promise.all([lib('storage'), lib('files')]).then(([{ recall, remember, takeReplaced }, { readFile, takeFile }]) => {
  const restored = new Set(); // checkpoints whose shelf was recalled since the page was opened

  function renew() {
    /** @type {HTMLElement | null} */
    const shelf = element.querySelector('.gl-kept');
    const { fingerprint, kept = '[]', earlier = '{"aliases":[],"replaced":[]}' } = shelf?.dataset ?? {};
    if (!fingerprint) return;
    if (!restored.has(fingerprint)) {
      restored.add(fingerprint);
      const { aliases, replaced } = JSON.parse(earlier);
      const stored = recall('shelf', fingerprint, aliases);
      if (stored && kept === '[]') {
        trigger('restore', { fingerprint, kept: stored });
        return;
      }
      const gone = stored ? null : takeReplaced('shelf', replaced); // which Python refuses with a sentence
      if (gone) trigger('restore', { fingerprint: gone.fingerprint, kept: gone.stored });
    }
    remember('shelf', fingerprint, JSON.parse(kept));
  }

  watch('value', renew);
  renew();

  element.addEventListener('change', async (event) => {
    const input = /** @type {HTMLInputElement} */ (event.target);
    const file = input.matches('.gl-load') ? takeFile(input) : null;
    if (file) trigger('add_file', { content: (await readFile(file)).split(',')[1] ?? '' });
  });
});
