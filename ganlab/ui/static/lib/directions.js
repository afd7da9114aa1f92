// Directions that sliders move along: those that the server sends, and those that a person saved from A to B, which
// this browser keeps for each checkpoint.
import { recall, remember } from './storage.js';

/**
 * @typedef {object} Direction
 * @property {string} id
 * @property {string} name
 * @property {string} note
 * @property {string} unit of an offset
 * @property {string} group empty where the kind has no groups
 * @property {number[]} vector of length 1
 * @property {number} deviation length of one step, in latent units
 *
 * @typedef {{ id: string, title: string, note: string, directions: Direction[] }} DirectionKind
 *
 * @typedef {object} DirectionSet what the server answers about a model's directions
 * @property {import('./latent.js').Prior} prior
 * @property {string} samples name of the distribution of samples
 * @property {number[]} centre to which truncation draws
 * @property {DirectionKind[]} kinds
 * @property {{ title: string, reason: string }[]} lacking
 */

const NAME = 'directions';
export const OWN_SAVED = 'gl-own-direction'; // event of the window: a direction was saved outside the studio

/** @typedef {{ fingerprint: string, name: string, step: number[], note: string }} SavedDirection what OWN_SAVED carries */

export class OwnDirections {
  /**
   * @param {string} fingerprint
   * @param {string[]} aliases earlier fingerprints of the same generator
   */
  constructor(fingerprint, aliases) {
    this.fingerprint = fingerprint;
    const stored = recall(NAME, fingerprint, aliases);
    /** @type {Direction[]} */
    this.directions = Array.isArray(stored) ? stored.filter(isDirection) : [];
  }

  /** @returns {DirectionKind} */
  get kind() {
    const note = 'Directions that you saved: from A to B, where +1 goes all the way, or of a selection on the map.';
    return { id: 'own', title: 'own', note, directions: this.directions };
  }

  /**
   * Save the direction from a to b, in place of one with the same name.
   * @param {string} name
   * @param {import('./latent.js').Latent | null} a
   * @param {import('./latent.js').Latent | null} b
   * @returns {string} why it cannot be saved; empty if it was
   */
  save(name, a, b) {
    if (!a || !b) return 'Send one picture to A and another to B first: the direction leads from A to B.';
    const saved = this.add(name, Array.from(b, (value, i) => value - a[i]));
    return saved ? '' : 'A and B are the same latent, so there is no direction between them.';
  }

  /**
   * Save a direction, in place of one with the same name.
   * @param {string} name
   * @param {number[]} step that +1 makes
   * @param {string} [note]
   * @returns {boolean} false for a step of no length
   */
  add(name, step, note = '') {
    const deviation = Math.hypot(...step);
    if (!deviation) return false;
    const vector = step.map((value) => value / deviation);
    const direction = { id: `own/${name}`, name, note, unit: '', group: '', vector, deviation };
    this.#set([...this.directions.filter(({ id }) => id !== direction.id), direction]);
    return true;
  }

  /** @param {string} id */
  delete(id) {
    this.#set(this.directions.filter((direction) => direction.id !== id));
  }

  /** @param {Direction[]} directions */
  #set(directions) {
    this.directions = directions;
    remember(NAME, this.fingerprint, directions);
  }
}

/** @param {any} value */
function isDirection(value) {
  return typeof value?.id === 'string' && Array.isArray(value.vector) && Number.isFinite(value.deviation);
}
