// Planes of pictures to move over: two directions at once, a lattice of seeds, or four corners.
import { button, context2d, el, picker } from './elements.js';
import { paint } from './generator.js';
import { blend } from './latent.js';
import { REACH, formatSigned } from './sliders.js';
import { Slices } from './slices.js';
import { Tint } from './tint.js';

/**
 * @typedef {import('./studio.js').Studio} Studio
 * @typedef {import('./directions.js').Direction} Direction
 * @typedef {import('./latent.js').Latent} Latent
 * @typedef {[x: number, y: number]} Position shares of the plane's sides, from 0 to 1
 */

const PICTURES = 7; // shown along each side
const SEEDS = 4; // along each side of a lattice of seeds
const STEP = 0.02; // of the side, for one press of an arrow key
/** @type {Record<string, Position>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @abstract */
class Plane {
  /**
   * @param {Studio} studio
   * @param {string} note
   */
  constructor(studio, note) {
    this.studio = studio;
    /** @type {Position} */
    this.position = [0.5, 0.5];
    this.slices = new Slices();
    this.canvas = el('canvas', { class: 'gl-picture', 'aria-hidden': 'true' });
    this.handle = el('i', { class: 'gl-handle' });
    const label = 'position on the plane; arrow keys move it';
    this.tint = new Tint(studio, (x, y) => this.latent(x, y));
    this.plane = el('div', { class: 'gl-plane', tabindex: '0', role: 'slider', 'aria-label': label }, this.canvas, this.tint.canvas, this.handle);
    this.tools = el('div', { class: 'gl-tools' });
    this.element = el('div', {}, el('p', { class: 'gl-fine' }, note), this.tools, this.plane, this.tint.tools);
    this.plane.onpointerdown = (event) => {
      this.plane.setPointerCapture(event.pointerId);
      this.drag(event);
    };
    this.plane.onpointermove = (event) => this.plane.hasPointerCapture(event.pointerId) && this.drag(event);
    this.plane.onkeydown = (event) => {
      const arrow = ARROWS[event.key];
      if (!arrow) return;
      event.preventDefault();
      const step = STEP * (event.shiftKey ? 5 : 1);
      this.go([this.position[0] + step * arrow[0], this.position[1] + step * arrow[1]]);
    };
  }

  /**
   * The latent at a position.
   * @param {number} _x
   * @param {number} _y
   * @returns {Latent}
   */
  latent(_x, _y) {
    throw new Error('Each plane has its own latents.');
  }

  /**
   * Make the latent at a position the studio's.
   * @param {number} _x
   * @param {number} _y
   */
  moveTo(_x, _y) {}

  /**
   * A position in words.
   * @param {number} x
   * @param {number} y
   */
  describe(x, y) {
    return `${Math.round(100 * x)} % across, ${Math.round(100 * y)} % down`;
  }

  /** @param {PointerEvent} event */
  drag(event) {
    const box = this.plane.getBoundingClientRect();
    this.go([(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]);
  }

  /** @param {Position} position */
  go([x, y]) {
    this.position = [Math.min(1, Math.max(0, x)), Math.min(1, Math.max(0, y))];
    this.point();
    this.moveTo(...this.position);
  }

  /** Show the handle at the position. */
  point() {
    const [x, y] = this.position;
    Object.assign(this.handle.style, { left: `${100 * x}%`, top: `${100 * y}%` });
    this.plane.setAttribute('aria-valuetext', this.describe(x, y));
    this.plane.setAttribute('aria-valuenow', x.toFixed(2));
  }

  show() {}

  /** Paint the pictures anew, each with its middle at the position that it shows. */
  renew() {
    const { G } = this.studio;
    if (!G) return;
    const [, height, width] = G.shape;
    Object.assign(this.canvas, { width: PICTURES * width, height: PICTURES * height });
    const picture = el('canvas');
    const context = context2d(this.canvas);
    /** @param {number} cell */
    const add = (cell) => {
      const [column, row] = [cell % PICTURES, Math.floor(cell / PICTURES)];
      paint(picture, G.decode(this.latent((column + 0.5) / PICTURES, (row + 0.5) / PICTURES)), G.shape);
      context.drawImage(picture, column * width, row * height);
    };
    this.slices.start(Array(PICTURES ** 2).keys(), add, (finished) => finished && this.tint.renew());
  }

  /** The judge has arrived. */
  judged() {
    this.tint.renew();
  }

  stop() {
    this.slices.stop();
    this.tint.stop();
  }

  /** @returns {string[]} */
  get ids() {
    return [];
  }
}

/** Two directions at once. The middle is what all other sliders give. */
export class DirectionPlane extends Plane {
  /**
   * @param {Studio} studio
   * @param {Direction[]} directions
   */
  constructor(studio, directions) {
    super(studio, `One direction across, one down, each from \u2212${REACH} to +${REACH}.`);
    this.axes = [directions[0], directions[1] ?? directions[0]];
    for (const [axis, label] of ['across', 'down'].entries()) {
      const select = picker(`direction ${label}`, directions.map(({ id, name }) => [id, name]), (id) => {
        this.axes[axis] = directions.find((direction) => direction.id === id) ?? directions[0];
        this.show();
        this.renew();
      });
      select.value = this.axes[axis].id;
      this.tools.append(el('label', {}, `${label} `, select));
    }
    this.show();
    this.renew();
  }

  /**
   * @param {number} x
   * @param {number} y
   * @returns {Record<string, number>}
   */
  amounts(x, y) {
    const [across, down] = this.axes;
    return { [across.id]: REACH * (2 * x - 1), [down.id]: REACH * (2 * y - 1) };
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  latent(x, y) {
    return this.studio.latent({ ...this.studio.state.amounts, ...this.amounts(x, y) });
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  moveTo(x, y) {
    this.studio.move(this.amounts(x, y));
  }

  show() {
    const { amounts } = this.studio.state;
    const [x, y] = this.axes.map(({ id }) => ((amounts[id] ?? 0) / REACH + 1) / 2);
    this.position = /** @type {Position} */ ([x, y]);
    this.point();
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  describe(x, y) {
    const amounts = Object.values(this.amounts(x, y));
    return this.axes.map(({ name }, axis) => `${name} ${formatSigned(amounts[axis] ?? amounts[0])}`).join(', ');
  }

  get ids() {
    return this.axes.map(({ id }) => id);
  }
}

/**
 * Where among n nodes along a side a position lies. The first and last node lie in the middle of the first and last
 * picture, so that each node has a picture of its own where n - 1 divides PICTURES - 1.
 * @param {number} share of the side
 * @param {number} n
 */
export function toNodes(share, n) {
  const at = (share * PICTURES - 0.5) / (PICTURES - 1);
  const steps = Math.round(1e6 * at * (n - 1)) / 1e6; // a node exactly, not almost
  return Math.min(n - 1, Math.max(0, steps));
}

/** Latents on a square lattice, n * n of them row by row, and blends between. Busy until they have arrived. */
class LatticePlane extends Plane {
  /** @type {Latent[] | null} */
  nodes = null;
  /** @type {number | null} */
  seed = null; // of the samples that were requested last
  about = '';

  /**
   * @param {number} count
   * @param {number} seed
   */
  async sample(count, seed) {
    this.seed = seed;
    this.plane.setAttribute('aria-busy', 'true');
    this.point();
    try {
      const samples = await this.studio.sample(count, seed);
      if (this.seed !== seed) return; // others were requested meanwhile, or the plane was left
      this.nodes = this.arrange(samples);
    } catch (error) {
      this.studio.say(`No samples: ${/** @type {Error} */ (error).message}`);
    }
    this.plane.setAttribute('aria-busy', String(!this.nodes)); // earlier samples stay if no others came
    this.renew();
  }

  /**
   * The lattice's nodes from samples.
   * @param {Latent[]} samples
   * @returns {Latent[]}
   */
  arrange(samples) {
    return samples;
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  latent(x, y) {
    /** @type {Latent[]} */
    const nodes = this.nodes ?? [];
    const n = Math.sqrt(nodes.length);
    const [across, down] = [x, y].map((share) => toNodes(share, n));
    const [column, row] = [across, down].map((value) => Math.min(n - 2, Math.floor(value)));
    const first = row * n + column;
    const corners = [0, 1, n, n + 1].map((offset) => nodes[first + offset]);
    return blend(corners, across - column, down - row, this.studio.prior);
  }

  /**
   * Beyond the middles of the outer pictures there is nothing more: the handle stays at them.
   * @param {Position} position
   */
  go([x, y]) {
    const [low, high] = [0.5 / PICTURES, 1 - 0.5 / PICTURES];
    if (this.nodes) super.go([Math.min(high, Math.max(low, x)), Math.min(high, Math.max(low, y))]);
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  moveTo(x, y) {
    this.studio.goTo(this.latent(x, y), this.about);
  }

  renew() {
    if (this.nodes) super.renew();
  }

  stop() {
    super.stop();
    this.seed = null;
  }
}

export class SeedPlane extends LatticePlane {
  /** @param {Studio} studio */
  constructor(studio) {
    super(studio, `${SEEDS} x ${SEEDS} samples of ${studio.samplesName}, one in every second cell, and everything between them.`);
    this.tools.append(button('other seeds', () => this.sample(SEEDS ** 2, Math.floor(1e6 * Math.random()))));
    this.sample(SEEDS ** 2, 0);
  }

  /** @param {Latent[]} samples */
  arrange(samples) {
    this.about = `between samples of seed ${this.seed}`;
    return samples;
  }
}

const CORNERS = ['top left', 'top right', 'bottom left', 'bottom right'];

export class CornerPlane extends LatticePlane {
  /** @param {Studio} studio */
  constructor(studio) {
    super(
      studio,
      `Four pictures and everything between them: A, B and samples of ${studio.samplesName}. The buttons put others in the corners.`,
    );
    this.about = 'blend of four pictures';
    /** @type {Record<string, () => Latent | null>} */
    const sources = { A: () => studio.ends.a, B: () => studio.ends.b, current: () => studio.latent() };
    for (const [corner, name] of CORNERS.entries()) {
      const buttons = Object.entries(sources).map(([text, find]) =>
        button(text, () => this.send(find(), corner), { 'aria-label': `${text} to the ${name} corner` }),
      );
      this.tools.append(el('span', { class: 'gl-corner' }, `${name} `, ...buttons));
    }
    this.sample(CORNERS.length, 1);
  }

  /** @param {Latent[]} samples */
  arrange(samples) {
    const { a, b } = this.studio.ends;
    return [a ?? samples[0], b ?? samples[1], ...samples.slice(2)];
  }

  /**
   * @param {Latent | null} latent
   * @param {number} corner
   */
  send(latent, corner) {
    this.studio.say(latent ? '' : 'That slot is empty.');
    if (!latent || !this.nodes) return;
    this.nodes[corner] = latent;
    this.renew();
  }
}
