// The digits that the server saw in a picture: outlined, one of them chosen by a click or an arrow key.
import { el } from './elements.js';
import { sortForReading } from './square.js';

/** @typedef {import('./square.js').Box} Box */

export class DigitOutlines {
  /** @type {Box[]} */
  boxes = []; // as one reads them
  taken = 0; // the one that the model is shown

  /** @param {(box: Box) => void} choose */
  constructor(choose) {
    this.choose = choose;
    this.element = el('div', { class: 'gl-digits', role: 'radiogroup', 'aria-label': 'Digits in your picture', hidden: true });
    this.element.addEventListener('click', (event) => {
      const index = this.outlines.indexOf(/** @type {HTMLElement} */ (event.target));
      if (index >= 0) this.take(index);
    });
    this.element.addEventListener('keydown', (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      this.take((this.taken + step + this.boxes.length) % this.boxes.length);
      this.outlines[this.taken].focus();
    });
  }

  get outlines() {
    return /** @type {HTMLElement[]} */ ([...this.element.children]);
  }

  /**
   * Outline digits; fewer than two leave nothing to choose.
   * @param {Box[]} boxes the first is the one that was taken
   * @param {import('./square.js').Size} picture
   * @param {boolean} isUnsure whether a single digit is outlined as well: it may be the wrong one
   */
  show(boxes, picture, isUnsure = false) {
    const order = sortForReading(boxes);
    this.boxes = order.map((i) => boxes[i]);
    this.taken = Math.max(0, order.indexOf(0));
    const isChoice = boxes.length > 1;
    this.element.hidden = !isChoice && !(isUnsure && boxes.length);
    this.element.setAttribute('role', isChoice ? 'radiogroup' : 'presentation');
    this.element.replaceChildren(...(this.element.hidden ? [] : this.boxes).map((box, i) => {
      const outline = isChoice ? createRadio(`Digit ${i + 1} of ${boxes.length}`) : el('i', { class: 'gl-digit gl-single' });
      const share = (/** @type {number} */ value, /** @type {number} */ whole) => `${(100 * value) / whole}%`;
      Object.assign(outline.style, {
        left: share(box.left, picture.width), top: share(box.top, picture.height),
        width: share(box.width, picture.width), height: share(box.height, picture.height),
      });
      return outline;
    }));
    if (isChoice) this.#mark(true);
  }

  /** @param {number} index */
  take(index) {
    this.choose(this.boxes[index]);
  }

  /**
   * Show which digit is taken.
   * @param {Box | null} digit null for none
   */
  mark(digit) {
    if (this.boxes.length < 2) {
      this.element.hidden = true; // something else is taken
      return;
    }
    const index = digit ? this.boxes.indexOf(digit) : -1;
    if (index >= 0) this.taken = index;
    this.#mark(index >= 0);
  }

  /** @param {boolean} isTaken whether any is */
  #mark(isTaken) {
    for (const [i, outline] of this.outlines.entries()) {
      outline.setAttribute('aria-checked', String(isTaken && i === this.taken));
      outline.tabIndex = i === this.taken ? 0 : -1;
    }
  }
}

/** @param {string} label */
function createRadio(label) {
  return el('button', { type: 'button', class: 'gl-digit', role: 'radio', 'aria-label': label, title: label });
}

/**
 * What a person reads of several digits; "" where there is nothing to choose.
 * @param {Box[]} boxes
 * @param {number} taken
 * @param {boolean} chosen whether by the person
 * @param {boolean} isShort since more is said
 */
export function describeDigits(boxes, taken, chosen, isShort = false) {
  if (boxes.length < 2) return '';
  if (isShort) return `${boxes.length} digits: click another.`;
  if (chosen) return `Digit ${taken + 1} of ${boxes.length} is taken. Click another.`;
  const areas = boxes.map(({ width, height }) => width * height);
  const isLargest = areas[taken] >= Math.max(...areas);
  const which = !isLargest ? 'the marked one' : boxes.length === 2 ? 'the larger one' : 'the largest';
  return `${boxes.length} digits: ${which} is taken. Click another.`;
}
