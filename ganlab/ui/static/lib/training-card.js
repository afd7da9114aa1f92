// A figure of the Training tab: its title, what it shows, a sentence on that; or why a run has none.
import { el } from './elements.js';

/** A figure with its title and a sentence on what it shows; or, where a run has none, why. */
export class Card {
  /**
   * @param {string} title
   * @param {string} caption
   * @param {...HTMLElement} content
   */
  constructor(title, caption, ...content) {
    this.content = content;
    this.text = caption;
    this.words = el('figcaption', {}, caption);
    this.empty = el('p', { class: 'gl-run-absent', hidden: true });
    this.element = el('figure', { class: 'gl-card' }, el('div', { class: 'gl-title' }, title), ...content, this.empty, this.words);
  }

  /** @param {string} text */
  set caption(text) {
    this.text = text;
    this.say('');
  }

  /** @param {string} text in the caption's stead; empty for the caption */
  say(text) {
    this.words.textContent = text || this.text;
  }

  get absence() {
    return this.empty.textContent ?? '';
  }

  /** @param {string} reason why there is nothing to show; empty where there is */
  set absence(reason) {
    setText(this.empty, reason);
    this.empty.hidden = !reason;
    for (const each of [...this.content, this.words]) each.hidden = Boolean(reason);
  }
}

/**
 * A text that screen readers say only when it is another.
 * @param {HTMLElement} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
