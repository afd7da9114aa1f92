// The picture layer of the map: reconstructions of the codes in view, decoded a few each frame and then kept.
import { Placement } from './map-placement.js';

const [MIN_SIDE, MAX_SIDE] = [28, 40]; // css pixels of a picture
const MAX_KEPT = 4000; // pictures, of a few kilobytes each
const BUDGET = 8; // ms of a frame for decoding
const MOVING_BUDGET = 2; // while the map moves under the hand

/** @typedef {import('./map-drawing.js').Scene} Scene */

export class MapPictures {
  /** @type {Map<number, Uint32Array>} */
  #pictures = new Map(); // by row
  /** @type {Placement | null} */
  #placement = null;
  /** @type {Uint8Array | null} */
  #shown = null;
  /** @type {number[]} */
  #missing = []; // rows in view
  #seen = ''; // the view that was drawn last
  /** @type {[row: number, left: number, top: number][]} */
  #drawn = []; // in canvas pixels
  #outer = 0; // side of a picture with its frame, in canvas pixels

  /** @param {import('./map-view.js').MapView} view */
  constructor(view) {
    this.view = view;
  }

  /** Forget the pictures of a model. */
  reset() {
    this.#pictures.clear();
    this.#placement = null;
    this.#missing = [];
    this.#drawn = [];
  }

  /**
   * The row whose picture was drawn at a pixel of the canvas, or null.
   * @param {[x: number, y: number]} pixel
   */
  rowAt([x, y]) {
    const outer = this.#outer;
    const hit = this.#drawn.find(([, left, top]) => x >= left && y >= top && x < left + outer && y < top + outer);
    return hit ? hit[0] : null;
  }

  /**
   * Draw the pictures in view that are there.
   * @param {import('./points.js').Points} points
   * @param {Scene} scene
   * @param {import('./generator.js').Generator} G
   */
  draw(points, { xy, colours, shown, selected }, G) {
    const { scale, x, y, ratio, width, height } = this.view;
    const wanted = Math.min(MAX_SIDE, Math.max(MIN_SIDE, G.shape[2]));
    const [side, frame] = [Math.round(wanted * ratio), Math.round(ratio)];
    const outer = side + 2 * frame;
    if (this.#placement?.xy !== xy || this.#shown !== shown) this.#placement = new Placement(xy, shown);
    this.#shown = shown;
    const { rows, count } = this.#placement.rowsApart((outer + 1) / scale);
    this.#missing = [];
    this.#drawn = [];
    this.#outer = outer;
    for (let i = 0; i < count; i++) {
      const row = rows[i];
      const left = Math.round(scale * xy[2 * row] + x - outer / 2);
      const top = Math.round(scale * xy[2 * row + 1] + y - outer / 2);
      if (left <= -outer || top <= -outer || left >= width || top >= height) continue;
      const picture = this.#pictures.get(row);
      const faint = selected !== null && !selected[row];
      if (!picture) {
        this.#missing.push(row);
        continue;
      }
      points.stamp(picture, G.shape[2], { x: left, y: top, side, frame }, colours[row] | 0xff000000, faint);
      this.#drawn.push([row, left, top]);
    }
  }

  /**
   * Decode some of the pictures that the last drawing lacked, at least one.
   * @param {Scene} scene
   * @param {import('./generator.js').Generator} G
   * @returns {boolean} whether there are new ones to draw
   */
  decode({ data }, G) {
    const { scale, x, y } = this.view;
    const seen = [scale, x, y].join();
    const until = performance.now() + (seen === this.#seen ? BUDGET : MOVING_BUDGET);
    this.#seen = seen;
    const missing = this.#missing;
    if (!missing.length) return false;
    this.#forget(missing.length);
    let next = 0;
    do this.#pictures.set(missing[next], toPixels(G.decodeCode(data.code(missing[next])), G.shape));
    while (++next < missing.length && performance.now() < until);
    return true;
  }

  /**
   * Make room: the pictures decoded first go first.
   * @param {number} wanted
   */
  #forget(wanted) {
    const surplus = this.#pictures.size + wanted - MAX_KEPT;
    if (surplus <= 0) return;
    for (const row of [...this.#pictures.keys()].slice(0, surplus)) this.#pictures.delete(row);
  }
}

/**
 * A decoded picture as pixels of a canvas.
 * @param {Float32Array} values (H, W, C) in [0, 1]
 * @param {import('./generator.js').Shape} shape
 */
export function toPixels(values, [channels, height, width]) {
  const bytes = new Uint8ClampedArray(4 * width * height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) bytes[4 * i + c] = 255 * values[i * channels + (channels === 3 ? c : 0)];
    bytes[4 * i + 3] = 255;
  }
  return new Uint32Array(bytes.buffer);
}
