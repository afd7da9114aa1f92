// The sliders of local directions: what changes the picture most, from where the latent is now. A worker finds them
// anew as the latent moves; a direction that is being moved along is held until the hand lets go.
import { follow } from './jacobian.js';
import { move } from './latent.js';
import { modelAddress } from './request.js';
import { Sliders } from './sliders.js';

/**
 * @typedef {import('./studio.js').Studio} Studio
 * @typedef {import('./studio.js').State} State
 * @typedef {import('./latent.js').Latent} Latent
 * @typedef {import('./directions.js').Direction} Direction
 * @typedef {import('./directions.js').DirectionKind} DirectionKind
 * @typedef {import('./jacobian.js').LocalDirections} LocalDirections
 */

export const LOCAL = 'local';
const COUNT = 10;
const MAX_WHILE_MOVING = 300; // ms

/**
 * The studio's latent once the hand lets go: offsets along local directions become part of the base, for the
 * directions of the new latent are others.
 * @param {{ state: State, byId: Map<string, Direction>, prior: import('./latent.js').Prior }} studio
 * @returns {State}
 */
export function settleLocal({ state, byId, prior }) {
  const entries = Object.entries(state.amounts);
  const isLocal = (/** @type {string} */ id) => id.startsWith(`${LOCAL}/`);
  const steps = entries.flatMap(([id, amount]) => {
    const direction = isLocal(id) && amount ? byId.get(id) : undefined;
    return direction ? [{ direction, amount }] : [];
  });
  const others = entries.filter(([id]) => !isLocal(id));
  if (!steps.length) return entries.length === others.length ? state : { ...state, amounts: Object.fromEntries(others) };
  // Other offsets may lead back into the box of a uniform prior, which the sum of all must not leave.
  const base = move(state.base, steps, others.some(([, amount]) => amount) ? 'normal' : prior);
  const about = state.about.startsWith('moved from ') ? state.about : `moved from ${state.about}`;
  return { ...state, base, about, picture: '', amounts: Object.fromEntries(others) };
}

/** Finds the local directions of the last latent that it was given, in a worker. */
class LocalFinder {
  /** @type {Latent | null} */
  #waiting = null;
  /** @type {Latent | null} */
  #current = null; // what the worker is busy with
  #began = 0; // when it was given that
  slow = false; // whether the last took so long that a moving hand had better have the processor for itself

  /**
   * @param {string} model
   * @param {(z: Latent, local: LocalDirections) => void} answer
   * @param {(message: string) => void} fail
   */
  constructor(model, answer, fail) {
    this.worker = new Worker(new URL('./jacobian-worker.js', import.meta.url), { type: 'module' });
    this.worker.onerror = () => fail('this browser cannot compute them');
    this.worker.onmessage = ({ data }) => {
      const z = this.#current;
      this.#current = null;
      this.slow = performance.now() - this.#began > MAX_WHILE_MOVING;
      if (data.error) fail(data.error);
      else if (z) answer(z, data.local);
      if (this.#waiting) this.find(this.#waiting);
    };
    this.worker.postMessage({ address: new URL(modelAddress('generator', model), document.baseURI).href });
  }

  /** @param {Latent} z */
  find(z) {
    this.#waiting = this.#current ? z : null;
    if (this.#current) return;
    this.#current = z;
    this.#began = performance.now();
    this.worker.postMessage({ z: Float32Array.from(z), count: COUNT });
  }

  stop() {
    this.worker.terminate();
  }
}

export class LocalSliders extends Sliders {
  /** @type {LocalDirections | null} */
  local = null;
  /** @type {Latent} */
  sought = []; // the last latent whose directions were requested
  /** @type {Latent} */
  at = []; // the latent whose directions are shown

  /**
   * @param {Studio} studio
   * @param {DirectionKind} kind without directions: they are found here
   */
  constructor(studio, kind) {
    const directions = Array.from({ length: Math.min(COUNT, studio.state.base.length) }, (_, i) => newDirection(studio, i));
    super(studio, { ...kind, directions });
    this.list.setAttribute('aria-busy', 'true');
    for (const direction of directions) studio.byId.set(direction.id, direction);
    this.finder = new LocalFinder(
      studio.model?.name ?? '',
      (z, local) => this.#receive(z, local),
      (reason) => studio.say(`No local directions: ${reason}.`),
    );
    this.show();
  }

  show() {
    super.show();
    if (!this.finder) return; // still being built
    if (!this.finder.slow || !this.studio.edit) this.#seek();
  }

  #seek() {
    const z = this.studio.latent();
    if (isSame(z, this.sought)) return;
    this.sought = z;
    this.finder.find(z);
  }

  /** The latent rests: once its directions are there, they are the sliders' and the strips are painted. */
  renew() {
    if (this.finder) this.#seek();
    if (!this.local || !isSame(this.at, this.studio.latent())) return;
    this.#update();
    super.renew();
  }

  stop() {
    super.stop();
    this.finder.stop();
  }

  /**
   * @param {Latent} z
   * @param {LocalDirections} local
   */
  #receive(z, local) {
    this.local = follow(this.local, local);
    this.at = z;
    this.list.setAttribute('aria-busy', 'false');
    this.#update();
    if (!this.studio.edit) this.renew();
  }

  #update() {
    if (!this.local) return;
    const { vectors, gains, total } = this.local;
    for (const [i, { direction }] of this.sliders.entries()) {
      if (this.studio.state.amounts[direction.id]) continue; // held by the hand
      direction.vector = Array.from(vectors[i]);
      direction.note = total ? `${Math.round((100 * gains[i]) / total)} % of the change` : '';
    }
    super.show();
  }
}

/**
 * A local direction before it is found: a step along it does nothing.
 * @param {Studio} studio
 * @param {number} i
 * @returns {Direction}
 */
function newDirection({ state, prior }, i) {
  const deviation = prior === 'uniform' ? Math.sqrt(1 / 3) : 1; // of each dimension of the prior
  const vector = Array.from(state.base, () => 0);
  return { id: `${LOCAL}/${i + 1}`, name: `local ${i + 1}`, note: '', unit: 'standard deviations', group: '', vector, deviation };
}

/**
 * @param {Latent} a
 * @param {Latent} b
 */
function isSame(a, b) {
  return a.length === b.length && Array.prototype.every.call(a, (value, i) => value === b[i]);
}
