// Drawing with the keyboard: a cursor on the paper that arrow keys move, and a key that puts the pen down and lifts it.
import { el } from './elements.js';

const STEP = 10; // pixels of a paper of 280: one of a picture of 28
const FINE = 2; // with Shift
const GROWTH = 2; // pixels of the pen's size
const ARROWS = new Map([['ArrowLeft', [-1, 0]], ['ArrowRight', [1, 0]], ['ArrowUp', [0, -1]], ['ArrowDown', [0, 1]]]);

export const KEYS =
  'Arrow keys move the pen, two at a time move it aslant, Shift moves it finely. Space puts the pen down and lifts it, ' +
  'plus and minus size it, Z undoes, Y redoes, Delete clears, Escape lifts the pen.';
export const SHORT_KEYS = 'arrows move · space: pen down, up · + − size · Z undo';

/** @typedef {{ x: number, y: number }} Point */
/** @typedef {{ key: string, shiftKey?: boolean, ctrlKey?: boolean, metaKey?: boolean, altKey?: boolean }} Press */
/**
 * @typedef {{ kind: 'move', from: Point, to: Point } | { kind: 'size', by: number }
 *   | { kind: 'down' | 'up' | 'undo' | 'redo' | 'clear' }} Act what a key does
 */

export class KeyPen {
  isDown = false;
  /** @type {Set<string>} */
  held = new Set(); // arrow keys

  /** @param {number} side pixels of the paper */
  constructor(side) {
    this.side = side;
    this.at = { x: side / 2, y: side / 2 };
  }

  /**
   * @param {Press} press
   * @returns {Act | null} null for a key that means nothing here
   */
  press({ key, shiftKey = false, ctrlKey = false, metaKey = false, altKey = false }) {
    const letter = key.toLowerCase();
    if (altKey) return null;
    if (letter === 'z') return { kind: shiftKey ? 'redo' : 'undo' };
    if (letter === 'y') return { kind: 'redo' };
    if (ctrlKey || metaKey) return null;
    if (ARROWS.has(key)) return this.#move(key, shiftKey ? FINE : STEP);
    if (key === ' ') return this.#put(!this.isDown);
    if (key === 'Escape') return this.isDown ? this.#put(false) : null;
    if (key === '+' || key === '=') return { kind: 'size', by: GROWTH };
    if (key === '-' || key === '_') return { kind: 'size', by: -GROWTH };
    if (key === 'Delete' || key === 'Backspace') return { kind: 'clear' };
    return null;
  }

  /** @param {{ key: string }} press */
  release({ key }) {
    this.held.delete(key);
  }

  /**
   * @param {boolean} down
   * @returns {Act}
   */
  #put(down) {
    this.isDown = down;
    return { kind: down ? 'down' : 'up' };
  }

  /**
   * @param {string} key
   * @param {number} step
   * @returns {Act}
   */
  #move(key, step) {
    this.held.add(key);
    const from = this.at;
    let [x, y] = [from.x, from.y];
    for (const each of this.held) {
      const [right, down] = ARROWS.get(each) ?? [0, 0];
      [x, y] = [x + right * step, y + down * step];
    }
    /** @type {(value: number) => number} */
    const inside = (value) => Math.max(0, Math.min(this.side, value));
    this.at = { x: inside(x), y: inside(y) };
    return { kind: 'move', from, to: this.at };
  }

  /** What a screen reader says of it. */
  describe() {
    const [across, down] = [this.at.x, this.at.y].map((value) => Math.round((100 * value) / this.side));
    return `Pen ${this.isDown ? 'down' : 'up'}, ${across} % from the left, ${down} % from the top.`;
  }
}

/** The mark on the paper that shows where the key pen is. */
export class KeyCursor {
  /**
   * @param {HTMLElement} paper
   * @param {KeyPen} pen
   */
  constructor(paper, pen) {
    this.pen = pen;
    this.mark = el('i', { class: 'gl-cursor', hidden: true, 'aria-hidden': 'true' });
    this.said = el('span', { class: 'gl-unseen', role: 'status' });
    paper.append(this.mark, this.said);
  }

  /** @param {number} size of the pen, pixels of the paper */
  show(size) {
    const { at, side, isDown } = this.pen;
    /** @type {(value: number) => string} */
    const share = (value) => `${(100 * value) / side}%`;
    Object.assign(this.mark.style, { left: share(at.x), top: share(at.y), width: share(size), height: share(size) });
    this.mark.classList.toggle('gl-down', isDown);
    this.mark.hidden = false;
  }

  hide() {
    this.mark.hidden = true;
  }

  /** @param {string} text */
  say(text) {
    this.said.textContent = text;
  }
}
