// A curve or several over the epochs of one or two runs, with a line where the scrubber stands.
import { el } from './elements.js';
import { fitCanvas } from './training-frames.js';
import { formatNumber, isLoss } from './training-words.js';

/**
 * @typedef {import('./training-data.js').RunData} RunData
 * @typedef {import('./training-data.js').Scalars} Scalars
 * @typedef {import('./training-frames.js').Colours} Colours
 *
 * @typedef {object} Curve
 * @property {string} name
 * @property {'d' | 'g' | 'e' | 'accent' | 'less' | 'more'} colour
 * @property {(row: Scalars) => number | null | undefined} read
 */

const LEFT = 44; // px for the numbers of the axis, and BOTTOM below
const BOTTOM = 18;
const TOP = 8;
const RIGHT = 8;
const LINES = 3; // numbers on the axis, about
const CUT = 0.02; // share of the values at either end that may lie outside
const DASHES = [[], [5, 4]]; // of the first and the second run

export class Chart {
  /** @type {RunData[]} */
  #runs = [];
  /** @type {Curve[]} */
  #curves = [];
  #range = { low: 0, high: 1, end: 1 };

  /**
   * @param {string} title
   * @param {(epoch: number) => void} go moves the scrubber
   */
  constructor(title, go) {
    this.title = title;
    this.legend = el('div', { class: 'gl-chart-legend' });
    this.canvas = el('canvas', { class: 'gl-chart-lines', role: 'img', 'aria-label': title });
    this.element = el('figure', { class: 'gl-card gl-chart', hidden: true }, el('div', { class: 'gl-title' }, title), this.legend, this.canvas);
    const follow = (/** @type {PointerEvent} */ event) => {
      const { left, width } = this.canvas.getBoundingClientRect();
      const share = (event.clientX - left - LEFT) / (width - LEFT - RIGHT);
      go(Math.max(0, Math.min(1, share)) * this.#range.end);
    };
    this.canvas.addEventListener('pointerdown', (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      follow(event);
    });
    this.canvas.addEventListener('pointermove', (event) => {
      if (this.canvas.hasPointerCapture(event.pointerId)) follow(event);
    });
  }

  /**
   * Other runs, or more of them. A chart without any number is hidden.
   * @param {RunData[]} runs
   * @param {Curve[]} curves
   * @param {number} end the last epoch
   */
  show(runs, curves, end) {
    this.#runs = runs;
    this.#curves = curves.filter(({ read }) => runs.some(({ scalars }) => scalars.some((row) => isNumber(read(row)))));
    this.element.hidden = !this.#curves.length;
    const values = this.#curves.flatMap(({ read }) => runs.flatMap(({ scalars }) => scalars.map(read))).filter(isNumber);
    this.#range = { ...findRange(values), end: end || 1 };
  }

  /**
   * @param {number} epoch where the scrubber stands
   * @param {Colours} colours
   */
  draw(epoch, colours) {
    if (this.element.hidden) return;
    const { context, width, height, ratio } = fitCanvas(this.canvas);
    if (!width) return;
    const { low, high, end } = this.#range;
    const x = (/** @type {number} */ value) => ratio * LEFT + (value / end) * (width - ratio * (LEFT + RIGHT));
    const y = (/** @type {number} */ value) => height - ratio * BOTTOM - ((value - low) / (high - low)) * (height - ratio * (TOP + BOTTOM));
    this.#drawAxes(context, { x, y, width, height, ratio }, colours);
    context.save();
    context.beginPath();
    context.rect(ratio * LEFT, 0, width - ratio * LEFT, height - ratio * BOTTOM);
    context.clip();
    for (const [index, run] of this.#runs.entries()) {
      for (const curve of this.#curves) drawCurve(context, run.scalars, curve, x, y, { stroke: colours[curve.colour], dash: DASHES[index] ?? [], ratio });
    }
    context.restore();
    context.fillStyle = colours.text;
    context.fillRect(Math.round(x(epoch)), 0, ratio, height - ratio * BOTTOM);
    this.#say(epoch, colours);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {{ x: (value: number) => number, y: (value: number) => number, width: number, height: number, ratio: number }} frame
   * @param {Colours} colours
   */
  #drawAxes(context, { x, y, width, height, ratio }, { line, soft, d }) {
    const { low, high, end } = this.#range;
    Object.assign(context, { font: `${12 * ratio}px system-ui, sans-serif`, textBaseline: 'middle', textAlign: 'right', lineWidth: ratio });
    for (const value of listTicks(low, high, LINES)) {
      context.fillStyle = line;
      context.fillRect(ratio * LEFT, Math.round(y(value)), width - ratio * (LEFT + RIGHT), ratio);
      context.fillStyle = soft;
      context.fillText(formatNumber(value), ratio * (LEFT - 5), y(value));
    }
    Object.assign(context, { textAlign: 'center', textBaseline: 'bottom' });
    for (const value of listTicks(0, end, 5)) context.fillText(formatTick(value), x(value), height);
    context.fillStyle = d;
    for (const { events } of this.#runs) {
      for (const { epoch } of events.filter(({ kind }) => isLoss(kind))) context.fillRect(Math.round(x(epoch)), 0, 2 * ratio, height - ratio * BOTTOM);
    }
  }

  /**
   * What the curves read where the scrubber stands.
   * @param {number} epoch
   * @param {Colours} colours
   */
  #say(epoch, colours) {
    const texts = this.#curves.map(({ name, read }) => {
      const values = this.#runs.map((run) => run.findFigure(epoch, read)).map((value) => (isNumber(value) ? formatNumber(value) : 'none'));
      return { name, text: values.join(' | ') };
    });
    while (this.legend.children.length > texts.length) this.legend.lastElementChild?.remove();
    while (this.legend.children.length < texts.length) this.legend.append(el('span', {}, el('i'), el('span'), el('b')));
    for (const [index, { name, text }] of texts.entries()) {
      const [mark, word, value] = /** @type {HTMLCollectionOf<HTMLElement>} */ (this.legend.children[index].children);
      mark.style.background = colours[this.#curves[index].colour];
      [word.textContent, value.textContent] = [name, text];
    }
    this.canvas.setAttribute('aria-label', `${this.title}, at epoch ${epoch.toFixed(2)}: ${texts.map(({ name, text }) => `${name} ${text}`).join(', ')}`);
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scalars[]} rows
 * @param {Curve} curve
 * @param {(value: number) => number} x
 * @param {(value: number) => number} y
 * @param {{ stroke: string, dash: number[], ratio: number }} style
 */
function drawCurve(context, rows, { read }, x, y, { stroke, dash, ratio }) {
  context.setLineDash(dash.map((part) => part * ratio));
  Object.assign(context, { strokeStyle: stroke, lineWidth: 1.6 * ratio, lineJoin: 'round' });
  context.beginPath();
  for (const row of rows) {
    const value = read(row);
    if (isNumber(value)) context.lineTo(x(row.epoch), y(value));
  }
  context.stroke();
  context.setLineDash([]);
}

/**
 * @param {number | null | undefined} value
 * @returns {value is number}
 */
function isNumber(value) {
  return typeof value === 'number';
}

/**
 * From where to where an axis goes: around nearly all values, so that single ones do not flatten the rest; from 0 where
 * that is near.
 * @param {number[]} values
 */
export function findRange(values) {
  const sorted = [...values].sort((a, b) => a - b);
  if (!sorted.length) return { low: 0, high: 1 };
  const cut = Math.floor(CUT * sorted.length);
  let [low, high] = [sorted[cut], sorted[sorted.length - 1 - cut]];
  if (low >= 0 && low < 0.6 * high) low = 0;
  if (high === low) [low, high] = [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2];
  const margin = 0.06 * (high - low);
  return { low: low === 0 ? 0 : low - margin, high: high + margin };
}

/**
 * Round numbers on an axis.
 * @param {number} low
 * @param {number} high
 * @param {number} count about as many
 */
export function listTicks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough * 0.999) ?? rough;
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9; i++) ticks.push(Number((i * step).toPrecision(6)));
  return ticks;
}

/** @param {number} value */
function formatTick(value) {
  return String(Number(value.toFixed(2)));
}
