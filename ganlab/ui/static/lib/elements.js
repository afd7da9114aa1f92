// Short forms for the elements that the page builds itself.

/**
 * el('button', { class: 'x', onclick: f, 'aria-label': 'y' }, 'text', child). Functions, value and checked become
 * properties, everything else attributes; false and undefined are left out.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, unknown>} [settings]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, settings = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(settings)) {
    if (value === undefined || value === false) continue;
    if (typeof value === 'function' || key === 'value' || key === 'checked') Object.assign(element, { [key]: value });
    else element.setAttribute(key, value === true ? '' : String(value));
  }
  element.append(...children);
  return element;
}

/**
 * @param {string} text
 * @param {((event: MouseEvent) => void) | null} onclick
 * @param {Record<string, unknown>} [settings]
 */
export function button(text, onclick, settings = {}) {
  return el('button', { type: 'button', class: 'gl-button', onclick: onclick ?? undefined, ...settings }, text);
}

/**
 * A select box; `onchange` gets the value that was chosen.
 * @param {string} label
 * @param {[value: string | number, text: string][]} options
 * @param {(value: string) => void} onchange
 */
export function picker(label, options, onchange) {
  const choices = options.map(([value, text]) => el('option', { value }, text));
  const select = el('select', { class: 'gl-select', 'aria-label': label }, ...choices);
  select.onchange = () => onchange(select.value);
  return select;
}

/**
 * Show which of several buttons is the chosen one.
 * @param {HTMLElement} group
 * @param {(button: HTMLElement) => boolean} chosen
 */
export function press(group, chosen) {
  for (const child of /** @type {HTMLCollectionOf<HTMLElement>} */ (group.children)) {
    if (child.hasAttribute('aria-pressed')) child.setAttribute('aria-pressed', String(chosen(child)));
  }
}

/**
 * The drawing context of a canvas.
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2DSettings} [settings]
 */
export function context2d(canvas, settings) {
  const context = canvas.getContext('2d', settings);
  if (!context) throw new Error('This browser cannot draw on a canvas.');
  return context;
}

/**
 * Whether a change of the page adds an element that matches `selector`, or changes an attribute of one.
 * @param {MutationRecord} record
 * @param {string} selector
 */
export function concerns(record, selector) {
  if (record.type === 'attributes') return /** @type {Element} */ (record.target).matches(selector);
  for (const node of record.addedNodes) {
    if (node instanceof Element && (node.matches(selector) || node.querySelector(selector))) return true;
  }
  return false;
}
