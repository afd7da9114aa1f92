// The hand on a cropper: mouse, pen, one finger or two, the wheel of a trackpad that pinches, and keys.
import { contains, findMiddle, isMovable, move, resize, span } from './square.js';

/** @typedef {import('./square.js').Square} Square */
/** @typedef {import('./square.js').Point} Point */
/**
 * @typedef {object} Hold what a hand does
 * @property {'move' | 'span' | 'draw'} kind
 * @property {Point} anchor
 * @property {Point} grip where it took hold
 * @property {Point} corner that it holds, of a span
 * @property {Square | null} square as it was
 */

const MARGIN = 6; // CSS px around the square that still take it
const CLICK = 6; // CSS px that a hand may stray in a click
const STEPS = 40; // arrow keys that cross the picture
const GROWTH = 1.08; // of a key that sizes

export class CropHand {
  /** @type {Map<number, Point>} */
  pointers = new Map();
  /** @type {Hold | null} */
  hold = null;

  /** @param {import('./cropper.js').Cropper} cropper */
  constructor(cropper) {
    this.cropper = cropper;
    const { root, box } = cropper;
    root.addEventListener('pointerdown', (event) => this.#press(event));
    root.addEventListener('pointermove', (event) => this.#drag(event));
    for (const name of ['pointerup', 'pointercancel']) {
      root.addEventListener(name, (event) => this.#lift(/** @type {PointerEvent} */ (event)));
    }
    root.addEventListener('wheel', (event) => {
      if (!event.ctrlKey) return; // which pinching a trackpad sets too; else the page scrolls
      event.preventDefault();
      const square = this.#start;
      cropper.set(resize(square, square.side * Math.exp(event.deltaY / 200), cropper.picture));
    }, { passive: false });
    box.addEventListener('keydown', (event) => {
      const square = this.#answerKey(event);
      if (square === undefined) return;
      event.preventDefault();
      cropper.set(square);
    });
  }

  /** Let go. */
  drop() {
    this.hold = null;
    this.pointers.clear();
  }

  /** The square that a hand starts from. */
  get #start() {
    return this.cropper.square ?? findMiddle(this.cropper.picture);
  }

  /**
   * @param {KeyboardEvent} event
   * @returns {Square | null | undefined} what the key makes of the square; undefined for nothing
   */
  #answerKey({ key, shiftKey, ctrlKey, metaKey, altKey }) {
    const { picture, all, isWhole } = this.cropper;
    const square = this.#start;
    if (ctrlKey || metaKey || altKey) return undefined;
    const step = shiftKey ? 1 : Math.max(1, Math.min(picture.width, picture.height) / STEPS);
    if (key === 'ArrowLeft') return move(square, -step, 0, picture);
    if (key === 'ArrowRight') return move(square, step, 0, picture);
    if (key === 'ArrowUp') return move(square, 0, -step, picture);
    if (key === 'ArrowDown') return move(square, 0, step, picture);
    if (key === '+' || key === '=') return resize(square, Math.max(square.side * GROWTH, square.side + 1), picture);
    if (key === '-' || key === '_') return resize(square, Math.min(square.side / GROWTH, square.side - 1), picture);
    return key === 'Escape' && !isWhole ? all : undefined;
  }

  /**
   * @param {PointerEvent} event
   * @returns {Point}
   */
  #point(event) {
    const frame = this.cropper.root.getBoundingClientRect();
    const { side, left, top } = this.cropper.layout;
    return {
      x: ((event.clientX - frame.left) / frame.width) * side - left,
      y: ((event.clientY - frame.top) / frame.height) * side - top,
    };
  }

  /** @param {PointerEvent} event */
  #press(event) {
    const { cropper } = this;
    if (event.button !== 0 || !cropper.isActive) return;
    event.preventDefault();
    cropper.box.focus({ preventScroll: true });
    cropper.root.setPointerCapture(event.pointerId);
    const grip = this.#point(event);
    this.pointers.set(event.pointerId, grip);
    const { square, picture, frame } = cropper;
    const corner = event.target instanceof HTMLElement ? event.target.dataset.corner : undefined;
    const margin = (MARGIN / cropper.root.clientWidth) * cropper.layout.side;
    if (corner) {
      const [right, down] = [corner[1] === 'e', corner[0] === 's'];
      const [far, near] = [{ x: frame.left + frame.width, y: frame.top + frame.height }, { x: frame.left, y: frame.top }];
      const at = (/** @type {boolean} */ r, /** @type {boolean} */ d) => ({ x: r ? far.x : near.x, y: d ? far.y : near.y });
      this.hold = { kind: 'span', anchor: at(!right, !down), grip, corner: at(right, down), square };
    } else if (square && isMovable(square, picture) && contains(square, grip, margin)) {
      this.hold = { kind: 'move', anchor: grip, grip, corner: grip, square };
    } else {
      this.hold = { kind: 'draw', anchor: grip, grip, corner: grip, square };
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
  #follow({ kind, anchor, grip, corner, square }, to) {
    const { cropper } = this;
    const [dx, dy] = [to.x - grip.x, to.y - grip.y];
    if (kind === 'move' && square) cropper.set(move(square, dx, dy, cropper.picture));
    else if (kind === 'span') cropper.set(span(anchor, { x: corner.x + dx, y: corner.y + dy }, cropper.picture));
    else if (this.#strays(grip, to)) cropper.set(span(anchor, to, cropper.picture));
  }

  /**
   * Two fingers: as much larger as they are farther apart, and moved with their middle.
   * @param {Point[]} before
   * @param {Point[]} after
   */
  #pinch(before, after) {
    const [[a, b], [c, d]] = [before, after];
    const { picture } = this.cropper;
    const growth = Math.hypot(c.x - d.x, c.y - d.y) / Math.max(1e-6, Math.hypot(a.x - b.x, a.y - b.y));
    const grown = resize(this.#start, this.#start.side * growth, picture);
    this.cropper.set(move(grown, (c.x + d.x - a.x - b.x) / 2, (c.y + d.y - a.y - b.y) / 2, picture));
  }

  /** Farther than a click.
   * @param {Point} from
   * @param {Point} to */
  #strays(from, to) {
    const px = this.cropper.root.clientWidth / this.cropper.layout.side;
    return Math.hypot(to.x - from.x, to.y - from.y) * px > CLICK;
  }

  /** @param {PointerEvent} event */
  #lift(event) {
    const { cropper } = this;
    if (!this.pointers.delete(event.pointerId) || !this.hold) return;
    if (this.pointers.size) {
      // The finger that stays goes on from here: it moves what the two have made.
      const [grip] = this.pointers.values();
      this.hold = { kind: cropper.square ? 'move' : 'draw', anchor: grip, grip, corner: grip, square: cropper.square };
      return;
    }
    const { kind, grip, square } = this.hold;
    this.hold = null;
    const click = kind === 'draw' && event.type === 'pointerup' && cropper.square === square;
    if (click) this.#click(grip);
    cropper.rest();
  }

  /**
   * A click takes the digit under it, or moves the square there.
   * @param {Point} grip
   */
  #click(grip) {
    const { cropper } = this;
    const { square, picture, outlines } = cropper;
    const digit = outlines.boxes.length < 2 ? undefined : outlines.boxes.find((box) => containsPoint(box, grip));
    if (digit) cropper.choose(digit);
    else if (square && isMovable(square, picture)) {
      cropper.set(move(square, grip.x - square.left - square.side / 2, grip.y - square.top - square.side / 2, picture));
    }
  }
}

/**
 * @param {import('./square.js').Box} box
 * @param {Point} point
 */
function containsPoint({ left, top, width, height }, { x, y }) {
  return x >= left && y >= top && x <= left + width && y <= top + height;
}
