// The shelf survives a reload: this browser remembers its latents for each checkpoint. A shelf from a file goes to
// Python as base64.
const lib = (/** @type {string} */ name) => import(new URL(`ganlab/static/lib/${name}.js`, document.baseURI).href);

Promise.all([lib('storage'), lib('files')]).then(([{ recall, remember }, { readFile, takeFile }]) => {
  const restored = new Set(); // checkpoints whose shelf was recalled since the page was opened

  function renew() {
    /** @type {HTMLElement | null} */
    const shelf = element.querySelector('.gl-kept');
    const { fingerprint, kept = '[]', aliases = '[]' } = shelf?.dataset ?? {};
    if (!fingerprint) return;
    if (!restored.has(fingerprint)) {
      restored.add(fingerprint);
      const stored = recall('shelf', fingerprint, JSON.parse(aliases));
      if (stored && kept === '[]') {
        trigger('restore', { fingerprint, kept: stored });
        return;
      }
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
