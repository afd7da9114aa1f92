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
   * A pixel for each point.
   * @param {MapData} data
   */
  ofPoints({ labels, count, values, attributes }) {
    const colours = new Uint32Array(count);
    if (this.attribute) {
      const column = attributes.findIndex(({ name }) => name === this.attribute);
      const ramp = Uint32Array.from({ length: 256 }, (_, value) => toPixel(rampColour(value / 255)));
      for (let i = 0; i < count; i++) colours[i] = ramp[values[i * attributes.length + column]];
      return colours;
    }
    const [full, faint] = [255, FAINT].map((alpha) => this.palette.map((hex) => toPixel(hex, alpha)));
    for (let i = 0; i < count; i++) {
      const chosen = this.onlyLabel === null || labels[i] === this.onlyLabel;
      colours[i] = (chosen ? full : faint)[labels[i] % full.length];
    }
    return colours;
  }
}
