// The pad of a model that takes pictures as they are: what is uploaded gets a square that one can move and size, and goes
// to Python whenever the hand rests.
import { Cropper } from './cropper.js';
import { createKey, SentPicture } from './sent-picture.js';
import { findMiddle } from './square.js';

/** @typedef {import('./square.js').Square} Square */
/** @typedef {import('./sent-picture.js').Shown} Shown */
/** @typedef {{ kind: 'upload' | 'part', image: Shown, sent: SentPicture, square: Square }} Kept to show it again */
/** @typedef {{ refused?: string, lost?: boolean }} Refusal of the square of a key; a picture may be lost */

export class CropPad {
  /** @type {Cropper | null} */
  cropper = null;
  /** @type {Kept | null} */
  shown = null;
  key = ''; // of the square under the hand, at rest or not
  resting = ''; // the key of the square that was last sent
  view = '';

  /**
   * @param {HTMLElement} root the pad; its data-expects names the square that results have to show, see stale.js
   * @param {object} listener
   * @param {(value: object) => void} listener.send
   * @param {() => void} listener.onchange before another square of the same picture is shown
   * @param {(file: Blob) => void} listener.onrefused a file that the server did not take
   */
  constructor(root, listener) {
    this.root = root;
    this.listener = listener;
    this.paper = /** @type {HTMLElement} */ (root.querySelector('.gl-paper'));
    this.beside = /** @type {HTMLElement} */ (root.querySelector('.gl-lens'));
  }

  /**
   * For a model's pictures, or for one that takes no square.
   * @param {import('./lens.js').View | null} view
   */
  configure(view) {
    if (this.view === JSON.stringify(view)) return;
    this.view = JSON.stringify(view);
    this.cropper?.root.remove();
    this.close();
    this.beside.hidden = !view;
    this.root.classList.toggle('gl-cropping', Boolean(view));
    this.cropper = view && new Cropper(this.paper, this.beside, view, {
      changed: () => this.#expect(createKey()),
      rested: (square) => this.#rest(square),
    });
    this.cropper?.close();
  }

  /** Whether uploads get a square. */
  get isOn() {
    return this.cropper !== null;
  }

  /**
   * Show a picture with a square; an upload is sent at once.
   * @param {'upload' | 'part'} kind a part is one of a picture that Python knows already
   * @param {Shown} image
   * @param {Blob} file
   */
  open(kind, image, file) {
    this.restore({ kind, image, sent: new SentPicture(file), square: undefined }, kind === 'upload');
  }

  /**
   * Show again what `shown` was.
   * @param {Omit<Kept, 'square'> & { square?: Square }} kept
   * @param {boolean} send
   */
  restore(kept, send) {
    if (!this.cropper) return;
    this.cropper.open(kept.image, kept.square);
    this.shown = { ...kept, square: this.cropper.square };
    this.#expect(send ? createKey() : '');
    if (send) this.#send(this.shown);
  }

  /** The paper is for drawing. */
  close() {
    this.shown = null;
    this.#expect('');
    this.cropper?.close();
  }

  /**
   * Show what the model sees of a drawing.
   * @param {HTMLCanvasElement} drawing
   */
  look(drawing) {
    if (!this.cropper || this.shown) return;
    this.cropper.lens.open(drawing, drawing);
    this.cropper.lens.draw(findMiddle(drawing));
  }

  /** @param {string} key */
  #expect(key) {
    this.key = key;
    this.root.dataset.expects = key;
  }

  /** @param {Square} square */
  #rest(square) {
    if (!this.shown) return;
    this.listener.onchange();
    this.shown = { ...this.shown, square };
    this.#send(this.shown);
  }

  /** @param {Kept} kept */
  async #send({ kind, sent, square }) {
    const { key } = this;
    this.resting = key;
    try {
      const value = await sent.describe(square);
      if (this.key === key) this.listener.send({ kind, key, ...value }); // else the hand has moved on
    } catch {
      if (this.key !== key) return;
      this.#expect(''); // what is shown stays; Python says what is wrong with the file
      this.listener.onrefused(sent.file);
    }
  }

  /**
   * What Python says of a square that it does not answer.
   * @param {Refusal} refusal
   */
  take({ refused, lost }) {
    if (!this.shown || !this.key) return;
    if (lost) this.shown.sent.forget();
    else if (refused === this.key) return this.#expect('');
    // A newer square on its way was replaced by this refusal; one that still moves is sent when it rests.
    if (this.resting === this.key) this.#send(this.shown);
  }
}
