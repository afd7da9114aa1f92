// Requests to the app's own server.
import { UNREACHABLE, explainRefusal } from './sentences.js';

const JSON_TYPE = { 'Content-Type': 'application/json' };

/**
 * Fetch an address; a body that is text is JSON. Throws an Error whose message is a sentence for the person if the server cannot be reached or
 * refuses.
 * @param {string} address relative to the page
 * @param {RequestInit} [settings]
 * @returns {Promise<Response>}
 */
export async function request(address, settings) {
  const sent = typeof settings?.body === 'string' ? { headers: JSON_TYPE, ...settings } : settings;
  const response = await fetch(address, sent).catch(() => null);
  if (!response) throw new Error(UNREACHABLE);
  if (!response.ok) throw new Error(await explainRefusal(response));
  return response;
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
