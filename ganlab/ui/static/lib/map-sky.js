// One map on its canvas: what it shows, how it moves under the hand, and what the hand selects on it.
import { el } from './elements.js';
import { findContours } from './map-contours.js';
import { MapDrawing } from './map-drawing.js';
import { boxCorners, listenToMap } from './map-input.js';
import { rowsInside } from './map-selection.js';
import { MapView } from './map-view.js';

const REACH = 9; // css pixels within which a point is picked

/**
 * @typedef {[x: number, y: number]} Position
 * @typedef {import('./map-data.js').MapData} MapData
 * @typedef {import('./map-data.js').Picked} Picked
 * @typedef {import('./map-selection.js').Mode} Mode
 * @typedef {import('./map-input.js').Tool} Tool
 *
 * @typedef {object} SkyActions what the person does, for the page to follow
 * @property {(picked: Picked) => void} look
 * @property {(picked: Picked) => void} choose
 * @property {() => void} press
 * @property {(rows: number[], mode: Mode) => void} select
 * @property {() => void} cancel gives up the selection
 */

/** @returns {import('./map-drawing.js').Marks} */
export function noMarks() {
  return { current: null, a: null, b: null, near: [], path: [], twin: null };
}

export class Sky {
  /** @type {MapData | null} */
  data = null;
  /** @type {import('./generator.js').Generator | null} */
  G = null;
  layoutId = '';
  pictures = true; // whether they are drawn, where G can
  contours = false; // whether they are drawn
  /** @type {Tool} */
  tool = 'move';
  marks = noMarks();
  /** @type {Uint8Array | null} */
  selected = null;
  /** @type {Position | null} */
  cross = null; // of the keyboard, in canvas pixels
  view = new MapView();
  /** @type {Uint32Array | null} */
  #colours = null;
  /** @type {Uint8Array | null} */
  #shown = null;
  /** @type {Position[][][] | null} */
  #lines = null;
  /** @type {Position[] | null} */
  #outline = null;
  /** @type {Position | null} */
  #corner = null; // of a box by keyboard; a position of the map

  /**
   * @param {string} label for screen readers
   * @param {import('./map-colours.js').MapColours} colours
   * @param {SkyActions} actions
   */
  constructor(label, colours, actions) {
    this.colours = colours;
    this.actions = actions;
    this.canvas = el('canvas', { class: 'gl-sky', tabindex: '0', role: 'application', 'aria-label': label });
    this.drawing = new MapDrawing(this.canvas, this.view, () => this.#scene());
    this.#listen();
    new ResizeObserver(() => this.fit()).observe(this.canvas);
  }

  // ---------------------------------------------------------------- what it shows

  /**
   * @param {MapData | null} data null for nothing
   * @param {import('./generator.js').Generator | null} G
   */
  show(data, G) {
    Object.assign(this, { data, G, selected: null, cross: null, marks: noMarks() });
    this.#colours = this.#lines = this.#outline = this.#corner = null;
    this.drawing.pictures.reset();
  }

  /** @param {string} id */
  openLayout(id) {
    this.layoutId = id;
    this.#lines = null;
    this.fit(true);
  }

  /** The class shown alone, the attribute, the palette or the selection is another. */
  recolour() {
    if (!this.data) return;
    const shown = this.colours.shown(this.data);
    if (shown || this.#shown) {
      this.#shown = shown;
      this.#lines = null;
    }
    this.#colours = this.colours.ofPoints(this.data, shown, this.selected);
    this.drawing.request();
  }

  /** @param {Uint8Array | null} selected */
  select(selected) {
    this.selected = selected;
    this.recolour();
  }

  /** @returns {import('./map-drawing.js').Scene | null} */
  #scene() {
    const { data, G, marks, cross, canvas, selected } = this;
    if (!data || !this.#colours || !canvas.offsetParent) return null;
    const dark = document.body.classList.contains('dark');
    const accent = getComputedStyle(canvas).getPropertyValue('--gl-accent') || (dark ? '#fff' : '#000');
    const { xy } = data.layout(this.layoutId);
    if (this.contours) this.#lines ??= findContours(xy, this.#shown);
    return {
      data, xy, marks, cross, selected, accent, dark, colours: this.#colours, shown: this.#shown,
      G: this.pictures ? G : null, contours: this.contours ? this.#lines : null, outline: this.#outline,
    };
  }

  // ---------------------------------------------------------------- the view

  /** Give the canvas as many pixels as it takes room; `all` shows the whole map. */
  fit(all = false) {
    const { canvas, view } = this;
    const ratio = Math.min(devicePixelRatio || 1, 2);
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((side) => Math.round(side * ratio));
    if (!width || !height || !this.data) return;
    view.ratio = ratio;
    const whole = all || view.showsAll;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    if (view.width !== width || view.height !== height) view.resize(width, height);
    if (whole) view.showAll();
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

  /** @param {Position | null} position of the map, which comes to the middle */
  centre(position) {
    if (position) this.view.centre(position);
    this.drawing.request();
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
    if (this.#corner) this.#outline = boxCorners(this.#corner, this.view.toMap(this.cross));
    this.#look(this.cross);
  }

  // ---------------------------------------------------------------- looking, choosing, selecting

  #listen() {
    listenToMap(this.canvas, this.view, {
      ready: () => this.data !== null,
      look: (pixel) => this.#look(pixel),
      choose: (pixel) => {
        this.#look(pixel);
        const picked = this.#pick(pixel);
        if (picked) this.actions.choose(picked);
      },
      press: () => {
        this.cross = null;
        this.actions.press();
      },
      pan: (dx, dy) => this.pan(dx, dy),
      zoom: (factor, fixed) => this.zoom(factor, fixed),
      showAll: () => this.fit(true),
      step: (dx, dy) => this.step(dx, dy),
      cross: () => this.cross ?? undefined,
      tool: () => this.tool,
      outline: (corners) => this.#draw(corners.length ? this.#toMap(corners) : null),
      select: (corners, mode) => this.#enclose(this.#toMap(corners), mode),
      corner: () => this.#setCorner(),
      cancel: () => {
        if (!this.#outline) this.actions.cancel();
        this.#corner = null;
        this.#draw(null);
      },
    });
  }

  /** @param {Position[]} pixels of the canvas */
  #toMap(pixels) {
    return pixels.map((pixel) => this.view.toMap(pixel));
  }

  /** @param {Position} pixel of the canvas */
  #pick(pixel) {
    const { data, view, layoutId } = this;
    if (!data) return null;
    const row = this.pictures && this.G ? this.drawing.pictures.rowAt(pixel) : null;
    return row === null ? data.pick(view.toMap(pixel), layoutId, (REACH * view.ratio) / view.scale) : data.pickRow(row, layoutId);
  }

  /** @param {Position} pixel of the canvas */
  #look(pixel) {
    const picked = this.#pick(pixel);
    if (this.marks.twin) {
      this.marks.twin = null; // the hand is on this map now
      this.drawing.request();
    }
    if (picked) this.actions.look(picked);
  }

  /** @param {Position[] | null} outline positions of the map */
  #draw(outline) {
    this.#outline = outline;
    this.drawing.request();
  }

  /** By keyboard: the first corner of a box at the cross, then the one opposite. */
  #setCorner() {
    const at = this.view.toMap(this.cross ?? this.view.toCanvas(this.marks.current ?? [0, 0]));
    const first = this.#corner;
    this.#corner = first ? null : at;
    if (first) this.#enclose(boxCorners(first, at), 'replace');
    this.#draw(first ? null : [at]);
  }

  /**
   * @param {Position[]} outline positions of the map
   * @param {Mode} mode
   */
  #enclose(outline, mode) {
    if (this.data) this.actions.select(rowsInside(this.data.layout(this.layoutId).xy, outline, this.#shown), mode);
  }
}
