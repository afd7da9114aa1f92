// The inner loop of every network that the page evaluates.

const nonzero = new Int32Array(1 << 16); // indices of a row that are not zero: after a ReLU about half of them

/**
 * output += row @ weight, for the row h[start ... start + inputs] and a weight (inputs, output.length).
 * @param {Float32Array} h
 * @param {number} start
 * @param {number} inputs
 * @param {Float32Array} weight
 * @param {Float32Array} output
 */
export function addProduct(h, start, inputs, weight, output) {
  const width = output.length;
  let count = 0;
  for (let i = 0; i < inputs; i++) if (h[start + i] !== 0) nonzero[count++] = i;
  let n = 0;
  for (; n + 4 <= count; n += 4) {
    const [i0, i1, i2, i3] = [nonzero[n], nonzero[n + 1], nonzero[n + 2], nonzero[n + 3]];
    const [v0, v1, v2, v3] = [h[start + i0], h[start + i1], h[start + i2], h[start + i3]];
    const [a, b, c, d] = [i0 * width, i1 * width, i2 * width, i3 * width];
    for (let o = 0; o < width; o++) {
      output[o] += v0 * weight[a + o] + v1 * weight[b + o] + v2 * weight[c + o] + v3 * weight[d + o];
    }
  }
  for (; n < count; n++) {
    const v = h[start + nonzero[n]];
    const a = nonzero[n] * width;
    for (let o = 0; o < width; o++) output[o] += v * weight[a + o];
  }
}
