// A part of a comparison that arrives goes to the stage, which drops it if a newer comparison has begun.
watch('value', () => {
  const stage = document.getElementById('compare-stage');
  stage?.dispatchEvent(new CustomEvent('part', { detail: props.value }));
});
