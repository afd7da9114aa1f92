// The colours of the map's points, by class or by an attribute.
import { lighten, rampColour, toPixel } from './colours.js';

const FAINT = 40; // of 255, the opacity of points of other classes than the chosen one

/** @typedef {import('./map-data.js').MapData} MapData */

export class MapColours {
  attribute = ''; // name of the attribute that colours the points; empty for the class
  /** @type {number | null} */
  onlyLabel = null; // the class that is shown alone
  /** @type {string[]} */
  palette = [];

  /**
   * @param {string[]} palette made for a light page
   * @param {boolean} dark
   */
  setPalette(palette, dark) {
    this.palette = dark ? palette.map(lighten) : palette;
  }

  /** @param {number} label */
  ofLabel(label) {
    return this.palette[label % this.palette.length];
  }

  /**
   * The points of the class that is shown alone; null for all.
   * @param {MapData} data
   */
  shown({ labels }) {
    return this.onlyLabel === null ? null : Uint8Array.from(labels, (label) => Number(label === this.onlyLabel));
  }

  /**
   * A pixel for each point; those of other classes than the chosen one, and those that are not selected, are faint.
   * @param {MapData} data
   * @param {Uint8Array | null} [shown]
   * @param {Uint8Array | null} [selected]
   */
  ofPoints({ labels, count, values, attributes }, shown = null, selected = null) {
    const column = attributes.findIndex(({ name }) => name === this.attribute);
    const colours = column < 0 ? this.palette : Array.from({ length: 256 }, (_, value) => rampColour(value / 255));
    const [full, faint] = [255, FAINT].map((alpha) => Uint32Array.from(colours, (hex) => toPixel(hex, alpha)));
    const pixels = new Uint32Array(count);
    for (let i = 0; i < count; i++) {
      const strong = (!shown || shown[i]) && (!selected || selected[i]);
      const colour = column < 0 ? labels[i] % full.length : values[i * attributes.length + column];
      pixels[i] = (strong ? full : faint)[colour];
    }
    return pixels;
  }
}
