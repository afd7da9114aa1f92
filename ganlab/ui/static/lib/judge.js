// The judge in the page: the classifier that ganlab/studio/portable_judge.py packs, quick enough for every frame.
//
//   const judge = await loadJudge('mnist-bigan', fingerprint);
//   if (!judge.reason) judge.classify(pixels).label;
import { Light } from './light.js';
import { modelAddress, request } from './request.js';
import { floats, readTensors } from './tensors.js';

/**
 * @typedef {object} Reading what the judge sees in a picture; its arrays are reused by the next reading
 * @property {number} label the most probable class
 * @property {number} confidence its probability
 * @property {Float32Array} logits
 * @property {Float32Array} features the last hidden layer
 * @property {{ values: Float32Array, channels: number }[]} maps what each convolution gives, (H, W, C)
 *
 * @typedef {object} Layer
 * @property {boolean} convolves 3 x 3 with padding 1; else it is linear
 * @property {boolean} pools the maximum of each 2 x 2
 * @property {number} inputs channels, or units
 * @property {number} side of the grid that a convolution takes
 * @property {number} outputs
 * @property {number} stride `outputs` rounded up to a multiple of BLOCK
 * @property {Float32Array} weight (rows, stride)
 * @property {Float32Array} scale (outputs)
 * @property {Float32Array} shift (outputs)
 * @property {Float32Array} padded the input with a frame of zeros
 * @property {Float32Array} sums before pooling, (side, side, stride)
 * @property {Float32Array} output
 */

const BLOCK = 8; // outputs that are summed at a time, in registers
const KERNEL = 3;

/** @type {Map<string, Promise<Judge>>} */
const judges = new Map(); // by the model's fingerprint

/**
 * Fetch a model's judge, once. Throws an Error with a sentence for the person.
 * @param {string} name of the model
 * @param {string} [fingerprint] of the model
 * @returns {Promise<Judge>}
 */
export function loadJudge(name, fingerprint = name) {
  let judge = judges.get(fingerprint);
  if (!judge) {
    judge = fetchJudge(name);
    judge.catch(() => judges.delete(fingerprint)); // so that it is tried again
    judges.set(fingerprint, judge);
  }
  return judge;
}

/** @param {string} name */
async function fetchJudge(name) {
  const response = await request(modelAddress('judge', name));
  return new Judge(await response.arrayBuffer());
}

export class Judge {
  /** @param {ArrayBuffer} buffer a safetensors file */
  constructor(buffer) {
    const { metadata, tensor } = readTensors(buffer);
    const description = JSON.parse(metadata.ganlab);
    /** @type {string} of the model */
    this.fingerprint = description.fingerprint;
    /** @type {string} why it cannot judge this model's pictures; empty where it can */
    this.reason = description.reason;
    let [inputs, side] = description.shape ?? [0, 0];
    /** @type {Layer[]} */
    this.layers = description.layers.map((/** @type {Layer} */ { convolves, pools }, /** @type {number} */ index) => {
      const layer = readLayer(tensor, index, { convolves, pools, inputs, side });
      inputs = layer.outputs;
      if (pools) side = Math.ceil(side / 2);
      if (!convolves) side = 1;
      return layer;
    });
    this.maps = this.layers
      .filter(({ convolves }) => convolves)
      .map(({ output, outputs }) => ({ values: output, channels: outputs }));
    /** @type {Float32Array[]} */
    const [features, logits] = this.layers.slice(-2).map(({ output }) => output);
    this.features = features;
    this.logits = logits;
    this.light = this.reason ? null : readLight(tensor, description);
    /** @type {string} why there is no light; empty where there is */
    this.lightReason = description.light_reason;
    /** @type {{ like: number, unlike: number } | null} shares of the full check's verdicts with which the light agrees */
    this.agreement = description.agreement;
  }

  /**
   * What is in a picture: pixels (H, W, C) in [0, 1], as `Generator.decode` gives them.
   * @param {Float32Array} pixels
   * @returns {Reading}
   */
  classify(pixels) {
    let h = pixels;
    for (const layer of this.layers) {
      if (layer.convolves) convolve(h, layer);
      else multiply(gather(h, 0, h.length, 0, 0, layer.stride), layer.weight, layer.stride, layer.sums, 0);
      finish(layer, layer !== this.layers[this.layers.length - 1]);
      h = layer.output;
    }
    const { maps, features, logits } = this;
    let label = 0;
    for (let i = 1; i < logits.length; i++) if (logits[i] > logits[label]) label = i;
    let sum = 0;
    for (const logit of logits) sum += Math.exp(logit - logits[label]);
    return { label, confidence: 1 / sum, logits, features, maps };
  }
}

/**
 * @param {(name: string) => import('./tensors.js').Tensor | null} tensor
 * @param {{ light_reason: string, typical_length: number }} description
 */
function readLight(tensor, description) {
  if (description.light_reason) return null;
  return new Light(floats(tensor, 'light.weight'), floats(tensor, 'light.bias')[0], description.typical_length);
}

/**
 * @param {(name: string) => import('./tensors.js').Tensor | null} tensor
 * @param {number} index
 * @param {{ convolves: boolean, pools: boolean, inputs: number, side: number }} shape
 * @returns {Layer}
 */
function readLayer(tensor, index, { convolves, pools, inputs, side }) {
  const [values, scale, shift] = ['weight', 'scale', 'shift'].map((part) => floats(tensor, `${index}.${part}`));
  const outputs = shift.length;
  const rows = values.length / outputs;
  const stride = BLOCK * Math.ceil(outputs / BLOCK);
  const weight = new Float32Array(rows * stride);
  for (let row = 0; row < rows; row++) weight.set(values.subarray(row * outputs, (row + 1) * outputs), row * stride);
  reserve(rows);
  const pixels = convolves ? side * side : 1;
  const larger = side + KERNEL - 1;
  return {
    convolves, pools, inputs, side, outputs, stride, weight, scale, shift,
    padded: new Float32Array(convolves ? larger * larger * inputs : 0),
    sums: new Float32Array(pixels * stride),
    output: new Float32Array((pools ? Math.ceil(side / 2) ** 2 : pixels) * outputs),
  };
}

// The inputs of one output that are not zero, after a ReLU about half of them, and where their weights begin.
let values = new Float32Array(0);
let starts = new Int32Array(0);

/** @param {number} rows */
function reserve(rows) {
  if (rows <= values.length) return;
  values = new Float32Array(rows);
  starts = new Int32Array(rows);
}

/**
 * Note the inputs from[at ... at + length], whose weights are the rows from `row` on, behind `count` others. Returns
 * how many there are then.
 * @param {Float32Array} from
 * @param {number} at
 * @param {number} length
 * @param {number} row
 * @param {number} count
 * @param {number} stride
 */
function gather(from, at, length, row, count, stride) {
  for (let i = 0; i < length; i++) {
    const value = from[at + i];
    if (value === 0) continue;
    values[count] = value;
    starts[count++] = (row + i) * stride;
  }
  return count;
}

/**
 * sums[at ... at + stride] = the first `count` noted inputs times their weights.
 * @param {number} count
 * @param {Float32Array} weight
 * @param {number} stride
 * @param {Float32Array} sums
 * @param {number} at
 */
function multiply(count, weight, stride, sums, at) {
  for (let o = 0; o < stride; o += BLOCK) {
    let a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;
    for (let n = 0; n < count; n++) {
      const value = values[n];
      const w = starts[n] + o;
      a += value * weight[w];
      b += value * weight[w + 1];
      c += value * weight[w + 2];
      d += value * weight[w + 3];
      e += value * weight[w + 4];
      f += value * weight[w + 5];
      g += value * weight[w + 6];
      h += value * weight[w + 7];
    }
    const to = at + o;
    sums[to] = a;
    sums[to + 1] = b;
    sums[to + 2] = c;
    sums[to + 3] = d;
    sums[to + 4] = e;
    sums[to + 5] = f;
    sums[to + 6] = g;
    sums[to + 7] = h;
  }
}

/**
 * @param {Float32Array} grid (side, side, inputs)
 * @param {Layer} layer
 */
function convolve(grid, { inputs, side, stride, weight, padded, sums }) {
  const row = (side + KERNEL - 1) * inputs;
  for (let y = 0; y < side; y++) {
    padded.set(grid.subarray(y * side * inputs, (y + 1) * side * inputs), (y + 1) * row + inputs);
  }
  const taps = KERNEL * inputs; // inputs of one row of the kernel, which lie side by side
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      let count = 0;
      for (let k = 0; k < KERNEL; k++) count = gather(padded, (y + k) * row + x * inputs, taps, k * taps, count, stride);
      multiply(count, weight, stride, sums, (y * side + x) * stride);
    }
  }
}

/**
 * Pool, scale, shift and clip the sums.
 * @param {Layer} layer
 * @param {boolean} clips below zero
 */
function finish({ pools, side, outputs, stride, scale, shift, sums, output }, clips) {
  if (pools) pool(sums, side, stride);
  const pixels = output.length / outputs;
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let o = 0; o < outputs; o++) {
      const value = sums[pixel * stride + o] * scale[o] + shift[o];
      output[pixel * outputs + o] = clips && value < 0 ? 0 : value;
    }
  }
}

/**
 * The maximum of each 2 x 2 pixels of a grid, in place. At an odd side's edge there are fewer.
 * @param {Float32Array} sums (side, side, stride)
 * @param {number} side
 * @param {number} stride
 */
function pool(sums, side, stride) {
  const half = Math.ceil(side / 2);
  for (let y = 0; y < half; y++) {
    const below = Math.min(2 * y + 1, side - 1);
    for (let x = 0; x < half; x++) {
      const right = Math.min(2 * x + 1, side - 1);
      const a = (2 * y * side + 2 * x) * stride;
      const b = (2 * y * side + right) * stride;
      const c = (below * side + 2 * x) * stride;
      const d = (below * side + right) * stride;
      const to = (y * half + x) * stride; // never ahead of what is still to be read
      for (let o = 0; o < stride; o++) sums[to + o] = Math.max(sums[a + o], sums[b + o], sums[c + o], sums[d + o]);
    }
  }
}
