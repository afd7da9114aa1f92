// Draws the map: points, pictures, contours, and marks for the current latent, A, B and their path.
import { MAX_POSITION } from './map-data.js';
import { MapPictures } from './map-pictures.js';
import { Points } from './points.js';

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
 * @property {Position | null} twin what the pointer is on in another map
 *
 * @typedef {object} Scene
 * @property {import('./map-data.js').MapData} data
 * @property {Float32Array} xy positions of the points
 * @property {Uint32Array} colours of the points
 * @property {Uint8Array | null} shown points that are not faint for their class; null for all
 * @property {Uint8Array | null} selected null without a selection
 * @property {import('./generator.js').Generator | null} G of the picture layer; null without it
 * @property {Position[][][] | null} contours
 * @property {Position[] | null} outline positions of the map
 * @property {Marks} marks
 * @property {Position | null} cross pixel of the canvas
 * @property {string} accent colour
 * @property {boolean} dark
 */

export class MapDrawing {
  /** @type {Position[][][] | null} */
  #contours = null;
  /** @type {Path2D[]} */
  #paths = []; // of these contours
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
    this.pictures = new MapPictures(view);
    this.view = view;
    this.scene = scene;
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
    this.points.clear();
    this.points.draw(scene.xy, this.view, scene.colours, Math.round(ratio * size));
    if (scene.G) this.pictures.draw(this.points, scene, scene.G);
    this.points.show();
    this.#drawContours(scene);
    this.#drawPath(scene);
    this.#drawRings(scene);
    this.#drawEnds(scene);
    if (scene.cross) this.#drawCross(scene, scene.cross);
    if (scene.outline) this.#drawOutline(scene, scene.outline);
    if (scene.G && this.pictures.decode(scene, scene.G)) this.request();
  }

  /**
   * Lines of equal density.
   * @param {Scene} scene
   */
  #drawContours({ contours, dark }) {
    if (!contours) return;
    const { context, view } = this;
    if (this.#contours !== contours) {
      this.#contours = contours;
      this.#paths = contours.map(toPath);
    }
    context.save();
    context.setTransform(view.scale, 0, 0, view.scale, view.x, view.y);
    context.strokeStyle = inkColour(dark);
    for (const [index, path] of this.#paths.entries()) {
      const nearness = (index + 1) / this.#paths.length; // denser parts have stronger lines
      Object.assign(context, { globalAlpha: 0.35 + 0.35 * nearness, lineWidth: ((0.6 + 0.6 * nearness) * view.ratio) / view.scale });
      context.stroke(path);
    }
    context.restore();
  }

  /**
   * The outline of a selection that is being drawn.
   * @param {Scene} scene
   * @param {Position[]} outline
   */
  #drawOutline({ accent, dark }, outline) {
    const { context, view } = this;
    context.beginPath();
    for (const position of outline) context.lineTo(...view.toCanvas(position));
    context.closePath();
    for (const { colour, wide } of [{ colour: paperColour(dark), wide: 4 }, { colour: accent, wide: 2 }]) {
      Object.assign(context, { strokeStyle: colour, lineWidth: wide * view.ratio });
      context.stroke();
    }
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
  #drawRings({ marks: { near, current, a, b, twin }, dark, accent }) {
    for (const position of near) this.#ring(position, 5, inkColour(dark), 1.5, dark);
    for (const end of [a, b]) if (end) this.#ring(end, 4, inkColour(dark), 2, dark);
    if (current) this.#ring(current, 9, accent, 3, dark);
    if (twin) this.#ring(twin, 7, inkColour(dark), 3, dark);
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

/** @param {Position[][]} lines */
function toPath(lines) {
  const path = new Path2D();
  for (const [first, ...others] of lines) {
    path.moveTo(...first);
    for (const position of others) path.lineTo(...position);
  }
  return path;
}

/** @param {boolean} dark */
function inkColour(dark) {
  return dark ? '#fff' : '#000';
}

/** @param {boolean} dark */
function paperColour(dark) {
  return dark ? '#000' : '#fff';
}
