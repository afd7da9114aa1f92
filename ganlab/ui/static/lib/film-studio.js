// The film studio: a film through two or more latents, played and scrubbed in the page. The server judges it and
// makes its files.
import { choosePart } from './crop-dialog.js';
import { button, el } from './elements.js';
import { takeFile } from './files.js';
import { MAX_KEYFRAMES, codeAt, countFrames, countParts, describeFilm, describeTime, frameTime, keyframeTime, latentAt } from './film.js';
import { KeyframeRow } from './film-keyframes.js';
import { FilmFiles } from './film-files.js';
import { FilmOptions } from './film-options.js';
import { FilmRibbon } from './film-ribbon.js';
import { ShortestWay, rememberCodes } from './film-ways.js';
import { loadGenerator, paint } from './generator.js';
import { Readout } from './readout.js';
import { copyLink, encodeRecipe, recipeFromQuery, saveRecipe } from './recipe.js';
import { modelAddress, request } from './request.js';

/**
 * @typedef {import('./film-keyframes.js').Keyframe} Keyframe
 *
 * @typedef {object} FilmValue what Python sends
 * @property {string} model
 * @property {string} fingerprint
 * @property {string[]} [aliases] earlier fingerprints of the same generator
 * @property {import('./latent.js').Prior} prior
 * @property {number} time when it was sent
 * @property {Keyframe | null} a
 * @property {Keyframe | null} b
 * @property {Keyframe} current
 * @property {Keyframe | null} [uploaded] to become a keyframe
 * @property {import('./lens.js').View} [view] of the model, for which a part of an upload is chosen
 * @property {string[]} palette colours of the classes
 * @property {string} noun what a picture is called
 * @property {string[]} formats of files
 * @property {import('./film.js').FilmLimits} limits of files
 * @property {[way: string, title: string][]} ways between keyframes
 * @property {string} server why the server makes the pictures, if it does
 */

const JUDGED_FRAMES = 61;
const LINK_TITLE = 'a link that opens this film';
const RECIPE_TITLE = 'a JSON file that python -m ganlab replay reads';

export class FilmStudio {
  /** @type {FilmValue | null} */
  value = null;
  /** @type {import('./generator.js').Generator | null} */
  G = null;
  /** @type {Keyframe[]} */
  keyframes = [];
  ownOrder = false; // the person has chosen the keyframes; until then they are A and B
  linkOpened = false;
  time = 0;
  playing = false;
  /** @type {import('./latent.js').Codec | undefined} */
  codec;

  /**
   * @param {HTMLElement} root
   * @param {object} python
   * @param {(data: object) => void} python.use makes a latent the current one
   * @param {(data: import('./crop-dialog.js').Chosen) => void} python.upload turns a picture into a keyframe
   */
  constructor(root, python) {
    this.root = root;
    this.python = python;
    this.canvas = el('canvas', { class: 'gl-picture gl-large', role: 'img', 'aria-label': 'the film' });
    this.readout = new Readout();
    this.clock = el('output');
    this.scrubber = el('input', { type: 'range', class: 'gl-scrub', min: 0, max: 1, step: 0.001, value: 0, 'aria-label': 'position in the film' });
    this.scrubber.oninput = () => this.goTo(Number(this.scrubber.value));
    this.player = button('play', () => this.toggle(), { 'data-do': 'play' });
    this.ribbon = new FilmRibbon();
    this.shortest = new ShortestWay(() => this.refresh(), () => this.#takeWay(''));
    this.notice = el('p', { class: 'gl-fine', role: 'status' });
    this.links = [
      button('copy link', () => this.copy(), { title: LINK_TITLE }),
      button('recipe', () => saveRecipe(this.recipe(), 'film.json'), { title: RECIPE_TITLE }),
    ];
    this.row = new KeyframeRow({
      show: (index) => this.goTo(keyframeTime(index, this.keyframes.length, this.options.settings.loop)),
      move: (from, to) => this.move(from, to),
      drop: (index) => this.drop(index),
    });
    this.options = new FilmOptions(() => this.refresh(), () => this.#showFiles());
    this.files = new FilmFiles(this.options, (frames, more) => this.#body(frames, more), (text) => (this.notice.textContent = text));
    this.frames = el('div', { class: 'gl-row gl-frames', role: 'group', 'aria-label': 'frames of the film' });
    const saving = el('div', { class: 'gl-tools' }, this.files.buttons, ...this.links, this.files.warning);
    const panel = el('div', { class: 'gl-panel' }, this.row.element, this.#sources(), this.ribbon.element, this.options.element, this.shortest.element, saving);
    this.body = el('div', {}, el('div', { class: 'gl-film' }, this.#stage(), panel), this.frames);
    root.replaceChildren(this.body, this.notice);
  }

  #stage() {
    const title = el('div', { class: 'gl-title' }, el('span', {}, 'film'), this.clock);
    const caption = el('figcaption', {}, this.player, button('make current', () => this.use()));
    return el('figure', { class: 'gl-card' }, title, this.canvas, this.readout.element, this.scrubber, caption);
  }

  #sources() {
    const vacant = 'That slot is empty.';
    /** @param {string} text @param {() => (Keyframe | null | undefined)[]} find @param {string} [empty] */
    const source = (text, find, empty = vacant) => button(text, () => this.add(find(), empty));
    const accept = 'image/*,.heic,.heif,.avif';
    const file = el('input', { type: 'file', accept, class: 'gl-file', 'aria-label': 'Upload a picture as a keyframe' });
    file.onchange = async () => {
      const picture = takeFile(file);
      const chosen = picture && this.value?.view && (await choosePart(picture, this.value.view));
      if (chosen) this.python.upload(chosen);
    };
    return el(
      'div',
      { class: 'gl-tools' },
      source('add current', () => [this.value?.current]),
      source('add A', () => [this.value?.a]),
      source('add B', () => [this.value?.b]),
      source('add shelf', () => this.#shelf(), 'The shelf is empty.'),
      el('label', { class: 'gl-button' }, 'add upload', file),
      button('A to B', () => this.startOver(), { title: 'use only A and B again' }),
    );
  }

  /** @returns {Keyframe[]} */
  #shelf() {
    const { fingerprint, kept } = /** @type {HTMLElement | null} */ (document.querySelector('.gl-kept'))?.dataset ?? {};
    return kept && fingerprint === this.value?.fingerprint ? JSON.parse(kept) : [];
  }

  /** @param {FilmValue | null | undefined} value */
  show(value) {
    if (value?.uploaded && value.fingerprint === this.value?.fingerprint) this.add([value.uploaded]);
    if (!value?.model || (this.value && value.time < this.value.time)) return;
    const switched = this.value?.fingerprint !== value.fingerprint;
    this.value = value;
    this.files.offer(value.formats, value.limits);
    this.options.offer(value.ways);
    if (switched) {
      this.G = null;
      this.ownOrder = false;
      this.notice.textContent = value.server;
      this.readout.load(value, () => this.goTo(this.time));
      if (!value.server) this.#load(value);
    }
    if (!this.ownOrder) this.#useEnds();
    this.refresh();
    this.root.dataset.fingerprint = value.fingerprint;
  }

  #useEnds() {
    const { a, b } = this.value ?? {};
    this.keyframes = [a, b].filter((keyframe) => !!keyframe);
  }

  /** @param {FilmValue} value */
  async #load(value) {
    const { model, fingerprint } = value;
    try {
      const G = await loadGenerator(model, fingerprint);
      if (this.value?.fingerprint !== fingerprint) return; // another model was chosen meanwhile
      this.G = G;
      this.codec = G.hasMap ? rememberCodes(G) : undefined;
      await this.#openLink(value);
    } catch (error) {
      if (this.value?.fingerprint === fingerprint) this.notice.textContent = /** @type {Error} */ (error).message;
    }
    this.refresh();
  }

  /**
   * Show the film of the page's link, once, when its model is in use.
   * @param {FilmValue} value
   */
  async #openLink({ model, fingerprint, aliases = [] }) {
    const query = new URLSearchParams(location.search).get('recipe');
    const recipe = query && !this.linkOpened ? recipeFromQuery(query) : null;
    if (!query || !recipe || ![fingerprint, ...aliases].includes(recipe.fingerprint) || recipe.operation === 'decode') return;
    this.linkOpened = true;
    const response = await request(modelAddress('latents', model, { recipe: query }));
    /** @type {number[][]} */
    const latents = await response.json();
    if (this.value?.fingerprint !== fingerprint) return;
    const { seconds, easing, way, loop } = { ...this.options.settings, ...recipe.film };
    Object.assign(this.options.settings, { seconds, easing, way: way ?? '', loop });
    this.options.offer(this.value.ways); // which may lack the link's
    this.time = 0;
    this.ownOrder = true;
    this.keyframes = latents.map((z, index) => ({ z, caption: `linked latent ${index + 1}` }));
  }

  /** Draw everything anew and have the film judged. */
  refresh() {
    this.ribbon.wait();
    this.body.hidden = !this.G; // where the server makes the pictures, the path above is all there is
    const { G } = this;
    if (!G) return;
    this.row.show(this.keyframes, G);
    const enough = this.keyframes.length > 1;
    for (const control of [this.player, this.scrubber, ...this.links]) control.disabled = !enough;
    this.#showFiles();
    this.options.show();
    this.shortest.want(enough && this.options.settings.way === 'geodesic' ? this.#body() : '');
    this.frames.replaceChildren(...(enough ? this.#strip(G) : []));
    this.goTo(this.time);
    if (!enough) this.ribbon.wait('A film needs two keyframes.');
    else if (!this.shortest.pending) this.ribbon.judge(() => this.#body(JUDGED_FRAMES), this.value?.palette ?? []);
  }

  #showFiles() {
    this.files.show(this.keyframes.length > 1);
  }

  /** @param {string} way */
  #takeWay(way) {
    this.options.settings.way = way;
    this.refresh();
  }

  // ---------------------------------------------------------------- keyframes

  /**
   * @param {(Keyframe | null | undefined)[]} keyframes
   * @param {string} [empty] said if there are none
   */
  add(keyframes, empty = '') {
    const added = keyframes.filter((keyframe) => !!keyframe);
    if (!added.length) {
      this.notice.textContent = empty;
      return;
    }
    const all = [...this.keyframes, ...added];
    this.notice.textContent = all.length > MAX_KEYFRAMES ? `A film has at most ${MAX_KEYFRAMES} keyframes.` : '';
    this.ownOrder = true;
    this.keyframes = all.slice(0, MAX_KEYFRAMES);
    this.refresh();
  }

  startOver() {
    this.ownOrder = false;
    this.#useEnds();
    this.refresh();
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  move(from, to) {
    if (!this.keyframes[from] || to < 0 || to >= this.keyframes.length) return;
    this.ownOrder = true;
    this.keyframes.splice(to, 0, ...this.keyframes.splice(from, 1));
    this.refresh();
    this.row.focus(to);
  }

  /** @param {number} index */
  drop(index) {
    this.ownOrder = true;
    this.keyframes.splice(index, 1);
    this.refresh();
  }

  // ---------------------------------------------------------------- the film

  /**
   * @param {number} time
   * @param {string} [way]
   */
  latent(time, way = this.options.settings.way) {
    const latents = this.keyframes.map(({ z }) => z);
    const means = { codec: this.codec, routes: this.shortest.routes };
    return latentAt(latents, time, { ...this.options.settings, way }, this.value?.prior ?? 'normal', means);
  }

  /**
   * The pixels of the frame at a time, in an array that the next call reuses.
   * @param {import('./generator.js').Generator} G
   * @param {number} time
   */
  #decode(G, time) {
    const { settings } = this.options;
    if (settings.way !== 'codes' || !this.codec) return G.decode(this.latent(time));
    return G.decodeCode(codeAt(this.keyframes.map(({ z }) => z), time, settings, this.codec));
  }

  /**
   * @param {import('./generator.js').Generator} G
   * @param {number} time
   */
  #paint(G, time) {
    const pixels = this.#decode(G, time);
    paint(this.canvas, pixels, G.shape);
    // Of a latent the light wants the length alone, for which the prior's way stands in where it takes too long.
    this.readout.show(this.options.settings.way === 'codes' ? this.latent(time, '') : this.latent(time), pixels);
  }

  get playable() {
    return countParts(this.keyframes.length, false) > 0;
  }

  get seconds() {
    return (this.time * this.options.settings.seconds).toFixed(1);
  }

  /** @param {number} time */
  goTo(time) {
    this.time = time;
    this.scrubber.value = String(time);
    this.clock.textContent = `${this.seconds} s`;
    this.scrubber.setAttribute('aria-valuetext', this.clock.textContent);
    if (this.G && this.playable) this.#paint(this.G, time);
  }

  toggle() {
    this.#setPlaying(!this.playing);
    if (!this.playing) return;
    let last = performance.now();
    /** @param {number} now */
    const frame = (now) => {
      if (!this.root.offsetParent) this.#setPlaying(false);
      if (!this.playing) return;
      const next = this.time + (now - last) / 1000 / this.options.settings.seconds;
      last = now;
      this.goTo(next > 1 ? next % 1 : next);
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  /** @param {boolean} playing */
  #setPlaying(playing) {
    this.playing = playing;
    this.player.textContent = playing ? 'pause' : 'play';
  }

  /** @param {import('./generator.js').Generator} G */
  #strip(G) {
    const count = this.options.stripFrames;
    return Array.from({ length: count }, (_, index) => {
      const time = frameTime(index, count, this.options.settings.loop);
      const canvas = el('canvas', { class: 'gl-picture' });
      paint(canvas, this.#decode(G, time), G.shape);
      const choose = () => {
        this.goTo(time);
        this.use();
      };
      const what = describeTime(this.keyframes.map(({ caption }) => caption), time, this.options.settings.loop);
      const label = `Frame ${index + 1} of ${count}, ${what}: make it current`;
      const tile = button('', choose, { class: 'gl-tile', 'aria-label': label });
      tile.append(canvas);
      return tile;
    });
  }

  use() {
    if (!this.playable || !this.value) return;
    const about = `in a film, at ${this.seconds} s`;
    try {
      this.python.use({ fingerprint: this.value.fingerprint, z: [...this.latent(this.time)], about });
    } catch (error) {
      this.notice.textContent = /** @type {Error} */ (error).message;
    }
  }

  // ---------------------------------------------------------------- the server

  /**
   * The body of a request about the film; without frames about the way that it takes.
   * @param {number} [frames]
   * @param {object} [more]
   */
  #body(frames, more = {}) {
    const { model, fingerprint } = this.value ?? {};
    const keyframes = this.keyframes.map(({ z }) => Array.from(z));
    const { way, loop } = this.options.settings;
    const film = frames ? describeFilm(this.options.settings, frames) : { way: way || null, loop };
    return JSON.stringify({ model, fingerprint, keyframes, film, ...more });
  }

  recipe() {
    const { model: name = '', fingerprint = '' } = this.value ?? {};
    const { settings } = this.options;
    return encodeRecipe({ name, fingerprint }, this.keyframes, describeFilm(settings, countFrames(settings.seconds)));
  }

  async copy() {
    this.notice.textContent = await copyLink(this.recipe());
  }
}
