// The latent map F in the page: Euler steps of a velocity, as ganlab/networks/latent_map.py defines and
// ganlab/studio/portable.py packs them.
import { Linear } from './layers.js';
import { floats } from './tensors.js';

/**
 * @typedef {import('./latent.js').Latent} Latent
 *
 * @typedef {object} Description
 * @property {number} steps
 * @property {number} blocks
 * @property {number} max_iterations of a step's inverse
 * @property {number} tolerance of a step's inverse, in each coordinate
 */

export class LatentMap {
  /**
   * @param {import('./kernel.js').Arena} arena
   * @param {(name: string) => import('./tensors.js').Tensor | null} tensor of the packed file
   * @param {Description} description
   */
  constructor(arena, tensor, { steps, blocks, max_iterations, tolerance }) {
    /** @param {string} name */
    const layer = (name) => new Linear(arena, floats(tensor, `map.${name}.weight`), floats(tensor, `map.${name}.bias`));
    this.settings = { steps, maxIterations: max_iterations, tolerance };
    this.input = layer('input');
    this.blocks = Array.from({ length: blocks }, (_, index) => [layer(`${index}.0`), layer(`${index}.1`)]);
    this.output = layer('output');
    const times = floats(tensor, 'map.times'); // (steps, width): what the time of a step adds to each layer
    const width = this.input.output.count;
    this.times = Array.from({ length: steps }, (_, step) => times.subarray(step * width, (step + 1) * width));
    this.mean = floats(tensor, 'map.mean');
    this.factor = floats(tensor, 'map.factor'); // (D, D), lower triangular
    this.hidden = new Float32Array(width);
  }

  /**
   * The code F(u), in a new array.
   * @param {Latent} u
   */
  forward(u) {
    const h = Float32Array.from(u);
    for (let step = 0; step < this.settings.steps; step++) {
      const change = this.move(h, step);
      for (let i = 0; i < h.length; i++) h[i] += change[i];
    }
    const code = Float32Array.from(this.mean);
    for (let i = 0; i < h.length; i++) {
      for (let j = 0; j <= i; j++) code[i] += this.factor[i * h.length + j] * h[j];
    }
    return code;
  }

  /**
   * The latent F^-1(code), in a new array; for codes far from all that the map was fitted to it may be less exact.
   * @param {Latent} code
   */
  invert(code) {
    const dim = this.mean.length;
    const h = new Float32Array(dim);
    for (let i = 0; i < dim; i++) {
      let rest = code[i] - this.mean[i];
      for (let j = 0; j < i; j++) rest -= this.factor[i * dim + j] * h[j];
      h[i] = rest / this.factor[i * dim + i];
    }
    for (let step = this.settings.steps - 1; step >= 0; step--) this.undo(h, step);
    return h;
  }

  /**
   * Replace h by the latent from which a step leads to it, by Broyden's first method, which begins with the
   * identity as inverse Jacobian; by the best of its iterates where they do not arrive.
   * @param {Float32Array} h
   * @param {number} step
   */
  undo(h, step) {
    const { maxIterations, tolerance } = this.settings;
    const dim = h.length;
    const end = Float32Array.from(h);
    const current = Float32Array.from(h);
    const rest = this.move(h, step).map((change) => -change);
    const inverse = new Float64Array(dim * dim);
    for (let i = 0; i < dim; i++) inverse[i * dim + i] = 1;
    let least = findLargest(rest);
    for (let iteration = 0; least > tolerance && iteration < maxIterations; iteration++) {
      const way = multiply(inverse, rest);
      for (let i = 0; i < dim; i++) current[i] += way[i];
      const change = this.move(current, step);
      const fallen = new Float64Array(dim); // by how much the rest has become less
      for (let i = 0; i < dim; i++) {
        const left = end[i] - current[i] - change[i];
        fallen[i] = rest[i] - left;
        rest[i] = left;
      }
      updateInverse(inverse, way, fallen);
      const size = findLargest(rest);
      if (size <= least) {
        least = size;
        h.set(current);
      }
    }
  }

  /**
   * The change of h in a step, in an array that the next call reuses.
   * @param {Float32Array} h
   * @param {number} step
   */
  move(h, step) {
    const { hidden, input, output } = this;
    const time = this.times[step];
    const width = hidden.length;
    input.input.view.set(h);
    const first = input.run();
    for (let i = 0; i < width; i++) hidden[i] = first[i] + time[i];
    for (const [inner, outer] of this.blocks) {
      const active = inner.input.view;
      for (let i = 0; i < width; i++) active[i] = silu(hidden[i] + time[i]);
      const middle = inner.run();
      const between = outer.input.view;
      for (let i = 0; i < width; i++) between[i] = silu(middle[i]);
      const added = outer.run();
      for (let i = 0; i < width; i++) hidden[i] += added[i];
    }
    const last = output.input.view;
    for (let i = 0; i < width; i++) last[i] = silu(hidden[i]);
    const change = output.run();
    for (let i = 0; i < change.length; i++) change[i] /= this.settings.steps;
    return change;
  }
}

/** @param {number} x */
function silu(x) {
  return x / (1 + Math.exp(-x));
}

/**
 * The largest magnitude; not a number where a value is none.
 * @param {Float32Array} values
 */
function findLargest(values) {
  return values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
}

/**
 * matrix (D, D) @ vector (D).
 * @param {Float64Array} matrix
 * @param {ArrayLike<number>} vector
 */
function multiply(matrix, vector) {
  const product = new Float64Array(vector.length);
  for (let i = 0; i < product.length; i++) {
    const row = i * product.length;
    for (let j = 0; j < product.length; j++) product[i] += matrix[row + j] * vector[j];
  }
  return product;
}

/**
 * Change an inverse Jacobian (D, D) as little as possible so that it takes `fallen` to `way`.
 * @param {Float64Array} inverse
 * @param {Float64Array} way
 * @param {Float64Array} fallen
 */
function updateInverse(inverse, way, fallen) {
  const dim = way.length;
  const expected = multiply(inverse, fallen);
  const projected = new Float64Array(dim);
  let scale = 0;
  for (let i = 0; i < dim; i++) {
    scale += way[i] * expected[i];
    for (let j = 0; j < dim; j++) projected[j] += way[i] * inverse[i * dim + j];
  }
  for (let i = 0; i < dim; i++) {
    const share = (way[i] - expected[i]) / scale;
    for (let j = 0; j < dim; j++) inverse[i * dim + j] += share * projected[j];
  }
}
