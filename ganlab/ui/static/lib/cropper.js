// A picture with a square on it that a hand draws, moves and sizes: mouse, pen, one finger or two, and the keyboard.
// Beside it, what the model sees of the square.
import { button, context2d, el } from './elements.js';
import { Lens } from './lens.js';
import { contains, findMiddle, fit, isMovable, move, resize, span } from './square.js';

/** @typedef {import('./square.js').Square} Square */
/** @typedef {import('./square.js').Point} Point */
/** @typedef {{ kind: 'move' | 'span' | 'draw', anchor: Point, grip: Point, square: Square }} Hold what a hand does */

const CORNERS = ['nw', 'ne', 'sw', 'se'];
const BACKING = 640; // pixels of the canvas that shows the picture
const REST = 200; // ms without a change after which a hand rests
const MARGIN = 6; // CSS px around the square that still take it
const CLICK = 6; // CSS px that a hand may stray in a click
const STEPS = 40; // arrow keys that cross the picture
const GROWTH = 1.08; // of a key that sizes
const KEYS = 'Arrow keys move the square, plus and minus size it, Escape takes the largest again.';

export class Cropper {
  /** @type {import('./square.js').Size} */
  picture = { width: 1, height: 1 };
  square = findMiddle(this.picture);
  /** @type {Map<number, Point>} */
  pointers = new Map();
  /** @type {Hold | null} */
  hold = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer;
  frame = 0; // the animation frame that will draw the lens

  /**
   * @param {HTMLElement} paper a square, in which the picture is shown
   * @param {HTMLElement} beside where the lens goes
   * @param {import('./lens.js').View} view
   * @param {{ changed: () => void, rested: (square: Square) => void }} hand
   */
  constructor(paper, beside, view, hand) {
    this.hand = hand;
    this.lens = new Lens(view);
    this.canvas = el('canvas', { width: BACKING, height: BACKING, 'aria-hidden': 'true' });
    this.box = el('div', {
      class: 'gl-square', tabindex: 0, role: 'application', 'aria-roledescription': 'movable square',
      'aria-label': 'The square that the model sees', 'aria-description': KEYS,
    }, ...CORNERS.map(() => el('i')));
    this.grips = CORNERS.map((corner) => el('i', { class: 'gl-grip', 'data-corner': corner }));
    this.shade = el('div', { class: 'gl-shade' }, this.box); // as large as the picture
    this.root = el('div', { class: 'gl-crop', hidden: true }, this.canvas, this.shade, ...this.grips);
    this.size = el('b');
    this.said = el('span', { class: 'gl-unseen', role: 'status' });
    const whole = button('largest', () => this.#set(findMiddle(this.picture)), { title: 'Take the largest square again' });
    const title = `${view.size} x ${view.size}`;
    this.words = el('div', { class: 'gl-lens-words' }, el('span', {}, 'the model sees'), this.size, el('span', {}, title), whole, this.said);
    beside.replaceChildren(this.lens.canvas, this.words);
    paper.append(this.root);
    this.#listen();
  }

  get isOpen() {
    return !this.root.hidden;
  }

  /**
   * Show a picture and a square on it, by default the largest in the middle.
   * @param {CanvasImageSource & import('./square.js').Size} image
   * @param {Square} [square]
   */
  open(image, square) {
    this.#drop();
    this.image = image;
    this.picture = { width: image.width, height: image.height };
    this.square = square ?? findMiddle(this.picture);
    this.#showPicture(image);
    this.root.hidden = false;
    this.words.classList.remove('gl-off');
    this.lens.open(image, this.picture);
    this.lens.draw(this.square);
    this.#place();
    this.#say();
  }

  /** Put the picture away. */
  close() {
    this.#drop();
    this.root.hidden = true;
    this.words.classList.add('gl-off');
    this.size.textContent = '';
    this.lens.clear();
  }

  /** @param {CanvasImageSource} image */
  #showPicture(image) {
    const { width, height } = this.picture;
    const scale = BACKING / Math.max(width, height);
    const ink = context2d(this.canvas);
    Object.assign(ink, { imageSmoothingEnabled: scale < 1, imageSmoothingQuality: 'high' });
    ink.clearRect(0, 0, BACKING, BACKING);
    const [left, top] = [(BACKING - width * scale) / 2, (BACKING - height * scale) / 2];
    ink.fillStyle = '#ffffff'; // under what is transparent
    ink.fillRect(left, top, width * scale, height * scale);
    ink.drawImage(image, left, top, width * scale, height * scale);
  }

  // ---------------------------------------------------------------- the square

  /** @param {Square} square */
  #set(square) {
    this.square = fit(square, this.picture);
    this.#place();
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      if (this.isOpen) this.lens.draw(this.square);
    });
    this.hand.changed();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#rest(), REST);
  }


  #rest() {
    if (this.timer === undefined) return; // nothing has changed
    clearTimeout(this.timer);
    this.timer = undefined;
    this.#say();
    this.hand.rested(this.square);
  }

  #drop() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.hold = null;
    this.pointers.clear();
  }

  /** Where the picture lies in the paper: the paper's side in pixels of the picture, and the picture's corner. */
  get #layout() {
    const { width, height } = this.picture;
    const side = Math.max(width, height);
    return { side, left: (side - width) / 2, top: (side - height) / 2 };
  }

  #place() {
    const { side, left, top } = this.#layout;
    const { square } = this;
    const { width, height } = this.picture;
    const share = (/** @type {number} */ value, /** @type {number} */ whole) => `${(100 * value) / whole}%`;
    Object.assign(this.shade.style, {
      left: share(left, side), top: share(top, side), width: share(width, side), height: share(height, side),
    });
    Object.assign(this.box.style, {
      left: share(square.left, width), top: share(square.top, height),
      width: share(square.side, width), height: share(square.side, height),
    });
    for (const grip of this.grips) {
      const [vertical, horizontal] = grip.dataset.corner ?? '';
      grip.style.setProperty('--x', share(left + square.left + (horizontal === 'e' ? square.side : 0), side));
      grip.style.setProperty('--y', share(top + square.top + (vertical === 's' ? square.side : 0), side));
    }
    this.size.textContent = `${Math.round(square.side)} of ${width} x ${height}`;
  }

  #say() {
    const { left, top, side } = this.square;
    const [x, y, wide] = [left, top, side].map(Math.round);
    this.said.textContent = `Square ${wide} pixels wide, ${x} from the left, ${y} from the top.`;
  }

  // ---------------------------------------------------------------- the hand

  #listen() {
    const { root, box } = this;
    root.addEventListener('pointerdown', (event) => this.#press(event));
    root.addEventListener('pointermove', (event) => this.#drag(event));
    for (const name of ['pointerup', 'pointercancel']) {
      root.addEventListener(name, (event) => this.#lift(/** @type {PointerEvent} */ (event)));
    }
    root.addEventListener('wheel', (event) => {
      if (!event.ctrlKey) return; // which pinching a trackpad sets too; else the page scrolls
      event.preventDefault();
      this.#set(resize(this.square, this.square.side * Math.exp(event.deltaY / 200), this.picture));
    }, { passive: false });
    box.addEventListener('keydown', (event) => {
      const square = this.#answerKey(event);
      if (!square) return;
      event.preventDefault();
      this.#set(square);
    });
  }

  /**
   * @param {KeyboardEvent} event
   * @returns {Square | null} what the key makes of the square
   */
  #answerKey({ key, shiftKey, ctrlKey, metaKey, altKey }) {
    const { square, picture } = this;
    if (ctrlKey || metaKey || altKey) return null;
    const step = shiftKey ? 1 : Math.max(1, Math.min(picture.width, picture.height) / STEPS);
    if (key === 'ArrowLeft') return move(square, -step, 0, picture);
    if (key === 'ArrowRight') return move(square, step, 0, picture);
    if (key === 'ArrowUp') return move(square, 0, -step, picture);
    if (key === 'ArrowDown') return move(square, 0, step, picture);
    if (key === '+' || key === '=') return resize(square, Math.max(square.side * GROWTH, square.side + 1), picture);
    if (key === '-' || key === '_') return resize(square, Math.min(square.side / GROWTH, square.side - 1), picture);
    if (key === 'Escape' && square.side < Math.min(picture.width, picture.height)) return findMiddle(picture);
    return null;
  }

  /**
   * @param {PointerEvent} event
   * @returns {Point}
   */
  #point(event) {
    const frame = this.root.getBoundingClientRect();
    const { side, left, top } = this.#layout;
    return {
      x: ((event.clientX - frame.left) / frame.width) * side - left,
      y: ((event.clientY - frame.top) / frame.height) * side - top,
    };
  }

  /** @param {PointerEvent} event */
  #press(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.box.focus({ preventScroll: true });
    this.root.setPointerCapture(event.pointerId);
    const grip = this.#point(event);
    this.pointers.set(event.pointerId, grip);
    const { square, picture } = this;
    const corner = event.target instanceof HTMLElement ? event.target.dataset.corner : undefined;
    const margin = (MARGIN / this.root.clientWidth) * this.#layout.side;
    if (corner) {
      const [vertical, horizontal] = corner;
      const opposite = {
        x: horizontal === 'e' ? square.left : square.left + square.side,
        y: vertical === 's' ? square.top : square.top + square.side,
      };
      this.hold = { kind: 'span', anchor: opposite, grip, square };
    } else if (isMovable(square, picture) && contains(square, grip, margin)) {
      this.hold = { kind: 'move', anchor: grip, grip, square };
    } else {
      this.hold = { kind: 'draw', anchor: grip, grip, square };
    }
  }

  /** @param {PointerEvent} event */
  #drag(event) {
    if (!this.hold || !this.pointers.has(event.pointerId)) return;
    const before = [...this.pointers.values()];
    const to = this.#point(event);
    this.pointers.set(event.pointerId, to);
    if (before.length > 1) this.#pinch(before, [...this.pointers.values()]);
    else this.#follow(this.hold, to);
  }

  /**
   * @param {Hold} hold
   * @param {Point} to
   */
  #follow({ kind, anchor, grip, square }, to) {
    const [dx, dy] = [to.x - grip.x, to.y - grip.y];
    if (kind === 'move') return this.#set(move(square, dx, dy, this.picture));
    if (kind === 'draw') return this.#strays(grip, to) ? this.#set(span(anchor, to, this.picture)) : undefined;
    const [right, down] = [square.left + square.side > anchor.x, square.top + square.side > anchor.y];
    const corner = { x: square.left + (right ? square.side : 0), y: square.top + (down ? square.side : 0) };
    return this.#set(span(anchor, { x: corner.x + dx, y: corner.y + dy }, this.picture));
  }

  /**
   * Two fingers: as much larger as they are farther apart, and moved with their middle.
   * @param {Point[]} before
   * @param {Point[]} after
   */
  #pinch(before, after) {
    const [[a, b], [c, d]] = [before, after];
    const growth = Math.hypot(c.x - d.x, c.y - d.y) / Math.max(1e-6, Math.hypot(a.x - b.x, a.y - b.y));
    const grown = resize(this.square, this.square.side * growth, this.picture);
    this.#set(move(grown, (c.x + d.x - a.x - b.x) / 2, (c.y + d.y - a.y - b.y) / 2, this.picture));
  }

  /** Farther than a click.
   * @param {Point} from
   * @param {Point} to */
  #strays(from, to) {
    const px = this.root.clientWidth / this.#layout.side;
    return Math.hypot(to.x - from.x, to.y - from.y) * px > CLICK;
  }

  /** @param {PointerEvent} event */
  #lift(event) {
    if (!this.pointers.delete(event.pointerId) || !this.hold) return;
    if (this.pointers.size) {
      // The finger that stays goes on from here: it moves what the two have made.
      const [grip] = this.pointers.values();
      this.hold = { kind: 'move', anchor: grip, grip, square: this.square };
      return;
    }
    const { kind, grip, square } = this.hold;
    this.hold = null;
    const click = kind === 'draw' && event.type === 'pointerup' && this.square === square;
    if (click && isMovable(square, this.picture)) {
      this.#set(move(square, grip.x - square.left - square.side / 2, grip.y - square.top - square.side / 2, this.picture));
    }
    this.#rest();
  }
}
