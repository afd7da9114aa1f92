// This page's line to the server, from before Gradio's first request on.
import { Line } from './line.js';
import { showSentence } from './notices.js';
import { Waiting } from './waiting.js';
import { encodeSent } from './sent-picture.js';

let restore = () => {};
let idle = () => {};
let ready = () => {};
const connected = /** @type {Promise<void>} */ (new Promise((resolve) => void (ready = resolve)));

const waiting = new Waiting(window.fetch.bind(window));

export const line = new Line({
  fetch: waiting.fetch,
  place: (event, before) => waiting.hear(event, before),
  restore: () => void connected.then(() => restore()),
  say: showSentence,
  reload: () => location.reload(),
  idle: () => idle(),
  encode: encodeSent,
  page: /** @type {HTMLMetaElement | null} */ (document.querySelector('meta[name=ganlab-page]'))?.content,
});
window.fetch = line.fetch;

/**
 * Who puts the page's state back, and who hears that no event is under way any more.
 * @param {{ restore: () => void, idle: () => void }} visit
 */
export function connect(visit) {
  ({ restore, idle } = visit);
  ready();
}
