// A picture that goes to Python once; then each part of it as a few numbers.
import { context2d, el } from './elements.js';
import { request } from './request.js';
import { toNumbers } from './square.js';

/** @typedef {import('./square.js').Square} Square */
/** @typedef {import('./square.js').Box} Box */
/** @typedef {HTMLImageElement | HTMLCanvasElement} Shown */
/** @typedef {{ picture: string, digits: number[][], doubt: string, unlike?: boolean }} Seen what the server answers, see view.py */

export const MAX_PIXELS = 8e6; // as many as the server takes (images.MAX_PIXELS)
export const MAX_FILE = 1e7; // bytes that it takes (images.MAX_BYTES)
export const MAX_LOSSLESS = 2e6; // pixels of a PNG that is certainly smaller than that
const UNWRITABLE = 'This browser cannot turn this file into a PNG. Save it as a PNG or JPEG and send that.';

const CHUNK = 0x8000; // bytes that String.fromCharCode takes at once
const MAX_REMEMBERED = 8; // files that are sent again where the server has lost them

let count = 0;

/** @type {Map<string, Blob>} by the names that the server gave them, the newest last */
const files = new Map();

/**
 * Files by their names, as base64; those that are not known any more are left out.
 * @param {string[]} names
 * @returns {Promise<Record<string, string>>}
 */
export async function encodeSent(names) {
  const known = names.filter((name) => files.has(name));
  const texts = await Promise.all(known.map((name) => encode(/** @type {Blob} */ (files.get(name)))));
  return Object.fromEntries(known.map((name, i) => [name, texts[i]]));
}

/** @param {Blob} file */
async function encode(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const parts = Array.from({ length: Math.ceil(bytes.length / CHUNK) }, (_, i) => bytes.subarray(i * CHUNK, (i + 1) * CHUNK));
  return btoa(parts.map((part) => String.fromCharCode(...part)).join(''));
}

/**
 * @param {string} name
 * @param {Blob} file
 */
function rememberFile(name, file) {
  files.delete(name);
  files.set(name, file);
  for (const oldest of [...files.keys()].slice(0, -MAX_REMEMBERED)) files.delete(oldest);
  return name;
}

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
    this.name ??= this.#post('no').then(({ upload }) => rememberFile(upload, this.file), (error) => {
      this.forget(); // the next time may go well
      throw error;
    });
    return this.name;
  }

  /**
   * Send a file that this browser cannot show; the picture as a data: URI. Rejects as `send` does.
   * @returns {Promise<string>}
   */
  async sendForPreview() {
    const { upload, preview } = await this.#post('yes');
    this.name = Promise.resolve(rememberFile(upload, this.file));
    return preview;
  }

  /** @param {'yes' | 'no'} preview */
  async #post(preview) {
    const headers = { 'Content-Type': 'application/octet-stream' }; // the server looks for itself
    const response = await request(`ganlab/upload?preview=${preview}`, { method: 'POST', body: this.file, headers });
    return read(response);
  }

  /** The server has it no more. */
  forget() {
    this.name = null;
  }

  /**
   * What Python needs of a part, or of all of the picture; rejects as `send` does.
   * @param {Square | Box | null} part
   */
  async describe(part) {
    return { upload: await this.send(), crop: part && toNumbers(part) };
  }

  /**
   * What a model of digits sees of a part. Rejects with a sentence if the server refuses it.
   * @param {Square | Box | null} part
   * @param {{ model: string, polarity: string, gauge?: boolean }} settings model: its fingerprint; gauge: whether to ask
   *   if the model was trained on anything like it
   * @returns {Promise<Seen>}
   */
  async look(part, settings) {
    const asked = { ...settings, ...(await this.describe(part)) };
    const seen = await ask(asked);
    if (!seen.lost) return seen;
    const again = await ask({ ...asked, uploads: await encodeSent([asked.upload]) });
    if (!again.lost) return again;
    this.forget();
    throw new Error('The server did not keep this picture. Choose its file again.');
  }
}

/** @param {object} asked */
async function ask(asked) {
  return read(await request('ganlab/view', { method: 'POST', body: JSON.stringify(asked) }));
}

/**
 * An answer of the server; throws an Error with the sentence of a refusal.
 * @param {Response} response
 */
async function read(response) {
  const answer = await response.json();
  if (answer.refused) throw new Error(answer.refused);
  return answer;
}

/**
 * The picture as the server takes it: its file as it is, or a copy.
 * @param {Shown} image
 * @param {Blob} file
 * @param {{ asIs: boolean, isPhoto: boolean, pixels: number }} settings asIs: whether the server reads such a file;
 *   isPhoto: whether a large copy may lose what nobody sees; pixels: the most that are needed
 * @returns {Promise<{ image: Shown, file: Blob }>}
 */
export async function fitToServer(image, file, { asIs, isPhoto, pixels }) {
  if (asIs && image.width * image.height <= pixels && file.size <= MAX_FILE) return { image, file };
  const lossy = isPhoto && image.width * image.height > MAX_LOSSLESS;
  const canvas = scaleDown(image, lossy ? 0.98 * pixels : MAX_LOSSLESS, lossy ? '#ffffff' : '');
  /** @type {Blob | null} */
  const copy = await new Promise((resolve) => canvas.toBlob(resolve, lossy ? 'image/jpeg' : 'image/png', 0.92));
  if (!copy) throw new Error(UNWRITABLE);
  return { image: canvas, file: copy };
}

/**
 * @param {Shown} image
 * @param {number} pixels that the copy has at most
 * @param {string} paper the colour under what is transparent; "" for none
 */
function scaleDown(image, pixels, paper) {
  const scale = Math.min(1, Math.sqrt(pixels / (image.width * image.height)));
  const [width, height] = [image.width, image.height].map((side) => Math.max(1, Math.round(side * scale)));
  const canvas = el('canvas', { width, height });
  const ink = context2d(canvas);
  ink.imageSmoothingQuality = 'high';
  if (paper) Object.assign(ink, { fillStyle: paper }).fillRect(0, 0, width, height);
  ink.drawImage(image, 0, 0, width, height);
  return canvas;
}
