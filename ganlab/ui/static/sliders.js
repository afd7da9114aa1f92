// Sliders laid out from the component's value; every move sends all offsets, the last one for sure.
const panel = element.querySelector('.gl-panel');
let laidOut = null; // key of the latent that the sliders start from
let moving = false; // a slider is the last thing that the hand touched on the whole page

function slider(group, index, text, reach, unit) {
  const label = document.createElement('label');
  label.className = 'gl-slider';
  const name = document.createElement('span');
  name.textContent = text;
  const input = document.createElement('input');
  Object.assign(input, { type: 'range', min: -reach, max: reach, step: 0.05 });
  input.value = 0;
  input.dataset.group = group;
  input.dataset.unit = unit;
  input.setAttribute('aria-label', `${text}, offset${unit ? ' in standard deviations' : ''}`);
  const output = document.createElement('output');
  label.append(name, input, output);
  show(input, output);
  return label;
}

function show(input, output) {
  const value = Number(input.value);
  output.textContent = `${value > 0 ? '+' : value < 0 ? '\u2212' : ''}${Math.abs(value).toFixed(2)}${input.dataset.unit}`;
  output.classList.toggle('gl-off', value === 0);
}

function group(sliders) {
  const box = document.createElement('div');
  box.className = 'gl-sliders';
  box.append(...sliders);
  return box;
}

function button(text, action) {
  const made = document.createElement('button');
  Object.assign(made, { type: 'button', className: 'gl-button', textContent: text });
  made.dataset.do = action;
  return made;
}

function layOut() {
  const spec = props.value;
  if (!spec?.key || spec.key === laidOut) return;
  laidOut = spec.key;
  // A slider moved before the tab's own redraw came: the redraw is late, and the hand keeps its offsets,
  // from the new base on. Any other new latent was asked for elsewhere and starts from the middle.
  const kept = moving ? new Map(sliders().map((input) => [nameOf(input), input.value])) : new Map();
  const focused = panel.contains(document.activeElement) ? nameOf(document.activeElement) : null;
  const open = panel.querySelector('details')?.open ?? false;
  const tools = document.createElement('div');
  tools.className = 'gl-tools';
  tools.append(button('reset', 'reset'), button('randomise', 'randomise'));
  const heading = document.createElement('h3');
  heading.className = 'gl-h';
  heading.textContent = "principal directions of the gallery's codes · share of their variance";
  const raw = document.createElement('details');
  raw.className = 'gl-raw';
  raw.open = open || !spec.principal.length; // where there is nothing else, nobody has to open it
  const summary = document.createElement('summary');
  summary.textContent = `raw dimensions (all ${spec.raw})`;
  const range = [...Array(spec.raw).keys()];
  raw.append(summary, group(range.map((i) => slider('raw', i, `z${i}`, spec.raw_reach, ''))));
  panel.replaceChildren(
    tools,
    heading,
    group(spec.principal.map((text, i) => slider('principal', i, text, spec.reach, 'σ'))),
    raw,
  );
  if (focused) sliders().find((input) => nameOf(input) === focused)?.focus();
  if (!kept.size) return;
  for (const input of sliders()) {
    input.value = kept.get(nameOf(input)) ?? 0;
    show(input, input.nextElementSibling);
  }
  send();
}

function sliders() {
  return [...panel.querySelectorAll('input')];
}

function nameOf(input) {
  return input.getAttribute('aria-label');
}

function offsets(name) {
  return [...panel.querySelectorAll(`[data-group=${name}]`)].map((input) => Number(input.value));
}

function send() {
  props.value = { ...props.value, offsets: { principal: offsets('principal'), raw: offsets('raw') } };
  trigger('move');
}

for (const touch of ['pointerdown', 'keydown']) {
  document.addEventListener(touch, () => (moving = false), { capture: true });
}

element.addEventListener('input', (event) => {
  moving = true;
  show(event.target, event.target.nextElementSibling);
  send();
});

// A double click brings one slider back to the middle.
element.addEventListener('dblclick', (event) => {
  if (event.target.type !== 'range') return;
  event.target.value = 0;
  show(event.target, event.target.nextElementSibling);
  send();
});

element.addEventListener('click', (event) => {
  const action = event.target.closest('[data-do]')?.dataset.do;
  if (action === 'randomise') trigger('randomise');
  if (action !== 'reset') return;
  for (const input of sliders()) {
    input.value = 0;
    show(input, input.nextElementSibling);
  }
  send();
});

watch('value', layOut);
layOut();
