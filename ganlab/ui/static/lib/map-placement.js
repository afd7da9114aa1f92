// Which points of the map have room for a picture: at every zoom as many as fit without overlap. What is shown from
// afar stays when the map is enlarged, and more appears between.
import { MAX_POSITION } from './map-data.js';

const WHOLE = 2 * MAX_POSITION; // distance of the first level, at which one picture has room
const STEPS = 4; // levels until the distance is half
const MAX_LEVEL = 60;

export class Placement {
  /** @type {number[]} */
  #order = []; // rows, those of coarse levels first
  /** @type {number[]} */
  #counts = []; // rows of each level and of those before
  #waiting;

  /**
   * @param {Float32Array} xy positions (N, 2)
   * @param {Uint8Array | null} [shown] points that take part; null for all
   */
  constructor(xy, shown = null) {
    this.xy = xy;
    /** @type {number[]} */
    this.#waiting = [];
    for (let row = 0; 2 * row < xy.length; row++) if (!shown || shown[row]) this.#waiting.push(row);
  }

  /**
   * Rows of points that lie at least `distance` apart, across or down.
   * @param {number} distance of the map
   * @returns {{ rows: number[], count: number }} the first `count` of `rows`
   */
  rowsApart(distance) {
    const level = Math.min(MAX_LEVEL, Math.max(0, Math.floor(STEPS * Math.log2(WHOLE / distance))));
    while (this.#counts.length <= level) this.#addLevel(WHOLE / 2 ** (this.#counts.length / STEPS));
    return { rows: this.#order, count: this.#counts[level] };
  }

  /** @param {number} distance */
  #addLevel(distance) {
    /** @type {Map<number, number>} */
    const cells = new Map(); // rows by the cell, of side `distance`, that they alone lie in
    const [xy, order] = [this.xy, this.#order];
    for (const row of order) cells.set(cellOf(xy[2 * row], xy[2 * row + 1], distance), row);
    this.#waiting = this.#waiting.filter((row) => {
      const [x, y] = [xy[2 * row], xy[2 * row + 1]];
      if (!hasRoom(cells, xy, x, y, distance)) return true;
      cells.set(cellOf(x, y, distance), row);
      order.push(row);
      return false;
    });
    this.#counts.push(order.length);
  }
}

const COLUMN = 1 << 16; // more than there are cells across

/**
 * @param {number} x
 * @param {number} y
 * @param {number} distance
 */
function cellOf(x, y, distance) {
  return Math.floor((x + MAX_POSITION) / distance) * COLUMN + Math.floor((y + MAX_POSITION) / distance);
}

/**
 * @param {Map<number, number>} cells
 * @param {Float32Array} xy
 * @param {number} x
 * @param {number} y
 * @param {number} distance
 */
function hasRoom(cells, xy, x, y, distance) {
  const cell = cellOf(x, y, distance);
  if (cells.has(cell)) return false;
  for (let column = -1; column <= 1; column++) {
    for (let row = -1; row <= 1; row++) {
      const other = cells.get(cell + column * COLUMN + row);
      if (other === undefined) continue;
      if (Math.abs(xy[2 * other] - x) < distance && Math.abs(xy[2 * other + 1] - y) < distance) return false;
    }
  }
  return true;
}
