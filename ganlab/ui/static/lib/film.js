// The mathematics of films: the page's counterpart of ganlab/studio/film.py, held to it by tests/js/fixtures.
//
// Times are shares of the film, from 0 to 1. Keyframes lie at equal distances in time; in a loop the last one leads
// back to the first.
import { alongRoute, interpolate, lerp, lerpCodes } from './latent.js';

/**
 * @typedef {import('./latent.js').Latent} Latent
 * @typedef {import('./latent.js').Prior} Prior
 *
 * @typedef {object} FilmSettings
 * @property {number} seconds
 * @property {string} easing "linear", or "smooth": slower near the keyframes
 * @property {string} way "lerp", "slerp", "codes", "geodesic", or empty for the way of the prior
 * @property {boolean} loop
 *
 * @typedef {object} FilmLimits of a file, as ganlab/ui/server/budget.py sets them
 * @property {number} side pixels of a side of a frame
 * @property {number} maxSide at most of an enlarged one
 * @property {number} maxPixels at most of all frames together
 *
 * @typedef {object} Means of ways that need more than the latents
 * @property {import('./latent.js').Codec} [codec] for "codes"
 * @property {Latent[][] | null} [routes] for "geodesic": of each part; until they are there it is the prior's way
 */

export const MAX_FRAMES = 600;
export const MAX_KEYFRAMES = 24;
const RATE = 25; // frames a second of files
/** @type {Record<string, Prior>} */
const PRIOR_OF_PATH = { lerp: 'uniform', slerp: 'normal' };

/**
 * @param {number} t in [0, 1]
 * @param {string} easing
 */
export function ease(t, easing) {
  return easing === 'smooth' ? t * t * (3 - 2 * t) : t;
}

/**
 * Parts between two keyframes.
 * @param {number} keyframes
 * @param {boolean} loop
 */
export function countParts(keyframes, loop) {
  return keyframes - (loop ? 0 : 1);
}

/**
 * @param {number} index
 * @param {number} keyframes
 * @param {boolean} loop
 */
export function keyframeTime(index, keyframes, loop) {
  const parts = countParts(keyframes, loop);
  return parts ? index / parts : 0;
}

/**
 * The time of a frame in a film of so many; a loop does not show its first frame twice.
 * @param {number} index
 * @param {number} frames
 * @param {boolean} loop
 */
export function frameTime(index, frames, loop) {
  return index / (frames - (loop ? 0 : 1));
}

/**
 * The keyframes on both sides of a time, and where it lies between them.
 * @param {Latent[]} keyframes two or more
 * @param {number} time
 * @param {Pick<FilmSettings, 'easing' | 'loop'>} settings
 */
function findPart(keyframes, time, { easing, loop }) {
  const parts = countParts(keyframes.length, loop);
  const position = Math.min(Math.max(time, 0), 1) * parts;
  const part = Math.min(Math.floor(position), parts - 1);
  return { part, a: keyframes[part], b: keyframes[(part + 1) % keyframes.length], t: ease(position - part, easing) };
}

/**
 * What a time of the film shows, in words: a keyframe, or what lies between two.
 * @param {string[]} captions of two or more keyframes
 * @param {number} time
 * @param {boolean} loop
 */
export function describeTime(captions, time, loop) {
  const position = Math.min(Math.max(time, 0), 1) * countParts(captions.length, loop);
  const near = Math.round(position);
  if (Math.abs(position - near) < 1e-6) return captions[near % captions.length];
  const [before, after] = [Math.floor(position), Math.ceil(position)].map((at) => captions[at % captions.length]);
  return `between ${before} and ${after}`;
}

/**
 * The latent at a time; exact at the keyframes. Throws an Error where a code has no latent that can be computed.
 * @param {Latent[]} keyframes two or more
 * @param {number} time
 * @param {Pick<FilmSettings, 'easing' | 'way' | 'loop'>} settings
 * @param {Prior} prior
 * @param {Means} [means]
 */
export function latentAt(keyframes, time, settings, prior, { codec, routes } = {}) {
  const { way } = settings;
  const { part, a, b, t } = findPart(keyframes, time, settings);
  if (way === 'codes' && codec) return lerpCodes(a, b, t, codec);
  if (way === 'geodesic' && routes?.[part]) return alongRoute(routes[part], t);
  return interpolate(a, b, t, PRIOR_OF_PATH[way] ?? prior);
}

/**
 * The code at a time of a film straight between codes: a film is shown from codes, since the latent of a code takes
 * longer than a frame.
 * @param {Latent[]} keyframes two or more
 * @param {number} time
 * @param {Pick<FilmSettings, 'easing' | 'loop'>} settings
 * @param {import('./latent.js').Codec} codec
 */
export function codeAt(keyframes, time, settings, codec) {
  const { a, b, t } = findPart(keyframes, time, settings);
  return lerp(codec.toCodes(a), codec.toCodes(b), t);
}

/**
 * Frames of a file of this length.
 * @param {number} seconds
 */
export function countFrames(seconds) {
  return Math.min(MAX_FRAMES, Math.round(RATE * seconds));
}

/**
 * Why a file of a film is too large, and what would be right; empty where it is not.
 * @param {number} frames
 * @param {number} scale
 * @param {readonly number[]} scales that may be chosen
 * @param {FilmLimits} limits
 */
export function explainSize(frames, scale, scales, { side, maxSide, maxPixels }) {
  /** @param {number} each */
  const fits = (each) => side * each <= maxSide && frames * (side * each) ** 2 <= maxPixels;
  if (fits(scale)) return '';
  const width = side * scale;
  const remedies = scales.filter(fits).slice(-1).map((each) => `size ${each} x`);
  const seconds = Math.floor((2 * Math.floor(maxPixels / width ** 2)) / RATE) / 2; // as the control has them
  if (width <= maxSide && seconds > 0) remedies.push(`at most ${seconds} s`);
  return `${frames} frames of ${width} x ${width} pixels are too much for one film: take ${remedies.join(', or ')}.`;
}

/**
 * Settings as film.py and recipes take them.
 * @param {FilmSettings} settings
 * @param {number} frames
 */
export function describeFilm({ seconds, easing, way, loop }, frames) {
  return { frames, seconds, easing, way: way || null, loop };
}
