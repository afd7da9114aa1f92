// Which class a judge sees where on a plane: values on a grid that is refined where neighbours differ, and between
// them bilinear interpolation, so that borders are smooth.

const COARSEST = 8; // points along a side to begin with; then 15 and 29
export const LEVELS = 3;

export class Regions {
  side = 0; // points along a side so far
  level = 0;
  /** @type {Float32Array} */
  values = new Float32Array(0); // (side, side, count)

  /** @param {number} count values at each point: a logit for each class, then a score that is above 0 for unlike */
  constructor(count) {
    this.count = count;
  }

  get finished() {
    return this.level === LEVELS;
  }

  /** Make the grid finer. Returns the points whose values must be looked up now. */
  refine() {
    this.level++;
    if (!this.side) return this.#begin();
    const { side, values, count } = this;
    const finer = 2 * side - 1;
    /** @param {number} x @param {number} y */
    const parents = (x, y) => {
      const [left, right, top, bottom] = [x >> 1, (x + 1) >> 1, y >> 1, (y + 1) >> 1];
      return [top * side + left, top * side + right, bottom * side + left, bottom * side + right];
    };
    const refined = new Float32Array(finer * finer * count);
    const wanted = [];
    for (let point = 0; point < finer * finer; point++) {
      const corners = parents(point % finer, Math.floor(point / finer));
      for (const corner of corners) {
        for (let i = 0; i < count; i++) refined[point * count + i] += values[corner * count + i] / 4;
      }
      if (corners[0] === corners[3]) continue; // a point of the coarser grid
      const first = this.#verdict(corners[0]);
      if (corners.some((corner) => this.#verdict(corner) !== first)) wanted.push(point);
    }
    Object.assign(this, { side: finer, values: refined });
    return wanted;
  }

  #begin() {
    this.side = COARSEST;
    this.values = new Float32Array(COARSEST * COARSEST * this.count);
    return [...Array(COARSEST * COARSEST).keys()];
  }

  /**
   * Where a point lies, as shares of the plane's sides.
   * @param {number} point
   * @returns {[x: number, y: number]}
   */
  position(point) {
    const { side } = this;
    return [(point % side) / (side - 1), Math.floor(point / side) / (side - 1)];
  }

  /**
   * @param {number} point
   * @param {ArrayLike<number>} logits
   * @param {number} score
   */
  set(point, logits, score) {
    const start = point * this.count;
    for (let i = 0; i < this.count - 1; i++) this.values[start + i] = logits[i];
    this.values[start + this.count - 1] = score;
  }

  /** @param {number} point */
  #verdict(point) {
    return readVerdict(this.values, point * this.count, this.count);
  }

  /**
   * A verdict for each pixel of a square picture of the plane: see `readVerdict`.
   * @param {number} size
   */
  draw(size) {
    const { side, values, count } = this;
    const verdicts = new Uint16Array(size * size);
    const row = new Float32Array(side * count); // the grid between two of its rows
    const pixel = new Float32Array(count);
    const lines = Array.from({ length: size }, (_, at) => locate(at, size, side));
    for (let y = 0; y < size; y++) {
      const [above, below, down] = lines[y];
      for (let i = 0; i < row.length; i++) {
        const from = values[above * row.length + i];
        row[i] = from + down * (values[below * row.length + i] - from);
      }
      for (let x = 0; x < size; x++) {
        const [left, right, across] = lines[x];
        for (let i = 0; i < count; i++) {
          const from = row[left * count + i];
          pixel[i] = from + across * (row[right * count + i] - from);
        }
        verdicts[y * size + x] = readVerdict(pixel, 0, count);
      }
    }
    return verdicts;
  }
}

/**
 * The two grid lines around the middle of a pixel, and how far it is from the first to the second.
 * @param {number} pixel
 * @param {number} size
 * @param {number} side
 * @returns {[first: number, second: number, share: number]}
 */
function locate(pixel, size, side) {
  const at = ((pixel + 0.5) / size) * (side - 1);
  const first = Math.min(side - 2, Math.floor(at));
  return [first, first + 1, at - first];
}

/**
 * The class with the largest logit, times two, and one more where the score says unlike.
 * @param {Float32Array} values
 * @param {number} start
 * @param {number} count
 */
function readVerdict(values, start, count) {
  let label = 0;
  for (let i = 1; i < count - 1; i++) if (values[start + i] > values[start + label]) label = i;
  return 2 * label + (values[start + count - 1] > 0 ? 1 : 0);
}
