// The legend of the map: a ramp for an attribute, or one button for each class that shows it alone.
import { RAMP_GRADIENT } from './colours.js';
import { button, el, press } from './elements.js';

/** @typedef {import('./map-data.js').MapData} MapData */

export class MapLegend {
  /**
   * @param {import('./map-colours.js').MapColours} colours
   * @param {() => void} onchange called when another class is shown alone
   */
  constructor(colours, onchange) {
    this.colours = colours;
    this.onchange = onchange;
    this.element = el('div', { class: 'gl-tools gl-legend' });
  }

  /** @param {MapData} data */
  layOut(data) {
    const { attributes, labels, labelled } = data;
    const attribute = attributes.find(({ name }) => name === this.colours.attribute);
    if (attribute) {
      const { low, high, unit } = attribute;
      const bar = el('i', { class: 'gl-ramp', style: `background:${RAMP_GRADIENT}` });
      this.element.replaceChildren(el('span', {}, low.toFixed(1)), bar, el('span', {}, `${high.toFixed(1)} ${unit}`));
    } else {
      const classes = labelled ? [...new Set(labels)].sort((a, b) => a - b) : [];
      this.element.replaceChildren(...classes.map((label) => this.#button(label, data.name(label))));
    }
  }

  /**
   * @param {number} label
   * @param {string} name
   */
  #button(label, name) {
    const settings = { 'data-label': label, 'aria-pressed': 'false', 'aria-label': `only ${name}` };
    const only = button('', () => this.showOnly(label), settings);
    only.append(el('span', { class: 'gl-label' }, el('i'), name));
    return only;
  }

  /** @param {number} label of the class to show alone; once more shows all */
  showOnly(label) {
    this.colours.onlyLabel = this.colours.onlyLabel === label ? null : label;
    press(this.element, (each) => Number(each.dataset.label) === this.colours.onlyLabel);
    this.onchange();
  }

  /** Bring the classes' colours in line with the palette. */
  recolour() {
    for (const only of /** @type {NodeListOf<HTMLElement>} */ (this.element.querySelectorAll('[data-label]'))) {
      const swatch = only.querySelector('i');
      if (swatch) swatch.style.background = this.colours.ofLabel(Number(only.dataset.label));
    }
  }
}
