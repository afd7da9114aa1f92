// The page's line to Gradio's handlers. Events are sent one after the other, each with the version of the state that the
// page shows. One that no server answers waits until one does; where the server that answers has another state, the page
// puts its own back first. So each event is done once, and Gradio never hears of either.
import { Relay } from './relay.js';
import { BUSY, DOWN, FAILED, SAVED, TOO_LONG, explainStatus } from './sentences.js';

const EVENT = /\/(run\/predict|queue\/join)(\?|$)/;
const RESTORING = '"restoring":true'; // in the request that puts the state back, see visit.js
const VISIT = 'x-ganlab-visit'; // see ganlab/ui/server/visits.py
const STATE = 'x-ganlab-state';
const PAGE = 'x-ganlab-page';
const TAB = 'x-ganlab-tab'; // by which a proxy finds the same server again, see docs/serving.md
const OPENED = '0'; // version of a page that was not answered yet
const OURS = /(^|\/)(gradio_api|ganlab)\//; // of addresses of this app, whole or from its page
const ASKED_AGAIN = /(^|\/)ganlab\/[a-z_]+(\?|$)/; // routes of ours, which change nothing: to ask twice does no harm
const STREAMED = /event-stream|x-ndjson/;
const PAUSE = 1000; // ms between two looks whether the server is there
const MAX_PAUSE = 5000;
const MAX_LOOKS = 4; // times that an event is sent before the page puts its state back
const SHORT = 20; // ms between them
const MAX_AGAIN = 3; // times that a route of ours is asked again

/**
 * @typedef {object} LineSettings
 * @property {typeof fetch} fetch
 * @property {() => void} restore has the page put its state back, by a request that carries RESTORING
 * @property {(sentence: string, lasting?: boolean) => void} say shows a sentence; an empty one takes it away
 * @property {() => void} reload opens the page anew
 * @property {(names: string[]) => Promise<Record<string, string>>} [encode] pictures that the page has sent before, as base64
 * @property {string} [page] which page this is, see ganlab/ui/server/visits.py
 * @property {(event: string, before: number) => void} [place] hears how many events are before one in Gradio's queue
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
  #version = OPENED; // of the state that the page shows
  #page; // whose handlers the page's events mean
  /** @type {Promise<unknown>} */
  #last = Promise.resolve(); // the event before the next one

  /** @param {LineSettings} settings */
  constructor(settings) {
    this.settings = { pause: sleep, idle: () => {}, ...settings };
    this.#page = settings.page ?? '';
    this.tab = Math.random().toString(36).slice(2);
    this.underWay = 0; // events without an answer
    this.relay = new Relay({
      fetch: (address, options) => this.settings.fetch(address, this.#mark(options)),
      join: (address, options) => this.#send(address, options),
      pause: this.settings.pause,
      place: this.settings.place,
    });
    /** @type {typeof fetch} */
    this.fetch = (address, options) => this.#fetch(address, options);
  }

  /**
   * @param {RequestInfo | URL} address
   * @param {RequestInit} [options]
   */
  async #fetch(address, options = {}) {
    const target = String(address instanceof Request ? address.url : address);
    if (EVENT.test(target) && typeof options.body === 'string') {
      const response = await this.#send(address, options);
      return target.includes('/queue/join') ? this.relay.remember(address, options, response) : response;
    }
    if (!OURS.test(target) || isElsewhere(target)) return this.settings.fetch(address, options);
    if (target.includes('/queue/data')) return this.relay.follow(address, options);
    const marked = this.#mark(options, address instanceof Request ? address.headers : undefined);
    return ASKED_AGAIN.test(target) ? this.#askAgain(address, marked) : this.settings.fetch(address, marked);
  }

  /**
   * @param {RequestInit} [options]
   * @param {HeadersInit} [others]
   * @returns {RequestInit}
   */
  #mark(options = {}, others) {
    const headers = new Headers(options.headers ?? others);
    headers.set(TAB, this.tab);
    return { ...options, headers };
  }

  /**
   * An event, after those before it.
   * @param {RequestInfo | URL} address
   * @param {RequestInit} options
   */
  async #send(address, options) {
    const body = String(options.body);
    this.underWay += 1;
    try {
      if (body.includes(RESTORING)) return await this.#insist(address, options, body); // others wait for this one
      const sent = this.#last.then(() => this.#insist(address, options, body));
      this.#last = sent.catch(() => {});
      return await sent;
    } finally {
      this.underWay -= 1;
      if (!this.underWay) this.settings.idle();
    }
  }

  /**
   * Ask a route of ours, again if the server goes away meanwhile: another may be there already. What does not come in
   * parts is here whole.
   * @param {RequestInfo | URL} address
   * @param {RequestInit} options
   * @returns {Promise<Response>}
   */
  async #askAgain(address, options) {
    for (let again = 1; ; again++) {
      try {
        const response = await this.settings.fetch(address, options);
        const type = response.headers.get('content-type') ?? '';
        const gone = [502, 503].includes(response.status) && !type.startsWith('text/plain');
        if (!gone || again > MAX_AGAIN) {
          return response.status !== 200 || STREAMED.test(type) ? response : new Response(await response.arrayBuffer(), response);
        }
      } catch (error) {
        if (options.signal?.aborted || again > MAX_AGAIN) throw error;
      }
      await this.settings.pause(again ** 2 * 100);
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
    let sent = options;
    for (let lost = 1; ; ) {
      await this.#outage;
      if (!restoring) await this.#recovery?.over;
      const response = await this.#attempt(address, sent, restoring);
      const status = response?.status ?? 0;
      const lacks = response?.headers.get(VISIT);
      if (lacks === 'lost' && lost++ % MAX_LOOKS) await this.settings.pause(SHORT); // the proxy may ask another server
      else if (lacks === 'lost') await this.#recover(/** @type {Response} */ (response));
      if (lacks === 'upload') sent = { ...options, body: await this.#addUploads(body) };
      if (lacks) continue;
      if (status === 0 || status === 502 || (status === 503 && !isFull(response))) {
        await this.#wait(address);
        continue;
      }
      if (status === 503 || status === 429) {
        this.settings.say(BUSY, true);
        await this.settings.pause(2 * PAUSE);
        continue;
      }
      if (restoring && !response?.ok) await this.#openAnew(FAILED);
      if (restoring) this.#endRecovery();
      if (response?.ok) {
        this.#version = response.headers.get(STATE) ?? this.#version;
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
   * @param {boolean} restoring
   * @returns {Promise<Response | null>} null where there is no server
   */
  async #attempt(address, options, restoring) {
    const { headers } = /** @type {{ headers: Headers }} */ (this.#mark(options));
    headers.set(VISIT, restoring ? 'new' : `open ${this.#version}`);
    if (this.#page) headers.set(PAGE, this.#page);
    try {
      return await this.settings.fetch(address, { ...options, headers });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      return null;
    }
  }

  /**
   * An event with the pictures that it names.
   * @param {string} body
   */
  async #addUploads(body) {
    const event = JSON.parse(body);
    const names = [event.event_data, ...(event.data ?? [])].map((value) => value?.upload).filter(Boolean);
    return JSON.stringify({ ...event, uploads: (await this.settings.encode?.(names)) ?? {} });
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
   * Whether a server answers, and which.
   * @param {RequestInfo | URL} address of an event
   */
  #probe(address) {
    const probe = new URL(String(address), globalThis.location?.href);
    Object.assign(probe, { pathname: probe.pathname.replace(EVENT, '/app_id'), search: '' });
    return this.settings.fetch(probe, this.#mark({ cache: 'no-store' })).catch(() => null);
  }

  /**
   * Until the server answers again; all requests that wait go on in their order.
   * @param {RequestInfo | URL} address
   */
  #wait(address) {
    this.#outage ??= (async () => {
      this.settings.say(DOWN, true);
      for (let pause = PAUSE; ; pause = Math.min(1.5 * pause, MAX_PAUSE)) {
        await this.settings.pause(pause);
        if ((await this.#probe(address))?.ok) break;
      }
      this.#outage = null;
      this.settings.say('');
    })();
    return this.#outage;
  }
}

/**
 * Whether an address is another server's.
 * @param {string} target
 */
function isElsewhere(target) {
  const { location } = globalThis;
  return Boolean(location) && new URL(target, globalThis.document?.baseURI).origin !== location.origin;
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
