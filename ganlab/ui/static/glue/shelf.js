// What was kept survives a reload: this browser remembers the latents, apart for each checkpoint.
const shelfOf = (fingerprint) => `ganlab/shelf/${fingerprint}`;
const asked = new Set(); // checkpoints whose shelf was asked back in this visit

function remember() {
  const { fingerprint, kept } = element.querySelector('.gl-kept')?.dataset ?? {};
  if (!fingerprint) return;
  try {
    const earlier = localStorage.getItem(shelfOf(fingerprint));
    if (!asked.has(fingerprint)) {
      asked.add(fingerprint);
      if (earlier && kept === '[]') {
        trigger('restore', { fingerprint, kept: JSON.parse(earlier) });
        return;
      }
    }
    localStorage.setItem(shelfOf(fingerprint), kept);
  } catch {
    // a browser that keeps nothing, or something else under our name: the shelf lives as long as the page
  }
}

watch('value', remember);
remember();

// A shelf that was saved comes back as base64.
element.addEventListener('change', (event) => {
  const [file] = event.target.matches('.gl-load') ? event.target.files : [];
  if (!file) return;
  const reader = new FileReader();
  reader.onload = () => trigger('bring', { content: reader.result.split(',')[1] ?? '' });
  reader.readAsDataURL(file);
  event.target.value = ''; // so that the same file can be chosen again
});
