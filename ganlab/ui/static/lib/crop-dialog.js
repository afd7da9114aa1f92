// Asks for a part of a picture in a window of its own, where a picture is used once and not followed.
import { Cropper } from './cropper.js';
import { button, el } from './elements.js';
import { openPicture } from './picture-file.js';

/** @typedef {{ upload: string, crop: number[] | null } | { refused: string }} Chosen what Python's `invert_sent` reads */
/** @typedef {import('./lens.js').View} View */

/**
 * A picture as Python takes it, with the part that the person chooses; null if the window was closed. A model of digits
 * gets all of the picture at once, unless there are several digits or preparation may be wrong. What is wrong with a
 * file goes to Python as well, which says it where the tab says what is wrong.
 * @param {Blob} file
 * @param {View} view
 * @returns {Promise<Chosen | null>}
 */
export async function choosePart(file, view) {
  try {
    const opened = await openPicture(file, view);
    const sent = opened.sent.send(); // while the person chooses
    sent.catch(() => {});
    const choice = new PartDialog(view);
    if (view.digits && !(await choice.isNeeded(opened))) return await opened.sent.describe(null);
    return (await choice.ask(opened)) ? await opened.sent.describe(choice.cropper.part) : null;
  } catch (error) {
    return { refused: error instanceof Error ? error.message : String(error) };
  }
}

class PartDialog {
  /** @param {View} view */
  constructor(view) {
    this.view = view;
    const paper = el('div', { class: 'gl-paper' });
    const lens = el('div', { class: 'gl-lens' });
    const rested = () => this.cropper.ask().catch((error) => (this.cropper.words.sentence.textContent = error.message));
    const use = button(view.digits ? 'use this' : 'use this square', () => this.dialog.close('use'));
    const tools = el('div', { class: 'gl-tools' }, use, button('cancel', () => this.dialog.close()));
    const label = view.digits ? 'Choose a digit of your picture' : 'Choose a square of your picture';
    this.dialog = el('dialog', { class: 'gl-dialog', 'aria-label': label }, paper, lens, tools);
    this.cropper = new Cropper(paper, lens, view, { changed: () => {}, rested });
  }

  /**
   * Whether there is something to choose for a model of digits.
   * @param {import('./picture-file.js').Opened} opened
   */
  async isNeeded({ image, sent }) {
    this.cropper.open(image, undefined, sent);
    await this.cropper.ask();
    return this.cropper.digits.length > 1 || this.cropper.isActive;
  }

  /**
   * @param {import('./picture-file.js').Opened} opened
   * @returns {Promise<boolean>} whether the part shall be used
   */
  async ask({ image, sent }) {
    const { dialog, cropper } = this;
    show(dialog);
    if (!this.view.digits) cropper.open(image, undefined, sent);
    const first = cropper.isActive ? cropper.box : cropper.outlines.outlines[cropper.outlines.taken];
    first?.focus();
    return (await closed(dialog)) === 'use';
  }
}

/** Inside the app's own element, whose colours it takes.
 * @param {HTMLDialogElement} dialog */
function show(dialog) {
  (document.querySelector('.gradio-container') ?? document.body).append(dialog);
  dialog.showModal();
}

/**
 * @param {HTMLDialogElement} dialog
 * @returns {Promise<string>} what it returns, once it is closed
 */
function closed(dialog) {
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
}
