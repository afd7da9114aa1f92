// Says how many requests are before one of this page's that has waited longer than a moment for its turn (see
// ganlab/ui/server/turns.py).
import { el } from './elements.js';

const TICKET = 'x-ganlab-turn';
const TURNS = /\/gradio_api\/run\/|(^|\/)ganlab\/(?!static\/|turn\b)\w+(\?|$)/; // addresses of what waits for turns
const CALM = 1000; // ms without an answer before anything is said, and between two looks

/**
 * @typedef {{ done: number, count: number }} Preparing how far the server is with what a request waits for
 * @typedef {(before: number, preparing?: Preparing) => void} Say is told how many are before the page's requests, or
 * what one of them waits for; 0 alone takes it away
 */

/** @param {Preparing} preparing */
export function describePreparing({ done, count }) {
  return `The server looks at all training pictures for this, once: ${done.toLocaleString('en')} of ${count.toLocaleString('en')}.`;
}

/** @param {number} before */
export function describePlace(before) {
  if (before < 1) return '';
  return before === 1 ? 'One request is before yours. Your turn comes by itself.' : `${before} requests are before yours. Your turn comes by itself.`;
}

/** The requests of a page that wait, and what the page says of them. */
export class Waiting {
  #page = Math.random().toString(36).slice(2);
  /** @type {Map<string, number>} */
  #places = new Map();
  /** @type {Map<string, Preparing>} */
  #preparing = new Map();
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  #timers = new Map(); // of events in Gradio's queue
  #count = 0;

  /**
   * @param {typeof fetch} send
   * @param {Say} [say]
   * @param {number} [calm] ms
   */
  constructor(send, say = showPlace, calm = CALM) {
    this.send = send;
    this.say = say;
    this.calm = calm;
    /** @type {typeof fetch} whose requests have tickets, by which the page asks for their place */
    this.fetch = (address, options) => this.#fetch(address, options);
  }

  #tell() {
    this.say(Math.max(0, ...this.#places.values()), [...this.#preparing.values()][0]);
  }

  /**
   * @param {RequestInfo | URL} address
   * @param {RequestInit} [options]
   */
  async #fetch(address, options = {}) {
    if (!TURNS.test(String(address instanceof Request ? address.url : address))) return this.send(address, options);
    const ticket = `${this.#page}-${(this.#count += 1)}`;
    const headers = new Headers(options.headers ?? (address instanceof Request ? address.headers : undefined));
    headers.set(TICKET, ticket);
    this.#places.set(ticket, 0);
    const timer = setInterval(() => void this.#look(ticket), this.calm);
    try {
      return await this.send(address, { ...options, headers });
    } finally {
      clearInterval(timer);
      this.#drop(ticket);
    }
  }

  /** @param {string} ticket */
  async #look(ticket) {
    const answer = await this.send(`ganlab/turn?ticket=${ticket}`, { cache: 'no-store' }).catch(() => null);
    const { before = 0, preparing = null } = (answer?.ok && (await answer.json().catch(() => null))) || {};
    if (!this.#places.has(ticket)) return; // it was answered meanwhile
    this.#places.set(ticket, before);
    if (preparing) this.#preparing.set(ticket, preparing);
    else this.#preparing.delete(ticket);
    this.#tell();
  }

  /** @param {string} name */
  #drop(name) {
    const waited = this.#places.get(name) || this.#preparing.has(name);
    this.#places.delete(name);
    this.#preparing.delete(name);
    if (waited) this.#tell();
  }

  /**
   * What Gradio says of an event in its queue: how many are before it, 0 when it has its turn.
   * @param {string} name
   * @param {number} before
   */
  hear(name, before) {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
    if (!before) return this.#drop(name);
    const show = () => {
      this.#places.set(name, before);
      this.#tell();
    };
    if (this.#places.has(name)) show();
    else this.#timers.set(name, setTimeout(show, this.calm));
  }
}

/** @type {HTMLElement | null} */
let line = null;

/** @type {Say} */
function showPlace(before, preparing) {
  if (!line) {
    line = el('p', { class: 'gl-waiting', role: 'status', 'aria-live': 'polite' });
    (document.querySelector('.gradio-container') ?? document.body).append(line); // where the colours are
  }
  line.textContent = preparing ? describePreparing(preparing) : describePlace(before);
}
