// What kernel.wat does, in JavaScript, for browsers without WebAssembly's vectors: slower, with the same arguments.

const COLUMNS = 8; // of a convolution's panel, which are summed at a time, in registers
const WIDE_COLUMNS = 32; // of a linear layer's

// The inputs of a pixel that are not zero, after a ReLU about half of them, and where the rows of their weights begin
// in a panel of one column.
let values = new Float32Array(0);
let rows = new Int32Array(0);
let count = 0;

/**
 * Start anew, with room for this many inputs.
 * @param {number} most
 */
function clear(most) {
  count = 0;
  if (most <= values.length) return;
  values = new Float32Array(most);
  rows = new Int32Array(most);
}

/**
 * Note what is not zero of memory[at ... at + length], whose weights are the rows from `row` on.
 * @param {Float32Array} memory
 * @param {number} at
 * @param {number} length
 * @param {number} row
 */
function gather(memory, at, length, row) {
  for (let i = 0; i < length; i++) {
    const value = memory[at + i];
    if (value === 0) continue;
    values[count] = value;
    rows[count++] = row + i;
  }
}

/**
 * 8 sums over the noted inputs: memory[c ...] = bias + what is added + inputs @ weights, below zero times `leak`.
 * @param {Float32Array} memory
 * @param {number} b where the weights of row 0 lie
 * @param {number} stride from one row to the next
 * @param {number} c
 * @param {number} bias
 * @param {number} add a negative one for nothing
 * @param {number} leak
 */
function sum(memory, b, stride, c, bias, add, leak) {
  for (let o = 0; o < COLUMNS; o += 4) {
    let s0 = memory[bias + o], s1 = memory[bias + o + 1], s2 = memory[bias + o + 2], s3 = memory[bias + o + 3];
    if (add >= 0) {
      s0 += memory[add + o];
      s1 += memory[add + o + 1];
      s2 += memory[add + o + 2];
      s3 += memory[add + o + 3];
    }
    const first = b + o;
    for (let n = 0; n < count; n++) {
      const value = values[n];
      const w = first + rows[n] * stride;
      s0 += value * memory[w];
      s1 += value * memory[w + 1];
      s2 += value * memory[w + 2];
      s3 += value * memory[w + 3];
    }
    memory[c + o] = s0 < 0 ? s0 * leak : s0;
    memory[c + o + 1] = s1 < 0 ? s1 * leak : s1;
    memory[c + o + 2] = s2 < 0 ? s2 * leak : s2;
    memory[c + o + 3] = s3 < 0 ? s3 * leak : s3;
  }
}

/**
 * The kernel's two functions on a memory.
 * @param {() => Float32Array} open gives all of the memory
 * @returns {import('./kernel.js').Kernel}
 */
export function createPlainKernel(open) {
  return {
    transform(a, k, b, c, columns, bias, leak) {
      const memory = open();
      const length = k / 4;
      clear(length);
      gather(memory, a / 4, length, 0);
      for (let o = 0; o < columns / 4; o += COLUMNS) {
        const panel = b / 4 + (o - (o % WIDE_COLUMNS)) * length + (o % WIDE_COLUMNS);
        sum(memory, panel, WIDE_COLUMNS, c / 4 + o, bias / 4 + o, -1, leak);
      }
    },
    convolve(a, aPixel, aLine, aSegment, segments, k, b, c, cPixel, cLine, width, height, columns, bias, leak, add, addPixel, addLine) {
      const memory = open();
      const length = k / 4;
      clear(segments * length);
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const from = (a + y * aLine + x * aPixel) / 4;
          const to = (c + y * cLine + x * cPixel) / 4;
          const added = add ? (add + y * addLine + x * addPixel) / 4 : -Infinity;
          count = 0;
          for (let s = 0; s < segments; s++) gather(memory, from + (s * aSegment) / 4, length, s * length);
          for (let o = 0; o < columns / 4; o += COLUMNS) {
            sum(memory, b / 4 + o * segments * length, COLUMNS, to + o, bias / 4 + o, added + o, leak);
          }
        }
      }
    },
  };
}
