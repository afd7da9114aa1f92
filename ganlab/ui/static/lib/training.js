// The Training tab: one run, or two side by side, at a moment that the scrubber chooses. All moments are in the page, so
// that a scrub asks the server for nothing; a run in training is asked once a second for what is new.
import { el, button, picker } from './elements.js';
import { request } from './request.js';
import { Chart } from './training-chart.js';
import { CHARTS, listCurves } from './training-curves.js';
import { RunData, findNeighbour } from './training-data.js';
import { readColours } from './training-frames.js';
import { StartForm } from './training-start.js';
import { RunView } from './training-view.js';
import { describeMoment, describeRun, nameRun } from './training-words.js';

/**
 * @typedef {import('./training-start.js').Offer} Offer
 * @typedef {{ run?: string, beside?: string, palette?: string[] }} Value of the component: which runs an address names
 */

const AGAIN = 1000; // ms between two looks at a run in training
const FAR = 5000; // the same of one that a site serves
const PLAY = 8000; // ms that a whole run takes
const FIRST = 'bigan'; // the bundled run that is shown first
const JUMP = 10; // moments, by PageUp and PageDown
const LINES = ['solid lines', 'dashed lines'];
const KEYS = /** @type {Record<string, number>} */ ({ ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: JUMP, PageDown: -JUMP });
export class Training {
  epoch = Infinity; // where the scrubber stands; the end to begin with
  /** @type {(RunView | null)[]} */
  views = [null, null]; // the run, and the one beside it
  names = ['', ''];
  /** @type {Value} */
  #given = {};
  #opened = false;
  #opening = [0, 0]; // how many runs were asked for: the last one counts
  /** @type {string[]} */
  #palette = [];
  #frame = 0;
  #played = 0; // when play began to move from where the scrubber stands; 0 while it does not
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    const choose = (/** @type {number} */ index) => (/** @type {string} */ name) => void this.open(index, name);
    this.pickers = [picker('run', [], choose(0)), picker('run beside it', [], choose(1))];
    this.start = new StartForm({ start: (settings) => this.#wish({ wish: 'start', ...settings }), open: (name) => void this.open(0, name) });
    this.notice = el('p', { class: 'gl-notice', role: 'alert', hidden: true });
    this.play = button('play', () => this.#togglePlay(), { 'data-do': 'play' });
    this.scrub = el('input', { class: 'gl-scrub gl-run-scrub', type: 'range', 'min': 0, 'max': 1, 'step': 'any', 'aria-label': 'moment of the training' });
    this.readout = el('output', { class: 'gl-run-moment' });
    this.columns = el('div', { class: 'gl-run-columns' });
    this.chosen = el('i', { hidden: true });
    this.charts = CHARTS.map((words) => new Chart(words, (epoch) => this.go(epoch), () => this.draw()));
    this.scrub.addEventListener('input', () => this.go(Number(this.scrub.value)));
    this.scrub.addEventListener('keydown', (event) => this.#press(event));
    const [label, beside] = ['run', 'beside it'].map((text, i) => el('label', { class: 'gl-check' }, text, this.pickers[i]));
    root.replaceChildren(
      el('div', { class: 'gl-run-bar' }, label, beside), this.start.element, this.notice,
      el('div', { class: 'gl-run-time' }, this.play, this.scrub, this.readout),
      this.columns, el('div', { class: 'gl-run-charts' }, ...this.charts.map(({ element }) => element)), this.chosen,
    );
    new ResizeObserver(() => this.draw()).observe(root);
    new IntersectionObserver(() => this.#plan(0)).observe(root);
    document.addEventListener('visibilitychange', () => this.#plan(0));
    new MutationObserver(() => this.draw()).observe(document.body, { attributes: true, attributeFilter: ['class'] });
  }

  /** @param {Value | null} value */
  show(value) {
    if (!value?.palette) return; // the tab has not been opened
    this.#palette = value.palette;
    const [run, beside] = [value.run ?? '', value.beside ?? ''];
    const other = run !== (this.#given.run ?? '') || beside !== (this.#given.beside ?? '');
    this.#given = value;
    if (this.#opened && !other) return;
    this.#opened = true;
    void this.#begin(run, beside);
  }

  /**
   * @param {string} run
   * @param {string} beside
   */
  async #begin(run, beside) {
    if (run && run === this.names[0] && beside === this.names[1]) return;
    const offer = await this.#offer();
    if (!offer) return;
    const first = offer.runs.find(({ bundled }) => !bundled) ?? offer.runs.find(({ name }) => name === FIRST) ?? offer.runs[0];
    if (run || first) await this.open(0, run || first.name);
    else this.#say('There are no runs here yet.');
    if (run && first && !this.names[0]) { // an address may name what is gone: another is shown, and that is said
      const sentence = this.notice.textContent ?? '';
      await this.open(0, first.name);
      this.#say(sentence);
    }
    if (beside) await this.open(1, beside);
  }

  /** Ask which runs there are, and offer them. */
  async #offer() {
    try {
      const offer = /** @type {Offer} */ (await (await request('ganlab/runs')).json());
      this.start.show(offer);
      for (const [index, select] of this.pickers.entries()) {
        select.replaceChildren(...(index ? [el('option', { value: '' }, 'none')] : []), ...listGroups(offer, this.names[index]));
        select.value = this.names[index];
      }
      return offer;
    } catch (error) {
      this.#say(/** @type {Error} */ (error).message);
      return null;
    }
  }

  /**
   * Show a run.
   * @param {number} index 0, or 1 for the one beside it
   * @param {string} name empty for none beside it
   */
  async open(index, name) {
    this.#say('');
    const data = new RunData(name);
    const turn = (this.#opening[index] += 1);
    try {
      if (name) await data.update();
      if (turn !== this.#opening[index]) return;
    } catch (error) {
      if (turn !== this.#opening[index]) return;
      this.#say(/** @type {Error} */ (error).message);
      this.pickers[index].value = this.names[index];
      return;
    }
    this.names[index] = name;
    const redraw = () => this.draw();
    const wish = (/** @type {string} */ what) => void this.#wish({ wish: what, run: name });
    this.views[index] = name ? new RunView(data, { go: (epoch) => this.go(epoch), wish, redraw }) : null;
    data.column = index;
    if (!index) this.epoch = Infinity;
    if (![...this.pickers[index].options].some(({ value }) => value === name)) await this.#offer();
    this.pickers[index].value = name;
    this.columns.replaceChildren(...this.#shown.map(({ element }) => element));
    this.columns.classList.toggle('gl-run-two', this.#shown.length > 1);
    this.#renew();
    this.#plan();
  }

  get #shown() {
    return /** @type {RunView[]} */ (this.views.filter(Boolean));
  }

  get #end() {
    return Math.max(0, ...this.#shown.map(({ data }) => data.end));
  }

  /** Everything that follows from the runs' data. */
  #renew() {
    const [runs, end] = [this.#shown.map(({ data }) => data), this.#end];
    for (const [index, view] of this.#shown.entries()) {
      view.palette = this.#palette;
      view.renew(runs.length > 1 ? LINES[index] : '');
    }
    this.scrub.max = String(end || 1);
    for (const [index, { runs: those, curves, label }] of listCurves(runs).entries()) {
      this.charts[index].show(those, curves, end);
      this.charts[index].label(label ?? '');
    }
    const query = new URLSearchParams(this.names[1] ? { run: this.names[0], beside: this.names[1] } : { run: this.names[0] });
    this.chosen.dataset.chosen = String(query);
    this.root.dataset.runs = runs.map((run) => describeRun(run)).join(' | ');
    this.draw();
  }

  /** @param {number} epoch where the scrubber goes; play ends */
  go(epoch) {
    this.#stopPlay();
    this.epoch = epoch >= this.#end ? Infinity : epoch; // at the end it follows a run that goes on
    this.draw();
  }

  /** Draw in the next frame. */
  draw() {
    if (this.#frame) return;
    this.#frame = requestAnimationFrame((now) => {
      this.#frame = 0;
      if (this.#played) this.#move(now);
      this.#drawNow();
    });
  }

  #drawNow() {
    if (!this.root.offsetParent) return;
    const [end, colours] = [this.#end, readColours(this.root)];
    const epoch = Math.min(this.epoch, end);
    for (const view of this.#shown) view.draw(epoch, colours);
    for (const chart of this.charts) chart.draw(epoch, colours);
    this.scrub.value = String(epoch);
    const text = describeMoment(epoch, this.#shown.map(({ data }) => data));
    this.readout.textContent = text;
    this.scrub.setAttribute('aria-valuetext', text);
    this.root.dataset.frames = String(Number(this.root.dataset.frames ?? 0) + 1);
  }

  /** @param {number} now ms */
  #move(now) {
    const end = this.#end;
    this.epoch = Math.min(this.epoch, end) + ((now - this.#played) / PLAY) * end;
    this.#played = now;
    if (this.epoch >= end) this.go(end);
    else this.draw();
  }

  #togglePlay() {
    if (this.#played) return this.#stopPlay();
    if (this.epoch >= this.#end) this.epoch = 0;
    this.#played = performance.now();
    this.play.textContent = 'stop';
    this.draw();
  }

  #stopPlay() {
    this.#played = 0;
    this.play.textContent = 'play';
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    const step = KEYS[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const epochs = this.#shown.flatMap(({ data }) => data.moments.map(({ epoch }) => epoch)).sort((a, b) => a - b);
    this.go(findNeighbour(epochs, Math.min(this.epoch, this.#end), step));
  }

  /** @param {{ wish: string, run?: string, epochs?: number, seed?: number }} wish */
  async #wish(wish) {
    try {
      this.#say('');
      const { run } = await (await request('ganlab/train', { method: 'POST', body: JSON.stringify(wish) })).json();
      if (wish.wish === 'start') await this.open(0, run);
      this.#plan(0);
    } catch (error) {
      this.#say(/** @type {Error} */ (error).message);
    }
  }

  /** @param {string} sentence */
  #say(sentence) {
    this.notice.hidden = !sentence;
    this.notice.textContent = sentence;
  }

  /** @param {number} [pause] ms until runs in training are looked at again */
  #plan(pause = this.names.some((name) => name.includes('://')) ? FAR : AGAIN) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), pause);
  }

  async #look() {
    const shown = this.#shown;
    const waited = shown.filter(({ data }) => data.isActive || data.controls.length);
    if (!waited.length || !this.root.offsetParent || document.hidden) return;
    try {
      await Promise.all(waited.map(({ data }) => data.update()));
      if (shown.every((view, index) => view === this.#shown[index])) this.#renew();
    } catch (error) {
      this.#say(/** @type {Error} */ (error).message);
    }
    this.#plan();
  }
}

/**
 * The runs on offer, those of this machine before those that came with the app, and one that was opened by its address.
 * @param {Offer} offer
 * @param {string} current
 */
function listGroups({ runs }, current) {
  const group = (/** @type {string} */ label, /** @type {[value: string, text: string][]} */ options) =>
    el('optgroup', { label }, ...options.map(([value, text]) => el('option', { value }, text)));
  const bundled = runs.filter((run) => run.bundled);
  const own = [...runs.filter((run) => !run.bundled).map(({ name }) => name)];
  if (current && !runs.some(({ name }) => name === current)) own.push(current);
  return [
    ...(own.length ? [group('of this machine', own.map((name) => [name, name]))] : []),
    group('came with the app', bundled.map(({ name }) => [name, nameRun(name)])),
  ];
}
