// The way of a map to the page, with a bar: first the server may encode the training pictures, then the file travels.
import { el } from './elements.js';
import { modelAddress, request } from './request.js';
import { TimeLeft, describeTime } from './time-left.js';

/** @typedef {{ what: 'encoding' | 'fetching', done: number, count: number }} Stand how far the map is */

const PAUSE = 400; // ms between two questions
const CALM = 150; // ms before anything is shown: what comes at once needs no bar
const MEGABYTE = 1e6;
const WORDS = {
  encoding: 'The model looks at all training pictures, once.',
  fetching: 'The map is on its way.',
};

/**
 * Fetch the map of a model. `report` hears how far it is, as soon as that is known.
 * @param {string} model
 * @param {(stand: Stand) => void} report
 * @param {number} [pause] ms
 * @returns {Promise<ArrayBuffer>}
 */
export async function fetchMap(model, report, pause = PAUSE) {
  let computing = true;
  const ask = async () => {
    while (computing) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      if (!computing) return;
      const answer = await request(modelAddress('map_progress', model)).catch(() => null);
      const { done, count } = (await answer?.json().catch(() => null)) ?? {};
      if (computing && count) report({ what: 'encoding', done, count });
    }
  };
  const coming = request(modelAddress('map', model)).finally(() => (computing = false));
  ask();
  return readBody(await coming, (done, count) => report({ what: 'fetching', done, count }));
}

/**
 * The body of a response. `report` hears how many bytes are here, where it is known how many come.
 * @param {Response} response
 * @param {(done: number, count: number) => void} report
 */
async function readBody(response, report) {
  const count = Number(response.headers.get('content-length'));
  if (!count || !response.body || response.headers.get('content-encoding')) return response.arrayBuffer();
  const bytes = new Uint8Array(count);
  let done = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { value } = await reader.read();
    if (!value) return bytes.buffer;
    bytes.set(value, done);
    done += value.length;
    report(done, count);
  }
}

export class MapLoading {
  constructor() {
    this.words = el('span', { role: 'status' });
    this.bar = el('progress', { 'aria-label': 'How far the map is' });
    this.amount = el('span');
    this.element = el('p', { class: 'gl-fine gl-loading', hidden: true }, this.words, this.bar, this.amount);
  }

  /**
   * `fetchMap`, with a bar until it is over.
   * @param {string} model
   * @returns {Promise<ArrayBuffer>}
   */
  async fetch(model) {
    let left = new TimeLeft();
    let last = '';
    this.words.textContent = WORDS.fetching;
    this.amount.textContent = '';
    this.bar.removeAttribute('value');
    const timer = setTimeout(() => (this.element.hidden = false), CALM);
    try {
      return await fetchMap(model, ({ what, done, count }) => {
        if (what !== last) left = new TimeLeft();
        last = what;
        if (this.words.textContent !== WORDS[what]) this.words.textContent = WORDS[what];
        Object.assign(this.bar, { max: count, value: done });
        this.amount.textContent = [describe(what, done, count), describeTime(left.estimate(done, count, performance.now()))].filter(Boolean).join(', ');
      });
    } finally {
      clearTimeout(timer);
      this.element.hidden = true;
    }
  }
}

/**
 * @param {Stand['what']} what
 * @param {number} done
 * @param {number} count
 */
function describe(what, done, count) {
  if (what === 'encoding') return `${done.toLocaleString('en')} of ${count.toLocaleString('en')}`;
  return `${(done / MEGABYTE).toFixed(1)} of ${(count / MEGABYTE).toFixed(1)} MB`;
}
