// Colours as '#rrggbb' texts and as the pixels of a canvas.

const RAMP = ['#46327e', '#365c8d', '#277f8e', '#1fa187', '#4ac16d', '#a0da39', '#fde725'];
const LIGHTER = 0.35; // share of the way to white, for a dark page

export const RAMP_GRADIENT = `linear-gradient(90deg,${RAMP.join(',')})`;

/** @param {string} hex */
function parse(hex) {
  return [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
}

/** @param {number[]} parts */
function format(parts) {
  return `#${parts.map((part) => Math.round(part).toString(16).padStart(2, '0')).join('')}`;
}

/**
 * The colour as a pixel: little-endian RGBA in one Uint32.
 * @param {string} hex
 * @param {number} [alpha] from 0 to 255
 */
export function toPixel(hex, alpha = 255) {
  const [r, g, b] = parse(hex);
  return ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

/**
 * The same colour for a dark page.
 * @param {string} hex
 */
export function lighten(hex) {
  return format(parse(hex).map((part) => part + LIGHTER * (255 - part)));
}

/**
 * The colour of a value from 0 (dark blue) to 1 (yellow).
 * @param {number} value
 */
export function rampColour(value) {
  const position = value * (RAMP.length - 1);
  const index = Math.min(Math.floor(position), RAMP.length - 2);
  const [from, to] = [parse(RAMP[index]), parse(RAMP[index + 1])];
  return format(from.map((part, i) => part + (position - index) * (to[i] - part)));
}

/**
 * A colour on the way from one to another.
 * @param {string} from
 * @param {string} to
 * @param {number} share of the way, 0 to 1
 */
export function mixColours(from, to, share) {
  const [a, b] = [parse(from), parse(to)];
  return format(a.map((part, i) => part + share * (b[i] - part)));
}
