// Files from the person's disk, and files to it.
import { el } from './elements.js';

/**
 * A file's content as a data: URI; empty if it cannot be read.
 * @param {Blob} file
 * @returns {Promise<string>}
 */
export function readFile(file) {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => resolve('');
    reader.readAsDataURL(file);
  });
}

/**
 * The picture as the browser decodes it, upright; null if it cannot.
 * @param {string} source
 */
export async function decodeImage(source) {
  const image = new Image();
  image.src = source;
  try {
    await image.decode();
    return image;
  } catch {
    return null;
  }
}

/**
 * Take the file that was chosen in a file input; the same file can be chosen again afterwards.
 * @param {HTMLInputElement} input
 * @returns {File | null}
 */
export function takeFile(input) {
  const file = input.files?.[0] ?? null;
  input.value = '';
  return file;
}

/**
 * @param {string} address
 * @param {string} name
 */
export function download(address, name) {
  el('a', { href: address, download: name }).click();
}
