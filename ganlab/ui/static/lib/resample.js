// A square of a picture as a model sees it: Lanczos, as Pillow computes it for Python (images.py), from a copy that was
// halved as often as that loses nothing.

/** @typedef {import('./square.js').Square} Square */

/** @typedef {{ width: number, height: number, planes: Uint8Array[] }} Pixels a plane for each channel: 3, or 1 of grey */

const SUPPORT = 3; // of the kernel, in output pixels
const MARGIN = 4; // input pixels an output pixel that halving leaves at least
const WHITE = 240; // above which everything visible counts as white

/**
 * RGBA as the page's canvas gives it, laid on white, or on black where everything visible is white (as images.py does).
 * @param {ArrayLike<number>} rgba
 * @param {number} width
 * @param {number} height
 * @param {number} channels 3, or 1 for grey
 * @returns {Pixels}
 */
export function layOnPaper(rgba, width, height, channels) {
  const count = width * height;
  const planes = Array.from({ length: channels }, () => new Uint8Array(count));
  const paper = findPaper(rgba, count);
  for (let i = 0, from = 0; i < count; i++, from += 4) {
    const alpha = rgba[from + 3] / 255;
    const ground = paper * (1 - alpha) + 0.5; // and what rounds
    const red = Math.floor(rgba[from] * alpha + ground);
    const green = Math.floor(rgba[from + 1] * alpha + ground);
    const blue = Math.floor(rgba[from + 2] * alpha + ground);
    if (channels === 1) {
      planes[0][i] = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
    } else {
      planes[0][i] = red;
      planes[1][i] = green;
      planes[2][i] = blue;
    }
  }
  return { width, height, planes };
}

/**
 * The grey of the paper under transparent pixels.
 * @param {ArrayLike<number>} rgba
 * @param {number} count pixels
 */
export function findPaper(rgba, count) {
  let clear = false;
  for (let i = 0; i < 4 * count; i += 4) {
    const alpha = rgba[i + 3];
    if (alpha === 0) clear = true;
    const least = Math.min(rgba[i], rgba[i + 1], rgba[i + 2]);
    if (255 - ((255 - least) * alpha) / 255 <= WHITE) return 255;
  }
  return clear ? 0 : 255;
}

/**
 * Half the width and height, rounded up; each pixel is the mean of those it covers.
 * @param {Pixels} picture
 * @returns {Pixels}
 */
function halve({ width, height, planes }) {
  const half = { width: Math.ceil(width / 2), height: Math.ceil(height / 2) };
  return { ...half, planes: planes.map((plane) => halvePlane(plane, width, height, half)) };
}

/**
 * @param {Uint8Array} plane
 * @param {number} width
 * @param {number} height
 * @param {import('./square.js').Size} half
 */
function halvePlane(plane, width, height, half) {
  const out = new Uint8Array(half.width * half.height);
  for (let y = 0, at = 0; y < half.height; y++) {
    const upper = 2 * y * width;
    const lower = Math.min(2 * y + 1, height - 1) * width;
    for (let x = 0; x < half.width; x++) {
      const left = 2 * x;
      const right = Math.min(left + 1, width - 1);
      const sum = plane[upper + left] + plane[upper + right] + plane[lower + left] + plane[lower + right];
      out[at++] = (sum + 2) >> 2;
    }
  }
  return out;
}

/**
 * The picture and its halves, each half of the one before, down to twice MARGIN * `size`.
 * @param {Pixels} picture
 * @param {number} size of the model's pictures
 * @returns {Pixels[]}
 */
export function buildLevels(picture, size) {
  const levels = [picture];
  for (let last = picture; Math.min(last.width, last.height) >= 2 * MARGIN * size; ) {
    last = halve(last);
    levels.push(last);
  }
  return levels;
}

/**
 * @param {number} x
 */
function lanczos(x) {
  if (x === 0) return 1;
  if (x <= -SUPPORT || x >= SUPPORT) return 0;
  const angle = Math.PI * x;
  return (SUPPORT * Math.sin(angle) * Math.sin(angle / SUPPORT)) / (angle * angle);
}

/**
 * For each of `count` outputs between `start` and `start + extent`: the first input and the weights from there on.
 * @param {number} start
 * @param {number} extent
 * @param {number} length inputs there are
 * @param {number} count
 */
function computeWeights(start, extent, length, count) {
  const scale = extent / count;
  const stretch = Math.max(scale, 1);
  return Array.from({ length: count }, (_, index) => {
    const centre = start + (index + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - SUPPORT * stretch + 0.5));
    const end = Math.min(length, Math.trunc(centre + SUPPORT * stretch + 0.5));
    const weights = new Float64Array(end - first);
    let sum = 0;
    for (let i = 0; i < weights.length; i++) sum += weights[i] = lanczos((i + first - centre + 0.5) / stretch);
    for (let i = 0; i < weights.length; i++) weights[i] /= sum;
    return { first, weights };
  });
}

/**
 * A square as size x size pixels, a plane for each channel.
 * @param {Pixels[]} levels of `buildLevels`
 * @param {Square} square in pixels of the first level
 * @param {number} size
 * @returns {Uint8ClampedArray[]}
 */
export function resample(levels, square, size) {
  const wanted = Math.floor(Math.log2(square.side / (MARGIN * size)));
  const level = Math.max(0, Math.min(levels.length - 1, wanted));
  const { width, height, planes } = levels[level];
  const scale = 2 ** -level;
  const columns = computeWeights(square.left * scale, square.side * scale, width, size);
  const rows = computeWeights(square.top * scale, square.side * scale, height, size);
  const top = rows[0].first;
  const bottom = rows[size - 1].first + rows[size - 1].weights.length;
  return planes.map((plane) => weighRows(weighColumns(plane, width, top, bottom, columns), top, rows));
}

/** @typedef {ReturnType<typeof computeWeights>} Taps */

/**
 * Rows `top` to `bottom` of a plane, each as wide as there are `columns`.
 * @param {Uint8Array} plane
 * @param {number} width of the plane
 * @param {number} top
 * @param {number} bottom
 * @param {Taps} columns
 */
function weighColumns(plane, width, top, bottom, columns) {
  const out = new Uint8ClampedArray((bottom - top) * columns.length);
  for (let y = top, at = 0; y < bottom; y++) {
    for (const { first, weights } of columns) {
      const from = y * width + first;
      let sum = 0;
      for (let i = 0; i < weights.length; i++) sum += weights[i] * plane[from + i];
      out[at++] = sum;
    }
  }
  return out;
}

/**
 * As many rows as `rows`, of lines that begin with row `top`.
 * @param {Uint8ClampedArray} lines
 * @param {number} top
 * @param {Taps} rows of as many pixels each as there are rows
 */
function weighRows(lines, top, rows) {
  const width = rows.length;
  const out = new Uint8ClampedArray(width * width);
  for (let y = 0, at = 0; y < width; y++) {
    const { first, weights } = rows[y];
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let i = 0, from = (first - top) * width + x; i < weights.length; i++, from += width) sum += weights[i] * lines[from];
      out[at++] = sum;
    }
  }
  return out;
}
