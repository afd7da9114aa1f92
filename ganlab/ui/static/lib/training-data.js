// What a run in training wrote of itself, as ganlab/studio/history.py reads it: figures by epoch, events, and moments
// with pictures, codes on a plane and D's decisions.
import { request } from './request.js';
import { readTensors } from './tensors.js';

/**
 * @typedef {object} Scalars figures of one step; null where a method has none
 * @property {number} step
 * @property {number} epoch
 * @property {Record<string, number | null>} loss of each player
 * @property {number | null} d_real mean logit of D
 * @property {number | null} d_made
 * @property {number | null} reconstruction
 * @property {number | null} one_nn
 * @property {number | null} frechet
 * @property {number | null} diversity
 * @property {number | null} code_spread
 * @property {number | null} speed pictures a second
 *
 * @typedef {{ step: number, epoch: number, kind: string, text: string }} Happening
 *
 * @typedef {object} Status
 * @property {string} state
 * @property {number} step
 * @property {number} steps
 * @property {string} error
 * @property {number} [silent] seconds without a sign of a run that should be at work
 *
 * @typedef {object} About
 * @property {string} method
 * @property {string} dataset
 * @property {number} seed
 * @property {number} epochs
 * @property {number} batch_size
 * @property {[number, number, number]} shape channels, height, width
 * @property {string[]} players
 * @property {number[] | null} labels of the probes
 * @property {string[]} classes
 *
 * @typedef {object} Moment
 * @property {number} step
 * @property {number} epoch
 * @property {number} scale of D's logits
 * @property {Uint8Array | null} samples
 * @property {Uint8Array | null} reconstructions
 * @property {Int16Array | null} positions x and y of each probe, around 0
 * @property {Uint8Array | null} decisions D's logits on the probes, around 128
 * @property {Uint8Array | null} decisionsMade the same on G(z)
 *
 * @typedef {'samples' | 'reconstructions' | 'positions' | 'decisions'} Part of a moment
 */

const ACTIVE = ['starting', 'running', 'paused'];
export const LOST = ['nan', 'collapse', 'certain', 'constant']; // kinds of events
const OUTLIERS = 0.995; // share of the codes that the map's frame holds at least

export class RunData {
  mark = '';
  /** @type {About | null} */
  about = null;
  /** @type {Status} */
  status = { state: '', step: 0, steps: 0, error: '' };
  /** @type {string[]} */
  controls = []; // what the run may be asked
  /** @type {Scalars[]} */
  scalars = [];
  /** @type {Happening[]} */
  events = [];
  /** @type {Moment[]} */
  moments = [];
  /** @type {Uint8Array | null} */
  inputs = null;
  extent = 0; // of the positions
  column = 0; // 0, or 1 for the run beside another

  /** @param {string} name */
  constructor(name) {
    this.name = name;
  }

  get isActive() {
    return ACTIVE.includes(this.status.state) && !this.status.silent;
  }

  /** @param {'discriminator' | 'encoder'} part of the model; whether it has it, as far as its players say */
  has(part) {
    return Boolean(this.about?.players.some((player) => player.includes(part)));
  }

  /** The first sign that the run is lost. */
  get firstLoss() {
    return this.events.find(({ kind }) => LOST.includes(kind));
  }

  /** The last epoch of which there is anything. */
  get end() {
    return Math.max(this.moments.at(-1)?.epoch ?? 0, this.scalars.at(-1)?.epoch ?? 0);
  }

  /** Fetch what is new; whether more than the status is. An Error's message is a sentence. */
  async update() {
    const query = new URLSearchParams({ run: this.name, seen: this.mark });
    const answer = await (await request(`ganlab/history?${query}`)).json();
    Object.assign(this, { status: answer.status, controls: answer.controls, mark: answer.mark });
    if (!answer.about) return false;
    Object.assign(this, { about: answer.about, scalars: answer.scalars, events: answer.events });
    await this.#fetchMoments(answer.moments);
    return true;
  }

  /** @param {{ step: number, epoch: number, scale: number }[]} listed */
  async #fetchMoments(listed) {
    const last = listed.at(-1)?.step ?? -1;
    this.moments = this.moments.filter(({ step }) => step <= last); // what a resumed run takes back
    for (let whole = false; !whole; ) {
      const after = this.moments.at(-1)?.step ?? -1;
      if (after >= last) return;
      const query = new URLSearchParams({ run: this.name, after: String(after) });
      const { metadata, tensor } = readTensors(await (await request(`ganlab/moments?${query}`)).arrayBuffer());
      const steps = JSON.parse(metadata.steps);
      this.inputs = /** @type {Uint8Array | null} */ (tensor('inputs')) ?? this.inputs;
      for (const step of steps) {
        const row = listed.find((each) => each.step === step);
        if (row) this.#add(row, (name) => tensor(`${step}/${name}`));
      }
      whole = JSON.parse(metadata.whole) || !steps.length;
    }
  }

  /**
   * @param {{ step: number, epoch: number, scale: number }} row
   * @param {(name: string) => any} array
   */
  #add(row, array) {
    const [samples, reconstructions, positions, decisions] = ['samples', 'reconstructions', 'positions', 'decisions'].map(array);
    this.moments.push({ ...row, samples, reconstructions, positions, decisions, decisionsMade: array('decisions_made') });
    if (positions) this.extent = Math.max(this.extent, measureExtent(positions));
  }

  /**
   * The moment at an epoch, the next one, and how far between them the epoch lies (0 to 1); null before there is any.
   * With a part, of the moments that have it: some have pictures only.
   * @param {number} epoch
   * @param {Part} [part]
   * @returns {{ moment: Moment, next: Moment, share: number } | null}
   */
  findMoment(epoch, part) {
    const moments = part ? this.moments.filter((moment) => moment[part]) : this.moments;
    if (!moments.length) return null;
    const index = findLast(moments, epoch);
    const [moment, next] = [moments[index], moments[index + 1] ?? moments[index]];
    const length = next.epoch - moment.epoch;
    return { moment, next, share: length > 0 ? Math.min(1, Math.max(0, (epoch - moment.epoch) / length)) : 0 };
  }

  /**
   * A figure at an epoch: the last that was measured by then, since some are measured now and then only.
   * @param {number} epoch
   * @param {(row: Scalars) => number | null | undefined} read
   */
  findFigure(epoch, read) {
    for (let index = findLast(this.scalars, epoch); index >= 0; index--) {
      const value = this.scalars[index] && read(this.scalars[index]);
      if (typeof value === 'number') return value;
    }
    return null;
  }
}

/**
 * Index of the last row at or before an epoch; 0 if all come later.
 * @param {{ epoch: number }[]} rows in the order of their epochs
 * @param {number} epoch
 */
export function findLast(rows, epoch) {
  let [low, high] = [0, rows.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (rows[middle].epoch <= epoch + 1e-9) low = middle;
    else high = middle - 1;
  }
  return low;
}

/**
 * A half side of a square around 0 that holds nearly all positions.
 * @param {Int16Array} positions
 */
export function measureExtent(positions) {
  const sizes = Uint16Array.from(positions, Math.abs).sort();
  return sizes[Math.floor(OUTLIERS * (sizes.length - 1))] ?? 0;
}

/**
 * How far up and down the map each position stands, in px of its canvas, between two moments.
 * @param {{ moment: Moment, next: Moment, share: number }} at
 * @param {number} extent of the plane
 * @param {number} width px
 * @param {number} height px
 * @returns {Float32Array} x and y of each probe
 */
export function layOut({ moment, next, share }, extent, width, height) {
  const { positions } = moment;
  if (!positions || !extent) return new Float32Array(0);
  const scale = (0.48 * Math.min(width, height)) / extent;
  return Float32Array.from(positions, (_, i) => {
    const value = scale * blend(positions, next.positions, share, i);
    return i % 2 ? height / 2 - value : width / 2 + value;
  });
}

/**
 * Positions between two moments, as the same probe stands in both.
 * @param {Int16Array} from
 * @param {Int16Array | null} to
 * @param {number} share
 * @param {number} index
 */
export function blend(from, to, share, index) {
  return to && to.length === from.length ? from[index] + share * (to[index] - from[index]) : from[index];
}

/**
 * The point nearest to a position; -1 where none is within reach.
 * @param {Float32Array} points x and y of each
 * @param {number} x
 * @param {number} y
 * @param {number} reach
 */
export function findPoint(points, x, y, reach) {
  let [nearest, least] = [-1, reach * reach];
  for (let i = 0; i < points.length; i += 2) {
    const distance = (points[i] - x) ** 2 + (points[i + 1] - y) ** 2;
    if (distance <= least) [nearest, least] = [i / 2, distance];
  }
  return nearest;
}

/**
 * The share of D's logits above 0: what it takes for real; null without any.
 * @param {Uint8Array | null} decisions
 */
export function countReal(decisions) {
  if (!decisions?.length) return null;
  return decisions.reduce((count, value) => count + Number(value > 128), 0) / decisions.length;
}

/**
 * The next epoch in a direction at which a run has a moment; the same one where there is none.
 * @param {number[]} epochs sorted
 * @param {number} epoch
 * @param {number} step 1 forwards, -1 back, or more at once
 */
export function findNeighbour(epochs, epoch, step) {
  if (!epochs.length) return epoch;
  const later = epochs.findIndex((each) => each > epoch + 1e-6);
  const ahead = later < 0 ? epochs.length : later; // index of the first later one
  const earlier = epochs.filter((each) => each < epoch - 1e-6).length - 1;
  const index = step > 0 ? ahead + step - 1 : earlier + step + 1;
  return epochs[Math.max(0, Math.min(epochs.length - 1, index))];
}
