// A picture that goes to Python once; then each square of it as three numbers.
import { request } from './request.js';
import { toNumbers } from './square.js';

/** @typedef {import('./square.js').Square} Square */

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
