// The pad of a model that takes pictures as they are: what is uploaded gets a square that one can move and size, and goes
// to Python whenever the hand rests.
import { Cropper } from './cropper.js';
import { createKey, SentPicture } from './sent-picture.js';
import { findMiddle } from './square.js';

/** @typedef {import('./square.js').Square} Square */
/** @typedef {HTMLImageElement | HTMLCanvasElement} Shown */
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
   * @param {(value: object) => void} send
   */
  constructor(root, send) {
    this.root = root;
    this.onsend = send;
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
      rested: (square) => this.#send(square),
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
    this.#expect('');
    if (!send) return;
    this.#expect(createKey());
    this.#send(this.cropper.square);
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
  async #send(square) {
    const { shown, key } = this;
    if (!shown) return;
    shown.square = square;
    this.resting = key;
    try {
      const value = await shown.sent.describe(square);
      if (this.key === key) this.onsend({ kind: shown.kind, key, ...value }); // else the hand has moved on
    } catch {
      if (this.shown !== shown) return;
      this.#expect(''); // what is shown stays; Python says what is wrong with the file
      this.onrefused(shown.sent.file);
    }
  }

  /** A file that the server did not take, for example because it cannot be reached.
   * @param {Blob} _file */
  onrefused(_file) {}

  /**
   * What Python says of a square that it does not answer.
   * @param {Refusal} refusal
   */
  take({ refused, lost }) {
    if (!this.shown || !this.key) return;
    if (lost) this.shown.sent.forget();
    else if (refused === this.key) return this.#expect('');
    // A newer square on its way was replaced by this refusal; one that still moves is sent when it rests.
    if (this.resting === this.key) this.#send(this.shown.square);
  }
}
