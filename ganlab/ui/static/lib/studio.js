// The latent studio: one latent and the sliders that move it. The page makes its pictures; Python gets a latent once
// the person pauses. Where a generator is too large for the page, the server makes the pictures.
import { DirectionPanel } from './direction-panel.js';
import { OWN_SAVED, OwnDirections } from './directions.js';
import { download } from './files.js';
import { loadGenerator } from './generator.js';
import { History } from './history.js';
import { move, truncate } from './latent.js';
import { LOCAL, settleLocal } from './local-directions.js';
import { copyLink, encodeRecipe, recipeToQuery, saveRecipe } from './recipe.js';
import { modelAddress, request } from './request.js';
import { ServedPictures } from './served.js';
import { Stage } from './studio-stage.js';
import { readState } from './studio-value.js';

/**
 * @typedef {import('./latent.js').Latent} Latent
 * @typedef {import('./latent.js').Prior} Prior
 * @typedef {import('./directions.js').Direction} Direction
 * @typedef {import('./directions.js').DirectionSet} DirectionSet
 * @typedef {import('./studio-value.js').State} State
 * @typedef {import('./studio-value.js').StudioValue} StudioValue
 */

const PAUSE = 250; // ms without a change, the pointer released, after which Python gets the latent
const MAX_PENDING = 20;

export class Studio {
  /** @type {{ name: string, fingerprint: string } | null} */
  model = null;
  /** @type {import('./generator.js').Generator | null} */
  G = null;
  served = ''; // why the server makes the pictures, if it does
  /** @type {DirectionSet | null} */
  directions = null;
  /** @type {Map<string, Direction>} */
  byId = new Map();
  /** @type {Set<string>} */
  locked = new Set();
  /** @type {History<State> | null} */
  history = null;
  /** @type {State | null} */
  edit = null; // what changed since the last entry of the history
  /** @type {{ a: number[] | null, b: number[] | null }} */
  ends = { a: null, b: null };
  newest = -Infinity;
  since = -Infinity;
  confirmed = ''; // key of the latent that Python last named as current
  /** @type {string[]} */
  pending = []; // keys of latents sent to Python that it has not confirmed
  held = false; // a pointer is down
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  pause;

  /**
   * @param {HTMLElement} root
   * @param {object} python
   * @param {(data: object) => void} python.rest gets the latent that the person moved to
   * @param {() => void} python.sample draws a new one
   */
  constructor(root, python) {
    this.root = root;
    this.python = python;
    this.own = new OwnDirections('', []);
    const actions = {
      undo: () => this.step('undo'),
      redo: () => this.step('redo'),
      reset: () => this.reset(),
      shuffle: () => this.shuffle(),
      sample: () => this.python.sample(),
      copyLink: async () => this.say(await copyLink(this.recipe())),
      saveRecipe: () => saveRecipe(this.recipe(), 'latent.json'),
      savePicture: () => this.savePicture(),
      truncate: (/** @type {number} */ truncation) => this.change({ truncation }),
    };
    this.stage = new Stage(actions);
    this.pictures = new ServedPictures(this.stage.canvas, {
      model: () => this.model ?? { name: '' },
      latent: () => this.latent(),
      shown: () => this.#shown(),
      failed: (message) => this.say((this.failure = message)),
    });
    this.failure = '';
    this.panel = new DirectionPanel(this);
    root.replaceChildren(this.stage.element, this.panel.element);
    addEventListener('pointerdown', () => (this.held = true), true);
    for (const end of ['pointerup', 'pointercancel']) addEventListener(end, () => this.#release(), true);
    this.stage.listenToKeys(root, actions);
    addEventListener(OWN_SAVED, (event) => this.#addOwn(/** @type {CustomEvent} */ (event).detail));
  }

  // ---------------------------------------------------------------- values from Python

  /** @param {StudioValue | null | undefined} value */
  async show(value) {
    if (!value?.model) return;
    const switched = this.model?.name !== value.model || this.model.fingerprint !== value.fingerprint;
    // Answers may overtake each other: one sent later may have begun earlier, with what was current then.
    if (switched ? value.time < this.newest : value.since < this.since) return;
    this.newest = value.time;
    this.since = value.since;
    this.ends = { a: value.a, b: value.b };
    const state = readState(value);
    const answered = this.pending.indexOf(value.key);
    if (switched) {
      this.confirmed = value.key;
      this.pending = [];
      await this.#load(value, state);
    } else if (answered >= 0) {
      this.confirmed = value.key;
      this.pending.splice(0, answered + 1);
    } else if (value.key !== this.confirmed) {
      // Another latent became current elsewhere. Offsets that the person has set meanwhile apply to it.
      const early = this.edit ?? (this.pending.length ? this.history?.current : null);
      this.confirmed = value.key;
      this.pending = [];
      this.history?.push(state);
      this.#settle();
      if (early) this.change({ amounts: early.amounts, truncation: early.truncation });
    }
  }

  /**
   * Begin with another model: nothing of the one before stays, no slider of one model moves another.
   * @param {StudioValue} value
   * @param {State} state
   */
  async #load(value, state) {
    clearTimeout(this.pause);
    this.panel.clear();
    const model = { name: value.model, fingerprint: value.fingerprint };
    const history = new History(state);
    Object.assign(this, { model, history, edit: null, G: null, directions: null, served: value.server });
    this.locked.clear();
    this.byId.clear();
    this.own = new OwnDirections(value.fingerprint, value.aliases ?? []);
    const directions = request(modelAddress('directions', model.name))
      .then((response) => response.json())
      .catch((error) => error);
    this.stage.readout.load(value, () => {
      this.paint();
      this.panel.view?.judged?.();
    });
    if (!value.server) {
      const G = await loadGenerator(model.name, model.fingerprint).catch((error) => error);
      if (this.model !== model) return; // another model was chosen meanwhile
      if (G instanceof Error) this.served = `The server makes the pictures: ${G.message}`;
      else this.#useGenerator(G);
    }
    this.say(this.served);
    this.paint(); // the picture waits for no slider
    const answer = await directions;
    if (this.model !== model) return;
    const failed = answer instanceof Error;
    if (failed) this.say(`No sliders: ${answer.message}`);
    const centre = Array.from(state.base, () => 0);
    this.directions = failed ? { prior: 'normal', samples: '', centre, kinds: [], lacking: [] } : answer;
    if (!failed) this.#layOut();
    this.#settle();
  }

  /** @param {import('./generator.js').Generator} G */
  #useGenerator(G) {
    this.G = G;
    const [, height, width] = G.shape;
    Object.assign(this.stage.canvas, { width, height });
  }

  /** @param {string} text */
  say(text) {
    this.stage.notice.textContent = text;
  }

  // ---------------------------------------------------------------- the latent

  /** @returns {State} what is on the stage: the last entry of the history, or an edit of it */
  get state() {
    const state = this.edit ?? this.history?.current;
    if (!state) throw new Error('The studio has no latent yet.');
    return state;
  }

  /** @returns {Prior} */
  get prior() {
    return this.directions?.prior ?? 'normal';
  }

  get samplesName() {
    return this.directions?.samples ?? '';
  }

  /** The latent with these offsets. */
  latent(amounts = this.state.amounts) {
    const { base, truncation } = this.state;
    const steps = [];
    for (const [id, amount] of Object.entries(amounts)) {
      const direction = this.byId.get(id);
      if (direction) steps.push({ direction, amount });
    }
    const z = move(base, steps, this.prior);
    return truncation === 1 || !this.directions ? z : truncate(z, truncation, this.directions.centre);
  }

  /**
   * Set offsets; `done` says that no more will follow at once.
   * @param {Record<string, number>} amounts
   * @param {boolean} [done]
   */
  move(amounts, done = false) {
    this.change({ amounts: { ...this.state.amounts, ...amounts } }, done);
  }

  /**
   * @param {Latent} base
   * @param {string} about
   */
  goTo(base, about) {
    this.change({ base, about, picture: '', amounts: {}, truncation: 1 });
  }

  /**
   * @param {Partial<State>} changes
   * @param {boolean} [done]
   */
  change(changes, done = false) {
    if (!this.directions) return; // still loading
    this.edit = { ...this.state, ...changes };
    this.paint();
    clearTimeout(this.pause);
    if (done) this.#commit();
    else if (!this.held) this.pause = setTimeout(() => this.#commit(), PAUSE);
  }

  #release() {
    this.held = false;
    if (this.edit) this.pause = setTimeout(() => this.#commit(), PAUSE);
  }

  #commit() {
    if (!this.edit) return;
    this.history?.push(settleLocal(this));
    this.#send();
  }

  /** @param {'undo' | 'redo'} way */
  step(way) {
    if (!this.history || !this.directions) return;
    if (this.edit) this.history.push(settleLocal(this));
    this.history[way]();
    this.#send();
  }

  /** Give the latent to Python, with the keys of those that it may have started from. */
  #send() {
    if (!this.model) return;
    this.#settle();
    const key = crypto.randomUUID?.() ?? String(Math.random());
    const parents = [this.confirmed, ...this.pending].slice(-MAX_PENDING);
    this.pending.push(key);
    const { fingerprint } = this.model;
    this.python.rest({ fingerprint, key, parents, z: [...this.latent()], about: this.caption });
  }

  /** The edit is in the history: show the latent as it stands and paint what takes longer. */
  #settle() {
    this.edit = null;
    clearTimeout(this.pause);
    this.paint();
    this.panel.view?.renew();
    this.stage.undo.disabled = !this.history?.canUndo;
    this.stage.redo.disabled = !this.history?.canRedo;
  }

  // ---------------------------------------------------------------- pictures

  /** No slider and no truncation is in effect. */
  get unedited() {
    const { amounts, truncation } = this.state;
    return truncation === 1 && Object.values(amounts).every((amount) => !amount);
  }

  get caption() {
    const { about } = this.state;
    return this.unedited || about.startsWith('moved from ') ? about : `moved from ${about}`;
  }

  paint() {
    this.stage.show(this.caption, this.state.truncation);
    this.panel.view?.show();
    if (this.G) {
      this.stage.readout.paint(this.stage.canvas, this.G, this.latent());
      this.#shown();
    } else if (this.served) {
      this.pictures.show();
    }
  }

  /** The stage shows a picture of the model in use. */
  #shown() {
    const fingerprint = this.model?.fingerprint ?? '';
    if (this.root.dataset.fingerprint !== fingerprint) this.root.dataset.fingerprint = fingerprint;
    if (!this.failure) return;
    if (this.stage.notice.textContent === this.failure) this.say(this.served);
    this.failure = '';
  }

  // ---------------------------------------------------------------- directions

  /**
   * @param {string} name
   * @returns {string} why it cannot be saved, or empty
   */
  saveDirection(name) {
    const reason = this.own.save(name, this.ends.a, this.ends.b);
    if (!reason) this.#layOut();
    return reason;
  }

  /** @param {import('./directions.js').SavedDirection} saved on the map */
  #addOwn({ fingerprint, name, step, note }) {
    if (fingerprint !== this.own.fingerprint) return;
    this.own.add(name, step, note);
    if (this.directions) this.#layOut();
  }

  /** @param {string} id */
  deleteDirection(id) {
    this.own.delete(id); // latents that it moved keep it until the page is left
    this.#layOut();
  }

  #layOut() {
    const { kinds, lacking } = this.directions ?? { kinds: [], lacking: [] };
    const all = [...kinds, this.own.kind];
    for (const { directions } of all) {
      for (const direction of directions) this.byId.set(direction.id, direction);
    }
    this.panel.layOut(this.G ? all : all.filter(({ id }) => id !== LOCAL), lacking);
  }

  /**
   * Samples of the model.
   * @param {number} count
   * @param {number} seed
   */
  async sample(count, seed) {
    const query = { count: String(count), seed: String(seed) };
    /** @type {number[][]} */
    const samples = await (await request(modelAddress('samples', this.model?.name ?? '', query))).json();
    return samples.map((z) => Float32Array.from(z));
  }

  // ---------------------------------------------------------------- tools

  /** Set all sliders to 0 but locked ones. */
  reset() {
    if (!this.history) return;
    const locked = Object.entries(this.state.amounts).filter(([id]) => this.locked.has(id));
    this.change({ amounts: Object.fromEntries(locked), truncation: 1 }, true);
  }

  /** Set the sliders that are shown, but locked ones, to normal random offsets in steps of 0.05. */
  shuffle() {
    const free = (this.panel.view?.ids ?? []).filter((id) => !this.locked.has(id));
    const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
    const offset = () => Math.round(20 * Math.min(3, Math.max(-3, normal()))) / 20;
    if (this.history) this.move(Object.fromEntries(free.map((id) => [id, offset()])), true);
  }

  recipe() {
    const { name = '', fingerprint = '' } = this.model ?? {};
    return encodeRecipe({ name, fingerprint }, [{ z: this.latent(), picture: this.unedited ? this.state.picture : '' }]);
  }

  savePicture() {
    const recipe = recipeToQuery(this.recipe());
    download(modelAddress('picture', this.model?.name ?? '', { recipe }), 'latent.png');
  }
}
