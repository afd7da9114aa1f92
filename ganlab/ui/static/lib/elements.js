// el('button', { type: 'button', class: 'x', onclick: f, 'aria-label': 'y' }, 'text', child): an element.
export function el(tag, settings = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(settings)) {
    if (value === undefined || value === false) continue;
    if (typeof value === 'function' || key === 'value' || key === 'checked') made[key] = value;
    else made.setAttribute(key, value === true ? '' : value);
  }
  made.append(...children);
  return made;
}

export function button(text, onclick, settings = {}) {
  return el('button', { type: 'button', class: 'gl-button', onclick, ...settings }, text);
}

export function picker(label, options, onchange) {
  const choices = options.map(([value, text]) => el('option', { value }, text));
  const select = el('select', { class: 'gl-select', 'aria-label': label }, ...choices);
  select.onchange = () => onchange(select.value);
  return select;
}
