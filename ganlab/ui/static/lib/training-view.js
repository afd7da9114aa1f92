// One run of the Training tab: how it stands, its pictures, its codes, D's decisions, its events.
import { nameClass } from './classes.js';
import { button, el, press } from './elements.js';
import { Card, setText } from './training-card.js';
import { LOST, countReal, findPoint } from './training-data.js';
import { BINS, colourByClass, colourByDecision, drawDecisions, drawMap, drawPictures } from './training-frames.js';
import { CALM, CAPTIONS, describeAbsence, describeBin, describeDecision, describeLoss, describePoint, describeRun, describeState } from './training-words.js';

/**
 * @typedef {import('./training-data.js').RunData} RunData
 * @typedef {import('./training-frames.js').Colours} Colours
 * @typedef {import('./training-data.js').Moment} Moment
 * @typedef {import('./training-data.js').Part} Part
 * @typedef {'class' | 'decision'} Colouring
 */

const SAMPLE_COLUMNS = 4;
const WISHES = /** @type {Record<string, string>} */ ({ pause: 'pause', run: 'resume', stop: 'stop' });
const MAX_NAMED = 20; // classes in the legend
const REACH = 12; // px around the pointer in which a point is named

export class RunView {
  /** @type {Colouring} */
  colouring = 'class';
  /** @type {string[]} */
  palette = [];
  #drawn = ''; // which moment's pictures are on the canvases
  #said = ''; // which events are listed
  #epoch = 0; // that is shown
  /** @type {Float32Array} */
  #points = new Float32Array(0); // of the map, in px of its canvas

  /**
   * @param {RunData} data
   * @param {object} listeners
   * @param {(epoch: number) => void} listeners.go moves the scrubber
   * @param {(wish: string) => void} listeners.wish asks the run for something
   * @param {() => void} listeners.redraw
   */
  constructor(data, { go, wish, redraw }) {
    this.data = data;
    this.go = go;
    this.wish = wish;
    this.title = el('h2', { class: 'gl-h', tabindex: '-1' });
    this.state = el('p', { class: 'gl-run-state' });
    this.bar = el('progress', { 'max': 1, 'aria-label': 'how far the run is', 'hidden': true });
    this.controls = el('span', { class: 'gl-run-controls' });
    this.loss = el('p', { class: 'gl-notice gl-run-lost', role: 'alert', hidden: true });
    this.lossMoment = button('', () => this.go(this.data.firstLoss?.epoch ?? 0), { hidden: true });
    const canvas = (/** @type {string} */ name, /** @type {string} */ label) => el('canvas', { 'class': name, 'role': 'img', 'aria-label': label });
    this.samples = canvas('gl-picture gl-frames-canvas', 'samples');
    this.pairs = canvas('gl-picture gl-frames-canvas', 'reconstructions');
    this.plane = canvas('gl-run-plane', 'codes');
    this.decisions = canvas('gl-decisions', 'decisions of D');
    this.decision = el('p', { class: 'gl-run-decision' });
    const choose = (/** @type {Colouring} */ kind, /** @type {string} */ text) =>
      button(text, () => this.#choose(kind, redraw), { 'data-kind': kind, 'aria-pressed': String(kind === this.colouring) });
    this.kinds = el('div', { class: 'gl-tools', role: 'group', 'aria-label': 'colour of the codes' }, choose('class', 'by class'), choose('decision', 'by D’s decision'));
    this.legend = el('div', { class: 'gl-run-legend' });
    this.events = el('ol', { 'class': 'gl-run-events', 'aria-live': 'polite' });
    this.cards = {
      samples: new Card('samples', CAPTIONS.samples, this.samples),
      reconstructions: new Card('reconstructions', CAPTIONS.reconstructions, this.pairs),
      positions: new Card('codes', CAPTIONS.class, this.plane, this.kinds, this.legend),
      decisions: new Card('D’s decision', CAPTIONS.decisions, this.decisions, listEnds('0: undecided'), this.decision),
    };
    this.board = el('div', { class: 'gl-run-cards', hidden: true }, ...Object.values(this.cards).map(({ element }) => element));
    const heading = el('div', { class: 'gl-run-heading' }, this.title, this.controls);
    this.element = el('section', { class: 'gl-run' }, el('div', {}, heading, this.state, this.bar), el('div', { class: 'gl-run-loss' }, this.loss, this.lossMoment), this.board, this.events);
    this.#listen();
  }

  /** What lies under the pointer stands in the caption's stead. */
  #listen() {
    const read = (/** @type {PointerEvent} */ event) => {
      const box = /** @type {HTMLElement} */ (event.currentTarget).getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    };
    this.plane.addEventListener('pointermove', (event) => {
      const [x, y] = read(event);
      const scale = this.plane.width / this.plane.clientWidth;
      const index = findPoint(this.#points, x * this.plane.width, y * this.plane.height, REACH * scale);
      this.cards.positions.say(index < 0 ? '' : describePoint(this.data, this.#find('decisions'), index));
    });
    this.decisions.addEventListener('pointermove', (event) => {
      this.cards.decisions.say(describeBin(this.#find('decisions'), Math.min(BINS - 1, Math.floor(read(event)[0] * BINS))));
    });
    for (const each of [this.plane, this.decisions]) each.addEventListener('pointerleave', () => this.#quiet());
  }

  #quiet() {
    for (const each of [this.cards.positions, this.cards.decisions]) each.say('');
  }

  /**
   * @param {Colouring} kind
   * @param {() => void} redraw
   */
  #choose(kind, redraw) {
    this.colouring = kind;
    this.cards.positions.caption = CAPTIONS[kind];
    press(this.kinds, (each) => each.dataset.kind === kind);
    redraw();
  }

  /**
   * What has changed of the run: words, controls, which parts it has.
   * @param {string} [lines] how its curves are drawn, where there are two runs
   */
  renew(lines = '') {
    const { data } = this;
    const name = describeRun(data);
    this.title.textContent = lines ? `${name} (${lines})` : name;
    this.element.setAttribute('aria-label', name);
    const { silent, state, step, steps } = data.status;
    setText(this.state, describeState(data));
    this.state.classList.toggle('gl-notice', state === 'failed' || Boolean(silent));
    this.bar.hidden = !(data.isActive && steps);
    this.bar.value = steps ? step / steps : 0;
    const lost = describeLoss(data);
    this.loss.hidden = !lost;
    setText(this.loss, lost);
    this.lossMoment.hidden = !lost;
    if (data.firstLoss) this.lossMoment.textContent = `show epoch ${data.firstLoss.epoch.toFixed(1)}`;
    this.#renewControls();
    this.#renewEvents();
    this.board.hidden = !data.about;
    for (const [part, each] of /** @type {[Part, Card][]} */ (Object.entries(this.cards))) each.absence = describeAbsence(data, part);
    const [, byDecision] = /** @type {HTMLCollectionOf<HTMLButtonElement>} */ (this.kinds.children);
    byDecision.disabled = Boolean(this.cards.decisions.absence);
    byDecision.title = this.cards.decisions.absence;
    this.#drawn = '';
  }

  #renewControls() {
    const wanted = this.data.controls;
    if (wanted.join() === this.controls.dataset.wishes) return;
    this.controls.dataset.wishes = wanted.join();
    const held = /** @type {HTMLElement | null} */ (document.activeElement);
    const had = held && this.controls.contains(held);
    this.controls.replaceChildren(...wanted.map((wish) => button(WISHES[wish] ?? wish, () => this.wish(wish), { 'data-wish': wish })));
    if (had) (/** @type {HTMLElement | null} */ (this.controls.firstElementChild) ?? this.title).focus();
  }

  #renewEvents() {
    const { events, about } = this.data;
    const key = JSON.stringify([events, Boolean(about)]);
    if (key === this.#said) return;
    this.#said = key;
    const others = events.filter((event) => event.kind !== 'finished' && event !== this.data.firstLoss); // those are said above
    const rows = others.map(({ epoch, kind, text }) => {
      const at = button(`epoch ${epoch.toFixed(1)}`, () => this.go(epoch), { 'aria-label': `show epoch ${epoch.toFixed(1)}` });
      return el('li', { class: LOST.includes(kind) ? 'gl-run-warned' : '', 'data-event': kind }, at, el('span', {}, text));
    });
    const calm = about && !this.data.firstLoss;
    this.events.replaceChildren(...rows, ...(calm ? [el('li', { 'data-event': '' }, el('span', {}, CALM))] : []));
  }

  /**
   * The moment at an epoch: everything is here already, so that this follows the hand.
   * @param {number} epoch
   * @param {Colours} colours
   */
  draw(epoch, colours) {
    const { data } = this;
    if (!data.about) return;
    this.#epoch = epoch;
    const at = data.findMoment(epoch);
    if (at && this.#drawn !== String(at.moment.step)) {
      this.#drawn = String(at.moment.step);
      this.#drawPictures(data.about);
    }
    const codes = data.findMoment(epoch, 'positions');
    if (codes?.moment.positions) {
      const count = codes.moment.positions.length / 2;
      const byClass = this.colouring === 'class' || !codes.moment.decisions;
      const colouring = byClass ? colourByClass(data.about.labels, count, this.palette, colours) : colourByDecision(codes.moment, colours);
      this.#points = drawMap(this.plane, codes, data.extent, colouring);
      this.#drawLegend(byClass, colouring.colours, data.about);
    }
    const decided = this.#find('decisions');
    if (decided) drawDecisions(this.decisions, decided, colours);
  }

  /** @param {Part} part; the last moment by now that has it */
  #find(part) {
    return this.data.findMoment(this.#epoch, part)?.moment ?? null;
  }

  /**
   * @param {boolean} byClass
   * @param {string[]} colours
   * @param {import('./training-data.js').About} about
   */
  #drawLegend(byClass, colours, { labels, classes }) {
    const key = `${byClass} ${colours.join()}`;
    if (key === this.legend.dataset.key) return;
    this.legend.dataset.key = key;
    const all = [...new Set(labels ?? [])].sort((a, b) => a - b);
    const named = all.length <= MAX_NAMED ? all : [];
    const entries = named.map((label) => el('span', { class: 'gl-label' }, el('i', { style: `background:${colours[label % colours.length]}` }), nameClass(classes, label)));
    this.legend.replaceChildren(...(byClass ? entries : [listEnds('undecided')]));
  }

  /** @param {import('./training-data.js').About} about */
  #drawPictures({ shape }) {
    const { inputs } = this.data;
    const size = shape[0] * shape[1] * shape[2];
    const when = (/** @type {Moment | null} */ moment) => `of step ${moment?.step.toLocaleString('en')}`;
    const [samples, pairs, codes, decided] = /** @type {const} */ (['samples', 'reconstructions', 'positions', 'decisions']).map((part) => this.#find(part));
    if (samples) drawPictures(this.samples, [samples.samples], shape, SAMPLE_COLUMNS);
    if (pairs && inputs) drawPictures(this.pairs, interleave(inputs, pairs.reconstructions, size), shape, inputs.length / size / 2);
    this.samples.setAttribute('aria-label', `samples ${when(samples)}`);
    this.pairs.setAttribute('aria-label', `pictures and their reconstructions ${when(pairs)}`);
    this.plane.setAttribute('aria-label', `codes ${when(codes)}`);
    const text = describeDecision(countReal(decided?.decisions ?? null), countReal(decided?.decisionsMade ?? null));
    this.decision.textContent = text;
    this.decisions.setAttribute('aria-label', `D’s logits ${when(decided)}: ${text}`);
  }
}

/**
 * Inputs and their reconstructions as lines of a grid: half of the inputs, below them their reconstructions, and the
 * other half likewise.
 * @param {Uint8Array} inputs
 * @param {Uint8Array | null} reconstructions
 * @param {number} size bytes of a picture
 */
function interleave(inputs, reconstructions, size) {
  const half = Math.ceil(inputs.length / size / 2) * size;
  const empty = new Uint8Array(inputs.length);
  const below = reconstructions?.length === inputs.length ? reconstructions : empty;
  return [inputs.subarray(0, half), below.subarray(0, half), inputs.subarray(half), below.subarray(half)];
}

/**
 * What the two ends of D's decision mean, in their colours, and the middle.
 * @param {string} middle
 */
function listEnds(middle) {
  return el('div', { class: 'gl-decision-ends' }, el('span', { class: 'gl-less' }, '← generated'), el('span', {}, middle), el('span', { class: 'gl-more' }, 'real →'));
}
