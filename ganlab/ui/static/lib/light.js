// The light: whether a picture is like the training pictures, as ganlab/light.py has it. It estimates the verdict of
// the server's full check from what the judge sees and from the latent's length.
import { norm } from './latent.js';

/**
 * @typedef {object} Rating
 * @property {boolean} like whether the picture looks like the training pictures
 * @property {number} score above 0 where it does not
 * @property {number} length of the latent, as a multiple of the prior's typical one
 */

export class Light {
  /**
   * @param {Float32Array} weight
   * @param {number} bias
   * @param {number} typicalLength of latents of the prior
   */
  constructor(weight, bias, typicalLength) {
    this.weight = weight;
    this.bias = bias;
    this.typicalLength = typicalLength;
  }

  /**
   * @param {import('./latent.js').Latent} z
   * @param {import('./judge.js').Reading} reading of its picture
   * @returns {Rating}
   */
  rate(z, reading) {
    return this.rateLength(norm(z), reading);
  }

  /**
   * `rate` for a latent of which only the length is known.
   * @param {number} size
   * @param {import('./judge.js').Reading} reading
   * @returns {Rating}
   */
  rateLength(size, { maps, features, logits, label }) {
    const { weight } = this;
    let score = this.bias;
    let n = 0;
    for (const { values, channels } of maps) {
      const pixels = values.length / channels;
      const sums = new Float64Array(channels);
      const largest = new Float64Array(channels);
      for (let i = 0; i < values.length; i += channels) {
        for (let c = 0; c < channels; c++) {
          const value = values[i + c];
          sums[c] += value;
          if (value > largest[c]) largest[c] = value;
        }
      }
      for (let c = 0; c < channels; c++) score += (weight[n + c] * sums[c]) / pixels + weight[n + channels + c] * largest[c];
      n += 2 * channels;
    }
    for (const feature of features) score += weight[n++] * feature;
    const length = size / this.typicalLength;
    score += weight[n] * logits[label] + weight[n + 1] * length;
    return { like: score <= 0, score, length };
  }
}
