// Which curves a run's charts show, and what each says to a reader.
import { nameMethod, namePlayer } from './training-words.js';

/**
 * @typedef {import('./training-chart.js').Curve} Curve
 * @typedef {import('./training-data.js').RunData} RunData
 */

const PLAYERS = /** @type {Record<string, Curve['colour']>} */ ({ discriminator: 'd', generator: 'g', encoder: 'e', generator_encoder: 'g' });
const LOSSES = {
  title: 'losses',
  caption: 'What each player tries to make small. In a game it need not fall: it depends on how the others play.',
};

/** Titles and captions of the charts, in their order. */
export const CHARTS = [
  LOSSES,
  LOSSES, // of the run beside it, where only one of the two is a game
  {
    title: 'D’s mean logit',
    caption: 'Above 0 D says “real”, below 0 “generated”. Far apart: it is sure. Close together: it can hardly tell.',
  },
  { title: 'reconstruction error', caption: 'Mean squared error between pictures and G(E(x)), pixels from 0 to 1. 0 is perfect.' },
  {
    title: '1NN accuracy',
    percent: true,
    caption: 'How often the nearest neighbour of a picture, by E’s features, has its class. No label was used in training.',
  },
  {
    title: 'Fréchet distance',
    caption: 'How unlike real pictures 500 samples are, as a classifier sees both. Lower is better.',
  },
  {
    title: 'spread',
    caption: '1: samples differ as much as real pictures do, codes spread like the prior. Near 0 all are alike.',
  },
];

/**
 * The runs and curves of each chart, in the order of CHARTS.
 * @param {RunData[]} runs
 * @returns {{ runs: RunData[], curves: Curve[], label?: string }[]}
 */
export function listCurves(runs) {
  const sets = runs.map(({ about }) => about?.players ?? []);
  const all = [...new Set(sets.flat())];
  const apart = runs.length > 1 && runs[0].has('discriminator') !== runs[1].has('discriminator');
  const losses = (/** @type {string[]} */ players) => players.map((player) => ({
    name: namePlayer(player),
    colour: PLAYERS[player] ?? 'accent',
    read: (/** @type {import('./training-data.js').Scalars} */ row) => row.loss[player],
  }));
  /** @type {Curve[][]} */
  const shared = [
    [
      { name: 'real', colour: 'more', read: (row) => row.d_real },
      { name: 'generated', colour: 'less', read: (row) => row.d_made },
    ],
    [{ name: 'mean squared error', colour: 'e', read: (row) => row.reconstruction }],
    [{ name: 'same class', colour: 'e', read: (row) => row.one_nn }],
    [{ name: 'distance', colour: 'g', read: (row) => row.frechet }],
    [
      { name: 'samples', colour: 'g', read: (row) => row.diversity },
      { name: 'codes', colour: 'e', read: (row) => row.code_spread },
    ],
  ];
  return [
    { runs: apart ? runs.slice(0, 1) : runs, curves: losses(apart ? sets[0] : all), label: apart ? nameMethod(runs[0].about?.method ?? '') : '' },
    { runs: apart ? runs.slice(1) : [], curves: apart ? losses(sets[1]) : [], label: apart ? nameMethod(runs[1].about?.method ?? '') : '' },
    ...shared.map((curves) => ({ runs, curves })),
  ];
}
