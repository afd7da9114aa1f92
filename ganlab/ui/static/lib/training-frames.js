// Draws a moment of a run: pictures, the codes on a plane, D's decisions. Nothing here asks the server for anything.
import { lighten, mixColours } from './colours.js';
import { context2d } from './elements.js';
import { layOut } from './training-data.js';

/** @typedef {import('./training-data.js').Moment} Moment */

const GAP = 1; // pixels of a picture's grid between two of them
const RATIO = Math.min(2, globalThis.devicePixelRatio || 1);
const LEVELS = 9; // colours from "generated" to "real"
const CERTAIN = 4; // D's logit from which a colour is full: 98 %
const NEITHER = '#8a8a8a'; // colour of a logit of 0
export const SPAN = 10; // logits on either side of the histogram
export const BINS = 41;

/** @typedef {{ less: string, more: string, line: string, soft: string, text: string, accent: string, frame: string, d: string, g: string, e: string, warn: string, dark: boolean }} Colours */

/**
 * The colours of the page as it is now.
 * @param {HTMLElement} element
 * @returns {Colours}
 */
export function readColours(element) {
  const style = getComputedStyle(element);
  const [less, more, line, soft, text, accent, frame, d, g, e, warn] = ['less', 'more', 'line', 'soft', 'text', 'accent', 'frame', 'd', 'g', 'e', 'warn'].map(
    (name) => style.getPropertyValue(`--gl-${name}`).trim(),
  );
  return { less, more, line, soft, text, accent, frame, d, g, e, warn, dark: document.body.classList.contains('dark') };
}

/**
 * Pictures side by side, each pixel one pixel of the canvas.
 * @param {HTMLCanvasElement} canvas
 * @param {(Uint8Array | null)[]} rows of pictures, channels first; each as many lines of the grid as it needs
 * @param {[number, number, number]} shape channels, height, width
 * @param {number} columns
 */
export function drawPictures(canvas, rows, [C, H, W], columns) {
  const size = C * H * W;
  const pictures = rows.flatMap((row) => Array.from({ length: (row?.length ?? 0) / size }, (_, i) => row?.subarray(i * size, (i + 1) * size)));
  const lines = Math.ceil(pictures.length / columns);
  const [width, height] = [columns * (W + GAP) - GAP, Math.max(1, lines * (H + GAP) - GAP)];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = context2d(canvas);
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  for (const [index, picture] of pictures.entries()) {
    if (!picture) continue;
    const corner = Math.floor(index / columns) * (H + GAP) * width + (index % columns) * (W + GAP);
    for (let y = 0, at = 0; y < H; y++) {
      for (let x = 0; x < W; x++, at++) {
        const red = picture[at];
        const [green, blue] = C === 3 ? [picture[at + H * W], picture[at + 2 * H * W]] : [red, red];
        pixels[corner + y * width + x] = (255 << 24) | (blue << 16) | (green << 8) | red;
      }
    }
  }
  context.putImageData(image, 0, 0);
}

/**
 * Bring a canvas to the size at which the page shows it.
 * @param {HTMLCanvasElement} canvas
 */
export function fitCanvas(canvas) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((side) => Math.round(side * RATIO));
  if (width && (canvas.width !== width || canvas.height !== height)) Object.assign(canvas, { width, height });
  const context = context2d(canvas);
  context.clearRect(0, 0, canvas.width, canvas.height);
  return { context, width: canvas.width, height: canvas.height, ratio: RATIO };
}

/**
 * The codes on their plane, in groups of one colour.
 * @param {HTMLCanvasElement} canvas
 * @param {{ moment: Moment, next: Moment, share: number }} at
 * @param {number} extent of the plane
 * @param {{ groups: Uint8Array, colours: string[] }} colouring a group of each point
 * @returns {Float32Array} where each point stands, in px of the canvas
 */
export function drawMap(canvas, at, extent, { groups, colours }) {
  const { context, width, height, ratio } = fitCanvas(canvas);
  const points = layOut(at, extent, width, height);
  const side = Math.max(2, Math.round(2.2 * ratio));
  for (const [group, colour] of colours.entries()) {
    context.fillStyle = colour;
    for (let i = 0; i < groups.length && 2 * i < points.length; i++) {
      if (groups[i] !== group) continue;
      context.fillRect(Math.round(points[2 * i] - side / 2), Math.round(points[2 * i + 1] - side / 2), side, side);
    }
  }
  return points;
}

/**
 * The probes by their classes.
 * @param {number[] | null} labels
 * @param {number} count of probes
 * @param {string[]} palette made for a light page
 * @param {Colours} page
 */
export function colourByClass(labels, count, palette, { dark, accent }) {
  if (!labels || !palette.length) return { groups: new Uint8Array(count), colours: [accent] };
  const groups = Uint8Array.from({ length: count }, (_, i) => (labels[i] ?? 0) % palette.length);
  return { groups, colours: dark ? palette.map(lighten) : palette };
}

/**
 * The probes by D's decision, from "generated" over nothing to "real".
 * @param {Moment} moment
 * @param {Colours} page
 */
export function colourByDecision({ decisions, scale }, { less, more }) {
  const groups = Uint8Array.from(decisions ?? [], (value) => {
    const logit = Math.max(-CERTAIN, Math.min(CERTAIN, (value - 128) * scale));
    return Math.round(((logit + CERTAIN) / (2 * CERTAIN)) * (LEVELS - 1));
  });
  const middle = (LEVELS - 1) / 2;
  const colours = Array.from({ length: LEVELS }, (_, level) => {
    return mixColours(NEITHER, level < middle ? less : more, Math.abs(level - middle) / middle);
  });
  return { groups, colours };
}

/**
 * How many of D's logits lie where.
 * @param {Uint8Array} decisions
 * @param {number} scale
 */
export function countLogits(decisions, scale) {
  const bins = new Float32Array(BINS);
  for (const value of decisions) {
    const position = ((value - 128) * scale + SPAN) / (2 * SPAN);
    bins[Math.max(0, Math.min(BINS - 1, Math.round(position * (BINS - 1))))] += 1 / decisions.length;
  }
  return bins;
}

/**
 * D's logits on real pictures, upwards, and on generated ones, downwards.
 * @param {HTMLCanvasElement} canvas
 * @param {Moment} moment
 * @param {Colours} colours
 */
export function drawDecisions(canvas, { decisions, decisionsMade, scale }, { more, less, soft, line }) {
  const { context, width, height, ratio } = fitCanvas(canvas);
  const [middle, bar] = [Math.round(height / 2), width / BINS];
  context.fillStyle = line;
  context.fillRect(Math.round(width / 2), 0, ratio, height);
  for (const { values, colour, side } of [{ values: decisions, colour: more, side: -1 }, { values: decisionsMade, colour: less, side: 1 }]) {
    if (!values?.length) continue;
    context.fillStyle = colour;
    for (const [index, share] of countLogits(values, scale).entries()) {
      const length = Math.sqrt(share) * (middle - 2); // few stay in sight beside many
      context.fillRect(index * bar + ratio / 2, side < 0 ? middle - length : middle + ratio, bar - ratio, length);
    }
  }
  context.fillStyle = soft;
  context.fillRect(0, middle, width, ratio);
}
