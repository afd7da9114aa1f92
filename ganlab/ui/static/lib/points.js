// Many points on a canvas, written straight into its pixels: 60,000 in a few milliseconds.
import { context2d } from './elements.js';

export class Points {
  /** @type {ImageData | null} */
  #image = null;
  #pixels = new Uint32Array(0);

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = context2d(canvas);
  }

  /**
   * @param {Float32Array} xy positions (N, 2)
   * @param {{ scale: number, x: number, y: number }} view a position p is drawn at scale * p + (x, y)
   * @param {Uint32Array} colours (N) pixels; 0 for a point that is not drawn
   * @param {number} size pixels across
   */
  draw(xy, { scale, x, y }, colours, size) {
    const { width, height } = this.canvas;
    if (this.#image?.width !== width || this.#image.height !== height) {
      this.#image = this.context.createImageData(width, height);
      this.#pixels = new Uint32Array(this.#image.data.buffer);
    }
    const pixels = this.#pixels;
    const half = size >> 1;
    const [right, bottom] = [width - size, height - size];
    pixels.fill(0);
    for (let i = 0, n = colours.length; i < n; i++) {
      const colour = colours[i];
      if (!colour) continue;
      const px = (scale * xy[2 * i] + x - half) | 0;
      const py = (scale * xy[2 * i + 1] + y - half) | 0;
      if (px < 0 || py < 0 || px > right || py > bottom) continue;
      let start = py * width + px;
      for (let row = 0; row < size; row++, start += width) {
        for (let column = 0; column < size; column++) pixels[start + column] = colour;
      }
    }
    this.context.putImageData(this.#image, 0, 0);
  }
}
