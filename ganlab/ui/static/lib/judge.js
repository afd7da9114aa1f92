// The judge in the page: the classifier that ganlab/studio/portable_judge.py packs, quick enough for every frame.
//
//   const judge = await loadJudge('mnist-bigan', fingerprint);
//   if (!judge.reason) judge.classify(pixels).label;
import { Arena } from './kernel.js';
import { Convolution, Grid, Linear } from './layers.js';
import { Light } from './light.js';
import { modelAddress, request } from './request.js';
import { floats, readTensors } from './tensors.js';

/**
 * @typedef {object} Reading what the judge sees in a picture; its arrays are reused by the next reading
 * @property {number} label the most probable class
 * @property {number} confidence its probability
 * @property {Float32Array} logits
 * @property {Float32Array} features the last hidden layer
 * @property {FeatureMap[]} maps what each convolution gives
 *
 * @typedef {{ values: Float32Array, channels: number, side: number }} FeatureMap values (H, W, C)
 *
 * @typedef {object} Layer what ganlab/studio/portable_judge.py says of a layer
 * @property {boolean} convolves 3 x 3 with padding 1; else it is linear
 * @property {boolean} pools the maximum of each 2 x 2
 * @property {number} averages side of the grid to which the input is averaged first; 0 where it is not
 *
 * @typedef {object} Parts
 * @property {Float32Array} weight (rows, outputs)
 * @property {Float32Array} scale (outputs)
 * @property {Float32Array} shift (outputs)
 */

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
  /** @type {(() => void)[]} */
  #steps = [];
  /** @type {FeatureMap[]} */
  maps = [];
  /** @type {Linear[]} */
  #linear = [];
  /** @type {Float32Array} */
  logits = new Float32Array(0);
  /** @type {Float32Array} */
  features = new Float32Array(0);
  /** @type {Grid | null} */
  #input = null;

  /**
   * @param {ArrayBuffer} buffer a safetensors file
   * @param {boolean} [plain] JavaScript alone, as where there is no WebAssembly
   */
  constructor(buffer, plain = false) {
    const { metadata, tensor } = readTensors(buffer);
    const description = JSON.parse(metadata.ganlab);
    /** @type {string} of the model */
    this.fingerprint = description.fingerprint;
    /** @type {string} why it cannot judge this model's pictures; empty where it can */
    this.reason = description.reason;
    const arena = new Arena(plain);
    if (!this.reason) this.#input = new Grid(arena, description.shape[1], description.shape[0]);
    for (const [index, layer] of description.layers.entries()) {
      const [weight, scale, shift] = ['weight', 'scale', 'shift'].map((part) => floats(tensor, `${index}.${part}`));
      if (layer.convolves) this.#addConvolution(arena, layer, { weight, scale, shift });
      else this.#addLinear(arena, layer, { weight, scale, shift }, index < description.layers.length - 1);
    }
    if (!this.reason) [this.features, this.logits] = this.#linear.slice(-2).map(({ output }) => output.view);
    this.light = this.reason ? null : readLight(tensor, description);
    /** @type {string} why there is no light; empty where there is */
    this.lightReason = description.light_reason;
    /** @type {{ like: number, unlike: number } | null} shares of the full check's verdicts with which the light agrees */
    this.agreement = description.agreement;
  }

  /**
   * @param {Arena} arena
   * @param {Layer} layer
   * @param {Parts} parts
   */
  #addConvolution(arena, { pools }, { weight, scale, shift }) {
    const before = this.maps[this.maps.length - 1];
    const input = before ? new Grid(arena, before.side, before.channels) : /** @type {Grid} */ (this.#input);
    if (before) this.#steps.push(() => input.write(before.values));
    const channels = scale.length;
    const convolution = new Convolution(arena, input, { weight, bias: new Float32Array(channels), kernel: KERNEL });
    const side = pools ? Math.ceil(input.side / 2) : input.side;
    const map = { values: new Float32Array(side * side * channels), channels, side };
    this.maps.push(map);
    this.#steps.push(() => {
      convolution.run(1);
      finish(convolution.output, pools, scale, shift, map.values);
    });
  }

  /**
   * @param {Arena} arena
   * @param {Layer} layer
   * @param {Parts} parts
   * @param {boolean} clips below zero
   */
  #addLinear(arena, { averages }, { weight, scale, shift }, clips) {
    const linear = new Linear(arena, weight, new Float32Array(scale.length));
    const before = this.#linear[this.#linear.length - 1];
    const map = this.maps[this.maps.length - 1];
    this.#linear.push(linear);
    this.#steps.push(() => {
      if (before) linear.input.view.set(before.output.view);
      else if (averages) average(map, averages, linear.input.view);
      else linear.input.view.set(map.values);
      const output = linear.run();
      for (let o = 0; o < output.length; o++) {
        const value = output[o] * scale[o] + shift[o];
        output[o] = clips && value < 0 ? 0 : value;
      }
    });
  }

  /**
   * What is in a picture: pixels (H, W, C) in [0, 1], as `Generator.decode` gives them.
   * @param {Float32Array} pixels
   * @returns {Reading}
   */
  classify(pixels) {
    this.#input?.write(pixels);
    for (const step of this.#steps) step();
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
 * Pool, scale, shift and clip the sums of a convolution. At an odd side's edge fewer than 2 x 2 are pooled.
 * @param {Grid} grid
 * @param {boolean} pools
 * @param {Float32Array} scale
 * @param {Float32Array} shift
 * @param {Float32Array} values (H, W, C)
 */
function finish({ view, side, channels, stride }, pools, scale, shift, values) {
  const step = pools ? 2 : 1;
  const line = (side + 2) * stride;
  let to = 0;
  for (let y = 0; y < side; y += step) {
    const below = pools && y + 1 < side ? line : 0;
    for (let x = 0; x < side; x += step) {
      const right = pools && x + 1 < side ? stride : 0;
      const a = (y + 1) * line + (x + 1) * stride;
      for (let c = 0; c < channels; c++) {
        const at = a + c;
        let sum = view[at];
        if (pools) sum = Math.max(sum, view[at + right], view[at + below], view[at + below + right]);
        const value = sum * scale[c] + shift[c];
        values[to++] = value < 0 ? 0 : value;
      }
    }
  }
}

/**
 * The mean of each of count x count parts of a map, which overlap where its side is no multiple of `count`.
 * @param {FeatureMap} map
 * @param {number} count
 * @param {Float32Array} means (count, count, C)
 */
function average({ values, channels, side }, count, means) {
  const parts = Array.from({ length: count }, (_, i) => [Math.floor((i * side) / count), Math.ceil(((i + 1) * side) / count)]);
  means.fill(0);
  let to = 0;
  for (const [top, bottom] of parts) {
    for (const [left, right] of parts) {
      const share = 1 / ((bottom - top) * (right - left));
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) {
          const from = (y * side + x) * channels;
          for (let c = 0; c < channels; c++) means[to + c] += share * values[from + c];
        }
      }
      to += channels;
    }
  }
}
