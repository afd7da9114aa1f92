// What stands beside a cropper's picture: what the model sees, the size of the part, and buttons.
import { button, el } from './elements.js';

/** @typedef {import('./square.js').Square} Square */

export class CropWords {
  /**
   * @param {HTMLElement} beside where it goes
   * @param {HTMLCanvasElement} lens
   * @param {import('./lens.js').View} view
   * @param {{ takeAll: () => void, toggle: () => void }} actions
   */
  constructor(beside, lens, { size, digits = false }, actions) {
    this.digits = digits;
    this.size = el('b');
    this.said = el('span', { class: 'gl-unseen', role: 'status' });
    const [text, title] = digits ? ['whole', 'Look at the whole picture again'] : ['largest', 'Take the largest square again'];
    this.all = button(text, actions.takeAll, { title });
    this.crop = button('crop', actions.toggle, { title: 'Draw a square around the digit', 'aria-pressed': 'false' });
    const buttons = el('div', { class: 'gl-lens-buttons' }, ...(digits ? [this.crop] : []), this.all);
    const lines = [el('span', {}, 'the model sees'), this.size, el('span', {}, `${size} x ${size}`)];
    this.element = el('div', { class: 'gl-lens-words' }, ...lines, buttons, this.said);
    this.sentence = el('p', { class: 'gl-seen', role: 'status' });
    beside.replaceChildren(lens, this.element);
    if (digits) beside.after(this.sentence);
  }

  /**
   * How much of the picture is looked at.
   * @param {Square | null} square null for all, or for a digit of it
   * @param {import('./square.js').Size} picture
   * @param {boolean} isPart
   */
  show(square, { width, height }, isPart) {
    const all = this.digits ? `all of ${width} x ${height}` : '';
    const digit = isPart ? 'the marked digit' : all;
    this.size.textContent = square ? `${Math.round(square.side)} of ${width} x ${height}` : digit;
    this.element.classList.remove('gl-off');
    if (this.digits) this.all.disabled = !isPart;
  }

  /** @param {Square | null} square */
  say(square) {
    if (!square) return;
    const [left, top, side] = [square.left, square.top, square.side].map(Math.round);
    this.said.textContent = `Square ${side} pixels wide, ${left} from the left, ${top} from the top.`;
  }

  /** @param {boolean} isOn whether a hand draws squares */
  press(isOn) {
    this.crop.setAttribute('aria-pressed', String(isOn));
  }

  clear() {
    this.element.classList.add('gl-off');
    this.size.textContent = '';
    this.sentence.textContent = '';
  }

  remove() {
    this.sentence.remove();
  }
}
