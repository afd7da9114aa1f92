// The drawing pad: mouse, pen, finger and keyboard. While the person draws, pictures are sent at most every PACE ms. What is
// uploaded, pasted, dropped or photographed is pad-pictures.js's.
import { context2d } from './elements.js';
import { Invitation } from './invitation.js';
import { KeyHand } from './pad-keys.js';
import { PadPictures } from './pad-pictures.js';
import { StageMark } from './pad-stage.js';
import { PadStates } from './pad-states.js';
import { drawLine, follow, Hand, measureWidth } from './pen.js';
import { createKey } from './sent-picture.js';

const PACE = 60; // ms
const HINT = 'draw, or drop a picture';
const KEPT = 'The picture before stays.';
const INVITING = 'drop, paste or upload your picture';

/** @typedef {import('./pen.js').Dab} Dab */
/**
 * @typedef {object} State what the paper shows
 * @property {ImageData} pixels
 * @property {boolean} blank
 * @property {import('./crop-pad.js').Kept | null} shown
 * @property {Sent | null} source
 */
/** @typedef {import('./pad-pictures.js').Sent} Sent */
/** @typedef {import('./pad-pictures.js').Received & { says?: string, invites?: 'digit' | 'picture' }} Received */

export class DrawingPad {
  blank = true; // nothing was drawn: the next stroke begins on clean paper
  /** @type {Sent | null} */
  source = null; // what has Python answer for the picture on the paper, if it is no drawing
  /** @type {Sent | null} */
  sent = null; // the last
  reminder = ''; // of the keys
  /** @type {Dab | null} */
  last = null; // the pen's last place
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
    const paper = /** @type {HTMLElement} */ (root.querySelector('.gl-paper'));
    /** @type {PadStates<State>} */
    this.states = new PadStates();
    this.hand = new Hand();
    this.keys = new KeyHand(this.canvas, paper, {
      isFree: () => this.hand.active === null,
      size: (change = 0) => {
        this.pen.value = String(this.size + change);
        return this.size;
      },
      begin: (at) => this.#begin(at),
      stroke: (to) => this.#stroke(to),
      end: () => this.#end(),
      act: (name) => this.#act(name),
      remind: (text) => this.#remind(text),
    });
    this.mark = new StageMark(/** @type {HTMLElement} */ (root.querySelector('.gl-pad')));
    this.invitation = new Invitation(paper);
    /** @type {PadPictures} */
    this.pictures = new PadPictures(root, this);
    this.wipe();
    this.#listenToPointers();
    root.addEventListener('click', (event) => {
      const target = /** @type {Element} */ (event.target).closest('[data-do]');
      if (target instanceof HTMLElement) this.#act(target.dataset.do ?? '');
    });
  }

  /** @param {string} name of a button, or of a key's act */
  #act(name) {
    if (name === 'undo') this.undo();
    if (name === 'redo') this.redo();
    if (name === 'clear') this.clear();
  }

  /** @param {Sent} value for Python */
  send(value) {
    const key = value.key ?? createKey();
    this.pictures.given = '';
    this.sent = { ...value, key };
    this.source = value.kind !== 'draw' && value.picture ? value : null;
    if (value.kind !== 'given') this.invitation.end();
    this.mark.expect(key);
    this.onsend(this.sent);
  }

  /** @param {string} text */
  say(text) {
    this.hint.textContent = text;
    this.hint.hidden = false;
  }

  /**
   * Say what keys do while nothing else is to be said; null to stop that.
   * @param {string | null} text
   */
  #remind(text) {
    const { hint } = this;
    if (text !== null && (hint.hidden || hint.textContent === HINT)) this.say(text);
    this.reminder = text ?? this.reminder;
    if (text !== null || hint.textContent !== this.reminder) return;
    if (this.isEmpty) this.say(HINT);
    else hint.hidden = true;
  }

  /** Take away what the pad says. */
  hush() {
    this.hint.hidden = true;
    this.invitation.close();
  }

  /**
   * What Python sends to the pad: a picture to show, or why it refuses one.
   * @param {Received} [value]
   */
  async receive(value) {
    if (value?.refused) return this.#answerRefusal(value);
    if (value?.show && this.last) return undefined; // the stroke under way is newer
    await this.pictures.receive(value);
    if (value?.show && value.invites && Invitation.isFirstVisit) this.#invite(value.show, value.invites);
    return undefined;
  }

  /** @param {Received} value */
  #answerRefusal(value) {
    const { sent } = this;
    if (sent && value.refused !== sent.key) {
      this.onsend(sent); // a newer picture on its way was replaced by this refusal
      return;
    }
    if (value.says) this.say(value.says);
    if (sent && !sent.picture) this.pictures.receive(value); // a square
  }

  /** What was on the paper before a picture that cannot be used.
   * @param {string} sentence what is wrong */
  takeBack(sentence) {
    this.#restore(this.states.takeBack(), false);
    this.refuse(sentence);
  }

  /** @param {string} sentence what is wrong with a file that leaves the paper as it is */
  refuse(sentence) {
    if (sentence) this.say(this.isEmpty ? sentence : `${sentence} ${KEPT}`);
  }

  /**
   * @param {string} example
   * @param {'digit' | 'picture'} what the model's pictures are
   */
  #invite(example, what) {
    if (what === 'picture') this.say(INVITING);
    else this.invitation.open(example, () => this.canvas.focus({ preventScroll: true }));
  }

  // ---------------------------------------------------------------- states

  /** Clean paper. */
  wipe() {
    this.ink.fillStyle = '#ffffff';
    this.ink.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.blank = true;
    this.source = null;
  }

  get #state() {
    const { width, height } = this.canvas;
    const pixels = this.ink.getImageData(0, 0, width, height);
    return { pixels, blank: this.blank, shown: this.pictures.shown, source: this.source };
  }

  get isEmpty() {
    return this.blank && !this.source && !this.pictures.shown;
  }

  /** Before anything changes the paper, so that undo brings it back. */
  remember() {
    this.states.remember(this.#state);
    this.#showButtons();
  }

  /** A picture is on the paper that Python has put there, and Python gets `source` when it comes back.
   * @param {Sent} source */
  accept(source) {
    this.source = source;
    this.mark.clear();
  }

  /** Nothing comes back, not even what is on the paper: it was another model's. */
  forget() {
    this.states.forget();
    this.blank = true;
    this.source = null;
    this.#showButtons();
  }

  #showButtons() {
    for (const [name, states] of /** @type {const} */ ([['undo', 'past'], ['redo', 'future']])) {
      const button = /** @type {HTMLButtonElement | null} */ (this.root.querySelector(`[data-do=${name}]`));
      if (button) button.disabled = !this.states[states].length;
    }
  }

  undo() {
    this.keys.lift();
    if (!this.last) this.#restore(this.states.undo(this.#state), true);
  }

  redo() {
    this.keys.lift();
    if (!this.last) this.#restore(this.states.redo(this.#state), true);
  }

  /**
   * @param {State | undefined} state
   * @param {boolean} send so that the stage follows
   */
  #restore(state, send) {
    if (!state) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.#showButtons();
    this.ink.putImageData(state.pixels, 0, 0);
    this.hush();
    this.pictures.close();
    this.blank = state.blank;
    if (state.shown) this.pictures.restore(state.shown, send && !state.source);
    this.source = state.source;
    if (this.isEmpty) this.#empty();
    else if (send && state.source) this.send(state.source);
    else if (send && !state.shown) this.#sendDrawing();
  }

  clear() {
    this.keys.lift();
    this.remember();
    this.wipe();
    this.pictures.close();
    this.#empty();
  }

  #empty() {
    this.invitation.close();
    this.mark.empty();
    this.say(HINT);
  }

  // ---------------------------------------------------------------- drawing

  #sendDrawing() {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.blank) return;
    this.pictures.look(this.canvas);
    this.send({ kind: 'draw', picture: this.canvas.toDataURL('image/png') });
  }

  /**
   * A stroke begins with a dot, which is sent when the pen moves or is lifted: a slow start is no drawing yet.
   * @param {Dab} at
   */
  #begin(at) {
    this.remember();
    if (this.blank) {
      this.wipe(); // a shown picture makes way for a drawing
      this.pictures.close();
    }
    this.blank = false;
    this.hush();
    this.last = at;
    drawLine(this.ink, at, at);
  }

  /** @param {Dab} to */
  #stroke(to) {
    if (!this.last || (to.x === this.last.x && to.y === this.last.y)) return;
    const next = { ...to, width: follow(this.last.width, to.width) };
    drawLine(this.ink, this.last, next);
    this.last = next;
    this.timer ??= setTimeout(() => this.#sendDrawing(), PACE);
  }

  #end() {
    if (!this.last) return;
    this.last = null;
    this.#sendDrawing();
  }

  /** @param {boolean} send whether no other stroke follows at once */
  #takeBack(send) {
    this.last = null;
    this.#restore(this.states.takeBack(), send);
  }

  // ---------------------------------------------------------------- pointers

  #listenToPointers() {
    const { canvas, hand } = this;
    canvas.addEventListener('pointerdown', (event) => this.#press(event));
    canvas.addEventListener('pointermove', (event) => {
      hand.see(event);
      if (!hand.draws(event)) return;
      const parts = event.getCoalescedEvents?.() ?? [];
      for (const each of parts.length ? parts : [event]) this.#stroke(this.#point(each));
    });
    for (const name of /** @type {const} */ (['pointerup', 'lostpointercapture'])) {
      canvas.addEventListener(name, (event) => {
        if (hand.lift(event)) this.#end();
      });
    }
    canvas.addEventListener('pointercancel', (event) => {
      if (!hand.lift(event)) return;
      if (hand.disowns(event)) this.#takeBack(true);
      else this.#end();
    });
    canvas.addEventListener('pointerleave', (event) => hand.leave(event));
  }

  /** @param {PointerEvent} event */
  #press(event) {
    const meaning = this.keys.pen.isDown ? 'ignore' : this.hand.press(event);
    if (event.button === 0) event.preventDefault();
    if (meaning === 'ignore') return;
    if (meaning === 'replace') this.#takeBack(false);
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.focus({ preventScroll: true }); // for the keys that undo
    this.keys.hide();
    this.#begin(this.#point(event));
  }

  /**
   * @param {PointerEvent} event
   * @returns {Dab}
   */
  #point(event) {
    const box = this.canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) / box.width) * this.canvas.width,
      y: ((event.clientY - box.top) / box.height) * this.canvas.height,
      width: measureWidth(this.size, event),
    };
  }

  /** The pen's size, in pixels of the canvas. */
  get size() {
    return Number(this.pen.value);
  }
}
