// Drawing with the keyboard: a cursor on the paper that arrow keys move, and a key that puts the pen down and lifts it.
import { el } from './elements.js';

const STEP = 10; // pixels of a paper of 280: one of a picture of 28
const FINE = 2; // with Shift
const GROWTH = 2; // pixels of the pen's size
const ARROWS = new Map([['ArrowLeft', [-1, 0]], ['ArrowRight', [1, 0]], ['ArrowUp', [0, -1]], ['ArrowDown', [0, 1]]]);

const KEYS =
  'Arrow keys move the pen, two at a time move it aslant, Shift moves it finely. Space puts the pen down and lifts it, ' +
  'plus and minus size it, Z undoes, Y redoes, Delete clears, Escape lifts the pen.';
const SHORT_KEYS = 'arrows move · space: pen down, up · + − size · Z undo';

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

/** The keyboard as a hand on the paper: a mark shows where its pen is, and what it does is said. */
export class KeyHand {
  /**
   * @param {HTMLCanvasElement} canvas that has the focus
   * @param {HTMLElement} paper around it
   * @param {object} pad
   * @param {() => boolean} pad.isFree whether no other hand draws
   * @param {(change?: number) => number} pad.size changes the pen's size; returns it, in pixels of the canvas
   * @param {(at: import('./pen.js').Dab) => void} pad.begin a stroke
   * @param {(to: import('./pen.js').Dab) => void} pad.stroke
   * @param {() => void} pad.end
   * @param {(name: string) => void} pad.act as a button of this name does
   * @param {(text: string | null) => void} pad.remind of the keys; null when they no longer count
   */
  constructor(canvas, paper, pad) {
    this.canvas = canvas;
    this.pad = pad;
    this.pen = new KeyPen(canvas.width);
    this.mark = el('i', { class: 'gl-cursor', hidden: true, 'aria-hidden': 'true' });
    this.said = el('span', { class: 'gl-unseen', role: 'status' });
    paper.append(this.mark, this.said);
    canvas.setAttribute('aria-description', KEYS);
    canvas.addEventListener('keydown', (event) => {
      const act = pad.isFree() ? this.pen.press(event) : null;
      if (!act) return;
      event.preventDefault();
      this.#follow(act);
    });
    canvas.addEventListener('keyup', (event) => this.pen.release(event));
    canvas.addEventListener('focus', () => {
      if (!pad.isFree() || !canvas.matches(':focus-visible')) return;
      this.#show();
      pad.remind(SHORT_KEYS);
    });
    canvas.addEventListener('blur', () => {
      this.lift();
      this.pen.held.clear();
      this.hide();
      pad.remind(null);
    });
  }

  /** @param {Act} act */
  #follow(act) {
    const { pad, pen } = this;
    const at = { ...pen.at, width: pad.size(act.kind === 'size' ? act.by : 0) };
    if (act.kind === 'down') pad.begin(at);
    else if (act.kind === 'up') pad.end();
    else if (act.kind === 'move') pad.stroke(at);
    else if (act.kind !== 'size') pad.act(act.kind);
    this.#show();
    if (act.kind === 'size') this.said.textContent = `Pen size ${at.width}.`;
    else if (act.kind === 'down' || act.kind === 'up') this.said.textContent = pen.describe();
    else if (act.kind !== 'move') this.said.textContent = `${act.kind}: done.`;
  }

  #show() {
    const { at, side, isDown } = this.pen;
    /** @type {(value: number) => string} */
    const share = (value) => `${(100 * value) / side}%`;
    const size = share(this.pad.size());
    Object.assign(this.mark.style, { left: share(at.x), top: share(at.y), width: size, height: size });
    this.mark.classList.toggle('gl-down', isDown);
    this.mark.hidden = false;
    this.canvas.toggleAttribute('data-keys', true);
  }

  /** Another hand draws, or the focus is elsewhere. */
  hide() {
    this.mark.hidden = true;
    this.canvas.toggleAttribute('data-keys', false);
  }

  /** Another act ends the stroke under way. */
  lift() {
    if (!this.pen.isDown) return;
    this.pen.isDown = false;
    this.pad.end();
  }
}
