// Says how far the server is with what it computes once for a stage, and has the stage drawn when it is there.
import { modelAddress, request } from './request.js';

const PAUSE = 500; // ms between two questions
/** @type {WeakSet<Element>} */
const watched = new WeakSet();

/**
 * Follow what a stage waits for, if it does.
 * @param {Element} root
 * @param {() => void} again has Python draw the stage
 * @param {number} [pause] ms
 */
export async function followPreparation(root, again, pause = PAUSE) {
  const part = /** @type {HTMLElement | null} */ (root.querySelector('[data-preparing]'));
  if (!part || watched.has(part)) return;
  watched.add(part);
  const { model = '', preparing: space = '' } = part.dataset;
  while (part.isConnected) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    if (!part.isConnected) return;
    const answer = await request(modelAddress('space', model, { space })).catch(() => null);
    const stand = /** @type {{ ready?: boolean, done?: number, count?: number } | null} */ (await answer?.json().catch(() => null));
    if (stand?.ready) break;
    if (stand) show(part, stand.done ?? 0, stand.count ?? 0);
  }
  if (part.isConnected) again();
}

/**
 * @param {HTMLElement} part
 * @param {number} done
 * @param {number} count
 */
function show(part, done, count) {
  Object.assign(/** @type {HTMLProgressElement} */ (part.querySelector('progress')), { max: count, value: done });
  const words = part.lastElementChild;
  if (words) words.textContent = `${done.toLocaleString('en')} of ${count.toLocaleString('en')}`;
}
