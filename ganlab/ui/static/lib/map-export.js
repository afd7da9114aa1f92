// What a person takes home of a selection: its codes as CSV, and its pictures on one sheet.
import { context2d, el } from './elements.js';
import { download } from './files.js';
import { paint } from './generator.js';
import { MAX_POSITION } from './map-data.js';
import { Slices } from './slices.js';

export const MAX_SHEET = 1024; // pictures of a sheet
const ROWS = 500; // of a CSV file, written at a time
const SCALE = 2; // pixels of the sheet for one of a picture
const GAP = 4; // pixels between pictures, where the class's colour is

/**
 * @typedef {import('./map-selection.js').Selection} Selection
 * @typedef {(text: string) => void} Say
 */

export class SelectionExport {
  #slices = new Slices();

  /** @param {Say} say what is under way */
  constructor(say) {
    this.say = say;
  }

  stop() {
    this.#slices.stop();
  }

  /**
   * @param {Selection} selection
   * @param {Float32Array} xy its positions
   * @param {string} name of the file
   */
  saveCsv(selection, xy, name) {
    const lines = selection.csv(xy, MAX_POSITION);
    /** @type {string[]} */
    const parts = [];
    const write = () => {
      for (let i = 0; i < ROWS; i++) {
        const line = lines.next();
        if (!line.done) parts.push(`${line.value}\n`);
      }
    };
    this.#slices.start(Array(Math.ceil((selection.rows.length + 1) / ROWS)).keys(), write, (finished) => {
      this.say(finished ? '' : `CSV: ${Math.max(0, parts.length - 1).toLocaleString('en')} rows`);
      if (finished) save(new Blob(parts, { type: 'text/csv' }), `${name}.csv`);
    });
  }

  /**
   * @param {Selection} selection
   * @param {import('./generator.js').Generator} G
   * @param {(label: number) => string} colourOf
   * @param {string} name of the file
   */
  saveSheet(selection, G, colourOf, name) {
    const { data } = selection;
    const rows = chooseEvenly(selection, MAX_SHEET);
    const [, height, width] = G.shape;
    const columns = Math.ceil(Math.sqrt(rows.length));
    const [stepX, stepY] = [SCALE * width + GAP, SCALE * height + GAP];
    const sheet = el('canvas');
    Object.assign(sheet, { width: columns * stepX, height: Math.ceil(rows.length / columns) * stepY });
    const [context, picture] = [context2d(sheet), el('canvas')];
    context.imageSmoothingEnabled = false;
    let count = 0;
    /** @param {number} row */
    const draw = (row) => {
      const [x, y] = [(count % columns) * stepX, Math.floor(count / columns) * stepY];
      paint(picture, G.decodeCode(data.code(row)), G.shape);
      context.drawImage(picture, x, y, SCALE * width, SCALE * height);
      context.fillStyle = colourOf(data.labels[row]);
      context.fillRect(x, y + SCALE * height, SCALE * width, GAP - 1);
      count++;
    };
    const all = rows.length === selection.rows.length;
    this.#slices.start(rows, draw, (finished) => {
      this.say(finished ? (all ? '' : `${count} of them, evenly chosen.`) : `contact sheet: ${count} of ${rows.length}`);
      if (finished) sheet.toBlob((blob) => blob && save(blob, `${name}.png`), 'image/png');
    });
  }
}

/**
 * At most `most` rows of a selection, evenly chosen, those of one class together.
 * @param {Selection} selection
 * @param {number} most
 */
export function chooseEvenly({ data, rows }, most) {
  const sorted = [...rows].sort((a, b) => data.labels[a] - data.labels[b] || a - b);
  const count = Math.min(most, sorted.length);
  return Array.from({ length: count }, (_, i) => sorted[Math.floor((i * sorted.length) / count)]);
}

/**
 * @param {Blob} blob
 * @param {string} name
 */
function save(blob, name) {
  const address = URL.createObjectURL(blob);
  download(address, name);
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
