// Which part of the map the canvas shows. A position p of the map is drawn at scale * p + (x, y), in canvas pixels.
import { MAX_POSITION } from './map-data.js';

const FILLED = 0.96; // share of the canvas's shorter side that the whole map takes
const MIN_ZOOM = 0.5; // times the whole map
const MAX_ZOOM = 200;

/** @typedef {[x: number, y: number]} Position */

export class MapView {
  scale = 0; // 0 until the canvas has a size
  x = 0;
  y = 0;
  width = 0;
  height = 0;
  ratio = 1; // canvas pixels in a css pixel

  /** The scale at which the whole map fits. */
  get whole() {
    return (FILLED * Math.min(this.width, this.height)) / (2 * MAX_POSITION);
  }

  /** Whether the whole map is in the middle, as `showAll` puts it. */
  get showsAll() {
    return this.scale === this.whole && this.x === this.width / 2 && this.y === this.height / 2;
  }

  /** How many times larger than the whole map. */
  get zoomed() {
    return this.scale / this.whole;
  }

  /**
   * The canvas has another size: what was in the middle stays there.
   * @param {number} width
   * @param {number} height
   */
  resize(width, height) {
    this.x += (width - this.width) / 2;
    this.y += (height - this.height) / 2;
    Object.assign(this, { width, height });
    if (!this.scale) this.showAll();
  }

  showAll() {
    Object.assign(this, { scale: this.whole, x: this.width / 2, y: this.height / 2 });
  }

  /**
   * @param {number} factor
   * @param {Position} [fixed] pixel of the canvas that stays where it is; else the middle
   */
  zoom(factor, [x, y] = [this.width / 2, this.height / 2]) {
    const scale = Math.min(MAX_ZOOM * this.whole, Math.max(MIN_ZOOM * this.whole, this.scale * factor));
    const change = scale / this.scale;
    Object.assign(this, { scale, x: x + change * (this.x - x), y: y + change * (this.y - y) });
  }

  /**
   * @param {number} dx
   * @param {number} dy
   */
  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
  }

  /** @param {Position} position of the map, which comes to the middle */
  centre([x, y]) {
    this.x = this.width / 2 - this.scale * x;
    this.y = this.height / 2 - this.scale * y;
  }

  /**
   * @param {Position} position of the map
   * @returns {Position} pixel of the canvas
   */
  toCanvas([x, y]) {
    return [this.scale * x + this.x, this.scale * y + this.y];
  }

  /**
   * @param {Position} pixel of the canvas
   * @returns {Position} position of the map
   */
  toMap([x, y]) {
    return [(x - this.x) / this.scale, (y - this.y) / this.scale];
  }
}
