// What a page says when the server does not answer, or refuses.

export const DOWN = 'The server does not answer. What you made stays here, and the page goes on as soon as it is back.';
export const UNREACHABLE = 'The server does not answer. Try again in a moment.';
export const BUSY = 'Many people use this server now. Your turn comes by itself.';
export const FAILED = 'The server could not do this, and nothing was changed. Try again, or reload the page.';
export const TOO_LARGE = 'The server takes no file this large; try a smaller one.';
export const TOO_LONG = 'The server took too long for this. Try again in a minute.';
export const SAVED = 'The server was updated. The page opens anew where you are.';

const STATUSES = new Map([
  [413, TOO_LARGE],
  [502, UNREACHABLE],
  [503, UNREACHABLE],
  [504, TOO_LONG],
]);
const MAX_SENTENCE = 600; // characters of a text that the app itself wrote

/**
 * A sentence for a status that means no success. Servers between the page and the app send whole pages of HTML, which
 * are not for reading.
 * @param {number} status
 */
export function explainStatus(status) {
  return STATUSES.get(status) ?? FAILED;
}

/**
 * What a refusal says: the app's own sentence where it sent one as plain text, else one for its status.
 * @param {Response} response
 * @returns {Promise<string>}
 */
export async function explainRefusal(response) {
  const type = response.headers?.get('content-type') ?? 'text/plain';
  const text = type.startsWith('text/plain') ? (await response.text().catch(() => '')).trim() : '';
  return text && text.length <= MAX_SENTENCE && !text.includes('<') ? text : explainStatus(response.status);
}
