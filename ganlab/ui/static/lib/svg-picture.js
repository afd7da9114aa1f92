// An SVG as pixels: drawn large enough for a digit in it, whatever size it gives itself, if any.
import { context2d, el } from './elements.js';
import { decodeImage } from './files.js';

/** @typedef {{ width: number, height: number }} Size in CSS px */

const MIN_SIDE = 640; // px of the longest side
const MAX_SIDE = 1400;
const UNSIZED = 512; // px of a side where nothing is said
const UNITS = new Map([['', 1], ['px', 1], ['pt', 4 / 3], ['pc', 16], ['in', 96], ['cm', 96 / 2.54], ['mm', 96 / 25.4], ['em', 16], ['rem', 16]]);
const UNSAFE = 'This browser does not let a page read this SVG. Save it as a PNG and send that.';

/**
 * The picture, on transparent ground; null for what is no SVG. Rejects with a sentence for one that cannot be read.
 * @param {string} text
 * @returns {Promise<HTMLCanvasElement | null>}
 */
export async function drawSvg(text) {
  const svg = new DOMParser().parseFromString(text, 'image/svg+xml').documentElement;
  if (svg.localName !== 'svg') return null; // damaged, or another kind of file
  const [width, height, viewBox] = ['width', 'height', 'viewBox'].map((name) => svg.getAttribute(name));
  const size = measureSvg(width, height, viewBox);
  const { width: wide, height: high } = fitSides(size);
  if (!readBox(viewBox)) svg.setAttribute('viewBox', `0 0 ${size.width} ${size.height}`);
  svg.setAttribute('width', String(wide));
  svg.setAttribute('height', String(high));
  if (svg instanceof SVGElement) for (const name of ['width', 'height']) svg.style.removeProperty(name);
  const content = new XMLSerializer().serializeToString(svg);
  const image = await decodeImage(`data:image/svg+xml;charset=utf-8,${encodeURIComponent(content)}`);
  if (!image) return null;
  const canvas = el('canvas', { width: wide, height: high });
  const ink = context2d(canvas);
  ink.drawImage(image, 0, 0, wide, high);
  try {
    ink.getImageData(0, 0, 1, 1);
  } catch {
    throw new Error(UNSAFE);
  }
  return canvas;
}

/**
 * The size that an SVG gives itself: by its width and height, or the one that is missing by its viewBox.
 * @param {string | null} width
 * @param {string | null} height
 * @param {string | null} viewBox
 * @returns {Size}
 */
export function measureSvg(width, height, viewBox) {
  const [wide, high] = [readLength(width), readLength(height)];
  const box = readBox(viewBox);
  if (wide && high) return { width: wide, height: high };
  if (!box) return { width: wide || high || UNSIZED, height: high || wide || UNSIZED };
  if (wide) return { width: wide, height: (wide * box.height) / box.width };
  if (high) return { width: (high * box.width) / box.height, height: high };
  return box;
}

/**
 * Whole sides of the same shape, the longest from MIN_SIDE to MAX_SIDE.
 * @param {Size} size
 * @returns {Size}
 */
export function fitSides({ width, height }) {
  const longest = Math.max(width, height);
  const scale = Math.min(MAX_SIDE, Math.max(MIN_SIDE, longest)) / longest;
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/**
 * A length in px; 0 for none, or one of what is around the picture (%).
 * @param {string | null} text
 */
function readLength(text) {
  const [, number, unit] = /^\s*\+?(\d*\.?\d+(?:e[+-]?\d+)?)\s*([a-z]*)\s*$/i.exec(text ?? '') ?? [];
  const length = Number(number ?? 0) * (UNITS.get((unit ?? '').toLowerCase()) ?? 0);
  return Number.isFinite(length) ? length : 0;
}

/**
 * @param {string | null} text
 * @returns {Size | null} of a viewBox
 */
function readBox(text) {
  const [, , width, height] = (text ?? '').trim().split(/[\s,]+/).map(Number);
  return width > 0 && height > 0 && Number.isFinite(width + height) ? { width, height } : null;
}
