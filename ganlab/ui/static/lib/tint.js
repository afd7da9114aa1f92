// The tint over a plane of pictures: a colour for each class that the judge sees, borders between them, and stripes
// where the pictures are unlike the training pictures. Computed in slices, which wait while the hand moves.
import { lighten, toPixel } from './colours.js';
import { button, context2d, el } from './elements.js';
import { LEVELS, Regions } from './regions.js';
import { Slices } from './slices.js';

/** @typedef {import('./studio.js').Studio} Studio */

const SIZE = 392; // pixels along a side
const OPACITY = 110; // of 255
const STRIPES = 9; // pixels from one to the next
const STRIPE_WIDTH = 4;
const MAX_LOOK = 8; // ms for a picture and its class, beyond which a coarser grid must do
const BORDER = toPixel('#ffffff', 235);
const NO_JUDGE = 'The classifier has not arrived yet.';

const remembered = { shown: false }; // from one plane to the next

export class Tint {
  /** @type {Regions | null} */
  regions = null;
  signature = ''; // of the plane that the regions are of

  /**
   * @param {Studio} studio
   * @param {(x: number, y: number) => import('./latent.js').Latent} latent at a position of the plane
   */
  constructor(studio, latent) {
    this.studio = studio;
    this.latent = latent;
    this.slices = new Slices();
    this.canvas = el('canvas', { class: 'gl-tint', 'aria-hidden': 'true', width: SIZE, height: SIZE });
    this.toggle = button('classes', () => this.show(!remembered.shown), { title: 'colour the plane by the class of its pictures' });
    this.legend = el('span', { class: 'gl-tint-legend', role: 'status' });
    this.tools = el('div', { class: 'gl-tools gl-legend' }, this.toggle, this.legend);
    this.#mark();
  }

  #mark() {
    this.toggle.setAttribute('aria-pressed', String(remembered.shown));
    this.canvas.hidden = !remembered.shown;
    this.legend.hidden = !remembered.shown;
  }

  /** @param {boolean} shown */
  show(shown) {
    remembered.shown = shown;
    this.#mark();
    if (shown) this.renew();
    else this.stop();
  }

  stop() {
    this.slices.stop();
    this.signature = ''; // what is left unfinished begins anew
  }

  /** Bring the tint in line with the plane, if it is shown. */
  renew() {
    const { readout } = this.studio.stage;
    const reason = readout.judge ? readout.judge.reason : readout.failure || NO_JUDGE;
    this.toggle.disabled = !!reason;
    if (reason) this.toggle.title = reason;
    if (reason || !remembered.shown) return;
    const signature = [[0, 0], [1, 0], [0, 1], [1, 1], [0.5, 0.5]].map(([x, y]) => Array.from(this.latent(x, y))).join();
    if (signature === this.signature) return; // the same plane: its tint is here or on its way
    this.signature = signature;
    context2d(this.canvas).clearRect(0, 0, SIZE, SIZE);
    this.legend.textContent = 'looking';
    this.regions = null;
    this.#refine();
  }

  #refine() {
    const { G, stage } = this.studio;
    const { judge } = stage.readout;
    if (!G || !judge) return;
    const regions = (this.regions ??= new Regions(judge.logits.length + 1));
    /** @param {number} point */
    const look = (point) => {
      const z = this.latent(...regions.position(point));
      const reading = judge.classify(G.decode(z));
      regions.set(point, reading.logits, judge.light ? judge.light.rate(z, reading).score : 0);
    };
    const points = regions.refine();
    let taken = 0; // ms
    const measured = (/** @type {number} */ point) => {
      const start = performance.now();
      look(point);
      taken += performance.now() - start;
    };
    const after = (/** @type {boolean} */ finished) => {
      if (!finished) return;
      this.#paint(regions);
      const left = regions.level + (taken > MAX_LOOK * points.length ? 1 : 0); // the finest grid is for quick models
      if (left < LEVELS) this.#refine();
    };
    this.slices.start(points, measured, after, () => this.studio.held);
  }

  /** @param {Regions} regions */
  #paint(regions) {
    const verdicts = regions.draw(SIZE);
    const context = context2d(this.canvas);
    const image = context.createImageData(SIZE, SIZE);
    const pixels = new Uint32Array(image.data.buffer);
    const { palette } = this.studio.stage.readout;
    const colours = palette.map((hex) => toPixel(lighten(hex), OPACITY));
    for (let i = 0; i < pixels.length; i++) {
      const [x, y] = [i % SIZE, Math.floor(i / SIZE)];
      const label = verdicts[i] >> 1;
      const borders = (x > 0 && verdicts[i - 1] >> 1 !== label) || (y > 0 && verdicts[i - SIZE] >> 1 !== label);
      const striped = verdicts[i] & 1 && (x + y) % STRIPES < STRIPE_WIDTH;
      pixels[i] = borders ? BORDER : striped ? 0 : colours[label % colours.length];
    }
    context.putImageData(image, 0, 0);
    this.#describe(verdicts);
  }

  /** @param {Uint16Array} verdicts */
  #describe(verdicts) {
    const { readout } = this.studio.stage;
    const { palette, noun } = readout;
    const labels = [...new Set(verdicts.map((verdict) => verdict >> 1))].sort((a, b) => a - b);
    const names = labels.map((label) => {
      const swatch = el('i', { style: `background:${lighten(palette[label % palette.length])}` });
      return el('span', { class: 'gl-label' }, swatch, readout.nameClass(label));
    });
    const striped = verdicts.some((verdict) => verdict & 1);
    this.legend.replaceChildren(...names, ...(striped ? [el('span', {}, `striped: unlike ${noun}s`)] : []));
  }
}
