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
   */
  show(boxes, picture) {
    const order = sortForReading(boxes);
    this.boxes = order.map((i) => boxes[i]);
    this.taken = Math.max(0, order.indexOf(0));
    this.element.hidden = boxes.length < 2;
    const share = (/** @type {number} */ value, /** @type {number} */ whole) => `${(100 * value) / whole}%`;
    this.element.replaceChildren(
      ...(boxes.length < 2 ? [] : this.boxes).map(({ left, top, width, height }, i) => {
        const label = `Digit ${i + 1} of ${boxes.length}`;
        const outline = el('button', { type: 'button', class: 'gl-digit', role: 'radio', 'aria-label': label, title: label });
        const { width: wide, height: high } = picture;
        Object.assign(outline.style, {
          left: share(left, wide), top: share(top, high), width: share(width, wide), height: share(height, high),
        });
        return outline;
      }),
    );
    this.#mark(boxes.length > 1);
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

/**
 * What a person reads of several digits; "" where there is nothing to choose.
 * @param {Box[]} boxes
 * @param {number} taken
 * @param {boolean} chosen whether by the person
 */
export function describeDigits(boxes, taken, chosen) {
  if (boxes.length < 2) return '';
  if (chosen) return `Digit ${taken + 1} of ${boxes.length} is taken. Click another.`;
  const areas = boxes.map(({ width, height }) => width * height);
  const isLargest = areas[taken] >= Math.max(...areas);
  const which = !isLargest ? 'the marked one' : boxes.length === 2 ? 'the larger one' : 'the largest';
  return `${boxes.length} digits: ${which} is taken. Click another.`;
}
