// Pointer, wheel and keyboard on the map's canvas, as what they mean there: to look, choose, pan, zoom or select.

const MIN_DRAG = 4; // css pixels from which a press is a drag and no click
const STEP = 8; // css pixels, for one press of an arrow key
const FAR_STEP = 40; // the same with shift
const MIN_STEP = 3; // css pixels between corners of a lasso

/**
 * @typedef {[x: number, y: number]} Position in canvas pixels
 * @typedef {'move' | 'box' | 'lasso'} Tool
 * @typedef {import('./map-selection.js').Mode} Mode
 *
 * @typedef {object} MapActions
 * @property {() => boolean} ready whether there is a map to act on
 * @property {(pixel: Position) => void} look
 * @property {(pixel: Position) => void} choose
 * @property {() => void} press a pointer went down
 * @property {(dx: number, dy: number) => void} pan
 * @property {(factor: number, fixed?: Position) => void} zoom
 * @property {() => void} showAll
 * @property {(dx: number, dy: number) => void} step moves the cross
 * @property {() => Position | undefined} cross where the cross is
 * @property {() => Tool} tool what a drag does
 * @property {(corners: Position[]) => void} outline a selection is being drawn; without corners it was given up
 * @property {(corners: Position[], mode: Mode) => void} select an outline is closed
 * @property {() => void} corner sets a corner of a box at the cross
 * @property {() => void} cancel gives up an outline, or the selection
 */

/** @type {Record<string, Position>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @param {HTMLCanvasElement} canvas
 * @param {import('./map-view.js').MapView} view
 * @param {MapActions} actions
 */
export function listenToMap(canvas, view, actions) {
  listenToPointers(canvas, view, actions);
  canvas.addEventListener(
    'wheel',
    (event) => {
      if (!actions.ready()) return;
      event.preventDefault();
      actions.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), pixelOf(event, canvas, view));
    },
    { passive: false },
  );
  canvas.onkeydown = (event) => {
    if (!actions.ready() || event.ctrlKey || event.metaKey || event.altKey) return;
    if (pressKey(event, view, actions)) event.preventDefault();
  };
}

/**
 * @param {MouseEvent} event
 * @param {HTMLCanvasElement} canvas
 * @param {import('./map-view.js').MapView} view
 * @returns {Position}
 */
function pixelOf(event, canvas, view) {
  const box = canvas.getBoundingClientRect();
  return [(event.clientX - box.left) * view.ratio, (event.clientY - box.top) * view.ratio];
}

/**
 * One pointer looks, chooses and pans, or draws an outline; two zoom.
 * @param {HTMLCanvasElement} canvas
 * @param {import('./map-view.js').MapView} view
 * @param {MapActions} actions
 */
function listenToPointers(canvas, view, actions) {
  /** @type {Map<number, Position>} */
  const pointers = new Map(); // pressed ones by their id
  const outline = new Outline(view, actions);
  let dragged = 0; // css pixels since the press
  canvas.onpointerdown = (event) => {
    if (!actions.ready()) return;
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, pixelOf(event, canvas, view));
    dragged = pointers.size > 1 ? Infinity : 0;
    outline.begin(pointers.size > 1 ? null : pixelOf(event, canvas, view));
    actions.press();
  };
  canvas.onpointermove = (event) => {
    if (!actions.ready()) return;
    const [to, from] = [pixelOf(event, canvas, view), pointers.get(event.pointerId)];
    if (!from) {
      actions.look(to);
      return;
    }
    const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
    dragged += Math.hypot(dx, dy) / view.ratio;
    if (dragged < MIN_DRAG) return;
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) pinch(from, to, other, actions);
    else if (outline.drawn) outline.extend(to);
    else actions.pan(dx, dy);
    pointers.set(event.pointerId, to);
  };
  canvas.onpointerup = (event) => {
    if (!pointers.delete(event.pointerId) || !actions.ready()) return;
    if (dragged < MIN_DRAG) actions.choose(pixelOf(event, canvas, view));
    else if (outline.drawn) outline.close(event.shiftKey ? 'add' : event.altKey ? 'remove' : 'replace');
    outline.begin(null);
  };
  canvas.onpointercancel = (event) => {
    pointers.delete(event.pointerId);
    outline.begin(null);
  };
}

/** The outline of a selection as it is drawn: a box, or a lasso. */
class Outline {
  /** @type {Position[]} */
  #corners = [];

  /**
   * @param {import('./map-view.js').MapView} view
   * @param {MapActions} actions
   */
  constructor(view, actions) {
    this.view = view;
    this.actions = actions;
  }

  get drawn() {
    return this.#corners.length > 0;
  }

  /** @param {Position | null} pixel null ends what was drawn */
  begin(pixel) {
    if (this.#corners.length > 1) this.actions.outline([]);
    this.#corners = pixel && this.actions.tool() !== 'move' ? [pixel] : [];
  }

  /** @param {Position} pixel */
  extend(pixel) {
    const corners = this.#corners;
    if (this.actions.tool() === 'box') {
      this.#corners = boxCorners(corners[0], pixel);
    } else {
      const [x, y] = corners[corners.length - 1];
      if (Math.hypot(pixel[0] - x, pixel[1] - y) < MIN_STEP * this.view.ratio) return;
      corners.push(pixel);
    }
    this.actions.outline(this.#corners);
  }

  /** @param {Mode} mode */
  close(mode) {
    if (this.#corners.length > 2) this.actions.select(this.#corners, mode);
  }
}

/**
 * The corners of the box between two opposite ones, in their order around it.
 * @param {Position} from
 * @param {Position} to
 * @returns {Position[]}
 */
export function boxCorners(from, to) {
  return [from, [to[0], from[1]], to, [from[0], to[1]]];
}

/**
 * One of two pointers went from one pixel to another.
 * @param {Position} from
 * @param {Position} to
 * @param {Position} other the pointer that stayed
 * @param {MapActions} actions
 */
function pinch(from, to, other, actions) {
  const [before, after] = [from, to].map(([x, y]) => Math.hypot(x - other[0], y - other[1]));
  if (before) actions.zoom(after / before, [(to[0] + other[0]) / 2, (to[1] + other[1]) / 2]);
}

/**
 * @param {KeyboardEvent} event
 * @param {import('./map-view.js').MapView} view
 * @param {MapActions} actions
 * @returns {boolean} whether the key means something here
 */
function pressKey({ key, shiftKey }, view, actions) {
  const arrow = ARROWS[key];
  const cross = actions.cross();
  const step = (shiftKey ? FAR_STEP : STEP) * view.ratio;
  if (arrow) actions.step(arrow[0] * step, arrow[1] * step);
  else if (key === '+' || key === '=') actions.zoom(1.5, cross);
  else if (key === '-') actions.zoom(1 / 1.5, cross);
  else if (key === '0') actions.showAll();
  else if (key === 'Enter' && cross) actions.choose(cross);
  else if (key === 'b') actions.corner();
  else if (key === 'Escape') actions.cancel();
  else return false;
  return true;
}
