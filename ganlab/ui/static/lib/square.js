// Squares of a picture: (left, top, side) in pixels of the upright picture; and the boxes of digits in it. Each function
// returns a new one, which lies inside the picture.

/** @typedef {{ left: number, top: number, side: number }} Square */
/** @typedef {{ width: number, height: number }} Size */
/** @typedef {{ x: number, y: number }} Point in pixels of the picture */
/** @typedef {{ left: number, top: number, width: number, height: number }} Box of a digit, in pixels of the picture */

export const MIN_SIDE = 8; // pixels, as in Python (images.MIN_SIDE)

/**
 * The largest square in the middle, which Python takes where none is chosen.
 * @param {Size} picture
 * @returns {Square}
 */
export function findMiddle({ width, height }) {
  const side = Math.min(width, height);
  return { left: (width - side) / 2, top: (height - side) / 2, side };
}

/**
 * The least side of a square: MIN_SIDE, or all of a picture that is smaller.
 * @param {Size} picture
 */
function leastSide({ width, height }) {
  return Math.min(MIN_SIDE, width, height);
}

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
function clamp(value, low, high) {
  return Math.max(low, Math.min(high, value));
}

/**
 * The nearest square inside the picture: first of a side that it allows, then moved.
 * @param {Square} square
 * @param {Size} picture
 * @returns {Square}
 */
export function fit({ left, top, side }, picture) {
  const fitting = clamp(side, leastSide(picture), Math.min(picture.width, picture.height));
  return {
    left: clamp(left, 0, picture.width - fitting),
    top: clamp(top, 0, picture.height - fitting),
    side: fitting,
  };
}

/**
 * @param {Square} square
 * @param {number} dx
 * @param {number} dy
 * @param {Size} picture
 */
export function move({ left, top, side }, dx, dy, picture) {
  return fit({ left: left + dx, top: top + dy, side }, picture);
}

/**
 * Another side about the same centre.
 * @param {Square} square
 * @param {number} side
 * @param {Size} picture
 */
export function resize(square, side, picture) {
  const fitting = clamp(side, leastSide(picture), Math.min(picture.width, picture.height));
  const shift = (square.side - fitting) / 2;
  return fit({ left: square.left + shift, top: square.top + shift, side: fitting }, picture);
}

/**
 * The square with one corner at `anchor`, as large as its other corner at `to` makes it, in that direction.
 * @param {Point} anchor
 * @param {Point} to
 * @param {Size} picture
 * @returns {Square}
 */
export function span(anchor, to, picture) {
  const x = clamp(anchor.x, 0, picture.width);
  const y = clamp(anchor.y, 0, picture.height);
  const rightwards = to.x >= x;
  const downwards = to.y >= y;
  const room = Math.min(rightwards ? picture.width - x : x, downwards ? picture.height - y : y);
  const wanted = Math.max(Math.abs(to.x - x), Math.abs(to.y - y));
  const side = Math.max(leastSide(picture), Math.min(wanted, room));
  return fit({ left: rightwards ? x : x - side, top: downwards ? y : y - side, side }, picture);
}

/**
 * Whether the square leaves any room to move it.
 * @param {Square} square
 * @param {Size} picture
 */
export function isMovable({ side }, picture) {
  return side < picture.width || side < picture.height;
}

/**
 * @param {Square} square
 * @param {Point} point
 * @param {number} margin pixels around the square that count as inside
 */
export function contains({ left, top, side }, { x, y }, margin) {
  return x >= left - margin && y >= top - margin && x <= left + side + margin && y <= top + side + margin;
}

/**
 * A digit's box with paper around it, by which Python tells the ink.
 * @param {Box} box
 * @param {Size} picture
 * @returns {Box}
 */
export function surround({ left, top, width, height }, picture) {
  const margin = Math.max(Math.max(width, height) / 4, MIN_SIDE);
  const [x, y] = [Math.max(0, left - margin), Math.max(0, top - margin)];
  return {
    left: x, top: y,
    width: Math.min(picture.width, left + width + margin) - x, height: Math.min(picture.height, top + height + margin) - y,
  };
}

/**
 * The square about a box, as far as the picture allows.
 * @param {Box} box
 * @param {Size} picture
 */
export function squareAround({ left, top, width, height }, picture) {
  const side = Math.min(Math.max(width, height), picture.width, picture.height);
  return fit({ left: left + (width - side) / 2, top: top + (height - side) / 2, side }, picture);
}

/**
 * The order in which one reads boxes: rows from above, each from the left.
 * @param {Box[]} boxes
 * @returns {number[]} their positions in `boxes`
 */
export function sortForReading(boxes) {
  /** @type {number[][]} */
  const rows = [];
  const middle = (/** @type {number} */ i) => boxes[i].top + boxes[i].height / 2;
  for (const i of [...boxes.keys()].sort((a, b) => middle(a) - middle(b))) {
    const row = rows.at(-1);
    if (row && middle(i) < boxes[row[0]].top + boxes[row[0]].height) row.push(i);
    else rows.push([i]);
  }
  return rows.flatMap((row) => row.sort((a, b) => boxes[a].left - boxes[b].left));
}

/**
 * A box of Python's.
 * @param {number[]} numbers
 * @returns {Box}
 */
export function toBox([left, top, width, height]) {
  return { left, top, width, height };
}

/**
 * As numbers for Python, a hundredth of a pixel exact.
 * @param {Square | Box} part
 */
export function toNumbers(part) {
  const numbers = 'side' in part ? [part.left, part.top, part.side] : [part.left, part.top, part.width, part.height];
  return numbers.map((value) => Math.round(value * 100) / 100);
}
