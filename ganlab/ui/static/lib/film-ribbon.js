// What is seen along a film: a ribbon of classes, in which frames unlike digits are marked, and both in words.
import { context2d, el } from './elements.js';
import { request } from './request.js';

/**
 * @typedef {object} Judgement what the server answers
 * @property {number[]} labels the class of each frame; empty without a classifier
 * @property {boolean[]} unlike whether it is unlike the model's data; empty where that was not measured
 * @property {string} summary
 */

const PAUSE = 300; // ms after the last change until the film is judged
const ROWS = 4; // of the ribbon; the last one marks what is unlike
const FAINT = 0.35; // opacity of the class of an unlike frame
const TITLE = 'Colours: the class that the classifier sees. Underlined: unlike what the model was trained on.';

export class FilmRibbon {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pause;
  #judged = ''; // the request that the ribbon belongs to

  constructor() {
    this.canvas = el('canvas', { class: 'gl-ribbon', 'aria-hidden': 'true', title: TITLE });
    this.words = el('p', { class: 'gl-fine', role: 'status' });
    this.element = el('div', {}, this.canvas, this.words);
  }

  /**
   * Show a sentence instead, and judge nothing.
   * @param {string} [sentence]
   */
  wait(sentence) {
    clearTimeout(this.#pause);
    if (sentence !== undefined) this.words.textContent = sentence;
  }

  /**
   * Judge a film once it has rested a moment.
   * @param {() => string} describe the body of the request
   * @param {string[]} palette colours of the classes
   */
  judge(describe, palette) {
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.#judge(describe(), palette), PAUSE);
  }

  /**
   * @param {string} body
   * @param {string[]} palette
   */
  async #judge(body, palette) {
    if (body === this.#judged) return; // the same film: its answer is here or on its way
    this.#judged = body;
    /** @type {Judgement | Error} */
    const judgement = await request('ganlab/ribbon', { method: 'POST', body })
      .then((response) => response.json())
      .catch((error) => error);
    if (this.#judged !== body) return;
    if (judgement instanceof Error) {
      this.#judged = ''; // may be asked for again
      this.words.textContent = judgement.message;
      return;
    }
    this.words.textContent = judgement.summary;
    this.#draw(judgement, palette);
  }

  /**
   * @param {Judgement} judgement
   * @param {string[]} palette
   */
  #draw({ labels, unlike }, palette) {
    Object.assign(this.canvas, { width: Math.max(labels.length, unlike.length), height: ROWS });
    const context = context2d(this.canvas);
    for (const [frame, label] of labels.entries()) {
      context.globalAlpha = unlike[frame] ? FAINT : 1;
      context.fillStyle = palette[label % palette.length];
      context.fillRect(frame, 0, 1, unlike[frame] ? ROWS - 1 : ROWS);
    }
    context.globalAlpha = 1;
    context.fillStyle = getComputedStyle(this.canvas).color;
    for (const [frame, marked] of unlike.entries()) if (marked) context.fillRect(frame, ROWS - 1, 1, 1);
  }
}
