// Recipes in the format of ganlab/studio/recipe.py: what makes a picture again to the pixel.
import { download } from './files.js';

/**
 * @typedef {{ name: string, fingerprint: string }} ModelId
 * @typedef {import('./latent.js').Latent} Latent
 */

/**
 * The recipe of one picture, or of a film with these settings. A latent is stored as its float32 bytes, with the hash
 * of the picture that was inverted to it, if there was one.
 * @param {ModelId} model
 * @param {{ z: Latent, picture?: string }[]} latents
 * @param {object} [film]
 * @returns {string} JSON
 */
export function encodeRecipe({ name, fingerprint }, latents, film = undefined) {
  const exact = latents.map(({ z, picture }) => ({
    z: base64(new Uint8Array(Float32Array.from(z).buffer)),
    picture: picture || undefined,
  }));
  const operation = film ? 'film' : 'decode';
  return JSON.stringify({ ganlab: 1, model: name, fingerprint, operation, latents: exact, film });
}

/**
 * A recipe as it stands behind ?recipe= in a link.
 * @param {string} recipe
 */
export function recipeToQuery(recipe) {
  const text = base64(new TextEncoder().encode(recipe));
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/**
 * The recipe behind ?recipe= as an object; null for a text that is none, which Python explains.
 * @param {string} text
 * @returns {Record<string, any> | null}
 */
export function recipeFromQuery(text) {
  try {
    const bytes = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    const value = JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (letter) => letter.charCodeAt(0))));
    return value && typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

/**
 * Copy a link that opens the recipe.
 * @param {string} recipe
 * @returns {Promise<string>} a sentence for the person
 */
export async function copyLink(recipe) {
  const link = new URL(location.pathname, location.origin);
  link.searchParams.set('recipe', recipeToQuery(recipe));
  try {
    await navigator.clipboard.writeText(link.href);
    return 'The link is copied.';
  } catch {
    // A page without HTTPS, or without permission, may not write to the clipboard.
    history.replaceState(null, '', link);
    return 'The link is in the address bar.';
  }
}

/**
 * @param {string} recipe
 * @param {string} file
 */
export function saveRecipe(recipe, file) {
  download(URL.createObjectURL(new Blob([recipe], { type: 'application/json' })), file);
}

/** @param {Uint8Array} bytes */
function base64(bytes) {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}
