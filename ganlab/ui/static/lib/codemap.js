// The map of all codes of the training pictures. The page decodes what the pointer is on; Python gets a latent once it
// is chosen.
import { button, el, picker, press } from './elements.js';
import { loadGenerator, paint } from './generator.js';
import { interpolate } from './latent.js';
import { MapColours } from './map-colours.js';
import { MapData } from './map-data.js';
import { MapDrawing } from './map-drawing.js';
import { listenToMap } from './map-input.js';
import { MapLegend } from './map-legend.js';
import { MapView } from './map-view.js';
import { modelAddress, request } from './request.js';
import { Slices } from './slices.js';

/**
 * @typedef {[x: number, y: number]} Position
 *
 * @typedef {object} MapValue what Python sends
 * @property {string} model
 * @property {string} fingerprint
 * @property {number} time when it was sent
 * @property {number[]} z the current latent
 * @property {string} caption
 * @property {number[] | null} a
 * @property {number[] | null} b
 * @property {string[]} palette colours of the classes
 * @property {string} server why the server makes the pictures, if it does
 * @property {string} reason why the model has no map; empty where it has
 */

const REACH = 9; // css pixels within which a point is picked
const NEAREST = 8; // codes marked around the current latent
const PATH_STEPS = 33;
const PAUSE = 60; // ms on a point until its picture is fetched
const KEYS = 'Arrow keys move the cross, Enter chooses, + and − zoom, 0 shows all.';
const LOADING = 'Loading the map. A model that comes without codes encodes all training pictures first.';
const HINT = 'Point at the map, or tap it.';

export class CodeMap {
  /** @type {MapValue | null} */
  value = null;
  /** @type {MapData | null} */
  data = null;
  /** @type {import('./generator.js').Generator | null} */
  G = null;
  layoutId = '';
  /** @type {Uint32Array | null} */
  pointColours = null;
  /** @type {import('./map-drawing.js').Marks} */
  marks = { current: null, a: null, b: null, near: [], path: [] };
  /** @type {Position | null} */
  cross = null; // of the keyboard, in canvas pixels
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  pause;
  view = new MapView();
  colours = new MapColours();
  pathSlices = new Slices();

  /**
   * @param {HTMLElement} root
   * @param {object} python
   * @param {(data: object) => void} python.use makes a latent the current one
   */
  constructor(root, python) {
    this.root = root;
    this.python = python;
    const label = `map of the training pictures' codes. ${KEYS}`;
    this.canvas = el('canvas', { class: 'gl-sky', tabindex: '0', role: 'application', 'aria-label': label });
    this.drawing = new MapDrawing(this.canvas, this.view, () => this.#scene());
    this.notice = el('p', { class: 'gl-fine', role: 'status' });
    this.note = el('p', { class: 'gl-fine' });
    this.kinds = el('div', { class: 'gl-kinds', role: 'group', 'aria-label': 'layout of the map' });
    this.tools = el('div', { class: 'gl-tools' });
    this.legend = new MapLegend(this.colours, () => this.#recolour());
    this.original = el('img', { class: 'gl-picture', alt: '' });
    this.reconstruction = el('canvas', { class: 'gl-picture', role: 'img', 'aria-label': 'its reconstruction' });
    this.description = el('span', { role: 'status' });
    this.near = el('div', { class: 'gl-row', role: 'group', 'aria-label': 'nearest codes of the current latent' });
    const panel = el('div', { class: 'gl-panel' }, this.kinds, this.tools, this.canvas, this.legend.element, this.note);
    this.body = el('div', { class: 'gl-atlas', hidden: true }, panel, this.#aside());
    root.replaceChildren(this.notice, this.body);
    this.#listen();
    new ResizeObserver(() => this.#fit()).observe(this.canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#recolour());
  }

  #aside() {
    const pair = el(
      'figure',
      { class: 'gl-card' },
      el('div', { class: 'gl-title' }, 'under the pointer'),
      el('div', { class: 'gl-pair' }, this.original, this.reconstruction),
      el('figcaption', {}, this.description),
    );
    const heading = el('h3', { class: 'gl-h' }, 'nearest codes of the current latent');
    return el('div', { class: 'gl-aside' }, pair, heading, this.near);
  }

  // ---------------------------------------------------------------- values from Python

  /** @param {MapValue | Record<string, never> | null | undefined} value empty until the tab is opened */
  async show(value) {
    if (!isValue(value) || (this.value && value.time < this.value.time)) return;
    const switched = this.value?.fingerprint !== value.fingerprint;
    this.value = value;
    this.root.dataset.fingerprint = value.fingerprint;
    if (switched) {
      this.data = null;
      this.G = null;
      this.body.hidden = true;
      this.notice.textContent = value.reason || LOADING;
      if (value.reason) return;
      await this.#load(value);
    }
    if (this.data && this.value === value) this.#mark();
  }

  /** @param {MapValue} value */
  async #load({ model, fingerprint, server }) {
    try {
      const [response, G] = await Promise.all([
        request(modelAddress('map', model)),
        server ? null : loadGenerator(model, fingerprint),
      ]);
      const data = new MapData(await response.arrayBuffer());
      if (this.value?.fingerprint !== fingerprint) return; // another model was chosen meanwhile
      this.data = data;
      this.G = G;
      Object.assign(this.colours, { attribute: '', onlyLabel: null });
      this.drawing.reset();
    } catch (error) {
      if (this.value?.fingerprint === fingerprint) this.notice.textContent = /** @type {Error} */ (error).message;
      return;
    }
    this.notice.textContent = server;
    this.body.hidden = false;
    this.#layOut(this.data);
  }

  // ---------------------------------------------------------------- controls

  /** @param {MapData} data */
  #layOut({ layouts, lacking, attributes }) {
    this.description.textContent = HINT;
    clearTimeout(this.pause);
    this.original.removeAttribute('src');
    for (const picture of [this.original, this.reconstruction]) picture.style.visibility = 'hidden';
    this.kinds.replaceChildren(
      ...layouts.map(({ id, title }) => button(title, () => this.openLayout(id), { 'data-kind': id, 'aria-pressed': 'false' })),
      ...lacking.map(({ title, reason }) => button(title, null, { disabled: true, title: reason })),
    );
    /** @type {[string, string][]} */
    const choices = [['', 'class'], ...attributes.map(({ name }) => /** @type {[string, string]} */ ([name, name]))];
    this.tools.replaceChildren(
      el('label', {}, 'colour ', picker('colour', choices, (name) => this.colourBy(name))),
      button('+', () => this.zoom(1.5), { 'aria-label': 'zoom in' }),
      button('−', () => this.zoom(1 / 1.5), { 'aria-label': 'zoom out' }),
      button('all', () => this.#fit(true), { 'aria-label': 'show all' }),
      button('current', () => this.centre(), { 'aria-label': 'show the current latent' }),
    );
    this.openLayout(layouts[0].id);
    this.colourBy('');
  }

  /** @param {string} id */
  openLayout(id) {
    if (!this.data) return;
    this.layoutId = id;
    press(this.kinds, (each) => each.dataset.kind === id);
    this.note.textContent = this.data.layout(id).note;
    this.#fit(true);
    this.#mark();
  }

  /** @param {string} name of an attribute, or empty for the class */
  colourBy(name) {
    if (!this.data) return;
    Object.assign(this.colours, { attribute: name, onlyLabel: null });
    this.legend.layOut(this.data);
    this.#recolour();
  }

  #recolour() {
    if (!this.data || !this.value) return;
    this.colours.setPalette(this.value.palette, document.body.classList.contains('dark'));
    this.legend.recolour();
    this.pointColours = this.colours.ofPoints(this.data);
    this.drawing.request();
  }

  // ---------------------------------------------------------------- the view

  /** @returns {import('./map-drawing.js').Scene | null} */
  #scene() {
    const { data, pointColours, G, marks, cross, root } = this;
    if (!data || !pointColours || !root.offsetParent) return null;
    const dark = document.body.classList.contains('dark');
    const accent = getComputedStyle(root).getPropertyValue('--gl-accent') || (dark ? '#fff' : '#000');
    const { xy } = data.layout(this.layoutId);
    return { data, xy, colours: pointColours, colourOf: (label) => this.colours.ofLabel(label), G, marks, cross, accent, dark };
  }

  /** Give the canvas as many pixels as it takes room; `all` shows the whole map. */
  #fit(all = false) {
    const { canvas, view } = this;
    const ratio = Math.min(devicePixelRatio || 1, 2);
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((side) => Math.round(side * ratio));
    if (!width || !height || !this.data) return;
    view.ratio = ratio;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    if (view.width !== width || view.height !== height) view.resize(width, height);
    if (all) view.showAll();
    this.drawing.request();
  }

  /**
   * @param {number} factor
   * @param {Position} [fixed]
   */
  zoom(factor, fixed) {
    this.view.zoom(factor, fixed);
    this.drawing.request();
  }

  /**
   * @param {number} dx
   * @param {number} dy
   */
  pan(dx, dy) {
    this.view.pan(dx, dy);
    this.drawing.request();
  }

  centre() {
    if (this.marks.current) this.view.centre(this.marks.current);
    this.drawing.request();
  }

  /** Mark the current latent, its nearest codes, A, B and the path between them. */
  #mark() {
    const { data, value, layoutId } = this;
    if (!data || !value) return;
    const { xy } = data.layout(layoutId);
    const near = data.nearest(value.z, NEAREST).map(([row]) => row);
    this.marks = {
      current: data.positionOf(value.z, layoutId),
      a: value.a && data.positionOf(value.a, layoutId),
      b: value.b && data.positionOf(value.b, layoutId),
      near: near.map((row) => [xy[2 * row], xy[2 * row + 1]]),
      path: [],
    };
    this.near.replaceChildren(...near.map((row) => this.#tile(row, data)));
    this.drawing.request();
    this.#markPath(data, value);
  }

  /**
   * @param {MapData} data
   * @param {MapValue} value
   */
  #markPath(data, { a, b }) {
    this.pathSlices.stop();
    if (!a || !b) return;
    const { layoutId, marks } = this;
    /** @type {Position[]} */
    const path = [];
    /** @param {number} step */
    const add = (step) => path.push(data.positionOf(interpolate(a, b, step / (PATH_STEPS - 1), data.prior), layoutId));
    this.pathSlices.start(Array(PATH_STEPS).keys(), add, (finished) => {
      if (!finished) return;
      marks.path = path;
      this.drawing.request();
    });
  }

  // ---------------------------------------------------------------- looking and choosing

  /**
   * @param {number} row
   * @param {MapData} data
   */
  #tile(row, data) {
    const about = data.describe(row);
    const choose = () => this.use({ row, z: data.code(row) });
    const tile = button('', choose, { class: 'gl-tile', 'aria-label': `${about}: make it current`, title: about });
    const caption = el('span', { class: 'gl-caption' }, String(data.labels[row]));
    tile.append(el('img', { class: 'gl-picture', alt: '', src: this.#address(row, data) }), caption);
    return tile;
  }

  /**
   * The address of a training picture.
   * @param {number} row
   * @param {MapData} data
   */
  #address(row, data) {
    return modelAddress('training', this.value?.model ?? '', { index: String(data.indices[row]) });
  }

  /** @param {Position} pixel of the canvas */
  #pick(pixel) {
    const { data, view } = this;
    return data && data.pick(view.toMap(pixel), this.layoutId, (REACH * view.ratio) / view.scale);
  }

  /** @param {Position} pixel of the canvas, whose code or blend is shown beside the map */
  look(pixel) {
    const { data, original, reconstruction } = this;
    const picked = this.#pick(pixel);
    if (!data || !picked) return;
    const { row, z } = picked;
    this.description.textContent = data.describe(row);
    original.style.visibility = row === null ? 'hidden' : '';
    if (this.G) {
      reconstruction.style.visibility = '';
      paint(reconstruction, this.G.decode(z), this.G.shape);
    }
    clearTimeout(this.pause);
    if (row === null) return;
    original.alt = data.describe(row);
    this.pause = setTimeout(() => (original.src = this.#address(row, data)), original.src ? PAUSE : 0);
  }

  /** @param {{ row: number | null, z: Float32Array }} chosen */
  use({ row, z }) {
    const { data, value } = this;
    if (!data || !value) return;
    const about = data.describe(row);
    Object.assign(value, { z: [...z], caption: about });
    this.#mark();
    const choice = { fingerprint: value.fingerprint, z: [...z], about };
    this.python.use(row === null ? choice : { ...choice, index: data.indices[row] });
  }

  #listen() {
    listenToMap(this.canvas, this.view, {
      ready: () => this.data !== null,
      look: (pixel) => this.look(pixel),
      choose: (pixel) => {
        this.look(pixel);
        const picked = this.#pick(pixel);
        if (picked) this.use(picked);
      },
      press: () => {
        this.cross = null;
        clearTimeout(this.pause); // a drag fetches nothing
      },
      pan: (dx, dy) => this.pan(dx, dy),
      zoom: (factor, fixed) => this.zoom(factor, fixed),
      showAll: () => this.#fit(true),
      step: (dx, dy) => this.step(dx, dy),
      cross: () => this.cross ?? undefined,
    });
  }

  /**
   * Move the cross. At an edge of the canvas the map moves instead.
   * @param {number} dx
   * @param {number} dy
   */
  step(dx, dy) {
    const { width, height } = this.canvas;
    const [x, y] = this.cross ?? this.view.toCanvas(this.marks.current ?? [0, 0]);
    const wanted = [x + dx, y + dy];
    this.cross = [Math.min(width, Math.max(0, wanted[0])), Math.min(height, Math.max(0, wanted[1]))];
    this.pan(this.cross[0] - wanted[0], this.cross[1] - wanted[1]);
    this.look(this.cross);
  }
}

/**
 * @param {object | null | undefined} value
 * @returns {value is MapValue}
 */
function isValue(value) {
  return Boolean(value && 'model' in value && value.model);
}
