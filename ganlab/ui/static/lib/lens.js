// What the model sees of a picture, in the page: drawn anew while the square moves.
import { context2d, el } from './elements.js';
import { buildLevels, layOnPaper, resample } from './resample.js';

/** @typedef {import('./square.js').Square} Square */
/** @typedef {{ size: number, channels: number, digits?: boolean }} View what the model's pictures are, and whether digits */

export class Lens {
  /** @type {import('./resample.js').Pixels[]} */
  levels = [];

  /** @param {View} view */
  constructor(view) {
    this.view = view;
    const { size } = view;
    const label = 'What the model sees of the square';
    this.canvas = el('canvas', { class: 'gl-picture', width: size, height: size, role: 'img', 'aria-label': label });
    this.ink = context2d(this.canvas);
  }

  /**
   * Look at another picture.
   * @param {CanvasImageSource} image
   * @param {import('./square.js').Size} picture its size
   */
  open(image, { width, height }) {
    const copy = context2d(el('canvas', { width, height }), { willReadFrequently: true });
    copy.drawImage(image, 0, 0, width, height);
    const { data } = copy.getImageData(0, 0, width, height);
    this.levels = buildLevels(layOnPaper(data, width, height, this.view.channels), this.view.size);
  }

  /** @param {Square} square */
  draw(square) {
    const { size, channels } = this.view;
    const planes = resample(this.levels, square, size);
    const image = this.ink.createImageData(size, size);
    for (let i = 0; i < size * size; i++) {
      for (let c = 0; c < 3; c++) image.data[4 * i + c] = planes[channels === 1 ? 0 : c][i];
      image.data[4 * i + 3] = 255;
    }
    this.ink.putImageData(image, 0, 0);
  }

  clear() {
    this.levels = [];
    this.ink.clearRect(0, 0, this.canvas.width, this.canvas.height);
  }
}
