// A picture that goes to Python once; then each square of it as three numbers.
import { context2d, el } from './elements.js';
import { request } from './request.js';
import { toNumbers } from './square.js';

/** @typedef {import('./square.js').Square} Square */
/** @typedef {HTMLImageElement | HTMLCanvasElement} Shown */

const MAX_PIXELS = 8e6; // as many as the server takes (images.MAX_PIXELS)
const MAX_FILE = 1e7; // bytes that it takes (images.MAX_BYTES)
const MAX_LOSSLESS = 2e6; // pixels of a PNG that is certainly smaller than that

let count = 0;

/** A name for a square that no other of this visit has. */
export function createKey() {
  return `${Date.now().toString(36)}.${++count}`;
}

export class SentPicture {
  /** @type {Promise<string> | null} */
  name = null;

  /** @param {Blob} file */
  constructor(file) {
    this.file = file;
  }

  /**
   * What names the picture on the server; sends it the first time. Rejects with a sentence if the server refuses it.
   * @returns {Promise<string>}
   */
  send() {
    this.name ??= request('ganlab/upload', { method: 'POST', body: this.file })
      .then((response) => response.json())
      .then(({ upload }) => upload);
    return this.name;
  }

  /** The server has it no more. */
  forget() {
    this.name = null;
  }

  /**
   * What Python needs of a square; rejects as `send` does.
   * @param {Square} square
   */
  async describe(square) {
    return { upload: await this.send(), crop: toNumbers(square) };
  }
}

/**
 * The picture, or a smaller copy of one that the server would not take.
 * @param {HTMLImageElement} image
 * @param {Blob} file
 * @returns {Promise<{ image: Shown, file: Blob }>}
 */
export async function fitToServer(image, file) {
  if (image.width * image.height <= MAX_PIXELS && file.size <= MAX_FILE) return { image, file };
  const [kind, pixels] = file.type === 'image/jpeg' ? [file.type, 0.98 * MAX_PIXELS] : ['image/png', MAX_LOSSLESS];
  const canvas = scaleDown(image, pixels);
  /** @type {Blob | null} */
  const copy = await new Promise((resolve) => canvas.toBlob(resolve, kind, 0.92));
  return copy ? { image: canvas, file: copy } : { image, file };
}

/**
 * @param {HTMLImageElement} image
 * @param {number} pixels that the copy has at most
 */
export function scaleDown(image, pixels) {
  const scale = Math.min(1, Math.sqrt(pixels / (image.width * image.height)));
  const [width, height] = [image.width, image.height].map((side) => Math.max(1, Math.round(side * scale)));
  const canvas = el('canvas', { width, height });
  context2d(canvas).drawImage(image, 0, 0, width, height);
  return canvas;
}
