// What the Training tab says in words.

/** @typedef {import('./training-data.js').RunData} RunData */

const LOST = ['nan', 'collapse', 'certain', 'constant'];
const METHODS = /** @type {Record<string, string>} */ ({
  'bigan': 'BiGAN', 'bigan-plus': 'BiGAN+', 'gan': 'GAN', 'lr': 'latent regressor', 'jlr': 'joint latent regressor',
  'ae-l1': 'autoencoder (l1)', 'ae-l2': 'autoencoder (l2)',
});
const DATASETS = /** @type {Record<string, string>} */ ({ 'mnist': 'MNIST', 'cifar10': 'CIFAR-10', 'imagenet64': 'Tiny ImageNet' });
const PLAYERS = /** @type {Record<string, string>} */ ({
  'discriminator': 'D', 'generator': 'G', 'encoder': 'E', 'generator_encoder': 'G and E',
});

/** @param {string} kind */
export function isLoss(kind) {
  return LOST.includes(kind);
}

/** @param {string} method */
export function nameMethod(method) {
  return METHODS[method] ?? (method || 'run');
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
  if (state !== 'running') return '';
  const speed = scalars.at(-1)?.speed;
  return `In training: ${way}${speed ? `, ${formatNumber(speed)} pictures a second` : ''}.`;
}

/**
 * Whether the run is lost, in words; "" as long as nothing says so.
 * @param {RunData} data
 */
export function describeLoss({ events }) {
  const first = events.find(({ kind }) => isLoss(kind));
  return first ? `Lost in epoch ${Math.floor(first.epoch) + 1}: ${first.text}` : '';
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
  const certain = real > 0.99 && made < 0.01 ? ' It is certain, and teaches G and E nothing.' : '';
  return `${first}, and ${Math.round(100 * made)} % of the generated ones.${certain}`;
}

/**
 * Where the scrubber stands.
 * @param {number} epoch
 * @param {RunData[]} runs
 */
export function describeMoment(epoch, runs) {
  const steps = runs.map((run) => run.findMoment(epoch)?.moment.step).filter((step) => step !== undefined);
  return `epoch ${epoch.toFixed(2)}${steps.length ? `, step ${steps.map((step) => step.toLocaleString('en')).join(' | ')}` : ''}`;
}
