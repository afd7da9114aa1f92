// Many points and small pictures on a canvas, written straight into its pixels: 60,000 points in a few milliseconds.
import { context2d } from './elements.js';

const OPAQUE = 255;
const FAINT = 0x50000000; // opacity of a faint picture

export class Points {
  /** @type {ImageData | null} */
  #image = null;
  #pixels = new Uint32Array(0);

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = context2d(canvas);
  }

  /** Begin with an empty canvas. */
  clear() {
    const { width, height } = this.canvas;
    if (this.#image?.width !== width || this.#image.height !== height) {
      this.#image = this.context.createImageData(width, height);
      this.#pixels = new Uint32Array(this.#image.data.buffer);
    }
    this.#pixels.fill(0);
  }

  /** Show what was drawn since `clear`. */
  show() {
    if (this.#image) this.context.putImageData(this.#image, 0, 0);
  }

  /**
   * Points as squares; opaque ones lie over others.
   * @param {Float32Array} xy positions (N, 2)
   * @param {{ scale: number, x: number, y: number }} view a position p is drawn at scale * p + (x, y)
   * @param {Uint32Array} colours (N) pixels; 0 for a point that is not drawn
   * @param {number} size pixels across
   */
  draw(xy, view, colours, size) {
    const { width, height } = this.canvas;
    drawSquares(this.#pixels, width, height, xy, view, colours, size, false);
    drawSquares(this.#pixels, width, height, xy, view, colours, size, true);
  }

  /**
   * A square picture with a frame, cut at the edges of the canvas.
   * @param {Uint32Array} picture its pixels, `columns` in a row
   * @param {number} columns
   * @param {object} where
   * @param {number} where.x left edge of the frame
   * @param {number} where.y top edge of the frame
   * @param {number} where.side pixels that the picture is drawn across
   * @param {number} where.frame width of the frame
   * @param {number} colour pixel of the frame
   * @param {boolean} faint
   */
  stamp(picture, columns, { x, y, side, frame }, colour, faint) {
    const { width, height } = this.canvas;
    const pixels = this.#pixels;
    const rows = picture.length / columns;
    const outer = side + 2 * frame;
    const [left, right] = [Math.max(0, -x), Math.min(outer, width - x)];
    const [top, bottom] = [Math.max(0, -y), Math.min(outer, height - y)];
    const border = faint ? (colour & 0xffffff) | FAINT : colour;
    for (let row = top; row < bottom; row++) {
      const start = (y + row) * width + x;
      const from = Math.floor(((row - frame) * rows) / side) * columns;
      const framed = row < frame || row >= side + frame;
      for (let column = left; column < right; column++) {
        if (framed || column < frame || column >= side + frame) {
          pixels[start + column] = border;
          continue;
        }
        const pixel = picture[from + (((column - frame) * columns) / side | 0)];
        pixels[start + column] = faint ? (pixel & 0xffffff) | FAINT : pixel;
      }
    }
  }
}

/**
 * @param {Uint32Array} pixels
 * @param {number} width
 * @param {number} height
 * @param {Float32Array} xy
 * @param {{ scale: number, x: number, y: number }} view
 * @param {Uint32Array} colours
 * @param {number} size
 * @param {boolean} opaque which points are drawn
 */
function drawSquares(pixels, width, height, xy, { scale, x, y }, colours, size, opaque) {
  const half = size >> 1;
  const [right, bottom] = [width - size, height - size];
  for (let i = 0, n = colours.length; i < n; i++) {
    const colour = colours[i];
    if (!colour || (colour >>> 24 === OPAQUE) !== opaque) continue;
    const px = (scale * xy[2 * i] + x - half) | 0;
    const py = (scale * xy[2 * i + 1] + y - half) | 0;
    if (px < 0 || py < 0 || px > right || py > bottom) continue;
    let start = py * width + px;
    for (let row = 0; row < size; row++, start += width) {
      for (let column = 0; column < size; column++) pixels[start + column] = colour;
    }
  }
}
