// A generator's layers, in the order in which ganlab/studio/portable.py packs them.
import { Convolution, Enlargement, Grid, Linear, Numbers } from './layers.js';
import { floats } from './tensors.js';

/**
 * @typedef {object} Layer what a layer is, see `Layer` in ganlab/networks/folding.py
 * @property {number} leak the slope below zero
 * @property {boolean} doubles a transposed convolution
 * @property {number} kernel side of a convolution's; 0 for others
 * @property {number} adds how many layers before lies the output that is added; 0 for none
 * @property {boolean} enlarges whether each side of the output is doubled
 * @property {number} patch side of the square of pixels that a pixel's outputs are
 */

export class Network {
  /** @type {(() => void)[]} */
  #steps = [];
  /** @type {Numbers[]} */
  #outputs = [];
  /** @type {Map<Numbers, Grid>} */
  #grids = new Map(); // of linear layers' outputs

  /**
   * @param {import('./kernel.js').Arena} arena
   * @param {(name: string) => import('./tensors.js').Tensor | null} tensor
   * @param {Layer[]} layers
   * @param {number} inputs
   */
  constructor(arena, tensor, layers, inputs) {
    this.arena = arena;
    this.input = new Numbers(arena, inputs);
    for (const [index, layer] of layers.entries()) {
      const parts = { weight: floats(tensor, `${index}.weight`), bias: floats(tensor, `${index}.bias`) };
      if (layer.doubles || layer.kernel) this.#addConvolution(layer, parts);
      else this.#addLinear(layer, parts, /** @type {Float32Array | null} */ (tensor(`${index}.skip`)));
    }
    this.order = orderPixels(this.#output, layers[layers.length - 1].patch);
  }

  /** Of the last layer. */
  get #output() {
    return this.#outputs[this.#outputs.length - 1] ?? this.input;
  }

  /**
   * @param {Layer} layer
   * @param {{ weight: Float32Array, bias: Float32Array }} parts
   * @param {Float32Array | null} skip
   */
  #addLinear({ leak }, { weight, bias }, skip) {
    const linear = new Linear(this.arena, weight, bias, this.#output);
    if (skip) {
      const entering = new Linear(this.arena, skip, new Float32Array(bias.length), this.input);
      this.#steps.push(() => linear.run(), () => entering.run(leak, linear.output));
      this.#outputs.push(entering.output);
    } else {
      this.#steps.push(() => linear.run(leak));
      this.#outputs.push(linear.output);
    }
  }

  /**
   * @param {Layer} layer
   * @param {{ weight: Float32Array, bias: Float32Array }} parts
   */
  #addConvolution({ leak, doubles, kernel, adds, enlarges }, { weight, bias }) {
    const channels = weight.length / (doubles ? 16 : kernel ** 2) / bias.length;
    const input = this.#asGrid(this.#output, channels);
    const added = adds ? this.#asGrid(this.#outputs[this.#outputs.length - adds], bias.length) : null;
    const convolution = new Convolution(this.arena, input, { weight, bias, kernel: doubles ? 0 : kernel, adds: added });
    this.#steps.push(() => convolution.run(leak));
    if (!enlarges) {
      this.#outputs.push(convolution.output);
      return;
    }
    const enlargement = new Enlargement(this.arena, convolution.output);
    this.#steps.push(() => enlargement.run());
    this.#outputs.push(enlargement.output);
  }

  /**
   * An output as a grid: that of a linear layer is copied into one.
   * @param {Numbers} output
   * @param {number} channels
   */
  #asGrid(output, channels) {
    if (output instanceof Grid) return output;
    let grid = this.#grids.get(output);
    if (!grid) {
      const copy = (grid = new Grid(this.arena, Math.sqrt(output.count / channels), channels));
      this.#grids.set(output, copy);
      this.#steps.push(() => copy.write(output.view));
    }
    return grid;
  }

  /**
   * Evaluate the layers; `output.view[order[i]]` is then the number i of the picture (H, W, C).
   * @param {ArrayLike<number>} code
   * @returns {Float32Array}
   */
  run(code) {
    this.input.view.set(code);
    for (const step of this.#steps) step();
    return this.#output.view;
  }
}

/**
 * Where the numbers of a picture (H, W, C) lie in the last layer's output.
 * @param {Numbers} output
 * @param {number} patch
 */
function orderPixels(output, patch) {
  if (!(output instanceof Grid)) return Int32Array.from({ length: output.count }, (_, i) => i);
  const { side, stride } = output;
  const channels = output.channels / patch ** 2;
  const width = side * patch;
  const order = new Int32Array(width * width * channels);
  for (let y = 0, i = 0; y < width; y++) {
    for (let x = 0; x < width; x++) {
      const pixel = (Math.floor(y / patch) + 1) * (side + 2) + Math.floor(x / patch) + 1;
      const first = pixel * stride + ((y % patch) * patch + (x % patch)) * channels;
      for (let c = 0; c < channels; c++) order[i++] = first + c;
    }
  }
  return order;
}
