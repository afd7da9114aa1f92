// A curve or several over the epochs of one or two runs, with a line where the scrubber stands, or under the pointer.
import { el } from './elements.js';
import { fitCanvas } from './training-frames.js';
import { formatNumber } from './training-words.js';

/**
 * @typedef {import('./training-data.js').RunData} RunData
 * @typedef {import('./training-data.js').Scalars} Scalars
 * @typedef {import('./training-frames.js').Colours} Colours
 * @typedef {{ x: (value: number) => number, y: (value: number) => number, width: number, height: number, ratio: number }} Frame
 *
 * @typedef {object} Curve
 * @property {string} name
 * @property {'d' | 'g' | 'e' | 'accent' | 'less' | 'more'} colour
 * @property {(row: Scalars) => number | null | undefined} read
 */

const LEFT = 52; // px for the numbers of the axis, and BOTTOM below
const BOTTOM = 18;
const TOP = 14; // room for a word above the curves
const RIGHT = 12;
const LINES = 3; // numbers on the axis, about
const CUT = 0.02; // share of the values at either end that may lie outside
const DASHES = [[], [5, 4]]; // of the first and the second run

export class Chart {
  /** @type {RunData[]} */
  #runs = [];
  /** @type {Curve[]} */
  #curves = [];
  #range = { low: 0, high: 1, end: 1 };
  /** @type {number | null} */
  #hover = null; // epoch under the pointer

  /**
   * @param {{ title: string, caption: string, percent?: boolean }} words
   * @param {(epoch: number) => void} go moves the scrubber
   * @param {() => void} redraw
   */
  constructor({ title, caption, percent }, go, redraw) {
    this.title = title;
    this.format = percent ? (/** @type {number} */ value) => `${Math.round(100 * value)} %` : formatNumber;
    this.formatTick = percent ? this.format : formatTick;
    this.heading = el('span', {}, title);
    this.moment = el('span', { class: 'gl-chart-moment' });
    this.legend = el('div', { class: 'gl-chart-legend' });
    this.canvas = el('canvas', { class: 'gl-chart-lines', role: 'img', 'aria-label': title });
    this.element = el('figure', { class: 'gl-card gl-chart', hidden: true },
      el('div', { class: 'gl-title' }, this.heading, this.moment), this.legend, this.canvas, el('figcaption', {}, caption));
    this.#listen(go, redraw);
  }

  /**
   * @param {(epoch: number) => void} go
   * @param {() => void} redraw
   */
  #listen(go, redraw) {
    const read = (/** @type {PointerEvent} */ event) => {
      const { left, width } = this.canvas.getBoundingClientRect();
      return Math.max(0, Math.min(1, (event.clientX - left - LEFT) / (width - LEFT - RIGHT))) * this.#range.end;
    };
    const hover = (/** @type {number | null} */ epoch) => {
      this.#hover = epoch;
      redraw();
    };
    this.canvas.addEventListener('pointerdown', (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      this.#hover = null;
      go(read(event));
    });
    this.canvas.addEventListener('pointermove', (event) => {
      if (this.canvas.hasPointerCapture(event.pointerId)) go(read(event));
      else if (event.pointerType === 'mouse') hover(read(event));
    });
    this.canvas.addEventListener('pointerleave', () => hover(null));
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

  /** @param {string} more which run's it is, where each has a chart of its own */
  label(more) {
    this.heading.textContent = more ? `${this.title}, ${more}` : this.title;
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
    for (const run of this.#runs) {
      const dash = DASHES[run.column] ?? [];
      for (const curve of this.#curves) drawCurve(context, run.scalars, curve, x, y, { stroke: colours[curve.colour], dash, ratio });
    }
    context.restore();
    context.fillStyle = colours.text;
    context.fillRect(Math.round(x(epoch)), 0, ratio, height - ratio * BOTTOM);
    if (this.#hover !== null) {
      context.fillStyle = colours.soft;
      context.fillRect(Math.round(x(this.#hover)), ratio * TOP, ratio, height - ratio * (TOP + BOTTOM));
    }
    this.#say(this.#hover ?? epoch, colours);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Frame} frame
   * @param {Colours} colours
   */
  #drawAxes(context, { x, y, width, height, ratio }, { line, soft, warn }) {
    const { low, high, end } = this.#range;
    Object.assign(context, { font: `${12 * ratio}px system-ui, sans-serif`, textBaseline: 'middle', textAlign: 'right', lineWidth: ratio });
    const ticks = listTicks(low, high, LINES);
    for (const value of ticks) {
      context.fillStyle = value === 0 && low < 0 ? soft : line;
      context.fillRect(ratio * LEFT, Math.round(y(value)), width - ratio * (LEFT + RIGHT), ratio);
      context.fillStyle = soft;
      context.fillText(this.formatTick(value, ticks[1] - ticks[0]), ratio * (LEFT - 6), y(value));
    }
    context.textBaseline = 'bottom';
    context.fillText('epoch', ratio * (LEFT - 12), height);
    context.textAlign = 'center';
    const epochs = listTicks(0, end, 5);
    for (const value of epochs) context.fillText(formatTick(value, epochs[1] - epochs[0]), x(value), height);
    context.fillStyle = warn;
    for (const { firstLoss: first } of this.#runs) {
      if (!first) continue;
      const right = x(first.epoch) < width / 2;
      context.fillRect(Math.round(x(first.epoch)), 0, 2 * ratio, height - ratio * BOTTOM);
      Object.assign(context, { textAlign: right ? 'left' : 'right', textBaseline: 'top' });
      context.fillText('lost', x(first.epoch) + (right ? 6 : -4) * ratio, 0);
    }
  }

  /**
   * What the curves read where the scrubber or the pointer stands: a number for each run that has the curve.
   * @param {number} epoch
   * @param {Colours} colours
   */
  #say(epoch, colours) {
    const said = this.#curves.map(({ name, read, colour }) => {
      const having = this.#runs.filter(({ scalars }) => scalars.some((row) => isNumber(read(row))));
      const values = having.map((run) => ({ column: run.column, value: run.findFigure(epoch, read) }));
      return { name, colour: colours[colour], values: values.map(({ column, value }) => ({ column, text: value === null ? '…' : this.format(value) })) };
    });
    const key = JSON.stringify(said);
    this.moment.textContent = `epoch ${epoch.toFixed(2)}`;
    if (key === this.legend.dataset.key) return;
    this.legend.dataset.key = key;
    this.legend.replaceChildren(...said.map(({ name, colour, values }) =>
      el('span', {}, name, ...values.flatMap(({ column, text }) => [el('i', { class: column ? 'gl-dashed' : '', style: `--colour:${colour}` }), el('b', {}, text)]))));
    const words = said.map(({ name, values }) => `${name} ${values.map(({ text }) => text).join(' and ')}`);
    this.canvas.setAttribute('aria-label', `${this.heading.textContent}, at epoch ${epoch.toFixed(2)}: ${words.join(', ')}`);
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
  const points = rows.flatMap((row) => {
    const value = read(row);
    return isNumber(value) ? [[x(row.epoch), y(value)]] : [];
  });
  context.beginPath();
  for (const [left, top] of points) context.lineTo(left, top);
  if (points.length === 1) context.arc(points[0][0], points[0][1], ratio, 0, 2 * Math.PI); // no line yet
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
 * @param {number} count about as many, at least two
 * @returns {number[]}
 */
export function listTicks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough * 0.999) ?? rough;
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9; i++) ticks.push(Number((i * step).toPrecision(6)));
  return ticks.length < 2 ? listTicks(low, high, 2 * count) : ticks;
}

/**
 * A number on an axis, with as many decimals as its step needs.
 * @param {number} value
 * @param {number} [step] to the next one
 */
export function formatTick(value, step = 1) {
  const decimals = step > 0 && step < 1 ? Math.ceil(-Math.log10(step) - 1e-9) : 0;
  return value === 0 ? '0' : value.toLocaleString('en', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}
