// Recipes as ganlab/recipe.py reads them: what makes a picture again to the pixel.

// latents: Float32Arrays, whose bytes the recipe holds.
export function recipeOf({ name, fingerprint }, latents) {
  const told = latents.map((z) => ({ z: base64(new Uint8Array(Float32Array.from(z).buffer)) }));
  return JSON.stringify({ ganlab: 1, model: name, fingerprint, operation: 'decode', latents: told });
}

export function toQuery(recipe) {
  const text = base64(new TextEncoder().encode(recipe));
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}
