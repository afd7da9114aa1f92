// Latents as Float32Arrays: the page's counterpart of ganlab/latent.py, held to it by tests/js/fixtures.

/**
 * @typedef {'uniform' | 'normal'} Prior
 * @typedef {ArrayLike<number>} Latent
 * @typedef {{ toCodes: (z: Latent) => Latent, fromCodes: (code: Latent) => Latent }} Codec a latent map and its inverse
 * @typedef {{ vector: Latent, deviation: number }} Axis a unit vector, and the length of one step along it
 */

/** @type {Codec} */
export const SAME = { toCodes: (z) => z, fromCodes: (code) => code }; // of a model without a latent map

/**
 * z + sum of amount * deviation * vector. The result stays in the box [-1, 1] of a uniform prior.
 * @param {Latent} z
 * @param {{ direction: Axis, amount: number }[]} steps
 * @param {Prior} prior
 */
export function move(z, steps, prior) {
  const result = Float32Array.from(z);
  for (const { direction, amount } of steps) {
    const length = amount * direction.deviation;
    for (let i = 0; i < result.length; i++) result[i] += length * direction.vector[i];
  }
  return prior === 'uniform' ? result.map((value) => Math.min(1, Math.max(-1, value))) : result;
}

/**
 * z drawn towards a centre: `truncation` 1 leaves it, 0 gives the centre.
 * @param {Latent} z
 * @param {number} truncation
 * @param {Latent} centre
 */
export function truncate(z, truncation, centre) {
  return Float32Array.from(z, (value, i) => centre[i] + truncation * (value - centre[i]));
}

/**
 * The straight line from a (t = 0) to b (t = 1).
 * @param {Latent} a
 * @param {Latent} b
 * @param {number} t
 */
export function lerp(a, b, t) {
  return Float32Array.from(a, (value, i) => value + t * (b[i] - value));
}

/** @param {Latent} z */
export function norm(z) {
  let sum = 0;
  for (let i = 0; i < z.length; i++) sum += z[i] * z[i];
  return Math.sqrt(sum);
}

/**
 * Spherical interpolation (Shoemake 1985; White 1609.04468): directions turn along the great circle, lengths change
 * linearly. The straight line where the circle is undefined: parallel, opposite or zero latents.
 * @param {Latent} a
 * @param {Latent} b
 * @param {number} t
 */
export function slerp(a, b, t) {
  const [lengthA, lengthB] = [norm(a), norm(b)];
  if (!lengthA || !lengthB) return lerp(a, b, t);
  const [u, v] = [Float64Array.from(a, (x) => x / lengthA), Float64Array.from(b, (x) => x / lengthB)];
  // atan2 keeps its precision where acos of a dot product near 1 loses it.
  const omega = 2 * Math.atan2(norm(u.map((x, i) => x - v[i])), norm(u.map((x, i) => x + v[i])));
  if (Math.sin(omega) < 1e-6) return lerp(a, b, t);
  const [s, e] = [Math.sin((1 - t) * omega) / Math.sin(omega), Math.sin(t * omega) / Math.sin(omega)];
  const length = lengthA + t * (lengthB - lengthA);
  return Float32Array.from(a, (_, i) => length * (s * u[i] + e * v[i]));
}

/**
 * The path from a to b that follows the prior: a great circle for "normal", a straight line for "uniform". Exact at
 * both ends.
 * @param {Latent} a
 * @param {Latent} b
 * @param {number} t
 * @param {Prior} prior
 */
export function interpolate(a, b, t, prior) {
  if (t <= 0) return Float32Array.from(a);
  if (t >= 1) return Float32Array.from(b);
  return prior === 'normal' ? slerp(a, b, t) : lerp(a, b, t);
}

/**
 * Straight between the codes of a and b, as the latents of those codes; exact at both ends.
 * @param {Latent} a
 * @param {Latent} b
 * @param {number} t
 * @param {Codec} codec
 */
export function lerpCodes(a, b, t, codec) {
  if (t <= 0) return Float32Array.from(a);
  if (t >= 1) return Float32Array.from(b);
  return Float32Array.from(codec.fromCodes(lerp(codec.toCodes(a), codec.toCodes(b), t)));
}

/**
 * The latent at t of a route: latents at equal distances in time, with straight lines between them.
 * @param {Latent[]} route
 * @param {number} t in [0, 1]
 */
export function alongRoute(route, t) {
  const position = Math.min(Math.max(t, 0), 1) * (route.length - 1);
  const piece = Math.min(Math.floor(position), route.length - 2);
  return lerp(route[piece], route[piece + 1], position - piece);
}

/**
 * Blend of four corners (top left, top right, bottom left, bottom right) at x and y in [0, 1].
 * @param {Latent[]} corners
 * @param {number} x
 * @param {number} y
 * @param {Prior} prior
 */
export function blend([a, b, c, d], x, y, prior) {
  return interpolate(interpolate(a, b, x, prior), interpolate(c, d, x, prior), y, prior);
}
