// What Gradio sends in parts (queue/data), from whichever server computes it. Where a proxy asks another one, it is asked
// again; where the one at work is gone, the event is sent again, and Gradio hears of it under its first name.

const MISDIRECTED = 421; // of a server that has nothing for this page, see ganlab/ui/server/visits.py
const MAX_ASKED = 30; // times until the server at work counts as gone
const PAUSE = 50; // ms between them
const MAX_REPEATS = 5; // times that an event is sent again

/**
 * @typedef {object} Joined an event that is computed, or waits
 * @property {RequestInfo | URL} address
 * @property {RequestInit} options
 * @property {string} id which the server at work calls it
 * @property {boolean} heard whether Gradio has had a part of it
 * @property {boolean} repeated whether its next part is the first one again
 *
 * @typedef {object} RelaySettings
 * @property {typeof fetch} fetch
 * @property {(address: RequestInfo | URL, options: RequestInit) => Promise<Response>} join sends an event
 * @property {(ms: number) => Promise<void>} pause
 * @property {(event: string, before: number) => void} [place] hears how many events are before one that waits, 0 when it has its turn
 */

export class Relay {
  /** @type {Map<string, Joined>} by the name that Gradio knows */
  #joined = new Map();

  /** @param {RelaySettings} settings */
  constructor(settings) {
    this.settings = settings;
  }

  /**
   * Note the answer to an event that is computed in parts.
   * @param {RequestInfo | URL} address
   * @param {RequestInit} options
   * @param {Response} response
   */
  async remember(address, options, response) {
    const id = await readId(response);
    if (id) this.#joined.set(id, { address, options, id, heard: false, repeated: false });
    return response;
  }

  /**
   * The stream of all parts. It breaks only if the events cannot be sent again either.
   * @param {RequestInfo | URL} address
   * @param {RequestInit} options
   */
  async follow(address, options) {
    const signal = options.signal ?? (address instanceof Request ? address.signal : null);
    const headers = options.headers ?? (address instanceof Request ? address.headers : undefined);
    const target = address instanceof Request ? address.url : address;
    const first = await this.#open(target, { ...options, headers, signal });
    const encoder = new TextEncoder();
    const body = new ReadableStream({
      start: async (controller) => {
        try {
          let response = first;
          for (let repeats = 0; ; repeats++) {
            const closed = await this.#pass(response, (text) => controller.enqueue(encoder.encode(text)));
            if (closed || signal?.aborted || !this.#joined.size || repeats === MAX_REPEATS) break;
            await this.#joinAgain();
            response = await this.#open(target, { ...options, headers, signal });
          }
          controller.close();
        } catch (error) {
          controller.error(error);
        }
      },
    });
    return new Response(body, { status: first.status, headers: first.headers });
  }

  /**
   * The answer of the server that is at work.
   * @param {string | URL} target
   * @param {RequestInit} options
   */
  async #open(target, options) {
    for (let asked = 1; ; asked++) {
      const response = await this.settings.fetch(target, options).catch((error) => {
        if (options.signal?.aborted) throw error;
        return null;
      });
      if (response && ![MISDIRECTED, 502, 503].includes(response.status)) return response;
      if (asked % MAX_ASKED === 0) await this.#joinAgain();
      if (asked > MAX_REPEATS * MAX_ASKED) return response ?? Response.error();
      await this.settings.pause(PAUSE);
    }
  }

  /** Send all events again whose end was not heard. */
  async #joinAgain() {
    for (const joined of this.#joined.values()) {
      const id = await readId(await this.settings.join(joined.address, joined.options));
      if (!id) throw new Error('The server does not take it.');
      Object.assign(joined, { id, repeated: joined.heard });
    }
  }

  /**
   * Hand on the parts of an answer.
   * @param {Response} response
   * @param {(text: string) => void} hand
   * @returns {Promise<boolean>} whether it has come to its end; false where the connection broke
   */
  async #pass(response, hand) {
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    try {
      for (;;) {
        const { done = true, value = '' } = (await reader?.read()) ?? {};
        if (done) return false;
        const parts = (text + value).split('\n\n');
        text = parts.pop() ?? '';
        for (const part of parts) {
          const { kind, message } = this.#rename(part);
          if (kind === 'unexpected_error' && this.#joined.size) return false; // the server is about to stop
          hand(`${message}\n\n`);
          if (kind === 'close_stream') return true;
        }
      }
    } catch {
      return false;
    }
  }

  /**
   * A part with the name that Gradio knows. One that begins again replaces what Gradio has.
   * @param {string} part as the server sends it: "data: {...}"
   */
  #rename(part) {
    const message = part.startsWith('data:') ? JSON.parse(part.slice(5)) : {};
    const entry = [...this.#joined].find(([, { id }]) => id === message.event_id);
    if (!entry) return { kind: message.msg, message: part };
    const [name, joined] = entry;
    const { msg: kind, output } = message;
    this.settings.place?.(name, kind === 'estimation' ? message.rank + 1 : 0);
    if (kind === 'process_completed') this.#joined.delete(name);
    if (kind === 'process_generating') {
      if (joined.repeated && output?.data) output.data = output.data.map((/** @type {unknown} */ value) => [['replace', [], value]]);
      Object.assign(joined, { heard: true, repeated: false });
    }
    return { kind, message: `data: ${JSON.stringify({ ...message, event_id: name })}` };
  }
}

/**
 * What a server calls an event that it has taken; "" for none.
 * @param {Response} response
 */
async function readId(response) {
  const answer = response.ok ? await response.clone().json().catch(() => null) : null;
  return String(answer?.event_id ?? '');
}
