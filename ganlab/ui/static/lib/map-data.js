// What the map knows: codes, labels and positions of the training pictures, as ganlab/studio/codemap.py packs them.
//
// Everything here is in the encoder's codes, also where a latent map lies before them: what is nearest, where a code
// lies, what lies between codes. Distances of codes mean more than those of latents, which the map makes fill a ball.
// Only what leaves the map becomes a latent.
import { nameClass } from './classes.js';
import { norm } from './latent.js';
import { modelAddress, request } from './request.js';
import { floats, readTensors } from './tensors.js';

/**
 * @typedef {import('./latent.js').Latent} Latent
 * @typedef {[x: number, y: number]} Position whole numbers between -MAX_POSITION and MAX_POSITION
 * @typedef {[row: number, squaredDistance: number][]} Near nearest first
 *
 * @typedef {object} Layout
 * @property {string} id
 * @property {string} title
 * @property {string} note
 * @property {{ matrix: number[][], offset: number[] } | null} projection position of any code c: matrix @ c + offset
 *
 * @typedef {{ name: string, unit: string, low: number, high: number }} Attribute and what its values 0 and 255 stand for
 *
 * @typedef {object} CodeTable codes, or latents, with a byte for each number: codes * level + low
 * @property {Uint8Array} codes (count, dim)
 * @property {Float32Array} level (dim)
 * @property {Float32Array} low (dim)
 * @property {number} count
 * @property {number} dim
 *
 * @typedef {object} Picked what lies at a position
 * @property {number | null} row null for a blend
 * @property {Position} position
 * @property {Float32Array} code
 * @property {number} length of its latent; of a blend's about that of the latents around
 *
 * @typedef {object} MapDescription
 * @property {string} fingerprint
 * @property {import('./latent.js').Prior} prior
 * @property {boolean} mapped whether a latent map leads from latents to codes
 * @property {Layout[]} kinds
 * @property {{ title: string, reason: string }[]} lacking
 * @property {Attribute[]} attributes
 * @property {string[]} classes names of the labels; empty where a label is its own name
 * @property {boolean} labelled whether labels tell the pictures apart
 * @property {string} about what the pictures are, before the class: "training"
 * @property {string} pictures all of them: "training pictures"
 */

export const MAX_POSITION = 32767;
export const BLENDED = 8; // codes that an empty position is a blend of
const MIN_SQUARED = 1e-9;

export class MapData {
  /** @param {ArrayBuffer} buffer a safetensors file */
  constructor(buffer) {
    const { metadata, tensor } = readTensors(buffer);
    /** @type {MapDescription} */
    const description = JSON.parse(metadata.ganlab);
    this.fingerprint = description.fingerprint;
    this.prior = description.prior;
    this.mapped = description.mapped;
    this.layouts = description.kinds;
    this.lacking = description.lacking;
    this.attributes = description.attributes;
    this.classes = description.classes;
    this.labelled = description.labelled;
    this.about = description.about;
    this.pictures = description.pictures;
    const table = readTable(tensor);
    this.codes = table.codes;
    this.level = table.level;
    this.low = table.low;
    this.count = table.count;
    this.dim = table.dim;
    this.labels = tensor('labels') ?? new Uint8Array();
    this.indices = tensor('indices') ?? new Int32Array();
    this.values = tensor('attributes') ?? new Uint8Array(); // (N, attributes)
    this.positions = new Map(this.layouts.map(({ id }) => [id, floats(tensor, id)]));
    this.squares = this.#measure();
    this.lengths = this.mapped ? floats(tensor, 'lengths') : this.squares.map(Math.sqrt); // of the latents
    /** @type {Map<number, number> | null} */
    this.rows = null;
    /** @type {Promise<CodeTable> | null} */
    this.fetched = null; // the latents
  }

  /** The codes' squared lengths. */
  #measure() {
    const { codes, level, low, count, dim } = this;
    const squares = new Float32Array(count);
    for (let row = 0, i = 0; row < count; row++) {
      let sum = 0;
      for (let d = 0; d < dim; d++, i++) sum += (codes[i] * level[d] + low[d]) ** 2;
      squares[row] = sum;
    }
    return squares;
  }

  /**
   * The latents of the codes, fetched when they are first needed; without a latent map the codes themselves.
   * @param {string} model
   * @returns {Promise<CodeTable>}
   */
  latents(model) {
    if (!this.mapped) return Promise.resolve(this);
    this.fetched ??= fetchTable(modelAddress('map_latents', model));
    this.fetched.catch(() => (this.fetched = null)); // so that it is tried again
    return this.fetched;
  }

  /** @param {number} row */
  code(row) {
    const { codes, level, low, dim } = this;
    return Float32Array.from(level, (step, d) => codes[row * dim + d] * step + low[d]);
  }

  /**
   * The row of a training picture, by its index in the data set; undefined where the map does not have it.
   * @param {number} index
   */
  rowOf(index) {
    this.rows ??= new Map(Array.from(this.indices, (each, row) => [each, row]));
    return this.rows.get(index);
  }

  /** @param {string} id */
  layout(id) {
    const layout = this.layouts.find((each) => each.id === id);
    const xy = this.positions.get(id);
    if (!layout || !xy) throw new Error(`The map has no layout ${id}.`);
    return { ...layout, xy };
  }

  /**
   * @param {number} row
   * @param {string} id of the layout
   * @returns {Position}
   */
  position(row, id) {
    const { xy } = this.layout(id);
    return [xy[2 * row], xy[2 * row + 1]];
  }

  /**
   * The k codes nearest to a code.
   * @param {Latent} code
   * @param {number} k
   * @returns {Near}
   */
  nearest(code, k) {
    const { codes, level, low, squares, count, dim } = this;
    const own = norm(code) ** 2;
    const scaled = level.map((step, d) => step * code[d]);
    const offset = low.reduce((sum, value, d) => sum + value * code[d], 0);
    return smallest(count, k, (row) => {
      let product = offset;
      for (let d = 0, i = row * dim; d < dim; d++, i++) product += codes[i] * scaled[d];
      return Math.max(0, own + squares[row] - 2 * product);
    });
  }

  /**
   * Where a code lies: exactly where the layout is a projection, else among its nearest codes.
   * @param {Latent} code
   * @param {string} id of the layout
   * @returns {Position}
   */
  positionOf(code, id) {
    const { projection, xy } = this.layout(id);
    if (!projection) {
      const [x, y] = mean(this.nearest(code, BLENDED), 2, (row, d) => xy[2 * row + d]);
      return [x, y];
    }
    const [x, y] = projection.matrix.map((axis, i) => axis.reduce((sum, value, d) => sum + value * code[d], projection.offset[i]));
    return [x, y];
  }

  /**
   * What lies at a position: the code within `reach`, or else a blend of the codes around, which lies close by where
   * a blend of their latents may not.
   * @param {Position} position
   * @param {string} id of the layout
   * @param {number} reach
   * @returns {Picked}
   */
  pick([x, y], id, reach) {
    const { xy } = this.layout(id);
    const { codes, level, low, dim, mapped, lengths } = this;
    const near = smallest(this.count, BLENDED, (row) => (xy[2 * row] - x) ** 2 + (xy[2 * row + 1] - y) ** 2);
    const [row, squared] = near[0];
    if (Math.sqrt(squared) <= reach) return this.pickRow(row, id);
    const code = mean(near, dim, (each, d) => codes[each * dim + d] * level[d] + low[d]);
    const length = mapped ? mean(near, 1, (each) => lengths[each])[0] : norm(code);
    return { row: null, position: [x, y], code, length };
  }

  /**
   * @param {number} row
   * @param {string} id of the layout
   * @returns {Picked}
   */
  pickRow(row, id) {
    return { row, position: this.position(row, id), code: this.code(row), length: this.lengths[row] };
  }

  /** @param {number | null} row null for a blend */
  describe(row) {
    if (row === null) return `blend of ${BLENDED} codes on the map`;
    const name = this.labelled ? this.name(this.labels[row]) : 'picture';
    return `${this.about} ${name} (no. ${this.indices[row]})`;
  }

  /** @param {number} label */
  name(label) {
    return nameClass(this.classes, label);
  }
}

/**
 * @param {(name: string) => import('./tensors.js').Tensor | null} tensor of a file
 * @returns {CodeTable}
 */
function readTable(tensor) {
  const codes = tensor('codes');
  if (!(codes instanceof Uint8Array)) throw new Error('The map has no codes.');
  const [level, low] = [floats(tensor, 'level'), floats(tensor, 'low')];
  return { codes, level, low, count: codes.length / level.length, dim: level.length };
}

/** @param {string} address */
async function fetchTable(address) {
  return readTable(readTensors(await (await request(address)).arrayBuffer()).tensor);
}

/**
 * The mean of some rows (of `width` numbers each) weighted by 1 / distance^4, so that it passes through each row.
 * @param {Near} near
 * @param {number} width
 * @param {(row: number, column: number) => number} valueOf
 */
export function mean(near, width, valueOf) {
  const result = new Float32Array(width);
  const closest = Math.max(near[0][1], MIN_SQUARED);
  let total = 0;
  for (const [row, squared] of near) {
    const weight = (closest / Math.max(squared, MIN_SQUARED)) ** 2;
    total += weight;
    for (let d = 0; d < width; d++) result[d] += weight * valueOf(row, d);
  }
  return result.map((value) => value / total);
}

/**
 * The k smallest of `count` values, in order.
 * @param {number} count
 * @param {number} k
 * @param {(index: number) => number} valueOf
 * @returns {[index: number, value: number][]}
 */
export function smallest(count, k, valueOf) {
  /** @type {[number, number][]} */
  const best = [];
  let worst = Infinity;
  for (let index = 0; index < count; index++) {
    const value = valueOf(index);
    if (value >= worst && best.length === k) continue;
    let rank = best.length;
    while (rank > 0 && best[rank - 1][1] > value) rank--;
    best.splice(rank, 0, [index, value]);
    if (best.length > k) best.pop();
    worst = best[best.length - 1][1];
  }
  return best;
}
