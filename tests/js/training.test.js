// The Training tab: which moment an epoch names, what a chart shows, and the words.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findRange, formatTick, listTicks } from '../../ganlab/ui/static/lib/training-chart.js';
import { listCurves } from '../../ganlab/ui/static/lib/training-curves.js';
import { RunData, blend, countReal, findLast, findNeighbour, findPoint, layOut, measureExtent } from '../../ganlab/ui/static/lib/training-data.js';
import { colourByDecision, countLogits } from '../../ganlab/ui/static/lib/training-frames.js';
import {
  describeAbsence, describeBin, describeDecision, describeLoss, describeMoment, describePoint, describeRun, describeState, formatNumber, nameRun,
} from '../../ganlab/ui/static/lib/training-words.js';

const EMPTY = { scale: 0.1, samples: null, reconstructions: null, positions: null, decisions: null, decisionsMade: null };

/** @param {object} changes */
function run(changes) {
  return Object.assign(new RunData('a'), changes);
}

test('an epoch names the moment before it, and how far the next one is', () => {
  const moments = [0, 1, 3].map((epoch) => ({ ...EMPTY, epoch, step: 100 * epoch }));
  const data = run({ moments });
  const find = (/** @type {number} */ epoch) => {
    const at = data.findMoment(epoch);
    return [at?.moment.epoch, at?.next.epoch, at?.share];
  };
  assert.deepEqual([0, 0.5, 1, 2.5, 3, 9].map(find), [[0, 1, 0], [0, 1, 0.5], [1, 3, 0], [1, 3, 0.75], [3, 3, 0], [3, 3, 0]]);
  assert.equal(new RunData('b').findMoment(1), null);
  assert.equal(findLast(moments, -1), 0);
  assert.equal(data.end, 3);
  const measured = run({ scalars: [0, 1, 2].map((epoch) => ({ epoch, one_nn: epoch === 1 ? 0.9 : null })) });
  const read = (/** @type {any} */ row) => row.one_nn;
  assert.deepEqual([0, 1.5, 9].map((epoch) => measured.findFigure(epoch, read)), [null, 0.9, 0.9]);
  assert.equal(new RunData('b').findFigure(1, read), null);
});

test('a moment with pictures only takes the codes and decisions of the one before it', () => {
  const full = { ...EMPTY, samples: new Uint8Array(1), positions: new Int16Array(2), decisions: new Uint8Array(1) };
  const data = run({ moments: [{ ...full, step: 0, epoch: 0 }, { ...full, positions: null, decisions: null, step: 1, epoch: 1 }, { ...full, step: 2, epoch: 2 }] });
  const at = data.findMoment(1.5, 'positions');
  assert.deepEqual([at?.moment.step, at?.next.step, at?.share], [0, 2, 0.75]);
  assert.equal(data.findMoment(1.5, 'samples')?.moment.step, 1);
  assert.equal(data.findMoment(1.5, 'reconstructions'), null);
});

test('keys lead from moment to moment, and no further than the last', () => {
  const epochs = [0, 1, 3, 4];
  const walk = [[0, 1], [0.5, 1], [0.5, -1], [1, -1], [3, 10], [4, 1], [0, -1], [3.5, -10]];
  assert.deepEqual(walk.map(([epoch, step]) => findNeighbour(epochs, epoch, step)), [1, 1, 0, 0, 4, 4, 0, 0]);
  assert.equal(findNeighbour([], 2, 1), 2);
});

test('codes between two moments lie between; another number of them stays', () => {
  const [from, to] = [Int16Array.of(0, 100), Int16Array.of(10, 300)];
  assert.deepEqual([0, 1].map((i) => blend(from, to, 0.5, i)), [5, 200]);
  assert.equal(blend(from, Int16Array.of(1), 0.5, 1), 100);
  assert.equal(measureExtent(Int16Array.of(-400, 3, 100)), 100);
  assert.equal(measureExtent(new Int16Array(0)), 0);
  const moment = { ...EMPTY, step: 0, epoch: 0, positions: Int16Array.of(0, 0, 100, 100) };
  const points = layOut({ moment, next: moment, share: 0 }, 100, 200, 100);
  assert.deepEqual([...points], [100, 50, 148, 2]);
  assert.deepEqual([findPoint(points, 140, 5, 12), findPoint(points, 100, 50, 12), findPoint(points, 20, 20, 12)], [1, 0, -1]);
});

test('decisions of D are counted by their sign, and coloured up to certainty', () => {
  const decisions = Uint8Array.of(0, 127, 128, 129, 255);
  assert.equal(countReal(decisions), 0.4);
  assert.equal(countReal(null), null);
  const { groups, colours } = colourByDecision({ ...EMPTY, epoch: 0, step: 0, decisions }, /** @type {any} */ ({ less: '#0000ff', more: '#ff0000' }));
  assert.deepEqual([...groups], [0, 4, 4, 4, 8]);
  assert.deepEqual([colours[0], colours[4], colours[8]], ['#0000ff', '#8a8a8a', '#ff0000']);
  const bins = countLogits(decisions, 0.1);
  assert.deepEqual([bins[0], bins.at(-1)].map((share) => share?.toFixed(2)), ['0.20', '0.20']);
});

test('an axis holds nearly all values and has round numbers', () => {
  const values = [...Array.from({ length: 99 }, (_, i) => 1 + i / 99), 1000];
  const { low, high } = findRange(values);
  assert.ok(low === 0 && high < 3, `${low} ${high}`);
  assert.deepEqual(findRange([]), { low: 0, high: 1 });
  const flat = findRange([5, 5]);
  assert.ok(flat.low < 5 && flat.high > 5);
  assert.deepEqual(listTicks(0, 1, 3), [0, 0.5, 1]);
  assert.deepEqual(listTicks(-25, 30, 3), [-20, 0, 20]);
  assert.deepEqual(listTicks(0.72, 0.88, 3), [0.75, 0.8, 0.85]);
  assert.deepEqual(listTicks(0.76, 0.84, 3), [0.76, 0.78, 0.8, 0.82, 0.84]);
  assert.deepEqual([formatTick(0.4, 0.2), formatTick(-0, 0.05), formatTick(40, 20), formatTick(1000, 500)], ['0.4', '0', '40', '1,000']);
  assert.deepEqual([0.00012345, 0.7, 12.34, 123.4, 45678].map(formatNumber), ['0.00012', '0.70', '12.3', '123', '45,678']);
});

test('how a run stands is said in words', () => {
  const about = { method: 'bigan', dataset: 'mnist', seed: 3, epochs: 1, batch_size: 100, players: [], shape: [1, 28, 28], labels: null, classes: [] };
  const say = (/** @type {object} */ status) => describeState(run({ about, status: { step: 1200, steps: 4680, error: '', ...status } }));
  assert.equal(say({ state: 'running' }), 'In training: step 1,200 of 4,680.');
  const running = { state: 'running', step: 1200, steps: 4680, error: '' };
  assert.equal(describeState(run({ about, status: running, scalars: [{ speed: 5000 }] })), 'In training: step 1,200 of 4,680, 5,000 pictures a second, about 70 s left.');
  assert.equal(say({ state: 'running', silent: 40 }), 'No sign of it for 40 seconds: its process has ended.');
  assert.equal(say({ state: 'stopped' }), 'Stopped at step 1,200 of 4,680, and saved.');
  assert.equal(say({ state: 'failed', error: 'The disk is full.' }), 'It failed: The disk is full.');
  assert.equal(say({ state: 'finished' }), 'Finished after 1 epoch.');
  assert.equal(say({ state: '' }), 'It does not say how it stands.');
  assert.equal(describeRun(run({ about })), 'BiGAN on MNIST, seed 3');
  assert.equal(describeRun(run({ about: { ...about, method: 'new', dataset: '/data/my cats/' } })), 'new on my cats, seed 3');
  const events = [{ step: 1, epoch: 0.1, kind: 'paused', text: 'Paused.' }, { step: 9, epoch: 2.4, kind: 'certain', text: 'D is certain.' }];
  assert.equal(describeLoss(run({ events })), 'Looks lost in epoch 3: D is certain.');
  assert.equal(describeLoss(run({ events: events.slice(0, 1) })), '');
  assert.equal(describeDecision(0.96, 0.03), 'D takes 96 % of the real pictures for real, and 3 % of the generated ones.');
  assert.match(describeDecision(1, 0), /It tells them apart/);
  assert.equal(describeDecision(null, 0.5), '');
});

test('what a run lacks is said, and what a dot and a bar stand for', () => {
  const about = { method: 'gan', players: ['discriminator', 'generator'], labels: [7, 2], classes: ['zero', 'one', 'two'] };
  const gan = run({ about, status: { state: 'finished' } });
  assert.equal(describeAbsence(gan, 'positions'), 'This model has no encoder, so pictures have no codes.');
  assert.equal(describeAbsence(gan, 'decisions'), 'This run wrote none.');
  assert.equal(describeAbsence(run({ about, status: { state: 'running' } }), 'decisions'), 'The first ones are on their way.');
  assert.equal(describeAbsence(run({ about: { ...about, players: ['generator_encoder'] } }), 'decisions'), 'This model has no discriminator.');
  const moment = { ...EMPTY, step: 5, epoch: 1, decisions: Uint8Array.of(128, 178), decisionsMade: Uint8Array.of(128) };
  assert.equal(describeAbsence(run({ about, moments: [moment] }), 'decisions'), '');
  assert.equal(describePoint(gan, moment, 1), 'Class two; D’s logit is 5.00.');
  assert.equal(describePoint(gan, null, 0), 'Class 7.');
  assert.equal(describeBin(moment, 20), 'Logit 0.0: 50 % of the real pictures, 100 % of the generated ones.');
  assert.equal(describeBin(null, 20), '');
  assert.equal(describeMoment(1, [run({ moments: [moment] }), run({ moments: [moment] })]), 'epoch 1.00, step 5');
  assert.deepEqual(['bigan', 'bigan-plus', 'bigan-plus-seed-3', 'bigan-lost', 'mine'].map(nameRun), ['BiGAN', 'BiGAN+', 'BiGAN+, seed 3', 'BiGAN, lost', 'mine']);
});

test('losses of two games share a chart, those of an autoencoder have another', () => {
  const [gan, other, autoencoder] = [['discriminator', 'generator'], ['discriminator', 'generator_encoder'], ['generator_encoder']].map((players) => run({ about: { method: 'gan', players } }));
  const list = (/** @type {RunData[]} */ runs) => listCurves(runs).slice(0, 2).map(({ runs: shown, curves, label }) => [shown.length, curves.length, label]);
  assert.deepEqual(list([gan]), [[1, 2, ''], [0, 0, '']]);
  assert.deepEqual(list([gan, other]), [[2, 3, ''], [0, 0, '']]);
  assert.deepEqual(list([gan, autoencoder]), [[1, 2, 'GAN'], [1, 1, 'GAN']]);
});
