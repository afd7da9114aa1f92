// The generator in the page: evaluates what ganlab/studio/portable.py packs, without a request for each picture.
//
//   const G = await loadGenerator('mnist-bigan', fingerprint);
//   const pixels = G.decode(z);
//   paint(canvas, pixels, G.shape);
import { context2d } from './elements.js';
import { Arena } from './kernel.js';
import { LatentMap } from './latent-map.js';
import { Network } from './network.js';
import { modelAddress, request } from './request.js';
import { readTensors } from './tensors.js';

/**
 * @typedef {[channels: number, height: number, width: number]} Shape
 */

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
  /**
   * @param {ArrayBuffer} buffer a safetensors file
   * @param {boolean} [plain] JavaScript alone, as where there is no WebAssembly
   */
  constructor(buffer, plain = false) {
    const { metadata, tensor } = readTensors(buffer);
    const description = JSON.parse(metadata.ganlab);
    /** @type {string} */
    this.fingerprint = description.fingerprint;
    /** @type {number} */
    this.latentDim = description.latent_dim;
    /** @type {Shape} */
    this.shape = description.shape;
    const arena = new Arena(plain);
    this.network = new Network(arena, tensor, description.layers, this.latentDim);
    this.pixels = new Float32Array(this.network.order.length);
    /** @type {LatentMap | null} */
    this.map = description.map ? new LatentMap(arena, tensor, description.map) : null;
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
    const { network, pixels } = this;
    const output = network.run(z);
    const { order } = network;
    for (let i = 0; i < pixels.length; i++) pixels[i] = 1 / (1 + Math.exp(-output[order[i]]));
    return pixels;
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
