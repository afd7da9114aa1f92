// Which pointer draws on a pad, and how wide its stroke is. Events are read, no element is needed.
//
// One pointer draws at a time. A pen wins over touch, even over a stroke that touch has begun: a hand rests on the
// paper before its pen does.

/** @typedef {{ x: number, y: number, width: number }} Dab where a pen is, and how wide it draws there, in pixels */

/**
 * @typedef {object} Touch what of a PointerEvent counts
 * @property {number} pointerId
 * @property {string} pointerType
 * @property {number} timeStamp ms
 * @property {number} [button]
 * @property {number} [width] of the contact, CSS px
 * @property {number} [height]
 */

const MAX_FINGER = 64; // CSS px of a contact; what is wider is a palm
const MIN_QUIET = 700; // ms after a pen has left until touch draws again
const MAX_STILL = 10_000; // ms for which a pen over the paper may report nothing
const MAX_STEP = 3; // pixels of a line of one width
const STIFFNESS = 0.5; // share by which a width follows the pressure at each event
const [UPRIGHT, FLAT] = [35, 75]; // degrees of lean: up to the first as a hand writes, from the second on as it shades

export class Hand {
  /** @type {{ id: number, type: string } | null} */
  active = null; // the pointer that draws
  /** @type {number | null} */
  near = null; // a pen over the paper, touching it or not
  penTime = -Infinity; // when a pen was last there

  /**
   * A pointer touches the paper.
   * @param {Touch} touch
   * @returns {'draw' | 'replace' | 'ignore'} replace: it draws, and what the active pointer drew is taken back
   */
  press(touch) {
    const { pointerId: id, pointerType: type, button = 0, width = 1, height = 1 } = touch;
    this.see(touch);
    if (button !== 0) return 'ignore';
    if (type === 'touch' && (Math.max(width, height) > MAX_FINGER || this.#isPenAt(touch.timeStamp))) return 'ignore';
    const replaces = this.active !== null;
    if (this.active && !(type === 'pen' && this.active.type === 'touch')) return 'ignore';
    this.active = { id, type };
    return replaces ? 'replace' : 'draw';
  }

  /**
   * Any event of a pointer over the paper.
   * @param {Touch} touch
   */
  see({ pointerId, pointerType, timeStamp }) {
    if (pointerType !== 'pen') return;
    this.near = pointerId;
    this.penTime = timeStamp;
  }

  /**
   * A pointer is out of reach.
   * @param {Touch} touch
   */
  leave({ pointerId, timeStamp }) {
    if (this.near !== pointerId) return;
    this.near = null;
    this.penTime = timeStamp;
  }

  /** @param {{ pointerId: number }} touch */
  draws({ pointerId }) {
    return this.active?.id === pointerId;
  }

  /**
   * A pointer is lifted.
   * @param {{ pointerId: number }} touch
   * @returns {boolean} whether it was the one that drew
   */
  lift(touch) {
    if (!this.draws(touch)) return false;
    this.active = null;
    return true;
  }

  /**
   * Whether a stroke that the browser cancels was none: where there are pens, it has recognised a palm.
   * @param {Touch} touch
   */
  disowns({ pointerType }) {
    return pointerType === 'touch' && this.penTime > -Infinity;
  }

  /** @param {number} time */
  #isPenAt(time) {
    return time - this.penTime < (this.near === null ? MIN_QUIET : MAX_STILL);
  }
}

/**
 * How wide a pointer draws with a pen of a size: a pen that reports pressure and tilt from half as wide to three times
 * as wide, everything else as wide as that. Browsers give 0.5 for a pressure that they do not know.
 * @param {number} size pixels
 * @param {{ pointerType: string, pressure: number, tiltX?: number, tiltY?: number }} event
 */
export function measureWidth(size, { pointerType, pressure, tiltX = 0, tiltY = 0 }) {
  if (pointerType !== 'pen') return size;
  const lean = (Math.atan(Math.hypot(tan(tiltX), tan(tiltY))) * 180) / Math.PI; // degrees from upright
  const flat = Math.max(0, Math.min(1, (lean - UPRIGHT) / (FLAT - UPRIGHT)));
  return size * (0.5 + (pressure || 0.5)) * (1 + flat);
}

/** @param {number} degrees */
function tan(degrees) {
  return Math.tan((Math.max(-89, Math.min(89, degrees)) * Math.PI) / 180);
}

/**
 * The next width of a stroke: what a pen reports jumps.
 * @param {number} last
 * @param {number} next
 */
export function follow(last, next) {
  return last + STIFFNESS * (next - last);
}

/**
 * The lines, each of one width, that join two places of a stroke.
 * @param {Dab} from
 * @param {Dab} to
 * @returns {{ from: Dab, to: Dab, width: number }[]}
 */
export function join(from, to) {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const count = from.width === to.width ? 1 : Math.max(1, Math.ceil(length / MAX_STEP));
  /** @type {(share: number) => Dab} */
  const at = (share) => ({
    x: from.x + share * (to.x - from.x),
    y: from.y + share * (to.y - from.y),
    width: from.width + share * (to.width - from.width),
  });
  return Array.from({ length: count }, (_, index) => {
    const [start, end] = [at(index / count), at((index + 1) / count)];
    return { from: start, to: end, width: (start.width + end.width) / 2 };
  });
}

/**
 * Draw a line of a stroke on a canvas; a line without length is a dot.
 * @param {CanvasRenderingContext2D} ink
 * @param {Dab} from
 * @param {Dab} to
 */
export function drawLine(ink, from, to) {
  Object.assign(ink, { strokeStyle: '#000000', fillStyle: '#000000', lineCap: 'round', lineJoin: 'round' });
  if (from.x === to.x && from.y === to.y) {
    ink.beginPath();
    ink.arc(to.x, to.y, to.width / 2, 0, 2 * Math.PI);
    ink.fill();
    return;
  }
  for (const line of join(from, to)) {
    ink.lineWidth = line.width;
    ink.beginPath();
    ink.moveTo(line.from.x, line.from.y);
    ink.lineTo(line.to.x, line.to.y);
    ink.stroke();
  }
}
