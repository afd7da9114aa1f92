// A selection on the map: which points lie inside an outline, and what their codes have in common.

/**
 * @typedef {import('./map-data.js').MapData} MapData
 * @typedef {import('./map-data.js').CodeTable} CodeTable
 * @typedef {[x: number, y: number]} Position
 * @typedef {'replace' | 'add' | 'remove'} Mode
 */

/**
 * Rows of the points inside a polygon (of a line that crosses itself, those that it goes around an odd number of times).
 * @param {Float32Array} xy positions (N, 2)
 * @param {Position[]} polygon
 * @param {Uint8Array | null} [shown] points that can be selected; null for all
 */
export function rowsInside(xy, polygon, shown = null) {
  const [left, right] = extent(polygon.map(([x]) => x));
  const [top, bottom] = extent(polygon.map(([, y]) => y));
  const rows = [];
  for (let row = 0; 2 * row < xy.length; row++) {
    const [x, y] = [xy[2 * row], xy[2 * row + 1]];
    if (x < left || x > right || y < top || y > bottom || (shown && !shown[row])) continue;
    if (isInside(x, y, polygon)) rows.push(row);
  }
  return rows;
}

/** @param {number[]} values */
function extent(values) {
  return [Math.min(...values), Math.max(...values)];
}

/**
 * @param {number} x
 * @param {number} y
 * @param {Position[]} polygon
 */
function isInside(x, y, polygon) {
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [[ax, ay], [bx, by]] = [polygon[i], polygon[j]];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

/**
 * The rows of a new outline joined with those selected before, in order.
 * @param {number[]} before
 * @param {number[]} rows
 * @param {Mode} mode
 */
export function combine(before, rows, mode) {
  if (mode === 'replace') return rows;
  const selected = new Set(before);
  for (const row of rows) selected[mode === 'add' ? 'add' : 'delete'](row);
  return [...selected].sort((a, b) => a - b);
}

export class Selection {
  /**
   * @param {MapData} data
   * @param {number[]} rows in order, at least one
   */
  constructor(data, rows) {
    this.data = data;
    this.rows = rows;
    this.mask = maskOf(rows, data.count);
    // The mean of codes, also with a latent map: the mean latent of any class is near 0, which decodes to a 1.
    this.mean = meanOf(data, rows.length, (row) => this.mask[row] === 1);
  }

  /**
   * What leads from the mean latent of all others to the mean latent of these; null where no others are. Sliders move
   * latents: along this step pictures stay like digits, which along the one between the latents of mean codes they do
   * half as often.
   * @param {CodeTable} latents of the map's rows
   * @returns {number[] | null}
   */
  step(latents) {
    const { rows, mask } = this;
    const others = latents.count - rows.length;
    if (!others) return null;
    const to = meanOf(latents, rows.length, (row) => mask[row] === 1);
    const from = meanOf(latents, others, (row) => mask[row] === 0);
    return Array.from(to, (value, d) => value - from[d]);
  }

  get indices() {
    return this.rows.map((row) => this.data.indices[row]);
  }

  /**
   * How many there are of each class, the most frequent first.
   * @returns {[label: number, count: number][]}
   */
  get mix() {
    /** @type {Map<number, number>} */
    const counts = new Map();
    for (const row of this.rows) counts.set(this.data.labels[row], (counts.get(this.data.labels[row]) ?? 0) + 1);
    return [...counts].sort(([a, m], [b, n]) => n - m || a - b);
  }

  /** "412 codes: 4 (380), 9 (30), 7 (2)" */
  get summary() {
    const { data } = this;
    if (!data.labelled) return countCodes(this.rows.length);
    const classes = this.mix.slice(0, 3).map(([label, count]) => `${data.name(label)} (${count})`);
    return `${countCodes(this.rows.length)}: ${classes.join(', ')}${this.mix.length > 3 ? ', others' : ''}`;
  }

  /**
   * Lines of a CSV file: index in the data set, label, its name where classes have names, position from -1 to 1,
   * code. The first line names the columns.
   * @param {Float32Array} xy
   * @param {number} scale of the positions
   */
  *csv(xy, scale) {
    const { data } = this;
    const named = data.classes.length > 0;
    yield ['index', 'label', ...(named ? ['class'] : []), 'x', 'y', ...Array.from(data.level, (_, d) => `z${d}`)].join(',');
    for (const row of this.rows) {
      const position = [xy[2 * row], xy[2 * row + 1]].map((value) => (value / scale).toFixed(5));
      const code = Array.from(data.code(row), (value) => value.toPrecision(5));
      const label = data.labels[row];
      yield [data.indices[row], label, ...(named ? [quote(data.name(label))] : []), ...position, ...code].join(',');
    }
  }
}

/**
 * A text as a field of a CSV file.
 * @param {string} text
 */
function quote(text) {
  return `"${text.replaceAll('"', '""')}"`;
}

/** @param {number} count */
export function countCodes(count) {
  return `${count.toLocaleString('en')} ${count === 1 ? 'code' : 'codes'}`;
}

/**
 * @param {number[]} rows
 * @param {number} count
 */
export function maskOf(rows, count) {
  const mask = new Uint8Array(count);
  for (const row of rows) mask[row] = 1;
  return mask;
}

/**
 * The mean of `number` codes.
 * @param {CodeTable} table
 * @param {number} number of those that count
 * @param {(row: number) => boolean} counts
 */
function meanOf({ codes, level, low, count, dim }, number, counts) {
  const sums = new Float64Array(dim); // of the stored bytes
  for (let row = 0; row < count; row++) {
    if (counts(row)) for (let d = 0, i = row * dim; d < dim; d++, i++) sums[d] += codes[i];
  }
  return level.map((step, d) => (sums[d] / number) * step + low[d]);
}
