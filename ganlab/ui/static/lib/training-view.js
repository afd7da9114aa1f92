// One run of the Training tab: how it stands, its pictures, its codes, D's decisions, its events.
import { nameClass } from './classes.js';
import { button, el, press } from './elements.js';
import { countReal } from './training-data.js';
import { colourByClass, colourByDecision, drawDecisions, drawMap, drawPictures } from './training-frames.js';
import { describeDecision, describeLoss, describeRun, describeState, isLoss } from './training-words.js';

/**
 * @typedef {import('./training-data.js').RunData} RunData
 * @typedef {import('./training-frames.js').Colours} Colours
 * @typedef {'class' | 'decision'} Colouring
 */

const SAMPLE_COLUMNS = 4;
const WISHES = /** @type {Record<string, string>} */ ({ pause: 'pause', run: 'resume', stop: 'stop' });
const MAX_NAMED = 20; // classes in the legend
const CALM = 'Nothing unusual was noticed so far.';

export class RunView {
  /** @type {Colouring} */
  colouring = 'class';
  /** @type {string[]} */
  palette = [];
  #drawn = ''; // which moment's pictures are on the canvases
  #said = ''; // which events are listed

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
    this.title = el('h2', { class: 'gl-h' });
    this.state = el('span', { class: 'gl-run-state' });
    this.controls = el('span', { class: 'gl-run-controls' });
    this.loss = el('p', { class: 'gl-notice gl-run-lost', role: 'alert', hidden: true });
    this.samples = el('canvas', { class: 'gl-picture gl-frames-canvas', role: 'img', 'aria-label': 'samples' });
    this.pairs = el('canvas', { class: 'gl-picture gl-frames-canvas', role: 'img', 'aria-label': 'reconstructions' });
    this.plane = el('canvas', { class: 'gl-plane', role: 'img', 'aria-label': 'codes' });
    this.decisions = el('canvas', { class: 'gl-decisions', role: 'img', 'aria-label': 'decisions of D' });
    this.decision = el('p', { class: 'gl-fine' });
    const choose = (/** @type {Colouring} */ kind, /** @type {string} */ text) =>
      button(text, () => this.#choose(kind, redraw), { 'data-kind': kind, 'aria-pressed': String(kind === this.colouring) });
    this.kinds = el('div', { class: 'gl-tools', role: 'group', 'aria-label': 'colour of the codes' }, choose('class', 'by class'), choose('decision', 'by D’s decision'));
    this.legend = el('div', { class: 'gl-run-legend' });
    this.events = el('ol', { 'class': 'gl-run-events', 'aria-live': 'polite' });
    this.cards = {
      samples: card('samples of the same z', this.samples),
      pairs: card('the same pictures, and below each its reconstruction', this.pairs),
      plane: card('codes of the same pictures', this.plane, this.kinds, this.legend),
      decisions: card('D’s decision', this.decisions, listEnds(), this.decision),
    };
    const heading = el('div', { class: 'gl-run-heading' }, this.title, this.state, this.controls);
    this.element = el('section', { class: 'gl-run' }, heading, this.loss, el('div', { class: 'gl-run-cards' }, ...Object.values(this.cards)), this.events);
  }

  /**
   * @param {Colouring} kind
   * @param {() => void} redraw
   */
  #choose(kind, redraw) {
    this.colouring = kind;
    press(this.kinds, (each) => each.dataset.kind === kind);
    redraw();
  }

  /**
   * What has changed of the run: words, controls, which parts it has.
   * @param {string} [lines] how its curves are drawn, where there are two runs
   */
  renew(lines = '') {
    const { data } = this;
    const [name, last] = [describeRun(data), data.moments.at(-1)];
    this.title.textContent = lines ? `${name} (${lines})` : name;
    this.element.setAttribute('aria-label', name);
    setText(this.state, describeState(data));
    const lost = describeLoss(data);
    this.loss.hidden = !lost;
    setText(this.loss, lost);
    this.#renewControls();
    this.#renewEvents();
    this.cards.samples.hidden = !last?.samples;
    this.cards.pairs.hidden = !last?.reconstructions || !data.inputs;
    this.cards.plane.hidden = !last?.positions;
    this.cards.decisions.hidden = !last?.decisions;
    this.kinds.hidden = !last?.decisions;
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
    const rows = events.map(({ epoch, kind, text }) => {
      const at = button(`epoch ${epoch.toFixed(1)}`, () => this.go(epoch), { 'aria-label': `show epoch ${epoch.toFixed(1)}` });
      return el('li', { class: isLoss(kind) ? 'gl-run-warned' : '', 'data-event': kind }, at, el('span', {}, text));
    });
    const calm = about && !events.some(({ kind }) => isLoss(kind));
    this.events.replaceChildren(...rows, ...(calm ? [el('li', { 'data-event': '' }, el('span', {}, CALM))] : []));
  }

  /**
   * The moment at an epoch: everything is here already, so that this follows the hand.
   * @param {number} epoch
   * @param {Colours} colours
   */
  draw(epoch, colours) {
    const { data } = this;
    const at = data.findMoment(epoch);
    if (!at || !data.about) return;
    const { moment } = at;
    if (this.#drawn !== String(moment.step)) {
      this.#drawn = String(moment.step);
      this.#drawPictures(moment, data.about);
    }
    if (!this.cards.plane.hidden && moment.positions) {
      const count = moment.positions.length / 2;
      const byClass = this.colouring === 'class' || !moment.decisions;
      const colouring = byClass ? colourByClass(data.about.labels, count, this.palette, colours) : colourByDecision(moment, colours);
      drawMap(this.plane, at, data.extent, colouring);
      this.#drawLegend(byClass, colouring.colours, data.about);
    }
    if (!this.cards.decisions.hidden) drawDecisions(this.decisions, moment, colours);
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
    this.legend.replaceChildren(...(byClass ? entries : [listEnds()]));
  }

  /**
   * @param {import('./training-data.js').Moment} moment
   * @param {import('./training-data.js').About} about
   */
  #drawPictures(moment, { shape }) {
    const { data } = this;
    const size = shape[0] * shape[1] * shape[2];
    const when = `of step ${moment.step.toLocaleString('en')}`;
    if (!this.cards.samples.hidden) drawPictures(this.samples, [moment.samples], shape, SAMPLE_COLUMNS);
    if (!this.cards.pairs.hidden && data.inputs) drawPictures(this.pairs, interleave(data.inputs, moment.reconstructions, size), shape, data.inputs.length / size / 2);
    this.samples.setAttribute('aria-label', `samples ${when}`);
    this.pairs.setAttribute('aria-label', `pictures and their reconstructions ${when}`);
    this.plane.setAttribute('aria-label', `codes ${when}`);
    const text = describeDecision(countReal(moment.decisions), countReal(moment.decisionsMade));
    this.decision.textContent = text;
    this.decisions.setAttribute('aria-label', `D’s logits ${when}: ${text}`);
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

/** What the two ends of D's decision mean, in their colours. */
function listEnds() {
  return el('div', { class: 'gl-decision-ends' }, el('span', { class: 'gl-less' }, '← generated'), el('span', { class: 'gl-more' }, 'real →'));
}

/**
 * @param {string} title
 * @param {...Node} content
 */
function card(title, ...content) {
  return el('figure', { class: 'gl-card', hidden: true }, el('div', { class: 'gl-title' }, title), ...content);
}

/**
 * A text that screen readers say only when it is another.
 * @param {HTMLElement} element
 * @param {string} text
 */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
