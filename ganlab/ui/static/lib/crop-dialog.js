// Asks for the square of a picture in a window of its own, where a picture is used once and not followed.
import { Cropper } from './cropper.js';
import { button, el } from './elements.js';
import { decodeImage, readFile } from './files.js';
import { fitToServer, SentPicture } from './sent-picture.js';

/** @typedef {{ upload: string, crop: number[] } | { picture: string }} Chosen what Python's `invert_sent` reads */

/**
 * A picture as Python takes it, with the square that the person chooses; null if the window was closed. Without a view,
 * for a model that takes no square, or a preview in this browser, the file itself at once.
 * @param {Blob} file
 * @param {import('./lens.js').View | null} view
 * @returns {Promise<Chosen | null>}
 */
export async function choosePart(file, view) {
  const picture = await readFile(file);
  const image = view && (await decodeImage(picture));
  if (!view || !image) return { picture };
  const fitting = await fitToServer(image, file);
  const sent = new SentPicture(fitting.file);
  sent.send().catch(() => {}); // while the person chooses
  const square = await ask(fitting.image, view);
  return square && sent.describe(square).catch(() => ({ picture }));
}

/**
 * @param {import('./sent-picture.js').Shown} image
 * @param {import('./lens.js').View} view
 * @returns {Promise<import('./square.js').Square | null>}
 */
function ask(image, view) {
  const paper = el('div', { class: 'gl-paper' });
  const lens = el('div', { class: 'gl-lens' });
  const cropper = new Cropper(paper, lens, view, { changed: () => {}, rested: () => {} });
  const use = button('use this square', () => dialog.close('use'));
  const tools = el('div', { class: 'gl-tools' }, use, button('cancel', () => dialog.close()));
  const dialog = el('dialog', { class: 'gl-dialog', 'aria-label': 'Choose a square of your picture' }, paper, lens, tools);
  // Inside the app's own element, whose colours it takes.
  (document.querySelector('.gradio-container') ?? document.body).append(dialog);
  dialog.showModal();
  cropper.open(image);
  cropper.box.focus();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'use' ? cropper.square : null);
    });
  });
}
