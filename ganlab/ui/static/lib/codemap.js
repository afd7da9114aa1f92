// The map of all codes of the training pictures. The page decodes what the pointer is on; Python gets a latent once it
// is chosen.
import { button, el, picker, press } from './elements.js';
import { loadGenerator } from './generator.js';
import { SAME, interpolate } from './latent.js';
import { BesideMap } from './map-beside.js';
import { MapColours } from './map-colours.js';
import { MapData } from './map-data.js';
import { MapLegend } from './map-legend.js';
import { MapLoading } from './map-loading.js';
import { SelectionPanel } from './map-panel.js';
import { PointerCard, trainingAddress } from './map-pointer.js';
import { Selection, combine } from './map-selection.js';
import { Sky, noMarks } from './map-sky.js';
import { Slices } from './slices.js';

/**
 * @typedef {[x: number, y: number]} Position
 * @typedef {import('./map-sky.js').Picked} Picked
 * @typedef {import('./map-selection.js').Mode} Mode
 *
 * @typedef {import('./readout.js').ReadoutValue & MapContent} MapValue what Python sends
 * @typedef {object} MapContent
 * @property {string[]} aliases earlier fingerprints of the same generator
 * @property {number} time when it was sent
 * @property {number[]} code of the current latent, which the model decodes
 * @property {number[] | null} code_a
 * @property {number[] | null} code_b
 * @property {string} caption
 * @property {number[] | null} a
 * @property {number[] | null} b
 * @property {string} reason why the model has no map; empty where it has
 * @property {import('./map-beside.js').OtherModel[]} others models with codes of the same training pictures
 *
 * @typedef {object} Choice what becomes current, A or B: the latent of a code, or a training picture
 * @property {number[]} [code]
 * @property {string} [about] its caption
 * @property {number} [index] of the picture in the data set
 * @property {string} [end] A or B, else it becomes current
 */

const NEAREST = 8; // codes marked around the current latent
const PATH_STEPS = 33;
const KEYS = 'Arrow keys move the cross, Enter chooses, + and − zoom, 0 shows all, b sets a corner of a box, Escape clears.';
const CONTOURS = 'lines that hold the densest 25, 50, 75 and 95 % of the codes';

export class CodeMap {
  /** @type {MapValue | null} */
  value = null;
  /** @type {MapData | null} */
  data = null;
  /** @type {import('./generator.js').Generator | null} */
  G = null;
  /** @type {Selection | null} */
  selection = null;
  pointer = new PointerCard();
  colours = new MapColours();
  pathSlices = new Slices();
  legend = new MapLegend(this.colours, () => this.#recolour());
  notice = el('p', { class: 'gl-fine', role: 'status' });
  loading = new MapLoading();
  note = el('p', { class: 'gl-fine' });
  kinds = el('div', { class: 'gl-kinds', role: 'group', 'aria-label': 'layout of the map' });
  tools = el('div', { class: 'gl-tools' });
  near = el('div', { class: 'gl-row', role: 'group' });
  heading = el('h2', { class: 'gl-h' });

  /**
   * @param {HTMLElement} root
   * @param {object} python
   * @param {(data: object) => void} python.use makes a latent the current one, or A or B
   */
  constructor(root, python) {
    this.root = root;
    this.python = python;
    const cancel = () => this.select([], 'replace');
    this.sky = new Sky(`map of the training pictures' codes. ${KEYS}`, this.colours, {
      look: (picked) => this.look(picked),
      choose: (picked) => this.use(picked),
      press: () => this.pointer.stop(), // a drag fetches nothing
      select: (rows, mode) => this.select(rows, mode),
      cancel,
    });
    this.beside = new BesideMap(this.colours, {
      look: (index) => this.#lookAt(index),
      choose: (index) => this.#useIndex(index),
      select: (indices, mode) => this.select(this.#rowsOf(indices), mode),
      cancel,
    });
    this.panel = new SelectionPanel(() => this.#panelMap(), {
      send: (code, about, end) => this.#send({ code: [...code], about, end }),
      clear: cancel,
    });
    const skies = el('div', { class: 'gl-skies' }, this.sky.canvas, this.beside.element);
    const main = el('div', { class: 'gl-panel' }, this.kinds, this.tools, skies, this.legend.element, this.note);
    this.body = el('div', { class: 'gl-atlas', hidden: true }, main, this.#aside());
    root.replaceChildren(this.loading.element, this.notice, this.body);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#recolour());
  }

  #aside() {
    return el('div', { class: 'gl-aside' }, this.pointer.element, this.panel.element, this.heading, this.near);
  }

  // ---------------------------------------------------------------- values from Python

  /** @param {MapValue | Record<string, never> | null | undefined} value empty until the tab is opened */
  async show(value) {
    if (!isValue(value) || (this.value && value.time < this.value.time)) return;
    const switched = this.value?.fingerprint !== value.fingerprint;
    this.value = value;
    this.root.dataset.fingerprint = value.fingerprint;
    if (switched) {
      Object.assign(this, { data: null, G: null });
      this.body.hidden = true;
      this.notice.textContent = value.reason;
      if (value.reason) return;
      await this.#load(value);
    }
    if (this.data && this.value === value) this.#mark();
  }

  /** @param {MapValue} value */
  async #load(value) {
    const { model, fingerprint, server, others } = value;
    try {
      const [buffer, G] = await Promise.all([
        this.loading.fetch(model),
        server ? null : loadGenerator(model, fingerprint),
      ]);
      const data = new MapData(buffer);
      if (this.value?.fingerprint !== fingerprint) return; // another model was chosen meanwhile
      this.data = data;
      this.G = G;
      Object.assign(this.colours, { attribute: '', onlyLabel: null });
      this.sky.show(data, G);
      this.pointer.begin(value, G);
    } catch (error) {
      if (this.value?.fingerprint === fingerprint) this.notice.textContent = /** @type {Error} */ (error).message;
      return;
    }
    this.notice.textContent = server;
    this.body.hidden = false;
    this.beside.offer(others);
    this.#layOut(this.data);
    this.select([], 'replace');
  }

  // ---------------------------------------------------------------- controls

  /** @param {MapData} data */
  #layOut({ layouts, lacking, attributes, labelled }) {
    this.kinds.replaceChildren(
      ...layouts.map(({ id, title }) => button(title, () => this.openLayout(id), { 'data-kind': id, 'aria-pressed': 'false' })),
      ...lacking.map(({ title, reason }) => button(title, null, { disabled: true, title: reason })),
    );
    /** @type {[string, string][]} */
    const choices = [['', labelled ? 'class' : 'one colour'], ...attributes.map(({ name }) => /** @type {[string, string]} */ ([name, name]))];
    this.tools.replaceChildren(
      el('label', {}, 'colour ', picker('colour', choices, (name) => this.colourBy(name))),
      this.#layer('pictures', this.G ? 'pictures where they have room; without it, points alone' : this.value?.server, !this.G),
      this.#layer('contours', CONTOURS),
      this.#hand(),
      button('+', () => this.sky.zoom(1.5), { 'aria-label': 'zoom in' }),
      button('−', () => this.sky.zoom(1 / 1.5), { 'aria-label': 'zoom out' }),
      button('all', () => this.sky.fit(true), { 'aria-label': 'show all' }),
      button('current', () => this.sky.centre(this.sky.marks.current), { 'aria-label': 'show the current latent' }),
      this.beside.picker,
    );
    this.openLayout(layouts[0].id);
    this.colourBy('');
  }

  /**
   * A button that shows or hides a layer of both maps.
   * @param {'pictures' | 'contours'} name
   * @param {string} [title]
   * @param {boolean} [disabled]
   */
  #layer(name, title, disabled = false) {
    const skies = [this.sky, this.beside.sky];
    const toggle = button(name, null, { title, disabled, 'data-layer': name, 'aria-pressed': String(this.sky[name] && !disabled) });
    toggle.onclick = () => {
      const shown = !this.sky[name];
      toggle.setAttribute('aria-pressed', String(shown));
      for (const sky of skies) {
        sky[name] = shown;
        sky.drawing.request();
      }
    };
    return toggle;
  }

  /** What a drag does on both maps. */
  #hand() {
    const group = el('span', { class: 'gl-hand', role: 'group', 'aria-label': 'what a drag does' });
    /** @param {import('./map-input.js').Tool} tool */
    const choose = (tool) => {
      for (const sky of [this.sky, this.beside.sky]) sky.tool = tool;
      press(group, (each) => each.dataset.tool === tool);
    };
    for (const tool of /** @type {const} */ (['move', 'box', 'lasso'])) {
      const title = tool === 'move' ? 'a drag moves the map' : `a drag selects the points inside a ${tool}`;
      group.append(button(tool, () => choose(tool), { title, 'data-tool': tool, 'aria-pressed': 'false' }));
    }
    choose(this.sky.tool);
    return group;
  }

  /** @param {string} id */
  openLayout(id) {
    if (!this.data) return;
    press(this.kinds, (each) => each.dataset.kind === id);
    this.note.textContent = this.data.layout(id).note;
    this.sky.openLayout(id);
    this.beside.openLayout(id);
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
    this.panel.recolour();
    this.sky.recolour();
    this.beside.sky.recolour();
  }

  // ---------------------------------------------------------------- marks

  /** Mark the current latent, its nearest codes, A, B and the path between them. */
  #mark() {
    const { data, value, sky } = this;
    if (!data || !value) return;
    const { layoutId } = sky;
    const { code, code_a: a, code_b: b } = value;
    const near = data.nearest(code, NEAREST).map(([row]) => row);
    sky.marks = {
      ...noMarks(),
      current: data.positionOf(code, layoutId),
      a: a && data.positionOf(a, layoutId),
      b: b && data.positionOf(b, layoutId),
      near: near.map((row) => data.position(row, layoutId)),
    };
    this.heading.textContent = `nearest ${data.pictures}`;
    this.near.setAttribute('aria-label', this.heading.textContent);
    this.near.replaceChildren(...near.map((row) => this.#tile(row, data)));
    sky.drawing.request();
    this.#markPath(data, value);
  }

  /**
   * The path that Interpolate shows: between latents, at whose codes it is marked.
   * @param {MapData} data
   * @param {MapValue} value
   */
  #markPath(data, { a, b }) {
    this.pathSlices.stop();
    const codec = this.#codec;
    if (!a || !b || !codec) return;
    const { marks, layoutId, drawing } = this.sky;
    /** @type {Position[]} */
    const path = [];
    /** @param {number} step */
    const add = (step) => {
      const z = interpolate(a, b, step / (PATH_STEPS - 1), data.prior);
      path.push(data.positionOf(codec.toCodes(z), layoutId));
    };
    this.pathSlices.start(Array(PATH_STEPS).keys(), add, (finished) => {
      if (!finished) return;
      marks.path = path;
      drawing.request();
    });
  }

  // ---------------------------------------------------------------- looking and choosing

  /**
   * @param {number} row
   * @param {MapData} data
   */
  #tile(row, data) {
    const about = data.describe(row);
    const choose = () => this.use(data.pickRow(row, this.sky.layoutId));
    const tile = button('', choose, { class: 'gl-tile', 'aria-label': `${about}: make it current`, title: about });
    const caption = el('span', { class: 'gl-caption gl-name' }, data.labelled ? data.name(data.labels[row]) : '');
    tile.append(el('img', { class: 'gl-picture', alt: '', src: trainingAddress(this.value?.model ?? '', data.indices[row]) }), caption);
    return tile;
  }

  /** @param {Picked} picked code or blend, to show beside the map */
  look(picked) {
    if (!this.data) return;
    const { row } = picked;
    const index = row === null ? null : this.data.indices[row];
    this.beside.mark(index);
    this.pointer.show(picked, this.data.describe(row), index);
  }

  /** @param {Picked} chosen */
  use({ row, code }) {
    const { data, value } = this;
    if (!data || !value) return;
    const about = data.describe(row);
    Object.assign(value, { code: [...code], caption: about });
    this.#mark();
    this.#send(row === null ? { code: [...code], about } : { index: data.indices[row] });
  }

  /** @param {Choice} choice */
  #send(choice) {
    if (this.value) this.python.use({ fingerprint: this.value.fingerprint, ...choice });
  }

  // ---------------------------------------------------------------- the map beside

  /** @param {number | null} index of the training picture that the pointer is on there */
  #lookAt(index) {
    const { data, sky } = this;
    const row = index === null ? undefined : data?.rowOf(index);
    if (!data || row === undefined) return;
    this.look(data.pickRow(row, sky.layoutId));
    sky.marks.twin = data.position(row, sky.layoutId);
    sky.drawing.request();
  }

  /** @param {number} index */
  #useIndex(index) {
    const row = this.data?.rowOf(index);
    if (this.data && row !== undefined) this.use(this.data.pickRow(row, this.sky.layoutId));
  }

  // ---------------------------------------------------------------- the selection

  /** @param {number[]} indices in the data set */
  #rowsOf(indices) {
    return indices.map((index) => this.data?.rowOf(index)).filter((row) => row !== undefined);
  }

  /**
   * @param {number[]} rows
   * @param {Mode} mode
   */
  select(rows, mode) {
    if (!this.data) return;
    const selected = combine(this.selection?.rows ?? [], rows, mode);
    this.selection = selected.length ? new Selection(this.data, selected) : null;
    this.sky.select(this.selection?.mask ?? null);
    this.beside.highlight(this.selection?.indices ?? null);
    this.panel.show(this.selection);
  }

  /** @returns {import('./map-panel.js').PanelMap} */
  #panelMap() {
    const { data, value } = this;
    if (!data || !value) throw new Error('There is no map.');
    const { model, fingerprint, aliases, server } = value;
    const { xy } = data.layout(this.sky.layoutId);
    const colourOf = (/** @type {number} */ label) => this.colours.ofLabel(label);
    return { model, fingerprint, aliases, server, xy, G: this.G, latents: () => data.latents(model), colourOf };
  }

  /** Between latents and codes; null where only the server knows the latent map. */
  get #codec() {
    return this.G ?? (this.data?.mapped ? null : SAME);
  }
}

/**
 * @param {object | null | undefined} value
 * @returns {value is MapValue}
 */
function isValue(value) {
  return Boolean(value && 'model' in value && value.model);
}
