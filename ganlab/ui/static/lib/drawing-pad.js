// The drawing pad: mouse, pen and finger. While the person draws, pictures are sent at most every PACE ms. What is
// uploaded, pasted, dropped or photographed is pad-pictures.js's.
import { context2d } from './elements.js';
import { PadPictures } from './pad-pictures.js';

const MAX_HISTORY = 50;
const PACE = 60; // ms
const HINT = 'draw, or drop a picture';

/** @typedef {{ x: number, y: number }} Point in canvas pixels */

export class DrawingPad {
  /** @type {{ pixels: ImageData, blank: boolean, shown: import('./crop-pad.js').Kept | null }[]} */
  history = [];
  blank = true; // nothing was drawn: the next stroke begins on clean paper
  /** @type {Point | null} */
  last = null; // the pen's last point
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer;

  /**
   * @param {HTMLElement} root with the pad's elements in it
   * @param {(value: object) => void} send gets what `read_pad` in Python reads
   */
  constructor(root, send) {
    this.root = root;
    this.onsend = send;
    this.canvas = /** @type {HTMLCanvasElement} */ (root.querySelector('canvas'));
    this.hint = /** @type {HTMLElement} */ (root.querySelector('.gl-hint'));
    this.pen = /** @type {HTMLInputElement} */ (root.querySelector('.gl-pen input'));
    this.ink = context2d(this.canvas, { willReadFrequently: true });
    this.pictures = new PadPictures(root, this);
    this.wipe();
    this.#listenToPen();
    root.addEventListener('click', (event) => {
      const target = /** @type {Element} */ (event.target).closest('[data-do]');
      if (target instanceof HTMLElement) this.#act(target.dataset.do ?? '');
    });
  }

  /** @param {string} name of a button */
  #act(name) {
    if (name === 'undo') this.undo();
    if (name === 'clear') this.clear();
  }

  /** @param {object} value for Python */
  send(value) {
    this.pictures.given = '';
    this.onsend(value);
  }

  /** @param {string} text */
  say(text) {
    this.hint.textContent = text;
    this.hint.hidden = false;
  }

  /** Take away what the pad says. */
  hush() {
    this.hint.hidden = true;
  }

  /**
   * What Python sends to the pad.
   * @param {import('./pad-pictures.js').Received} [value]
   */
  receive(value) {
    return this.pictures.receive(value);
  }

  // ---------------------------------------------------------------- drawing

  /** Clean paper. */
  wipe() {
    this.ink.fillStyle = '#ffffff';
    this.ink.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.blank = true;
  }

  /** Before anything changes the paper, so that undo brings it back. */
  remember() {
    const { width, height } = this.canvas;
    this.history.push({ pixels: this.ink.getImageData(0, 0, width, height), blank: this.blank, shown: this.pictures.shown });
    if (this.history.length > MAX_HISTORY) this.history.shift();
  }

  #sendDrawing() {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.blank) return;
    this.pictures.look(this.canvas);
    this.send({ kind: 'draw', picture: this.canvas.toDataURL('image/png') });
  }

  #listenToPen() {
    const { canvas } = this;
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      canvas.setPointerCapture(event.pointerId);
      this.remember();
      if (this.blank) this.wipe(); // a shown picture makes way for a drawing
      this.blank = false;
      this.hush();
      this.last = this.#point(event);
      this.#stroke(this.last); // a dot is a stroke too
    });
    canvas.addEventListener('pointermove', (event) => {
      if (this.last === null) return;
      for (const each of event.getCoalescedEvents?.() ?? [event]) this.#stroke(this.#point(each));
    });
    for (const name of ['pointerup', 'pointercancel']) {
      canvas.addEventListener(name, () => {
        if (this.last === null) return;
        this.last = null;
        this.#sendDrawing();
      });
    }
  }

  /**
   * @param {PointerEvent} event
   * @returns {Point}
   */
  #point(event) {
    const box = this.canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) / box.width) * this.canvas.width,
      y: ((event.clientY - box.top) / box.height) * this.canvas.height,
    };
  }

  /** @param {Point} to */
  #stroke(to) {
    const from = this.last ?? to;
    Object.assign(this.ink, { strokeStyle: '#000000', lineCap: 'round', lineJoin: 'round', lineWidth: Number(this.pen.value) });
    this.ink.beginPath();
    this.ink.moveTo(from.x, from.y);
    this.ink.lineTo(to.x, to.y);
    this.ink.stroke();
    this.last = to;
    this.timer ??= setTimeout(() => this.#sendDrawing(), PACE);
  }

  undo() {
    const last = this.history.pop();
    if (!last) return;
    this.ink.putImageData(last.pixels, 0, 0);
    this.blank = last.blank;
    this.pictures.close();
    if (last.shown) this.pictures.restore(last.shown);
    else this.#sendDrawing();
  }

  clear() {
    this.remember();
    this.wipe();
    this.pictures.close();
    this.say(HINT);
  }
}
