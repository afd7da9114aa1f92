// Draws the map: points, pictures where they are near enough, and marks for the current latent, A, B and their path.
import { el } from './elements.js';
import { paint } from './generator.js';
import { MAX_POSITION } from './map-data.js';
import { Points } from './points.js';
import { Slices } from './slices.js';

const MAX_FACES = 140; // points in view up to which their pictures are drawn
const FACE_SIDE = 28; // css pixels
const FACES_FROM = 4; // times the whole map from which pictures are drawn
const MAX_JOINED = 0.15 * MAX_POSITION; // steps of the path that lie further apart are not joined by a line

/**
 * @typedef {[x: number, y: number]} Position
 *
 * @typedef {object} Marks positions of the map
 * @property {Position | null} current
 * @property {Position | null} a
 * @property {Position | null} b
 * @property {Position[]} near
 * @property {Position[]} path from A to B
 *
 * @typedef {object} Scene
 * @property {import('./map-data.js').MapData} data
 * @property {Float32Array} xy positions of the points
 * @property {Uint32Array} colours of the points
 * @property {(label: number) => string} colourOf
 * @property {import('./generator.js').Generator | null} G
 * @property {Marks} marks
 * @property {Position | null} cross pixel of the canvas
 * @property {string} accent colour
 * @property {boolean} dark
 */

export class MapDrawing {
  /** @type {Map<number, HTMLCanvasElement>} */
  #faces = new Map(); // pictures by row
  #slices = new Slices();
  /** @type {number | null} */
  #frame = null;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {import('./map-view.js').MapView} view
   * @param {() => Scene | null} scene what to draw; null while there is nothing
   */
  constructor(canvas, view, scene) {
    this.points = new Points(canvas);
    this.context = this.points.context;
    this.view = view;
    this.scene = scene;
  }

  /** Forget the pictures of a model. */
  reset() {
    this.#slices.stop();
    this.#faces.clear();
  }

  /** Draw in the next frame. */
  request() {
    if (this.#frame !== null) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = null;
      const scene = this.scene();
      if (scene && this.view.scale) this.#draw(scene);
    });
  }

  /** @param {Scene} scene */
  #draw(scene) {
    const { zoomed, ratio } = this.view;
    const size = Math.min(6, Math.max(1.5, 1.2 * Math.sqrt(zoomed)));
    this.points.draw(scene.xy, this.view, scene.colours, Math.round(ratio * size));
    if (zoomed > FACES_FROM && scene.G) this.#drawFaces(scene, scene.G);
    this.#drawPath(scene);
    this.#drawRings(scene);
    this.#drawEnds(scene);
    if (scene.cross) this.#drawCross(scene, scene.cross);
  }

  /**
   * Reconstructions of the codes in view, where they are few. Missing ones are decoded a few each frame.
   * @param {Scene} scene
   * @param {import('./generator.js').Generator} G
   */
  #drawFaces({ data, xy, colourOf }, G) {
    const { context, view } = this;
    const seen = this.#inView(xy);
    this.#slices.stop();
    if (seen.length > MAX_FACES) return;
    if (this.#faces.size > 20 * MAX_FACES) this.#faces.clear();
    const side = FACE_SIDE * view.ratio;
    context.imageSmoothingEnabled = false;
    for (const [row, x, y] of seen) {
      const face = this.#faces.get(row);
      if (!face) continue;
      context.drawImage(face, x - side / 2, y - side / 2, side, side);
      Object.assign(context, { strokeStyle: colourOf(data.labels[row]), lineWidth: 2 * view.ratio });
      context.strokeRect(x - side / 2, y - side / 2, side, side);
    }
    const missing = seen.map(([row]) => row).filter((row) => !this.#faces.has(row));
    /** @param {number} row */
    const decode = (row) => {
      const face = el('canvas');
      paint(face, G.decode(data.code(row)), G.shape);
      this.#faces.set(row, face);
    };
    this.#slices.start(missing, decode, () => this.request());
  }

  /**
   * Rows and pixels of the points in view, at most one more than can be drawn as pictures.
   * @param {Float32Array} xy
   */
  #inView(xy) {
    const { width, height } = this.view;
    /** @type {[row: number, x: number, y: number][]} */
    const seen = [];
    for (let row = 0; 2 * row < xy.length && seen.length <= MAX_FACES; row++) {
      const [x, y] = this.view.toCanvas([xy[2 * row], xy[2 * row + 1]]);
      if (x > 0 && y > 0 && x < width && y < height) seen.push([row, x, y]);
    }
    return seen;
  }

  /**
   * The steps of the path. A line joins only those that lie together: it leads over nothing that the path does not.
   * @param {Scene} scene
   */
  #drawPath({ marks: { path }, dark, accent }) {
    const { context, view } = this;
    if (!path.length) return;
    for (const { colour, wider } of [{ colour: paperColour(dark), wider: 2 }, { colour: accent, wider: 0 }]) {
      Object.assign(context, { strokeStyle: colour, fillStyle: colour, lineWidth: (wider + 2) * view.ratio });
      for (const [step, position] of path.entries()) {
        const [x, y] = view.toCanvas(position);
        context.beginPath();
        context.arc(x, y, (wider / 2 + 2.5) * view.ratio, 0, 2 * Math.PI);
        context.fill();
        const last = path[step - 1];
        if (!last || Math.hypot(position[0] - last[0], position[1] - last[1]) > MAX_JOINED) continue;
        context.beginPath();
        context.moveTo(...view.toCanvas(last));
        context.lineTo(x, y);
        context.stroke();
      }
    }
  }

  /** @param {Scene} scene */
  #drawRings({ marks: { near, current, a, b }, dark, accent }) {
    for (const position of near) this.#ring(position, 5, inkColour(dark), 1.5, dark);
    for (const end of [a, b]) if (end) this.#ring(end, 4, inkColour(dark), 2, dark);
    if (current) this.#ring(current, 9, accent, 3, dark);
  }

  /**
   * @param {Position} position
   * @param {number} radius css pixels, as is the width
   * @param {string} colour
   * @param {number} width
   * @param {boolean} dark
   */
  #ring(position, radius, colour, width, dark) {
    const { context, view } = this;
    const [x, y] = view.toCanvas(position);
    for (const { stroke, wide } of [{ stroke: paperColour(dark), wide: width + 2 }, { stroke: colour, wide: width }]) {
      Object.assign(context, { strokeStyle: stroke, lineWidth: wide * view.ratio });
      context.beginPath();
      context.arc(x, y, radius * view.ratio, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  /** @param {Scene} scene */
  #drawEnds({ marks: { a, b }, dark }) {
    const { context, view } = this;
    const { ratio } = view;
    Object.assign(context, { font: `600 ${13 * ratio}px system-ui, sans-serif`, textAlign: 'center' });
    for (const { name, end } of [{ name: 'A', end: a }, { name: 'B', end: b }]) {
      if (!end) continue;
      const [x, y] = view.toCanvas(end);
      Object.assign(context, { strokeStyle: paperColour(dark), lineWidth: 4 * ratio, fillStyle: inkColour(dark) });
      context.strokeText(name, x, y - 9 * ratio);
      context.fillText(name, x, y - 9 * ratio);
    }
  }

  /**
   * The cross of the keyboard.
   * @param {Scene} scene
   * @param {Position} cross
   */
  #drawCross({ dark }, [x, y]) {
    const { context, view } = this;
    const arm = 10 * view.ratio;
    for (const { stroke, wide } of [{ stroke: paperColour(dark), wide: 4 }, { stroke: inkColour(dark), wide: 1.5 }]) {
      Object.assign(context, { strokeStyle: stroke, lineWidth: wide * view.ratio });
      context.beginPath();
      for (const [dx, dy] of [[arm, 0], [0, arm]]) {
        context.moveTo(x - dx, y - dy);
        context.lineTo(x + dx, y + dy);
      }
      context.stroke();
    }
  }
}

/** @param {boolean} dark */
function inkColour(dark) {
  return dark ? '#fff' : '#000';
}

/** @param {boolean} dark */
function paperColour(dark) {
  return dark ? '#000' : '#fff';
}
