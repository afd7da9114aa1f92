// Marks what follows a pad as "for the picture before" while its paper is empty: from the moment when it is cleared until
// the first answer to what is drawn next.
//
// The pad carries data-blank meanwhile, which pad.css shows on every part of its tab with data-answers.

export class StageMark {
  /** @type {Set<string>} */
  keys = new Set(); // of what was sent since the paper was empty

  /** @param {HTMLElement} pad */
  constructor(pad) {
    this.pad = pad;
    this.observer = new MutationObserver(() => this.#compare());
  }

  /** The paper is empty. */
  empty() {
    this.keys.clear();
    this.observer.disconnect();
    this.pad.dataset.blank = '';
  }

  /**
   * Something is on its way to Python.
   * @param {string} key
   */
  expect(key) {
    if (this.pad.dataset.blank === undefined) return;
    if (!this.keys.size) {
      const settings = { subtree: true, childList: true, attributes: true, attributeFilter: ['data-answers'] };
      this.observer.observe(this.#panel, settings);
    }
    this.keys.add(key);
  }

  /** The stage shows what is on the paper. */
  clear() {
    this.keys.clear();
    this.observer.disconnect();
    delete this.pad.dataset.blank;
  }

  get #panel() {
    return this.pad.closest('[role=tabpanel]') ?? document.body;
  }

  #compare() {
    const results = /** @type {NodeListOf<HTMLElement>} */ (this.#panel.querySelectorAll('[data-answers]'));
    if ([...results].some((result) => this.keys.has(result.dataset.answers ?? ''))) this.clear();
  }
}
