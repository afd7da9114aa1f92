// What stands beside a picture while the hand moves: its label, the judge's confidence, and the light.
//
//   const readout = new Readout();
//   container.append(readout.element);
//   readout.load(value, () => paintAgain());
//   readout.paint(canvas, G, z); // each picture
import { nameClass } from './classes.js';
import { el } from './elements.js';
import { paint } from './generator.js';
import { loadJudge } from './judge.js';
import { norm } from './latent.js';
import { Pace } from './pace.js';

/**
 * @typedef {import('./judge.js').Judge} Judge
 *
 * @typedef {object} Sight what the readout shows
 * @property {number} label
 * @property {number} confidence
 * @property {import('./light.js').Rating | null} rating null where there is no light
 *
 * @typedef {object} ReadoutValue what Python sends of a model
 * @property {string} model
 * @property {string} fingerprint
 * @property {string[]} palette colours of the classes
 * @property {string[]} [classes] their names; empty where a label is its own name
 * @property {string} noun what a picture is called: "digit" or "picture"
 * @property {string} server why the server makes the pictures, if it does: then nothing can be read out
 */

/** @param {number} share */
const percent = (share) => `${Math.round(100 * share)} %`;

export class Readout {
  /** @type {Judge | null} */
  judge = null;
  /** @type {Sight | null} */
  sight = null;
  /** @type {ReadoutValue | null} */
  #value = null;
  failure = '';
  #pace = new Pace();

  constructor() {
    this.swatch = el('i');
    this.label = el('b');
    this.confidence = el('span', { class: 'gl-confidence' });
    this.verdict = el('span');
    this.light = el('span', { class: 'gl-light', tabindex: '0' }, el('i', { 'aria-hidden': 'true' }), this.verdict);
    const named = el('span', { class: 'gl-label' }, this.swatch, this.label);
    this.element = el('p', { class: 'gl-readout' }, named, this.confidence, this.light);
    // A sentence is written when somebody asks for it, not at each frame.
    for (const event of ['pointerenter', 'focus']) this.light.addEventListener(event, () => this.#explain());
    this.clear();
  }

  /**
   * Fetch the judge of a model. Until it is here nothing is shown.
   * @param {ReadoutValue} value
   * @param {() => void} [ready] called when it is here, unless another model was chosen meanwhile
   */
  async load(value, ready = () => {}) {
    this.#value = value;
    this.#pace.stop();
    this.#pace = new Pace();
    this.judge = null;
    this.failure = '';
    this.element.hidden = !!value.server;
    this.clear();
    if (value.server) return;
    const judge = await loadJudge(value.model, value.fingerprint).catch((error) => /** @type {Error} */ (error));
    if (this.#value !== value) return;
    if (judge instanceof Error) this.failure = judge.message;
    else this.judge = judge;
    this.clear();
    ready();
  }

  get palette() {
    return this.#value?.palette ?? [];
  }

  /** @param {number} label */
  nameClass(label) {
    return nameClass(this.#value?.classes, label);
  }

  get noun() {
    return this.#value?.noun ?? 'picture';
  }

  /** Why there is no label, or else no light; empty where both are there. */
  get reason() {
    return this.failure || this.judge?.reason || this.judge?.lightReason || '';
  }

  /** Show nothing, or what is lacking. */
  clear() {
    this.#pace.stop();
    this.sight = null;
    this.element.classList.remove('gl-waiting');
    this.swatch.style.background = '';
    this.element.dataset.light = '';
    for (const part of [this.label, this.confidence]) part.textContent = '';
    this.verdict.textContent = this.failure || this.judge?.reason ? 'not judged' : '';
  }

  /**
   * Show what the judge sees in the picture of z: at once, or where the judge takes long when the hand rests.
   * @param {import('./latent.js').Latent} z
   * @param {Float32Array} pixels (H, W, C)
   */
  show(z, pixels) {
    this.showLength(norm(z), pixels);
  }

  /**
   * `show` for a latent of which only the length is known.
   * @param {number} length
   * @param {Float32Array} pixels
   */
  showLength(length, pixels) {
    const { judge } = this;
    if (!judge || judge.reason) return;
    const { slow } = this.#pace;
    const kept = slow ? pixels.slice() : pixels; // the generator reuses them
    this.element.classList.toggle('gl-waiting', slow);
    this.#pace.run(() => this.#look(judge, length, kept));
  }

  /**
   * @param {Judge} judge
   * @param {number} length
   * @param {Float32Array} pixels
   */
  #look(judge, length, pixels) {
    const reading = judge.classify(pixels);
    const { label, confidence } = reading;
    const rating = judge.light?.rateLength(length, reading) ?? null;
    this.sight = { label, confidence, rating };
    const { palette, noun } = this;
    write(this.label, this.nameClass(label));
    write(this.confidence, confidence > 0.99 ? '> 99 %' : percent(confidence));
    this.swatch.style.background = palette[label % palette.length] ?? '';
    const like = rating ? (rating.like ? 'like' : 'unlike') : '';
    if (this.element.dataset.light !== like) this.element.dataset.light = like;
    write(this.verdict, rating ? `${like} ${noun}s` : 'no light');
    this.element.classList.remove('gl-waiting');
  }

  /**
   * Paint the picture of z, and show what the judge sees in it.
   * @param {HTMLCanvasElement} canvas
   * @param {import('./generator.js').Generator} G
   * @param {import('./latent.js').Latent} z
   */
  paint(canvas, G, z) {
    const pixels = G.decode(z);
    paint(canvas, pixels, G.shape);
    this.show(z, pixels);
  }

  #explain() {
    this.light.title = this.reason || this.#describe();
  }

  #describe() {
    const { rating } = this.sight ?? {};
    const { noun } = this;
    if (!rating || !this.judge) return '';
    const { agreement } = this.judge;
    return [
      `Does this look like the training ${noun}s? An estimate at the speed of the hand; Reconstruct has the full check.`,
      agreement ? `It agrees with ${percent(agreement.like)} of what that calls like, and ${percent(agreement.unlike)} of what it calls unlike.` : '',
      `The latent is ${rating.length.toFixed(2)} times as long as is typical of the prior.`,
    ].join(' ').replace('  ', ' ');
  }
}

/**
 * @param {HTMLElement} element
 * @param {string} text
 */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
