// The latent map F in the page: affine couplings, as ganlab/networks/latent_map.py defines and
// ganlab/studio/portable.py packs them.
import { addProduct } from './product.js';
import { floats } from './tensors.js';

/**
 * @typedef {import('./latent.js').Latent} Latent
 *
 * @typedef {{ couplings: number, kept: number, max_log_scale: number, leak: number }} Description `kept`: columns
 *   that a coupling leaves as they are, the first ones
 *
 * @typedef {object} Layer h @ weight + bias
 * @property {Float32Array} weight (inputs, outputs)
 * @property {Float32Array} bias (outputs)
 * @property {Float32Array} output reused for each latent
 *
 * @typedef {{ order: Int32Array, layers: Layer[] }} Coupling `order`: the column that becomes column i
 */

const LAYERS = 3; // of a coupling's network

export class LatentMap {
  /**
   * @param {(name: string) => import('./tensors.js').Tensor | null} tensor of the packed file
   * @param {Description} description
   */
  constructor(tensor, { couplings, kept, max_log_scale, leak }) {
    this.kept = kept;
    this.maxLogScale = max_log_scale;
    this.leak = leak;
    /** @type {Coupling[]} */
    this.couplings = Array.from({ length: couplings }, (_, index) => ({
      order: Int32Array.from(floats(tensor, `map.${index}.order`)),
      layers: Array.from({ length: LAYERS }, (_, layer) => {
        const bias = floats(tensor, `map.${index}.${layer}.bias`);
        return { weight: floats(tensor, `map.${index}.${layer}.weight`), bias, output: new Float32Array(bias.length) };
      }),
    }));
  }

  /**
   * The code F(u), in a new array.
   * @param {Latent} u
   */
  forward(u) {
    let h = Float32Array.from(u);
    for (const { order, layers } of this.couplings) {
      const source = h;
      h = Float32Array.from(order, (column) => source[column]);
      const { scale, shift } = this.scaleAndShift(h, layers);
      for (let i = 0; i < shift.length; i++) h[this.kept + i] = h[this.kept + i] * Math.exp(scale[i]) + shift[i];
    }
    return h;
  }

  /**
   * The latent F^-1(code), in a new array.
   * @param {Latent} code
   */
  invert(code) {
    let h = Float32Array.from(code);
    for (const { order, layers } of [...this.couplings].reverse()) {
      const { scale, shift } = this.scaleAndShift(h, layers);
      for (let i = 0; i < shift.length; i++) h[this.kept + i] = (h[this.kept + i] - shift[i]) * Math.exp(-scale[i]);
      const before = new Float32Array(h.length);
      for (const [i, column] of order.entries()) before[column] = h[i];
      h = before;
    }
    return h;
  }

  /**
   * The log of the scale, and the shift, that the first columns of h give the others.
   * @param {Float32Array} h
   * @param {Layer[]} layers
   */
  scaleAndShift(h, layers) {
    let input = h;
    let inputs = this.kept;
    for (const [index, { weight, bias, output }] of layers.entries()) {
      output.set(bias);
      addProduct(input, 0, inputs, weight, output);
      if (index < LAYERS - 1) for (let i = 0; i < output.length; i++) if (output[i] < 0) output[i] *= this.leak;
      [input, inputs] = [output, output.length];
    }
    const scale = input.subarray(0, input.length / 2);
    for (let i = 0; i < scale.length; i++) scale[i] = this.maxLogScale * Math.tanh(scale[i] / this.maxLogScale);
    return { scale, shift: input.subarray(input.length / 2) };
  }
}
