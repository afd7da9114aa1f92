// The page's line to Gradio's handlers. A request that the server does not answer waits until it does; where the server
// has lost the visit's state, the page puts it back first. So Gradio never hears of either, and keeps the page as it is.
import { BUSY, DOWN, FAILED, SAVED, TOO_LONG, explainStatus } from './sentences.js';

const EVENT = /\/(run\/predict|queue\/join)(\?|$)/;
const RESTORING = '"restoring":true'; // in the request that puts the state back, see visit.js
const SESSION = /"session_hash":\s*"([^"]{1,64})"/;
const VISIT = 'x-ganlab-visit'; // see ganlab/ui/server/visits.py
const PAGE = 'x-ganlab-page';
const PAUSE = 1000; // ms between two looks whether the server is there
const MAX_PAUSE = 5000;

/**
 * @typedef {object} LineSettings
 * @property {typeof fetch} fetch
 * @property {() => void} restore has the page put its state back, by a request that carries RESTORING
 * @property {(sentence: string, lasting?: boolean) => void} say shows a sentence; an empty one takes it away
 * @property {() => void} reload opens the page anew
 * @property {() => void} [idle] called when no request is under way any more
 * @property {(ms: number) => Promise<void>} [pause]
 */

/** @param {number} ms */
const sleep = (ms) => new Promise((resolve) => void setTimeout(resolve, ms));

export class Line {
  /** @type {Promise<void> | null} */
  #outage = null;
  /** @type {{ over: Promise<void>, end: () => void } | null} */
  #recovery = null;
  #open = false; // whether the server has answered this visit
  #page = ''; // which page the server had then

  /** @param {LineSettings} settings */
  constructor(settings) {
    this.settings = { pause: sleep, idle: () => {}, ...settings };
    this.underWay = 0; // requests without an answer
    /** @type {typeof fetch} */
    this.fetch = (address, options) => this.#send(address, options);
  }

  /**
   * @param {RequestInfo | URL} address
   * @param {RequestInit} [options]
   */
  async #send(address, options = {}) {
    const { body } = options;
    if (!EVENT.test(String(address instanceof Request ? address.url : address)) || typeof body !== 'string') {
      return this.settings.fetch(address, options);
    }
    this.underWay += 1;
    try {
      return await this.#insist(address, options, body);
    } finally {
      this.underWay -= 1;
      if (!this.underWay) this.settings.idle();
    }
  }

  /**
   * Send until there is an answer.
   * @param {RequestInfo | URL} address
   * @param {RequestInit} options
   * @param {string} body
   * @returns {Promise<Response>}
   */
  async #insist(address, options, body) {
    const restoring = body.includes(RESTORING);
    for (;;) {
      await this.#outage;
      if (!restoring) await this.#recovery?.over;
      const response = await this.#attempt(address, options, body, restoring);
      const status = response?.status ?? 0;
      if (response?.headers.get(VISIT) === 'lost') {
        await this.#recover(response);
        continue;
      }
      if (status === 0 || status === 502 || (status === 503 && !isFull(response))) {
        await this.#wait(address);
        continue;
      }
      if (status === 503) {
        this.settings.say(BUSY, true);
        await this.settings.pause(2 * PAUSE);
        continue;
      }
      if (restoring && !response?.ok) await this.#openAnew(FAILED);
      if (restoring) this.#endRecovery();
      if (response?.ok) {
        this.#open = true;
        this.#page = response.headers.get(PAGE) ?? this.#page;
        this.settings.say('');
        return response;
      }
      this.settings.say(status === 504 ? TOO_LONG : explainStatus(status));
      return skipAnswer(body) ?? /** @type {Response} */ (response);
    }
  }

  /**
   * @param {RequestInfo | URL} address
   * @param {RequestInit} options
   * @param {string} body
   * @param {boolean} restoring
   * @returns {Promise<Response | null>} null where there is no server
   */
  async #attempt(address, options, body, restoring) {
    const headers = new Headers(options.headers);
    const session = SESSION.exec(body)?.[1];
    if (session && restoring) headers.set(VISIT, `new ${session}`);
    else if (session && this.#open) headers.set(VISIT, `open ${session}`);
    try {
      return await this.settings.fetch(address, { ...options, headers });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      return null;
    }
  }

  /**
   * Have the state put back, once for all requests that wait for it; never ends if the page has to open anew.
   * @param {Response} response
   */
  async #recover(response) {
    const page = response.headers.get(PAGE);
    if (page && this.#page && page !== this.#page) await this.#openAnew(SAVED);
    if (!this.#recovery) {
      let end = () => {};
      const over = /** @type {Promise<void>} */ (new Promise((resolve) => void (end = resolve)));
      this.#recovery = { over, end };
      this.settings.restore();
    }
    await this.#recovery.over;
  }

  /**
   * The page ends here, and so does whoever waits for an answer.
   * @param {string} sentence
   */
  async #openAnew(sentence) {
    this.settings.say(sentence, true);
    this.settings.reload();
    await new Promise(() => {});
  }

  #endRecovery() {
    this.#recovery?.end();
    this.#recovery = null;
  }

  /**
   * Until the server answers again; all requests that wait go on in their order.
   * @param {RequestInfo | URL} address
   */
  #wait(address) {
    this.#outage ??= (async () => {
      this.settings.say(DOWN, true);
      const probe = new URL(String(address), globalThis.location?.href);
      Object.assign(probe, { pathname: probe.pathname.replace(EVENT, '/app_id'), search: '' });
      for (let pause = PAUSE; ; pause = Math.min(1.5 * pause, MAX_PAUSE)) {
        await this.settings.pause(pause);
        const response = await this.settings.fetch(probe, { cache: 'no-store' }).catch(() => null);
        if (response?.ok) break;
      }
      this.#outage = null;
      this.settings.say('');
    })();
    return this.#outage;
  }
}

/**
 * Whether a 503 is Gradio's: its queue is full. A proxy's has no JSON.
 * @param {Response | null} response
 */
function isFull(response) {
  return Boolean(response?.headers.get('content-type')?.includes('json'));
}

/**
 * An answer that changes nothing, in place of one that Gradio would show as "Error"; null where Gradio's settings are
 * not there, or the answer would come in parts.
 * @param {string} body
 */
function skipAnswer(body) {
  const { fn_index: number } = JSON.parse(body);
  const { dependencies = [] } = /** @type {any} */ (globalThis).gradio_config ?? {};
  const handler = dependencies.find((/** @type {{ id: number }} */ { id }) => id === number);
  if (!handler || handler.queue !== false) return null;
  const data = handler.outputs.map(() => ({ __type__: 'update' }));
  const answer = { data, is_generating: false, duration: 0, average_duration: 0, render_config: null, changed_state_ids: [] };
  return new Response(JSON.stringify(answer), { status: 200, headers: { 'content-type': 'application/json' } });
}
