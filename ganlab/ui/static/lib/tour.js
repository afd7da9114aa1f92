// A tour of four steps, offered on a browser's first visit and started from the header at any time: a card that stands
// beside what it speaks of and never on it. Keys: arrows go on and back, Escape ends it.
import { awaitElement } from './opening.js';
import { button, el } from './elements.js';
import { avoid, join, overlap } from './tour-places.js';
import { recall, remember } from './storage.js';

/**
 * @typedef {import('./tour-places.js').Box} Box
 * @typedef {object} Step
 * @property {string} text
 * @property {string[]} shows selectors of what it speaks of
 */

const STORED = 'tour';
const NEWCOMER = 'gl-newcomer'; // class of the body while the header offers the tour
const GAP = 12; // px between the card and what it speaks of, and from the window's edges
const HOME = '#tabs [role=tab]'; // the first of them

/** @type {Step[]} */
export const STEPS = [
  { text: 'Draw here. Or drop, paste, upload or photograph a picture, or take an example from below.', shows: ['.gl-pad'] },
  {
    text: 'This is what came of it: in a line, and in pictures. Figures wait behind “details”.',
    shows: ['#reconstruct-stage .gl-promise', '#reconstruct-stage .gl-cards'],
  },
  { text: 'The shelf goes with you: the current picture, two ends A and B of a walk, and what you keep.', shows: ['.gl-shelf'] },
  { text: 'Other tabs do something else with the current picture: in Latent, sliders change it. Training shows how a model learns.', shows: ['#tabs .tab-wrapper'] },
];

export class Tour {
  index = -1; // of the step that is shown; -1 while there is none
  /** @type {number | undefined} */
  #frame;

  /** @param {HTMLElement} root where the card is put */
  constructor(root) {
    this.root = root;
    this.text = el('p', { id: 'gl-tour-text' });
    this.count = el('small');
    this.back = button('back', () => this.go(this.index - 1));
    this.next = button('next', () => this.go(this.index + 1), { class: 'gl-button gl-step' });
    this.skip = button('skip', () => this.end());
    const settings = { class: 'gl-tour-card', role: 'dialog', 'aria-label': 'Tour', 'aria-describedby': 'gl-tour-text', hidden: true };
    const tools = el('div', { class: 'gl-tools' }, this.count, this.back, this.next, this.skip);
    this.card = el('section', settings, this.text, tools);
    this.ring = el('div', { class: 'gl-tour-ring', hidden: true, 'aria-hidden': 'true' });
    document.addEventListener('keydown', (event) => this.#press(event));
  }

  /** Offer the tour in the header, to a browser that has never been offered one. */
  offer() {
    if (recall(STORED, 'seen')) return;
    remember(STORED, 'seen', true);
    document.body.classList.add(NEWCOMER);
  }

  decline() {
    document.body.classList.remove(NEWCOMER);
  }

  async start() {
    this.decline();
    const home = /** @type {HTMLElement | null} */ (document.querySelector(HOME));
    if (home?.getAttribute('aria-selected') !== 'true') home?.click();
    await awaitElement(() => find(STEPS[0])[0]);
    this.root.append(this.ring, this.card);
    this.go(0);
  }

  /** @param {number} index of a step; beyond the last one the tour is over */
  go(index) {
    if (index < 0) return;
    if (index >= STEPS.length) return this.end();
    this.index = index;
    this.text.textContent = STEPS[index].text;
    this.count.textContent = `${index + 1} of ${STEPS.length}`;
    this.back.hidden = index === 0;
    this.skip.hidden = index === STEPS.length - 1;
    this.next.textContent = index === STEPS.length - 1 ? 'done' : 'next';
    for (const each of [this.card, this.ring]) each.hidden = false;
    this.#reveal(find(STEPS[index]));
    this.#follow();
    this.next.focus({ preventScroll: true });
  }

  end() {
    if (this.index < 0) return;
    const held = this.card.contains(document.activeElement);
    this.index = -1;
    cancelAnimationFrame(this.#frame ?? 0);
    for (const each of [this.card, this.ring]) each.remove();
    if (held) /** @type {HTMLElement | null} */ (document.querySelector('[data-do=tour]'))?.focus();
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    if (this.index < 0) return;
    const inside = this.card.contains(/** @type {Node} */ (event.target));
    if (event.key === 'Escape') this.end();
    else if (inside && event.key === 'ArrowRight') this.go(this.index + 1);
    else if (inside && event.key === 'ArrowLeft') this.go(this.index - 1);
    else return;
    event.preventDefault();
  }

  /**
   * Scroll so that what a step speaks of is in sight, with room for the card.
   * @param {HTMLElement[]} elements
   */
  #reveal(elements) {
    const box = join(elements.map(measure));
    if (!box || isFixed(elements[0])) return;
    const room = visibleHeight() - this.card.offsetHeight - 2 * GAP;
    if (box.top >= GAP && box.top + box.height <= room) return;
    scrollBy({ top: box.top - GAP, behavior: 'instant' });
  }

  /** Keep card and ring with what they belong to; the tour is over when that is gone, on another tab. */
  #follow() {
    cancelAnimationFrame(this.#frame ?? 0);
    const boxes = find(STEPS[this.index]).map(measure);
    const all = join(boxes);
    if (!all) return this.end();
    const card = { width: this.card.offsetWidth, height: this.card.offsetHeight };
    const view = { width: document.documentElement.clientWidth, height: innerHeight };
    const crowded = overlap(avoid(all, card, view, GAP), card, all) > 0;
    const box = crowded ? boxes[0] : all; // in a very low window it speaks of the first part alone
    const { left, top } = avoid(box, card, view, GAP);
    Object.assign(this.card.style, { left: `${left}px`, top: `${top}px` });
    const [x, y, w, h] = [box.left - 4, box.top - 4, box.width + 8, box.height + 8];
    Object.assign(this.ring.style, { left: `${x}px`, top: `${y}px`, width: `${w}px`, height: `${h}px` });
    this.#frame = requestAnimationFrame(() => this.#follow());
  }
}

/**
 * What a step speaks of, where it is in sight.
 * @param {Step} step
 * @returns {HTMLElement[]}
 */
function find({ shows }) {
  const elements = /** @type {HTMLElement[]} */ (shows.map((selector) => document.querySelector(selector)).filter(Boolean));
  return elements.filter((each) => each.getClientRects().length > 0);
}

/**
 * @param {Element} element
 * @returns {Box}
 */
function measure(element) {
  const { left, top, width, height } = element.getBoundingClientRect();
  return { left, top, width, height };
}

/** @param {Element} element */
const isFixed = (element) => ['fixed', 'sticky'].includes(getComputedStyle(element).position);

/** The height of the window that no fixed shelf covers, in px. */
function visibleHeight() {
  const shelf = document.querySelector('.gl-shelf');
  const bar = shelf && getComputedStyle(shelf).position === 'fixed';
  return bar ? shelf.getBoundingClientRect().top : innerHeight;
}
