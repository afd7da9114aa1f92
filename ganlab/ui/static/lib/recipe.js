// Recipes as ganlab/recipe.py reads them: what makes a picture again to the pixel.

import { el } from './elements.js';

// latents: [{ z, picture }, ...], of whose float32 numbers the recipe holds the bytes, and the hash of the picture
// that was inverted to it, if any; of a film, with its settings.
export function recipeOf({ name, fingerprint }, latents, film = undefined) {
  const bytes = (z) => base64(new Uint8Array(Float32Array.from(z).buffer));
  const told = latents.map(({ z, picture }) => ({ z: bytes(z), picture: picture || undefined }));
  return JSON.stringify({ ganlab: 1, model: name, fingerprint, operation: film ? 'film' : 'decode', latents: told, film });
}

// The recipe behind ?recipe= as an object, or null for what is none; Python says what is wrong with it.
export function fromQuery(text) {
  try {
    const bytes = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (letter) => letter.charCodeAt(0))));
  } catch {
    return null;
  }
}

// Copies the recipe's permalink; what to tell the person.
export async function copied(recipe) {
  const link = new URL(location.pathname, location.origin);
  link.searchParams.set('recipe', toQuery(recipe));
  try {
    await navigator.clipboard.writeText(link.href);
    return 'The link is copied.';
  } catch {
    // without HTTPS, or leave to write there, the address bar shows it instead
    history.replaceState(null, '', link);
    return 'The link stands in the address bar.';
  }
}

export function saved(recipe, file) {
  el('a', { href: URL.createObjectURL(new Blob([recipe], { type: 'application/json' })), download: file }).click();
}

export function toQuery(recipe) {
  const text = base64(new TextEncoder().encode(recipe));
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}
