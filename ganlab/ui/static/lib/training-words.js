// What the Training tab says in words.
import { nameClass } from './classes.js';
import { describeTime } from './time-left.js';
import { BINS, SPAN, countLogits } from './training-frames.js';

/** @typedef {import('./training-data.js').RunData} RunData */

export const CALM = 'No sign of a lost run.';
export const CAPTIONS = {
  samples: 'G(z), what G paints of 16 latents z: the same ones at each moment.',
  reconstructions: 'The same 8 pictures x, and below each G(E(x)), what G paints of its code.',
  class: 'E(x), a dot for each picture x. E sees no labels: where dots of a class gather, it has found that out itself.',
  decision: 'The same dots, by what D decides on each of these real pictures.',
  decisions: 'D’s logits: real pictures above the line, generated ones below it.',
};
const METHODS = /** @type {Record<string, string>} */ ({
  'bigan': 'BiGAN', 'bigan-plus': 'BiGAN+', 'gan': 'GAN', 'lr': 'latent regressor', 'jlr': 'joint latent regressor',
  'ae-l1': 'autoencoder (l1)', 'ae-l2': 'autoencoder (l2)',
});
const DATASETS = /** @type {Record<string, string>} */ ({ 'mnist': 'MNIST', 'cifar10': 'CIFAR-10', 'imagenet64': 'Tiny ImageNet' });
const PLAYERS = /** @type {Record<string, string>} */ ({
  'discriminator': 'D', 'generator': 'G', 'encoder': 'E', 'generator_encoder': 'G and E',
});

/** @param {string} method */
export function nameMethod(method) {
  return METHODS[method] ?? (method || 'run');
}

/**
 * What a bundled run is called, from its folder's name: a method's, perhaps with a word after it.
 * @param {string} run
 */
export function nameRun(run) {
  if (METHODS[run]) return METHODS[run];
  const method = Object.keys(METHODS).sort((a, b) => b.length - a.length).find((each) => run.startsWith(`${each}-`));
  return method ? `${METHODS[method]}, ${run.slice(method.length + 1).replaceAll('-', ' ')}` : run;
}

/** @param {string} dataset a name, or a folder's path */
function nameDataset(dataset) {
  return DATASETS[dataset] ?? (dataset.split(/[\\/]/).filter(Boolean).at(-1) || 'pictures');
}

/** @param {string} player */
export function namePlayer(player) {
  return PLAYERS[player] ?? player.replaceAll('_', ' ');
}

/** @param {number} value */
export function formatNumber(value) {
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString('en');
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : size >= 0.1 || size === 0 ? value.toFixed(2) : value.toPrecision(2);
}

/**
 * @param {number} count
 * @param {string} noun
 */
function countThings(count, noun) {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}

/** @param {RunData} data */
export function describeRun({ about, name }) {
  if (!about) return name;
  return `${nameMethod(about.method)} on ${nameDataset(about.dataset)}, seed ${about.seed}`;
}

/**
 * How a run stands, in a sentence.
 * @param {RunData} data
 */
export function describeState(data) {
  const { status, about, scalars } = data;
  const { state, step, steps, error, silent } = status;
  if (silent) return `No sign of it for ${silent < 120 ? `${silent} seconds` : `${Math.round(silent / 60)} minutes`}: its process has ended.`;
  if (state === 'starting') return 'It begins: libraries and pictures are being loaded.';
  if (state === 'failed') return `It failed: ${error || 'it does not say why.'}`;
  const way = steps ? `step ${step.toLocaleString('en')} of ${steps.toLocaleString('en')}` : `step ${step.toLocaleString('en')}`;
  if (state === 'paused') return `Paused at ${way}.`;
  if (state === 'stopped') return `Stopped at ${way}, and saved.`;
  if (state === 'finished') return `Finished after ${countThings(about?.epochs ?? 0, 'epoch')}.`;
  if (state !== 'running') return 'It does not say how it stands.';
  const speed = scalars.at(-1)?.speed;
  if (!speed) return `In training: ${way}.`;
  const left = describeTime(((steps - step) * (about?.batch_size ?? 0)) / speed);
  return `In training: ${way}, ${formatNumber(speed)} pictures a second, ${left}.`;
}

/**
 * Whether the run is lost, in words; "" as long as nothing says so.
 * @param {RunData} data
 */
export function describeLoss({ firstLoss: first }) {
  return first ? `Looks lost in epoch ${Math.floor(first.epoch) + 1}: ${first.text}` : '';
}

/**
 * What D decides at a moment, in a sentence; "" without a D.
 * @param {number | null} real share of real pictures that it takes for real, 0 to 1
 * @param {number | null} made the same of generated ones
 */
export function describeDecision(real, made) {
  if (real === null) return '';
  const first = `D takes ${Math.round(100 * real)} % of the real pictures for real`;
  if (made === null) return `${first}.`;
  const apart = real > 0.99 && made < 0.01 ? ' It tells them apart.' : '';
  return `${first}, and ${Math.round(100 * made)} % of the generated ones.${apart}`;
}

/**
 * Why a run has nothing of a part to show; "" where it has.
 * @param {RunData} data
 * @param {import('./training-data.js').Part} part
 */
export function describeAbsence(data, part) {
  if (data.moments.some((moment) => moment[part]) && (part !== 'reconstructions' || data.inputs)) return '';
  if (part === 'decisions' && !data.has('discriminator')) return 'This model has no discriminator.';
  if (part === 'reconstructions' && !data.has('encoder')) return 'This model has no encoder, so it reconstructs nothing.';
  if (part === 'positions' && !data.has('encoder')) return 'This model has no encoder, so pictures have no codes.';
  return data.isActive ? 'The first ones are on their way.' : 'This run wrote none.';
}

/**
 * What is known of a dot on the map.
 * @param {RunData} data
 * @param {import('./training-data.js').Moment | null} decided
 * @param {number} index of the probe
 */
export function describePoint({ about }, decided, index) {
  const label = about?.labels?.[index];
  const logit = decided?.decisions ? (decided.decisions[index] - 128) * decided.scale : null;
  const name = label === undefined ? `Picture ${index + 1}` : `Class ${nameClass(about?.classes, label)}`;
  return logit === null ? `${name}.` : `${name}; D’s logit is ${formatNumber(logit)}.`;
}

/**
 * What a bar of D's logits stands for.
 * @param {import('./training-data.js').Moment | null} moment
 * @param {number} bin
 */
export function describeBin(moment, bin) {
  if (!moment?.decisions) return '';
  const share = (/** @type {Uint8Array | null} */ values) => (values?.length ? `${(100 * countLogits(values, moment.scale)[bin]).toFixed(0)} %` : 'none');
  const logit = ((bin / (BINS - 1)) * 2 - 1) * SPAN;
  return `Logit ${logit.toFixed(1)}: ${share(moment.decisions)} of the real pictures, ${share(moment.decisionsMade)} of the generated ones.`;
}

/**
 * Where the scrubber stands.
 * @param {number} epoch
 * @param {RunData[]} runs
 */
export function describeMoment(epoch, runs) {
  const steps = [...new Set(runs.map((run) => run.findMoment(epoch)?.moment.step).filter((step) => step !== undefined))];
  return `epoch ${epoch.toFixed(2)}${steps.length ? `, step ${steps.map((step) => step.toLocaleString('en')).join(' | ')}` : ''}`;
}
