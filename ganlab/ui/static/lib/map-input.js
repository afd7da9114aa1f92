// Pointer, wheel and keyboard on the map's canvas, as what they mean there.

const MIN_DRAG = 4; // css pixels from which a press is a drag and no click
const STEP = 8; // css pixels, for one press of an arrow key
const FAR_STEP = 40; // the same with shift

/**
 * @typedef {[x: number, y: number]} Position in canvas pixels
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
 * One pointer looks, chooses and pans; two zoom.
 * @param {HTMLCanvasElement} canvas
 * @param {import('./map-view.js').MapView} view
 * @param {MapActions} actions
 */
function listenToPointers(canvas, view, actions) {
  /** @type {Map<number, Position>} */
  const pointers = new Map(); // pressed ones by their id
  let dragged = 0; // css pixels since the press
  canvas.onpointerdown = (event) => {
    if (!actions.ready()) return;
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, pixelOf(event, canvas, view));
    dragged = pointers.size > 1 ? Infinity : 0;
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
    else actions.pan(dx, dy);
    pointers.set(event.pointerId, to);
  };
  canvas.onpointerup = (event) => {
    if (!pointers.delete(event.pointerId) || dragged >= MIN_DRAG || !actions.ready()) return;
    actions.choose(pixelOf(event, canvas, view));
  };
  canvas.onpointercancel = (event) => pointers.delete(event.pointerId);
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
  else return false;
  return true;
}
