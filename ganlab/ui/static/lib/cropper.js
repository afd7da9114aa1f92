// A picture with a square on it that a hand draws, moves and sizes: mouse, pen, one finger or two, and the keyboard.
// Beside it, what the model sees of the square. For a model of digits the square is missing at first: the digits are
// outlined, to click, and a hand draws squares only while that is on.
import { CropHand } from './crop-hand.js';
import { CropWords } from './crop-words.js';
import { describeDigits, DigitOutlines } from './digit-outlines.js';
import { context2d, el } from './elements.js';
import { Lens } from './lens.js';
import { findPaper } from './resample.js';
import { ServedLens } from './served-lens.js';
import { findMiddle, fit, squareAround, surround, toBox } from './square.js';

/** @typedef {import('./square.js').Square} Square */
/** @typedef {import('./square.js').Box} Box */
/**
 * @typedef {object} Choice what of a picture the model is shown
 * @property {Square | null} square null for all of the picture, or for a digit of it
 * @property {Box[]} digits that are in the picture, the one first that is taken without a choice
 * @property {Box | null} digit that is chosen of them
 */

const CORNERS = ['nw', 'ne', 'sw', 'se'];
const BACKING = 640; // pixels of the canvas that shows the picture
const REST = 200; // ms without a change after which a hand rests
const KEYS = 'Arrow keys move the square, plus and minus size it, Escape takes the largest again.';
const DIGIT_KEYS = 'Arrow keys move the square, plus and minus size it, Escape takes the whole picture again.';
const OFFER = 'Is the digit only a part of this picture? Draw a square around it.'; // where the gauge says "unlike"

export class Cropper {
  /** @type {import('./square.js').Size} */
  picture = { width: 1, height: 1 };
  /** @type {Square | null} */
  square = null;
  /** @type {Box[]} */
  digits = [];
  /** @type {Box | null} */
  digit = null;
  isActive = true; // whether a hand draws squares
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer;
  drawing = 0; // the animation frame that will draw the lens

  /**
   * @param {HTMLElement} paper a square, in which the picture is shown
   * @param {HTMLElement} beside where the lens goes
   * @param {import('./lens.js').View} view
   * @param {{ changed: () => void, rested: () => void }} hand
   */
  constructor(paper, beside, view, hand) {
    this.hand = hand;
    this.view = view;
    this.lens = view.digits ? new ServedLens(view) : new Lens(view);
    this.outlines = new DigitOutlines((digit) => this.choose(digit));
    this.canvas = el('canvas', { width: BACKING, height: BACKING, 'aria-hidden': 'true' });
    this.box = el('div', {
      class: 'gl-square', tabindex: 0, role: 'application', 'aria-roledescription': 'movable square',
      'aria-label': 'The square that the model sees', 'aria-description': view.digits ? DIGIT_KEYS : KEYS,
    }, ...CORNERS.map(() => el('i')));
    this.grips = CORNERS.map((corner) => el('i', { class: 'gl-grip', 'data-corner': corner }));
    this.shade = el('div', { class: 'gl-shade' }, this.box, this.outlines.element); // as large as the picture
    this.root = el('div', { class: 'gl-crop', hidden: true }, this.canvas, this.shade, ...this.grips);
    this.words = new CropWords(beside, this.lens.canvas, view, {
      takeAll: () => this.set(this.all),
      toggle: () => {
        this.activate(!this.isActive);
        if (this.isActive) this.box.focus({ preventScroll: true }); // its keys are next
      },
    });
    paper.append(this.root);
    this.hands = new CropHand(this);
  }

  get isOpen() {
    return !this.root.hidden;
  }

  /** The square that is taken unless another is chosen; null for all of the picture. */
  get all() {
    return this.view.digits ? null : findMiddle(this.picture);
  }

  /** What of the picture goes to Python: a square, a digit with its surroundings, or all. */
  get part() {
    return this.digit ? surround(this.digit, this.picture) : this.square;
  }

  get isWhole() {
    return this.view.digits ? !this.part : this.square !== null && this.square.side >= Math.min(this.picture.width, this.picture.height);
  }

  /** @returns {Choice} */
  get choice() {
    const { square, digits, digit } = this;
    return { square: digit ? null : square, digits, digit };
  }

  /**
   * Show a picture and what was chosen of it.
   * @param {CanvasImageSource & import('./square.js').Size} image
   * @param {Choice} [choice]
   * @param {import('./served-lens.js').Source} [sent] where the server shows what the model sees
   */
  open(image, choice, sent) {
    this.#drop();
    this.picture = { width: image.width, height: image.height };
    this.square = choice ? choice.square : this.all;
    this.#showPicture(image);
    this.root.hidden = false;
    this.words.sentence.textContent = '';
    if (this.lens instanceof Lens) this.lens.open(image, this.picture);
    else if (sent) this.lens.open(sent);
    this.outline(choice?.digits ?? [], choice?.digit ?? null);
    this.activate(!this.view.digits || Boolean(this.square));
    if (this.lens instanceof Lens) this.#look();
    this.words.say(this.square);
  }

  /**
   * Outline the digits that are in the picture.
   * @param {Box[]} digits the first is taken unless another is chosen
   * @param {Box | null} digit
   */
  outline(digits, digit) {
    [this.digits, this.digit] = [digits, digit];
    this.outlines.show(digits, this.picture);
    if (digit) this.outlines.mark(digit);
    else if (this.square) this.outlines.mark(null);
  }

  /**
   * What the model sees of the part at rest, where the server shows it: says in words what that means, outlines the
   * digits of a picture, and lets a hand draw where preparation may be wrong. Rejects with a sentence.
   */
  async ask() {
    if (!(this.lens instanceof ServedLens)) return null;
    const { sent } = this.lens;
    const isAll = !this.part;
    const seen = await this.lens.rest(this.part);
    if (sent !== this.lens.sent || isAll !== !this.part) return seen; // of another picture, or of another part
    if (isAll) this.outline(seen.digits.map(toBox), null);
    const isUnlike = Boolean(seen.unlike) && this.digits.length < 2; // of several digits one is clicked
    if (isAll && (seen.doubt || isUnlike)) {
      this.outlines.show(this.digits, this.picture, true);
      this.activate(true);
    }
    const doubt = seen.doubt || (isAll && isUnlike ? OFFER : '');
    const { boxes, taken } = this.outlines;
    const digits = this.square ? '' : describeDigits(boxes, taken, Boolean(this.digit), Boolean(doubt));
    this.words.sentence.textContent = [digits, doubt].filter(Boolean).join(' ');
    return seen;
  }

  /**
   * Let a hand draw squares, or not.
   * @param {boolean} isActive
   */
  activate(isActive) {
    this.isActive = isActive;
    // A hand begins with the digit that is shown.
    if (this.digit) this.square = isActive ? squareAround(surround(this.digit, this.picture), this.picture) : null;
    this.root.classList.toggle('gl-passive', !isActive);
    this.root.classList.toggle('gl-whole', !this.square);
    this.words.press(isActive);
    this.#arrange();
  }

  /**
   * Take another digit.
   * @param {Box} digit
   */
  choose(digit) {
    [this.digit, this.square] = [digit, null];
    this.outlines.mark(digit);
    this.activate(false);
    this.#change();
  }

  /** Put the picture away. */
  close() {
    this.#drop();
    this.root.hidden = true;
    this.words.clear();
    this.lens.clear();
    this.outline([], null);
  }

  remove() {
    this.root.remove();
    this.words.remove();
  }

  /** @param {CanvasImageSource} image */
  #showPicture(image) {
    const { width, height } = this.picture;
    const scale = BACKING / Math.max(width, height);
    const ink = context2d(this.canvas);
    Object.assign(ink, { imageSmoothingEnabled: scale < 1, imageSmoothingQuality: 'high' });
    ink.clearRect(0, 0, BACKING, BACKING);
    const [left, top] = [(BACKING - width * scale) / 2, (BACKING - height * scale) / 2];
    ink.drawImage(image, left, top, width * scale, height * scale);
    const { data } = ink.getImageData(left, top, Math.max(1, width * scale), Math.max(1, height * scale));
    ink.globalCompositeOperation = 'destination-over'; // what is transparent
    ink.fillStyle = findPaper(data, data.length / 4) ? '#ffffff' : '#000000';
    ink.fillRect(left, top, width * scale, height * scale);
    ink.globalCompositeOperation = 'source-over';
  }

  // ---------------------------------------------------------------- the square

  /** @param {Square | null} square */
  set(square) {
    this.square = square && fit(square, this.picture);
    this.digit = null;
    if (this.square) this.outlines.mark(null);
    else this.outlines.show(this.digits, this.picture);
    this.root.classList.toggle('gl-whole', !this.square);
    this.#change();
  }

  #change() {
    this.#arrange();
    this.drawing ||= requestAnimationFrame(() => {
      this.drawing = 0;
      if (this.isOpen) this.#look();
    });
    this.hand.changed();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.rest(), REST);
  }

  #look() {
    if (this.lens instanceof Lens) this.lens.draw(this.square ?? findMiddle(this.picture));
    else this.lens.draw(this.part);
  }

  rest() {
    if (this.timer === undefined) return; // nothing has changed
    clearTimeout(this.timer);
    this.timer = undefined;
    this.words.say(this.square);
    this.hand.rested();
  }

  #drop() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.hands.drop();
  }

  /** Where the picture lies in the paper: the paper's side in pixels of the picture, and the picture's corner. */
  get layout() {
    const { width, height } = this.picture;
    const side = Math.max(width, height);
    return { side, left: (side - width) / 2, top: (side - height) / 2 };
  }

  /** The square, or all of the picture where there is none. @returns {Box} */
  get frame() {
    const { square, picture } = this;
    return square ? { left: square.left, top: square.top, width: square.side, height: square.side } : { left: 0, top: 0, ...picture };
  }

  #arrange() {
    const { side, left, top } = this.layout;
    const frame = this.frame;
    const { width, height } = this.picture;
    const share = (/** @type {number} */ value, /** @type {number} */ whole) => `${(100 * value) / whole}%`;
    Object.assign(this.shade.style, {
      left: share(left, side), top: share(top, side), width: share(width, side), height: share(height, side),
    });
    Object.assign(this.box.style, {
      left: share(frame.left, width), top: share(frame.top, height),
      width: share(frame.width, width), height: share(frame.height, height),
    });
    for (const grip of this.grips) {
      const [vertical, horizontal] = grip.dataset.corner ?? '';
      grip.style.setProperty('--x', share(left + frame.left + (horizontal === 'e' ? frame.width : 0), side));
      grip.style.setProperty('--y', share(top + frame.top + (vertical === 's' ? frame.height : 0), side));
    }
    this.words.show(this.digit ? null : this.square, this.picture, Boolean(this.part));
  }
}
