// The shelf survives a reload, and is one for all tabs of this browser, which remembers its latents for each
// checkpoint. A shelf from a file goes to Python as base64.
const lib = (/** @type {string} */ name) => import(new URL(`ganlab/static/lib/${name}.js`, document.baseURI).href);

const modules = ['storage', 'shelf-memory', 'files', 'visit'];
Promise.all(modules.map(lib)).then(async ([storage, { mergeShelf, readStored }, files, { settled }]) => {
  /** @type {Map<string, string[]>} */
  const before = new Map(); // by fingerprint, the keys that were shown last

  function renew() {
    /** @type {HTMLElement | null} */
    const shelf = element.querySelector('.gl-kept');
    const { fingerprint, kept = '[]', memory, opened } = shelf?.dataset ?? {};
    if (!fingerprint || !memory) return;
    if (opened !== undefined) before.delete(fingerprint); // nobody has dropped what is not there
    const { aliases, replaced, most, size } = JSON.parse(memory);
    const shown = JSON.parse(kept);
    const stored = storage.recall('shelf', fingerprint, aliases);
    // What an earlier visit left of a checkpoint that is no more, Python refuses with a sentence.
    const gone = stored || before.has(fingerprint) ? null : storage.takeReplaced('shelf', replaced);
    if (gone) trigger('restore', { fingerprint: gone.fingerprint, kept: gone.stored });
    const { next, add, remove } = mergeShelf(before.get(fingerprint) ?? [], shown, readStored(stored, size), most);
    before.set(fingerprint, shown.map((/** @type {{ key: string }} */ { key }) => key));
    storage.remember('shelf', fingerprint, next);
    const order = next.map((/** @type {{ key: string }} */ { key }) => key);
    if (add.length || remove.length) trigger('restore', { fingerprint, kept: add, remove, order });
  }

  element.addEventListener('change', async (event) => {
    const input = /** @type {HTMLInputElement} */ (event.target);
    const file = input.matches('.gl-load') ? files.takeFile(input) : null;
    if (file) trigger('add_file', { content: (await files.readFile(file)).split(',')[1] ?? '' });
  });

  await settled; // what is shown before may be another model's
  watch('value', renew);
  storage.watchStored('shelf', (/** @type {string} */ fingerprint) => {
    /** @type {HTMLElement | null} */
    const shelf = element.querySelector('.gl-kept');
    if (shelf?.dataset.fingerprint === fingerprint) renew();
  });
  renew();
});
