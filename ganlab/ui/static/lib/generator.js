// The generator in the page: evaluates what ganlab/studio/portable.py packs, without a request for each picture.
//
//   const G = await loadGenerator('mnist-bigan', fingerprint);
//   const pixels = G.decode(z);
//   paint(canvas, pixels, G.shape);
import { context2d } from './elements.js';
import { LatentMap } from './latent-map.js';
import { addProduct } from './product.js';
import { modelAddress, request } from './request.js';
import { floats, readTensors } from './tensors.js';

/**
 * @typedef {[channels: number, height: number, width: number]} Shape
 *
 * @typedef {object} Layer h @ weight + bias + z @ skip, values below zero times `leak`; or, where it `doubles` a grid
 *   of side x side, a transposed convolution
 * @property {number} leak
 * @property {boolean} doubles
 * @property {Float32Array} weight (inputs, outputs), or (inputs, 4 * 4 * outputs)
 * @property {Float32Array} bias (outputs)
 * @property {Float32Array | null} skip (latent length, outputs)
 * @property {Float32Array} output reused for each picture
 * @property {number} inputs channels that a doubling layer takes
 * @property {number} side of the grid that it takes
 * @property {Float32Array} spread what one pixel adds to 4 x 4 of the larger grid
 */

const KERNEL = 4;
const TAPS = KERNEL * KERNEL;

/** @type {Map<string, Promise<Generator>>} */
const generators = new Map(); // by fingerprint

/**
 * Fetch a model's generator, once. Throws an Error with a sentence for the person.
 * @param {string} name
 * @param {string} [fingerprint]
 * @returns {Promise<Generator>}
 */
export function loadGenerator(name, fingerprint = name) {
  let generator = generators.get(fingerprint);
  if (!generator) {
    generator = fetchGenerator(name);
    generator.catch(() => generators.delete(fingerprint)); // so that it is tried again
    generators.set(fingerprint, generator);
  }
  return generator;
}

/** @param {string} name */
async function fetchGenerator(name) {
  const response = await request(modelAddress('generator', name));
  return new Generator(await response.arrayBuffer());
}

export class Generator {
  /** @param {ArrayBuffer} buffer a safetensors file */
  constructor(buffer) {
    const { metadata, tensor } = readTensors(buffer);
    const description = JSON.parse(metadata.ganlab);
    /** @type {string} */
    this.fingerprint = description.fingerprint;
    /** @type {number} */
    this.latentDim = description.latent_dim;
    /** @type {Shape} */
    this.shape = description.shape;
    let pixels = 0; // of the grid that a doubling layer takes
    let units = this.latentDim;
    /** @type {Layer[]} */
    this.layers = description.layers.map((/** @type {Layer} */ { leak, doubles }, /** @type {number} */ index) => {
      const [weight, bias] = [floats(tensor, `${index}.weight`), floats(tensor, `${index}.bias`)];
      const skip = /** @type {Float32Array | null} */ (tensor(`${index}.skip`));
      const inputs = doubles ? weight.length / (TAPS * bias.length) : units;
      if (doubles) pixels ||= units / inputs;
      const side = Math.sqrt(pixels);
      if (doubles) pixels *= 4;
      units = doubles ? pixels * bias.length : bias.length;
      const spread = new Float32Array(doubles ? TAPS * bias.length : 0);
      return { leak, doubles, weight, bias, skip, inputs, side, spread, output: new Float32Array(units) };
    });
    /** @type {LatentMap | null} */
    this.map = description.map ? new LatentMap(tensor, description.map) : null;
  }

  /** Whether latents pass a latent map before they are decoded. */
  get hasMap() {
    return this.map !== null;
  }

  /**
   * The code F(z) that is decoded for a latent, in a new array; without a latent map it is z.
   * @param {import('./latent.js').Latent} z
   */
  toCodes(z) {
    return this.map ? this.map.forward(z) : Float32Array.from(z);
  }

  /**
   * The latent F^-1(code), in a new array: the inverse of `toCodes`.
   * @param {import('./latent.js').Latent} code
   */
  fromCodes(code) {
    return this.map ? this.map.invert(code) : Float32Array.from(code);
  }

  /**
   * G(z): pixels in [0, 1] in the order (H, W, C), in an array that the next call reuses.
   * @param {import('./latent.js').Latent} z
   */
  decode(z) {
    return this.decodeCode(this.toCodes(z));
  }

  /**
   * The pixels of a code, as `decode` gives those of a latent.
   * @param {import('./latent.js').Latent} z
   */
  decodeCode(z) {
    const code = Float32Array.from(z);
    /** @type {Float32Array} */
    let h = code;
    for (const layer of this.layers) {
      if (layer.doubles) {
        addDoubled(h, layer);
      } else {
        layer.output.set(layer.bias);
        addProduct(h, 0, h.length, layer.weight, layer.output);
        if (layer.skip) addProduct(code, 0, code.length, layer.skip, layer.output);
      }
      h = layer.output;
      if (layer.leak === 1) continue;
      for (let i = 0; i < h.length; i++) if (h[i] < 0) h[i] *= layer.leak;
    }
    for (let i = 0; i < h.length; i++) h[i] = 1 / (1 + Math.exp(-h[i]));
    return h;
  }
}

/**
 * A transposed convolution with kernel 4, stride 2 and padding 1: each pixel adds to 4 x 4 of the larger grid.
 * @param {Float32Array} h
 * @param {Layer} layer
 */
function addDoubled(h, { inputs, side, weight, bias, spread, output }) {
  const outputs = bias.length;
  const larger = 2 * side;
  for (let i = 0; i < output.length; i += outputs) output.set(bias, i);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      spread.fill(0);
      addProduct(h, (y * side + x) * inputs, inputs, weight, spread);
      for (let tap = 0; tap < TAPS; tap++) {
        const toY = 2 * y - 1 + (tap >> 2);
        const toX = 2 * x - 1 + (tap & 3);
        if (toY < 0 || toX < 0 || toY >= larger || toX >= larger) continue;
        const to = (toY * larger + toX) * outputs;
        for (let o = 0; o < outputs; o++) output[to + o] += spread[tap * outputs + o];
      }
    }
  }
}

/**
 * Draw pixels (H, W, C) in [0, 1] on a canvas, which is enlarged where it is too small.
 * @param {HTMLCanvasElement} canvas
 * @param {Float32Array} pixels
 * @param {Shape} shape
 * @param {number} [left] column at which the picture begins
 */
export function paint(canvas, pixels, [channels, height, width], left = 0) {
  if (canvas.height !== height || canvas.width < left + width) Object.assign(canvas, { width: left + width, height });
  const context = context2d(canvas);
  const image = context.createImageData(width, height);
  const { data } = image;
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) data[4 * i + c] = 255 * pixels[i * channels + (channels === 3 ? c : 0)] + 0.5;
    data[4 * i + 3] = 255;
  }
  context.putImageData(image, left, 0);
}
