// The path from A to B where the server makes the pictures: a scrubber that moves a sprite, and uploads for A and B.
// Used together with tiles.js.
const files = import(new URL('ganlab/static/lib/files.js', document.baseURI).href);
const dialog = import(new URL('ganlab/static/lib/crop-dialog.js', document.baseURI).href);

function scrub() {
  /** @type {HTMLInputElement | null} */
  const input = element.querySelector('.gl-scrub');
  /** @type {HTMLElement | null} */
  const sprite = element.querySelector('.gl-sprite');
  const readout = element.querySelector('.gl-middle output');
  if (!input || !sprite || !readout) return;
  const t = Number(input.value) / Number(input.max);
  sprite.style.backgroundPosition = `${100 * t}% 0`;
  readout.textContent = `t = ${t.toFixed(2)}`;
}

element.addEventListener('input', (event) => {
  if (/** @type {Element} */ (event.target).matches('.gl-scrub')) scrub();
});

element.addEventListener('change', async (event) => {
  const input = /** @type {HTMLInputElement} */ (event.target);
  if (input.matches('.gl-scrub')) trigger('pick', { action: 'rest', value: input.value });
  const end = input.dataset.upload;
  if (!end) return;
  const view = JSON.parse(input.dataset.crop ?? '{}');
  const [{ takeFile }, { choosePart }] = await Promise.all([files, dialog]);
  const file = takeFile(input);
  const chosen = file && (await choosePart(file, view));
  if (chosen) trigger('upload', { value: end, ...chosen });
});

watch('value', scrub);
scrub();
