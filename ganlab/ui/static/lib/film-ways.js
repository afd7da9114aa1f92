// The ways of a film that need more than arithmetic: straight between codes, and the shortest, which the server computes.
import { button, el } from './elements.js';
import { request } from './request.js';

const MAX_ASKED = 4; // times that an answer which breaks off is asked for

/**
 * @typedef {import('./latent.js').Latent} Latent
 * @typedef {import('./latent.js').Codec} Codec
 *
 * @typedef {object} Line what the server sends while it computes
 * @property {number} [done] share in [0, 1]
 * @property {string} [error]
 * @property {number[][][]} [ways] for each part of the film latents at equal distances in time
 * @property {{ way: string, title: string, length: number }[]} [lengths] of each way; `way` is empty for the pictures'
 *   straight distance
 * @property {string} [space] in which distances are measured
 */

/**
 * A model's codec that computes the code of a latent once: keyframes stay the same arrays from frame to frame.
 * @param {Codec} G
 * @returns {Codec}
 */
export function rememberCodes(G) {
  /** @type {WeakMap<Latent, Latent>} */
  const codes = new WeakMap();
  return {
    toCodes(z) {
      const code = codes.get(z) ?? G.toCodes(z);
      codes.set(z, code);
      return code;
    },
    fromCodes: (code) => G.fromCodes(code),
  };
}

/**
 * The values of JSON that a response holds one a line, each as soon as it is there.
 * @param {ReadableStream<Uint8Array>} stream
 */
export async function* readLines(stream) {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    const lines = (rest + decoder.decode(value, { stream: !done })).split('\n');
    rest = done ? '' : (lines.pop() ?? '');
    for (const line of lines) if (line) yield JSON.parse(line);
    if (done) return;
  }
}

/**
 * The lines of an answer. One that breaks off, since its server ended, is asked for again: another server begins anew.
 * @param {() => Promise<Response>} ask
 * @param {() => boolean} isWhole whether all that is wanted has come
 */
export async function* readWhole(ask, isWhole) {
  for (let asked = 0; !isWhole(); asked++) {
    if (asked === MAX_ASKED) throw new Error('The server stopped before it had the shortest way.');
    const { body } = await ask();
    try {
      if (body) yield* readLines(body);
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error; // the connection broke, or in a line
    }
  }
}

/** Asks the server for the shortest way of a film, shows how far it is, and how long each way is. */
export class ShortestWay {
  /** @type {Latent[][] | null} */
  routes = null;
  #body = ''; // of the request that `routes` answer or will answer; empty if the way is not wanted
  /** @type {AbortController | undefined} */
  #request;

  /**
   * @param {() => void} changed called when the routes are there
   * @param {() => void} stopped called when the person stops the work, or it fails
   */
  constructor(changed, stopped) {
    this.changed = changed;
    this.stopped = stopped;
    this.bar = el('progress', { max: 1, 'aria-label': 'How much of the shortest way is computed' });
    this.work = el('p', { class: 'gl-tools gl-fine' }, 'Looking for the shortest way. ', this.bar, button('stop', () => this.#give()));
    this.notice = el('p', { class: 'gl-fine', role: 'status' });
    this.lengths = el('div', {});
    this.element = el('div', { class: 'gl-ways' }, this.work, this.notice, this.lengths);
    this.#show(false);
  }

  /** Whether the routes are wanted and not there yet. */
  get pending() {
    return this.#body !== '' && !this.routes;
  }

  /**
   * Compute the way of a film, unless that was done or is being done; drop what was wanted before.
   * @param {string} body of the request; empty if no such way is wanted
   */
  want(body) {
    if (body === this.#body) return;
    this.#request?.abort();
    this.#body = body;
    this.routes = null;
    this.lengths.replaceChildren();
    if (body) this.notice.textContent = '';
    this.#show(Boolean(body));
    if (body) this.#compute(body);
  }

  /** @param {string} body */
  async #compute(body) {
    const aborting = new AbortController();
    this.#request = aborting;
    try {
      const ask = () => request('ganlab/shortest', { method: 'POST', body, signal: aborting.signal });
      for await (const line of readWhole(ask, () => Boolean(this.routes))) {
        if (body !== this.#body) return;
        this.#take(line);
      }
    } catch (error) {
      if (body === this.#body) this.#give(/** @type {Error} */ (error).message);
    }
  }

  /** @param {Line} line */
  #take({ done = 0, error, ways, lengths = [], space = '' }) {
    if (error) throw new Error(error);
    this.bar.value = done;
    if (!ways) return;
    this.routes = ways;
    this.#show(false);
    this.lengths.replaceChildren(drawLengths(lengths, space));
    this.changed();
  }

  /**
   * Want it no longer.
   * @param {string} [reason]
   */
  #give(reason = '') {
    this.want('');
    this.notice.textContent = reason;
    this.stopped();
  }

  /** @param {boolean} working */
  #show(working) {
    this.work.hidden = !working;
    this.bar.value = 0;
  }
}

/**
 * How long each way is, the shortest first, and how far the pictures lie apart.
 * @param {NonNullable<Line['lengths']>} lengths
 * @param {string} space
 */
export function drawLengths(lengths, space) {
  const apart = lengths.find(({ way }) => !way);
  const rows = lengths
    .filter(({ way }) => way)
    .sort((a, b) => a.length - b.length)
    .map(({ title, length }) => el('tr', {}, el('th', { scope: 'row' }, title), el('td', {}, length.toFixed(1))));
  const note = `The distances from picture to picture (L2, ${space}), summed.`;
  const least = apart ? ` The keyframes’ pictures are ${apart.length.toFixed(1)} apart: no path can be shorter.` : '';
  return el(
    'div',
    {},
    el('table', { class: 'gl-lengths' }, el('caption', {}, 'length in pictures'), el('tbody', {}, ...rows)),
    el('p', { class: 'gl-fine' }, note + least),
  );
}
