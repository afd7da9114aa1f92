// Requests to the app's own server.

/**
 * Fetch an address. Throws an Error whose message is a sentence for the person if the server cannot be reached or
 * refuses.
 * @param {string} address relative to the page
 * @param {RequestInit} [settings]
 * @returns {Promise<Response>}
 */
export async function request(address, settings) {
  const response = await fetch(address, settings).catch(() => null);
  if (!response) throw new Error('The server does not answer.');
  if (!response.ok) throw new Error(await readRefusal(response));
  return response;
}

const MAX_REFUSAL = 500; // letters of a sentence

/**
 * Why a request was refused, as a sentence. A proxy before the app answers with pages of its own.
 * @param {Response} response
 */
async function readRefusal(response) {
  const text = await response.text().catch(() => '');
  const type = response.headers.get('content-type') ?? '';
  if (type.startsWith('text/plain') && text && text.length <= MAX_REFUSAL) return text;
  if (response.status === 413) return 'The server takes no file this large; try a smaller one.';
  if (response.status >= 502) return 'The server does not answer; try again soon.';
  return `The server refuses this (status ${response.status}).`;
}

/**
 * The address of one of the app's routes for a model.
 * @param {string} route
 * @param {string} model
 * @param {Record<string, string>} [query]
 */
export function modelAddress(route, model, query = {}) {
  return `ganlab/${route}?${new URLSearchParams({ model, ...query })}`;
}
