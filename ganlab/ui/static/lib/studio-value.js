// What Python sends to the latent studio, and the latent to edit that it becomes.

/**
 * @typedef {object} State a latent as it is edited
 * @property {import('./latent.js').Latent} base before the sliders' offsets
 * @property {string} about caption of the base
 * @property {string} picture hash of the picture that was inverted to it, or empty
 * @property {Record<string, number>} amounts offsets by the direction's id
 * @property {number} truncation
 *
 * @typedef {object} StudioValue what Python sends
 * @property {string} model
 * @property {string} fingerprint
 * @property {string[]} [aliases] earlier fingerprints of the same generator
 * @property {number} time when it was sent
 * @property {number} since when its latent became the current one
 * @property {string} key of that latent
 * @property {number[]} z
 * @property {string} caption
 * @property {string} picture
 * @property {number[] | null} a
 * @property {number[] | null} b
 * @property {string[]} palette colours of the classes
 * @property {string[]} [classes] their names; empty where a label is its own name
 * @property {string} noun what a picture is called
 * @property {string} server why the server makes the pictures, if it does
 */

/**
 * A latent as it arrives, before any slider moves it.
 * @param {StudioValue} value
 * @returns {State}
 */
export function readState({ z, caption, picture }) {
  return { base: Float32Array.from(z), about: caption, picture, amounts: {}, truncation: 1 };
}
