// The light: whether a picture is like the training pictures, as ganlab/light.py has it. It estimates the verdict of
// the server's full check from what the judge sees and from the latent's length.

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
  rate(z, { maps, features, logits, label }) {
    const { weight } = this;
    let score = this.bias;
    let n = 0;
    for (const { values, channels } of maps) {
      const pixels = values.length / channels;
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        let largest = 0;
        for (let i = c; i < values.length; i += channels) {
          sum += values[i];
          if (values[i] > largest) largest = values[i];
        }
        score += (weight[n + c] * sum) / pixels + weight[n + channels + c] * largest;
      }
      n += 2 * channels;
    }
    for (const feature of features) score += weight[n++] * feature;
    let squares = 0;
    for (let i = 0; i < z.length; i++) squares += z[i] * z[i];
    const length = Math.sqrt(squares) / this.typicalLength;
    score += weight[n] * logits[label] + weight[n + 1] * length;
    return { like: score <= 0, score, length };
  }
}
