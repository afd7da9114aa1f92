// What the pointer is on, beside the map: the training picture, its reconstruction, and what the judge sees in that.
import { el } from './elements.js';
import { paint } from './generator.js';
import { Readout } from './readout.js';
import { modelAddress } from './request.js';

const PAUSE = 60; // ms on a point until its picture is fetched
const HINT = 'Point at the map, or tap it.';

/**
 * The address of a training picture.
 * @param {string} model
 * @param {number} index in the data set
 */
export function trainingAddress(model, index) {
  return modelAddress('training', model, { index: String(index) });
}

export class PointerCard {
  model = '';
  /** @type {import('./generator.js').Generator | null} */
  G = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pause;
  original = el('img', { class: 'gl-picture', alt: '' });
  reconstruction = el('canvas', { class: 'gl-picture', role: 'img', 'aria-label': 'its reconstruction' });
  description = el('span', { role: 'status' });
  readout = new Readout();

  constructor() {
    this.element = el(
      'figure',
      { class: 'gl-card' },
      el('div', { class: 'gl-title' }, 'under the pointer'),
      el('div', { class: 'gl-pair' }, this.original, this.reconstruction),
      this.readout.element,
      el('figcaption', {}, this.description),
    );
  }

  /**
   * Begin with another model: nothing of the one before stays.
   * @param {import('./readout.js').ReadoutValue} value
   * @param {import('./generator.js').Generator | null} G null where the server makes the pictures
   */
  begin(value, G) {
    this.model = value.model;
    this.G = G;
    this.stop();
    this.description.textContent = HINT;
    this.original.removeAttribute('src');
    for (const picture of [this.original, this.reconstruction]) picture.style.visibility = 'hidden';
    this.readout.load(value);
  }

  /** Fetch nothing more. */
  stop() {
    clearTimeout(this.#pause);
  }

  /**
   * The light needs the length of the latent; the latent itself would take some 30 ms for each movement of the hand.
   * @param {{ code: Float32Array, length: number }} picked
   * @param {string} about
   * @param {number | null} index of the training picture; null for a blend
   */
  show({ code, length }, about, index) {
    const { original, reconstruction, G } = this;
    this.description.textContent = about;
    original.style.visibility = index === null || !original.src ? 'hidden' : '';
    if (G) {
      reconstruction.style.visibility = '';
      const pixels = G.decodeCode(code);
      paint(reconstruction, pixels, G.shape);
      this.readout.showLength(length, pixels);
    }
    this.stop();
    if (index === null) return;
    original.alt = about;
    const fetchOriginal = () => {
      original.src = trainingAddress(this.model, index);
      original.style.visibility = '';
    };
    this.#pause = setTimeout(fetchOriginal, original.src ? PAUSE : 0);
  }
}
