// Layers of networks in an arena: linear ones, and convolutions of grids. Each has room for its own output.

const COLUMNS = 8; // of a panel of a convolution's weights
const WIDE_COLUMNS = 32; // of a linear layer's
const KERNEL = 4; // side of a transposed convolution's
const FLOAT = 4; // bytes
const MIN_SIDE = 4; // of grids for the kernel

/** @typedef {import('./kernel.js').Arena} Arena */

/**
 * @param {number} count
 * @param {number} columns
 */
const roundUp = (count, columns) => columns * Math.ceil(count / columns);

/** Numbers in the arena, whose view is made when all layers are there. */
export class Numbers {
  /** @type {Float32Array | null} */
  #view = null;

  /**
   * @param {Arena} arena
   * @param {number} count
   * @param {number} [room] of which as many are reserved
   */
  constructor(arena, count, room = count) {
    this.arena = arena;
    this.count = count;
    this.at = arena.reserve(room);
  }

  get view() {
    return (this.#view ??= this.arena.view(this.at, this.count));
  }

  /** @param {ArrayLike<number>} values */
  fill(values) {
    this.arena.view(this.at, this.count).set(values);
  }
}

/**
 * A grid of side x side pixels with a frame of zeros. A pixel's channels are followed by zeros up to `stride`.
 */
export class Grid extends Numbers {
  /**
   * @param {Arena} arena
   * @param {number} side
   * @param {number} channels
   */
  constructor(arena, side, channels) {
    const stride = roundUp(channels, COLUMNS);
    super(arena, (side + 2) ** 2 * stride);
    this.side = side;
    this.channels = channels;
    this.stride = stride;
  }

  /** Bytes from one pixel to the next. */
  get pixel() {
    return FLOAT * this.stride;
  }

  /** Bytes from one line to the next. */
  get line() {
    return (this.side + 2) * this.pixel;
  }

  /**
   * The address of a pixel; the frame's are at -1 and at `side`.
   * @param {number} y
   * @param {number} x
   */
  address(y, x) {
    return this.at + (y + 1) * this.line + (x + 1) * this.pixel;
  }

  /**
   * Take values (H, W, C).
   * @param {Float32Array} values
   */
  write(values) {
    const { view, side, channels, stride } = this;
    for (let y = 0, from = 0; y < side; y++) {
      for (let x = 0, to = ((y + 1) * (side + 2) + 1) * stride; x < side; x++, to += stride) {
        for (let c = 0; c < channels; c++) view[to + c] = values[from++];
      }
    }
  }

  /**
   * Copy the values (H, W, C).
   * @param {Float32Array} values
   */
  read(values) {
    const { view, side, channels, stride } = this;
    for (let y = 0, to = 0; y < side; y++) {
      for (let x = 0, from = ((y + 1) * (side + 2) + 1) * stride; x < side; x++, from += stride) {
        for (let c = 0; c < channels; c++) values[to++] = view[from + c];
      }
    }
  }
}

/**
 * Weights in panels: columns [first, first + count) of a matrix (rows, width), of which each `channels` rows are
 * followed by zeros up to `stride`.
 * @param {Arena} arena
 * @param {{ weight: Float32Array, width: number, first?: number, count?: number, channels: number, stride: number,
 *   rows: number[], columns: number }} matrix `rows`: the first of each of these runs of rows
 */
function placePanels(arena, { weight, width, first = 0, count = width, channels, stride, rows, columns }) {
  const height = rows.length * stride; // rows of a panel
  const panels = new Numbers(arena, height * roundUp(count, columns));
  const view = arena.view(panels.at, panels.count);
  for (const [run, row] of rows.entries()) {
    for (let i = 0; i < channels; i++) {
      const from = (row + i) * width + first;
      const to = (run * stride + i) * columns;
      for (let o = 0; o < count; o++) view[to + (o - (o % columns)) * height + (o % columns)] = weight[from + o];
    }
  }
  return panels;
}

/**
 * @param {Arena} arena
 * @param {ArrayLike<number>} values
 * @param {number} columns
 */
function placeBias(arena, values, columns) {
  const bias = new Numbers(arena, values.length, roundUp(values.length, columns));
  bias.fill(values);
  return bias;
}

/** input @ weight + bias + second input @ second weight, below zero times a leak. */
export class Linear {
  /**
   * @param {Arena} arena
   * @param {Float32Array} weight (inputs, outputs)
   * @param {Float32Array} bias (outputs)
   * @param {Numbers} [input] as another layer's output; else this layer brings its own
   */
  constructor(arena, weight, bias, input = new Numbers(arena, weight.length / bias.length)) {
    const outputs = bias.length;
    const inputs = weight.length / outputs;
    this.kernel = arena.kernel;
    this.input = input;
    this.inputs = inputs;
    this.bias = placeBias(arena, bias, WIDE_COLUMNS);
    this.weight = placePanels(arena, { weight, width: outputs, channels: inputs, stride: inputs, rows: [0], columns: WIDE_COLUMNS });
    this.output = new Numbers(arena, outputs, roundUp(outputs, WIDE_COLUMNS));
  }

  /**
   * @param {number} [leak]
   * @param {Numbers} [start] what the product is added to, instead of the bias
   */
  run(leak = 1, start = this.bias) {
    const { input, inputs, weight, output } = this;
    const columns = FLOAT * roundUp(output.count, WIDE_COLUMNS);
    this.kernel.transform(input.at, FLOAT * inputs, weight.at, output.at, columns, start.at, leak);
    return output.view;
  }
}

/** A convolution of 1 x 1 or 3 x 3 pixels, or a transposed one of 4 x 4 that doubles the side. */
export class Convolution {
  /**
   * @param {Arena} arena
   * @param {Grid} input
   * @param {{ weight: Float32Array, bias: ArrayLike<number>, kernel: number, adds?: Grid | null }} layer `kernel` 0 for
   *   a transposed one; `adds`: what is added to the output
   */
  constructor(arena, input, { weight, bias, kernel, adds = null }) {
    const outputs = bias.length;
    const { channels, stride } = input;
    this.functions = input.side < MIN_SIDE ? arena.scalar : arena.kernel;
    this.input = input;
    this.side = kernel;
    this.adds = adds;
    this.bias = placeBias(arena, bias, COLUMNS);
    this.output = new Grid(arena, kernel ? input.side : 2 * input.side, outputs);
    const matrix = { weight, channels, stride, columns: COLUMNS };
    if (kernel) {
      const rows = Array.from({ length: kernel ** 2 }, (_, tap) => tap * channels);
      this.parts = [{ weight: placePanels(arena, { ...matrix, width: outputs, rows }), y: 0, x: 0 }];
    } else {
      // The pixels (2 i + y, 2 j + x) of the output are a convolution of 2 x 2 pixels, for each y and x of 0 and 1.
      this.parts = [[0, 0], [0, 1], [1, 0], [1, 1]].map(([y, x]) => ({ weight: placePart(arena, { ...matrix, outputs, y, x }), y, x }));
    }
  }

  /** @param {number} leak */
  run(leak) {
    const { functions, input, output, bias, adds, side } = this;
    const step = side ? 1 : 2; // from one pixel of the output to the next
    const reach = side ? -(side >> 1) : -1; // to the kernel's first pixel
    const width = side || 2;
    for (const { weight, y, x } of this.parts) {
      functions.convolve(
        input.address(reach + y, reach + x), input.pixel, input.line, input.line, width, width * input.pixel, weight.at,
        output.address(y, x), step * output.pixel, step * output.line, input.side, input.side, output.pixel, bias.at, leak,
        adds ? adds.address(0, 0) : 0, adds?.pixel ?? 0, adds?.line ?? 0,
      );
    }
  }
}

/** Each side of a grid doubled by bilinear interpolation, with borders repeated. */
export class Enlargement {
  /**
   * @param {Arena} arena
   * @param {Grid} input
   */
  constructor(arena, input) {
    this.input = input;
    this.output = new Grid(arena, 2 * input.side, input.channels);
  }

  run() {
    const { view: from, side, stride } = this.input;
    const { view: to } = this.output;
    const [line, larger] = [(side + 2) * stride, (2 * side + 2) * stride];
    for (let y = 0; y < 2 * side; y++) {
      const [near, far] = findPair(y, side);
      for (let x = 0; x < 2 * side; x++) {
        const [left, right] = findPair(x, side);
        const a = near * line + left * stride;
        const b = near * line + right * stride;
        const c = far * line + left * stride;
        const d = far * line + right * stride;
        const at = (y + 1) * larger + (x + 1) * stride;
        for (let i = 0; i < stride; i++) {
          to[at + i] = 0.5625 * from[a + i] + 0.1875 * (from[b + i] + from[c + i]) + 0.0625 * from[d + i];
        }
      }
    }
  }
}

/**
 * The lines of a framed grid of `side` pixels between which a line of the larger one lies, the nearer first.
 * @param {number} line
 * @param {number} side
 */
function findPair(line, side) {
  const near = line >> 1;
  const far = line % 2 ? Math.min(near + 1, side - 1) : Math.max(near - 1, 0);
  return [near + 1, far + 1];
}

/**
 * Of a transposed convolution's weight (inputs, 4, 4, outputs) the part for the outputs (2 i + y, 2 j + x): of a
 * pixel (i, j) and those above, left, right and below, 2 x 2 reach them.
 * @param {Arena} arena
 * @param {{ weight: Float32Array, channels: number, stride: number, columns: number, outputs: number, y: number,
 *   x: number }} part
 */
function placePart(arena, { weight, channels, stride, columns, outputs, y, x }) {
  const width = KERNEL * KERNEL * outputs;
  const part = new Float32Array(4 * channels * outputs);
  let to = 0;
  for (const ty of [3 - y, 1 - y]) {
    for (const tx of [3 - x, 1 - x]) {
      for (let i = 0; i < channels; i++, to += outputs) {
        const from = i * width + (ty * KERNEL + tx) * outputs;
        part.set(weight.subarray(from, from + outputs), to);
      }
    }
  }
  const rows = [0, 1, 2, 3].map((tap) => tap * channels);
  return placePanels(arena, { weight: part, width: outputs, channels, stride, rows, columns });
}
