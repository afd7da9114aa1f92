// What a model of digits sees of a picture: asked of the server while a hand moves, one question at a time, the last one
// wins.
import { context2d, el } from './elements.js';
import { decodeImage } from './files.js';
import { HEADER } from './stale.js';

/** @typedef {import('./square.js').Square | import('./square.js').Box | null} Part null for all of the picture */
/** @typedef {import('./sent-picture.js').Seen} Seen */
/** @typedef {{ look: (part: Part, settings: { model: string, polarity: string, gauge?: boolean }) => Promise<Seen> }} Source */

export const POLARITY = '#polarity'; // the switch for the ink of uploads, in the tab of the pad

export class ServedLens {
  /** @type {Source | null} */
  sent = null;
  /** @type {{ part: Part } | null} */
  wanted = null; // what is asked next
  busy = false;
  count = 0; // of what was painted
  rests = 0; // after which what was asked before is old

  /** @param {import('./lens.js').View} view */
  constructor({ size }) {
    const label = 'What the model sees of your picture';
    this.canvas = el('canvas', { class: 'gl-picture', width: size, height: size, role: 'img', 'aria-label': label });
    this.ink = context2d(this.canvas);
  }

  /**
   * Look at another picture.
   * @param {Source} sent
   */
  open(sent) {
    this.clear();
    this.sent = sent;
  }

  /**
   * Ask for a part as soon as the question before is answered, unless another part follows until then.
   * @param {Part} part
   */
  draw(part) {
    this.wanted = { part };
    this.canvas.classList.add('gl-late');
    if (!this.busy) this.#askNext();
  }

  async #askNext() {
    this.busy = true;
    for (let next = this.wanted; next && this.sent; next = this.wanted) {
      this.wanted = null;
      const { sent, rests } = this;
      const seen = await this.#ask(sent, next.part).catch(() => null); // what is wrong is said when the hand rests
      if (sent === this.sent && rests === this.rests) await this.paint(seen);
    }
    this.busy = false;
  }

  /**
   * What the model sees of a part at rest, and whether it knows anything like it. Rejects with a sentence.
   * @param {Part} part
   */
  async rest(part) {
    const { sent } = this;
    this.wanted = null;
    this.rests++;
    if (!sent) throw new Error('There is no picture.');
    const seen = await this.#ask(sent, part, true);
    if (sent === this.sent && !this.wanted) await this.paint(seen);
    return seen;
  }

  /**
   * @param {Source} sent
   * @param {Part} part
   * @param {boolean} [gauge]
   */
  #ask(sent, part, gauge) {
    const model = /** @type {HTMLElement | null} */ (document.querySelector(HEADER))?.dataset.fingerprint ?? '';
    const ink = /** @type {HTMLInputElement | null} */ (this.canvas.closest('[role=tabpanel]')?.querySelector(`${POLARITY} input:checked`));
    return sent.look(part, { model, polarity: ink?.value ?? 'auto', gauge });
  }

  /** @param {Seen | null} seen null for nothing */
  async paint(seen) {
    const count = ++this.count;
    const image = seen && (await decodeImage(seen.picture));
    if (count !== this.count) return; // a newer one is there
    this.ink.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (image) this.ink.drawImage(image, 0, 0);
    if (!this.wanted) this.canvas.classList.remove('gl-late');
  }

  clear() {
    this.count++;
    [this.sent, this.wanted] = [null, null];
    this.canvas.classList.remove('gl-late');
    this.ink.clearRect(0, 0, this.canvas.width, this.canvas.height);
  }
}
