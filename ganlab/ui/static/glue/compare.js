// The page asks for the rows part by part, as long as some are missing and somebody looks. A part of a
// comparison that began before the shown one is dropped: a newer picture has come.
const frame = element.closest('#compare-stage');
const shown = () => element.querySelector('[data-began]')?.dataset ?? {};
let timer = null;

function ask() {
  if (shown().more && element.offsetParent !== null) trigger('more', { began: Number(shown().began) });
}

function soon(pause) {
  clearTimeout(timer);
  timer = setTimeout(ask, pause);
}

watch('value', () => soon(Number(shown().more)));
frame.addEventListener('part', ({ detail }) => {
  const late = !detail || detail.began < Number(shown().began);
  if (!late) props.value = detail.html;
  soon(late ? Number(shown().more) : 0);
});
new IntersectionObserver(() => soon(0)).observe(element);
