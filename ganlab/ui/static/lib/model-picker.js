// Which model is in use: a list, and where any model may be opened also a field for a folder or a Hub id.

import { el } from './elements.js';

const ANOTHER = ''; // value of the option that opens the field

export class ModelPicker {
  /**
   * @param {HTMLElement} root with a select, and maybe a form of one text field
   * @param {(name: string) => void} choose called with the name of a model that the visitor chooses
   */
  constructor(root, choose) {
    this.choose = choose;
    this.asked = ''; // the model that was chosen last
    this.list = /** @type {HTMLSelectElement} */ (root.querySelector('select'));
    this.form = root.querySelector('form');
    this.list.addEventListener('change', () => this.take());
    this.form?.addEventListener('submit', (event) => {
      event.preventDefault();
      this.ask(this.form?.querySelector('input')?.value.trim() ?? '');
    });
  }

  /**
   * Show which model is in use. Another one than was asked for means that this was refused: it leaves the list, if it
   * was no part of it.
   * @param {string} name
   */
  show(name) {
    const options = [...this.list.options];
    if (name !== this.asked) options.find(({ value, dataset }) => value === this.asked && 'added' in dataset)?.remove();
    if (!options.some(({ value }) => value === name)) this.list.prepend(el('option', { value: name, 'data-added': true }, name));
    this.list.value = name;
    this.showField(false);
  }

  /** What the list was set to. The focus stays on it: arrow keys may only be passing. */
  take() {
    const another = this.list.value === ANOTHER;
    this.showField(another);
    if (!another) this.ask(this.list.value);
  }

  /** @param {string} name */
  ask(name) {
    if (!name) return;
    this.asked = name;
    this.show(name);
    this.choose(name);
  }

  /** @param {boolean} shown */
  showField(shown) {
    if (this.form) this.form.hidden = !shown;
  }
}
