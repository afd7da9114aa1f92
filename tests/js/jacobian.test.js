// Local directions in the page, against PyTorch's Jacobians, and how they keep their places while a latent moves.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Generator } from '../../ganlab/ui/static/lib/generator.js';
import { findEigenvectors, findLocalDirections, follow } from '../../ganlab/ui/static/lib/jacobian.js';
import { settleLocal } from '../../ganlab/ui/static/lib/local-directions.js';
import { assertClose, decodeFile, readFixture } from './fixtures.js';

const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

for (const { name, file, z, local } of readFixture('generators').cases) {
  test(`local directions of ${name}`, () => {
    const G = new Generator(decodeFile(file));
    const count = local.vectors.length;
    const { vectors, gains, total } = findLocalDirections((latent) => G.decode(latent), z[0], count);
    assertClose(gains.map(Math.sqrt), local.gains.slice(0, count).map(Math.sqrt), 'singular values', 0.01);
    assertClose([total], [local.gains.reduce((sum, gain) => sum + gain)], 'their squares', 0.02);
    for (const [i, vector] of vectors.entries()) {
      for (const [j, other] of vectors.entries()) assertClose([dot(vector, other)], [Number(i === j)], 'orthogonal', 1e-9);
    }
    // The space of the first k is PyTorch's wherever the next gain is clearly smaller.
    for (let k = 1; k <= count; k++) {
      if (local.gains[k] > 0.8 * local.gains[k - 1]) continue; // none after the last: all of them
      const expected = local.vectors.slice(0, k);
      for (const vector of vectors.slice(0, k)) {
        const inside = Math.hypot(...expected.map((other) => dot(vector, other)));
        assert.ok(inside > 0.999, `a vector of the first ${k} lies ${inside} in their space`);
      }
    }
  });
}

test('eigenvectors of a symmetric matrix, largest first', () => {
  const rows = [[4, 1, 0], [1, 3, -2], [0, -2, 1]];
  const { values, vectors } = findEigenvectors(rows.map((row) => Float64Array.from(row)));
  assert.ok(values[0] > values[1] && values[1] > values[2]);
  for (const [i, vector] of vectors.entries()) {
    assertClose(rows.map((row) => dot(row, vector)), [...vector].map((x) => values[i] * x), `eigenvector ${i}`, 1e-9);
  }
});

const unit = (...values) => Float64Array.from(values, (value) => value / Math.hypot(...values));
const asLocal = (vectors, gains) => ({ vectors, gains, total: gains.reduce((sum, gain) => sum + gain) });

test('directions keep their places and signs when their gains change order', () => {
  const before = asLocal([unit(1, 0, 0), unit(0, 1, 0), unit(0, 0, 1)], [9, 4, 1]);
  const next = asLocal([unit(0.1, -1, 0), unit(1, 0.1, 0), unit(0, 0, -1)], [8, 5, 1]);
  const { vectors, gains, total } = follow(before, next);
  assertClose(vectors[0], unit(1, 0.1, 0), 'first', 1e-9);
  assertClose(vectors[1], unit(-0.1, 1, 0), 'second', 1e-9);
  assertClose(vectors[2], unit(0, 0, 1), 'third', 1e-9);
  assertClose(gains, [5, 8, 1], 'gains', 1e-9);
  assert.equal(total, 14);
  assert.equal(follow(null, next), next);
});

test('directions with nearly equal gains are turned to the previous ones', () => {
  const before = asLocal([unit(1, 0, 0), unit(0, 1, 0), unit(0, 0, 1)], [4, 4, 1]);
  const next = asLocal([unit(1, 1, 0), unit(1, -1, 0), unit(0, 0, 1)], [4, 3.8, 1]);
  const { vectors, gains } = follow(before, next);
  for (const i of [0, 1, 2]) assertClose(vectors[i], before.vectors[i], `vector ${i}`, 1e-9);
  assertClose(gains, [3.9, 3.9, 1], 'gains', 1e-9);
});

test('while a latent moves, a slider keeps its direction', () => {
  const { file, z } = readFixture('generators').cases.find(({ name }) => name === 'tutorial-bigan');
  const G = new Generator(decodeFile(file));
  let previous = null;
  for (let step = 0; step <= 200; step++) {
    const latent = z[0].map((value, i) => value + (step / 200) * (z[1][i] - value));
    const next = follow(previous, findLocalDirections((at) => G.decode(at), latent, 4));
    for (const [i, vector] of (previous?.vectors ?? []).entries()) assert.ok(dot(vector, next.vectors[i]) > 0.5, `step ${step}`);
    previous = next;
  }
});

test('once the hand lets go, local offsets are part of the base', () => {
  const byId = new Map([['local/1', { vector: [1, 0], deviation: 2 }], ['raw/z1', { vector: [0, 1], deviation: 1 }]]);
  const state = { base: Float32Array.of(0.5, 0), about: 'test 7', picture: 'ab', amounts: { 'local/1': 1, 'raw/z1': 0.5 }, truncation: 0.8 };
  const settled = settleLocal({ state, byId, prior: 'normal' });
  assert.deepEqual({ ...settled, base: [...settled.base] }, {
    base: [2.5, 0], about: 'moved from test 7', picture: '', amounts: { 'raw/z1': 0.5 }, truncation: 0.8,
  });
  assert.equal(settleLocal({ state: settled, byId, prior: 'normal' }), settled);
  const alone = settleLocal({ state: { ...state, amounts: { 'local/1': 1 } }, byId, prior: 'uniform' });
  assert.deepEqual([...alone.base], [1, 0]); // in the box, so that the way back begins at once
});
