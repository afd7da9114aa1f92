// The stage of the latent studio: the picture, its buttons, truncation and the list of keys.
import { button, el } from './elements.js';
import { Readout } from './readout.js';

const KEYS = [
  ['ctrl z', 'undo'],
  ['ctrl shift z, ctrl y', 'redo'],
  ['r', 'set all unlocked sliders to 0'],
  ['s', 'set the unlocked sliders shown here at random'],
  ['n', 'new sample'],
  ['l', 'lock the slider in focus'],
  ['arrows', 'move the slider or the plane in focus'],
  ['?', 'show or hide these keys'],
];

/**
 * @typedef {object} StageActions
 * @property {() => void} undo
 * @property {() => void} redo
 * @property {() => void} reset
 * @property {() => void} shuffle
 * @property {() => void} sample
 * @property {() => void} copyLink
 * @property {() => void} saveRecipe
 * @property {() => void} savePicture
 * @property {(value: number) => void} truncate
 */

export class Stage {
  /** @param {StageActions} actions */
  constructor(actions) {
    this.canvas = el('canvas', { class: 'gl-picture gl-large', role: 'img' });
    this.caption = el('span');
    this.notice = el('p', { class: 'gl-fine', role: 'status' });
    this.undo = button('undo', actions.undo, { title: 'ctrl z' });
    this.redo = button('redo', actions.redo, { title: 'ctrl shift z' });
    this.truncation = el('input', { type: 'range', min: 0, max: 1, step: 0.01, value: 1, 'aria-label': 'truncation' });
    this.truncation.oninput = () => actions.truncate(Number(this.truncation.value));
    this.amount = el('output');
    this.readout = new Readout();
    this.help = el('dl', { class: 'gl-keys', hidden: true });
    for (const [key, text] of KEYS) this.help.append(el('dt', {}, key), el('dd', {}, text));
    const title = el('div', { class: 'gl-title' }, 'G(z)');
    this.element = el(
      'div',
      { class: 'gl-stage' },
      el('figure', { class: 'gl-card' }, title, this.canvas, this.readout.element, el('figcaption', {}, this.caption)),
      this.#edits(actions),
      this.#exports(actions),
      el('label', { class: 'gl-slider' }, el('span', {}, 'truncation'), this.truncation, this.amount),
      this.help,
      this.notice,
    );
  }

  /** @param {StageActions} actions */
  #edits({ reset, shuffle, sample }) {
    return el(
      'div',
      { class: 'gl-tools' },
      this.undo,
      this.redo,
      button('reset', reset, { title: 'set all unlocked sliders to 0 (r)' }),
      button('shuffle', shuffle, { title: 'set the unlocked sliders shown here at random (s)' }),
      button('new sample', sample, { title: 'n' }),
      button('?', () => this.toggleHelp(), { 'aria-label': 'keys' }),
    );
  }

  /** @param {StageActions} actions */
  #exports({ copyLink, saveRecipe, savePicture }) {
    return el(
      'div',
      { class: 'gl-tools' },
      button('copy link', copyLink, { title: 'a link that opens this latent' }),
      button('recipe', saveRecipe, { title: 'a JSON file that python -m ganlab replay reads' }),
      button('save PNG', savePicture, { title: 'the picture, pixel for pixel' }),
    );
  }

  /**
   * Keys work while the studio is visible and no text is typed.
   * @param {HTMLElement} root
   * @param {StageActions} actions
   */
  listenToKeys(root, { undo, redo, reset, shuffle, sample }) {
    document.addEventListener('keydown', (event) => {
      const target = /** @type {Element} */ (event.target);
      if (!root.offsetParent || target.closest?.('input:not([type=range]), textarea, select')) return;
      /** @type {Record<string, () => void>} */
      const actions =
        event.ctrlKey || event.metaKey
          ? { z: event.shiftKey ? redo : undo, y: redo }
          : { r: reset, s: shuffle, n: sample, '?': () => this.toggleHelp() };
      const action = actions[event.key.toLowerCase()];
      if (!action || event.altKey) return;
      event.preventDefault();
      action();
    });
  }

  toggleHelp() {
    this.help.hidden = !this.help.hidden;
  }

  /**
   * @param {string} caption
   * @param {number} truncation
   */
  show(caption, truncation) {
    this.caption.textContent = caption;
    this.canvas.setAttribute('aria-label', `G(z), ${caption}`);
    this.amount.textContent = truncation.toFixed(2);
    if (Number(this.truncation.value) !== truncation) this.truncation.value = String(truncation);
  }
}
