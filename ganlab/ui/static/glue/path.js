// Beside the clicks of tiles.js: a scrubber that moves a sprite, and uploads for A and B.
function scrub() {
  const input = element.querySelector('.gl-scrub');
  const sprite = element.querySelector('.gl-sprite');
  if (!input || !sprite) return;
  const t = Number(input.value) / Number(input.max);
  sprite.style.backgroundPosition = `${100 * t}% 0`;
  element.querySelector('.gl-middle output').textContent = `t = ${t.toFixed(2)}`;
}

element.addEventListener('input', (event) => {
  if (event.target.matches('.gl-scrub')) scrub();
});

element.addEventListener('change', (event) => {
  if (event.target.matches('.gl-scrub')) {
    trigger('pick', { action: 'rest', value: event.target.value });
  }
  const end = event.target.dataset.upload;
  if (!end || !event.target.files.length) return;
  const reader = new FileReader();
  reader.onload = () => trigger('upload', { value: end, picture: reader.result });
  reader.readAsDataURL(event.target.files[0]);
});

watch('value', scrub);
scrub();
