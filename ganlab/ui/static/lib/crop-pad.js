// What is uploaded to a pad lies under a cropper, and the part that is chosen goes to Python whenever the hand rests. A model
// of pictures is shown a square of it; one of digits all of it, a digit of it, or a square if asked.
import { Cropper } from './cropper.js';
import { Lens } from './lens.js';
import { POLARITY } from './served-lens.js';
import { createKey } from './sent-picture.js';
import { findMiddle } from './square.js';

/** @typedef {import('./sent-picture.js').Shown} Shown */
/** @typedef {import('./cropper.js').Choice} Choice */
/** @typedef {import('./sent-picture.js').SentPicture} SentPicture */
/** @typedef {{ kind: 'upload' | 'part', image: Shown, sent: SentPicture, choice?: Choice }} Kept to show it again */
/** @typedef {{ refused?: string, lost?: boolean }} Refusal of the square of a key; a picture may be lost */

export class CropPad {
  /** @type {Cropper | null} */
  cropper = null;
  /** @type {Kept | null} */
  shown = null;
  key = ''; // of the square under the hand, at rest or not
  resting = ''; // the key of the square that was last sent
  /** @type {import('./lens.js').View | null} */
  view = null;
  name = ''; // of the view

  /**
   * @param {HTMLElement} root the pad; its data-expects names the square that results have to show, see stale.js
   * @param {object} listener
   * @param {(value: object) => void} listener.send
   * @param {() => void} listener.onchange before another square of the same picture is shown
   * @param {(sentence: string) => void} listener.onrefused what is wrong with a picture, which is taken away again
   */
  constructor(root, listener) {
    this.root = root;
    this.listener = listener;
    this.paper = /** @type {HTMLElement} */ (root.querySelector('.gl-paper'));
    this.beside = /** @type {HTMLElement} */ (root.querySelector('.gl-lens'));
    this.isHeld = false; // whether a pointer is down on the pad, under which its layout must stay
    root.addEventListener('pointerdown', () => (this.isHeld = true), true);
    for (const name of ['pointerup', 'pointercancel']) {
      window.addEventListener(name, () => {
        if (!this.isHeld) return;
        this.isHeld = false;
        this.#arrange();
      });
    }
    root.closest('[role=tabpanel]')?.addEventListener('change', ({ target }) => {
      if (target instanceof Element && target.closest(POLARITY)) this.#askAgain();
    });
    const header = document.querySelector('.gl-header');
    const attributeFilter = ['data-fingerprint'];
    if (header) new MutationObserver(() => this.#askAgain()).observe(header, { subtree: true, childList: true, attributeFilter });
  }

  /**
   * For a model's pictures; null for a pad without any.
   * @param {import('./lens.js').View | null} view
   */
  configure(view) {
    if (this.name === JSON.stringify(view)) return;
    this.name = JSON.stringify(view);
    this.cropper?.remove();
    this.close();
    this.view = view;
    this.cropper = null;
    if (this.takesSquares) this.#open().close();
    this.#arrange();
  }

  /** The cropper of the view, there or new. */
  #open() {
    const view = /** @type {import('./lens.js').View} */ (this.view);
    const hand = { changed: () => this.#expect(createKey()), rested: () => this.#rest() };
    this.cropper ??= new Cropper(this.paper, this.beside, view, hand);
    return this.cropper;
  }

  /** Whether the model is shown a square of any picture. */
  get takesSquares() {
    return this.view !== null && !this.view.digits;
  }

  /** The lens has room while there is something for it. */
  #arrange() {
    if (this.isHeld) return;
    const isOn = this.takesSquares || this.shown !== null;
    this.beside.hidden = !isOn;
    this.root.classList.toggle('gl-cropping', isOn);
    this.root.classList.toggle('gl-of-digits', Boolean(this.view?.digits));
  }

  /**
   * Show a picture; an upload is sent at once.
   * @param {'upload' | 'part'} kind a part is one of a picture that Python knows already
   * @param {Shown} image
   * @param {SentPicture} sent
   */
  open(kind, image, sent) {
    this.restore({ kind, image, sent }, kind === 'upload');
  }

  /**
   * Show again what `shown` was.
   * @param {Kept} kept
   * @param {boolean} send
   */
  restore(kept, send) {
    if (!this.view) return;
    const cropper = this.#open();
    cropper.open(kept.image, kept.choice, kept.sent);
    this.shown = { ...kept, choice: cropper.choice };
    this.#arrange();
    this.#expect(send ? createKey() : '');
    if (send) this.#send(this.shown);
    else cropper.ask().catch(() => {});
  }

  /** The paper is for drawing. */
  close() {
    this.shown = null;
    this.#expect('');
    this.cropper?.close();
    this.#arrange();
  }

  /**
   * Show what the model sees of a drawing, which is as it is for a model of pictures.
   * @param {HTMLCanvasElement} drawing
   */
  look(drawing) {
    const { lens } = this.cropper ?? {};
    if (!(lens instanceof Lens) || this.shown) return;
    lens.open(drawing, drawing);
    lens.draw(findMiddle(drawing));
  }

  /** Another ink, or another model of digits, for the same picture. */
  #askAgain() {
    if (this.shown && this.view?.digits) this.cropper?.ask().catch(() => {});
  }

  /** @param {string} key */
  #expect(key) {
    this.key = key;
    this.root.dataset.expects = key;
  }

  #rest() {
    if (!this.shown || !this.cropper) return;
    this.listener.onchange();
    this.shown = { ...this.shown, choice: this.cropper.choice };
    this.#send(this.shown);
  }

  /** @param {Kept} kept */
  async #send({ kind, sent }) {
    const { key, cropper } = this;
    if (!cropper) return;
    this.resting = key;
    try {
      const value = await sent.describe(cropper.part);
      await cropper.ask();
      if (this.key !== key || !this.shown) return; // the hand has moved on
      this.shown = { ...this.shown, choice: cropper.choice };
      this.listener.send({ kind, key, ...value });
    } catch (error) {
      if (this.key !== key) return;
      this.#expect('');
      this.listener.onrefused(error instanceof Error ? error.message : '');
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
