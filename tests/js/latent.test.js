// The arithmetic of latents against ganlab/latent.py.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blend, interpolate, move, truncate } from '../../ganlab/ui/static/lib/latent.js';
import { assertClose, readFixture } from './fixtures.js';

const { cases } = readFixture('latent');

test('the fixture has both priors', () => {
  assert.deepEqual(cases.map(({ prior }) => prior).sort(), ['normal', 'uniform']);
});

for (const { prior, corners, steps, moved, centre, truncated, interpolated, blended } of cases) {
  test(`steps along directions, ${prior}`, () => {
    assertClose(move(corners[0], steps, prior), moved, 'moved');
    assert.deepEqual([...move(corners[0], [], prior)], [...Float32Array.from(corners[0])]);
  });

  test(`truncation, ${prior}`, () => {
    for (const [t, z] of Object.entries(truncated)) assertClose(truncate(corners[0], Number(t), centre), z, `t = ${t}`);
  });

  test(`interpolation, ${prior}`, () => {
    for (const [pair, { a, b, at }] of interpolated.entries()) {
      for (const { t, z } of at) assertClose(interpolate(a, b, t, prior), z, `pair ${pair}, t = ${t}`);
      assert.deepEqual([...interpolate(a, b, 0, prior)], [...Float32Array.from(a)]);
      assert.deepEqual([...interpolate(a, b, 1, prior)], [...Float32Array.from(b)]);
    }
  });

  test(`blends of four corners, ${prior}`, () => {
    for (const { x, y, z } of blended) assertClose(blend(corners, x, y, prior), z, `x = ${x}, y = ${y}`);
  });
}

test('a step does not leave the box of a uniform prior', () => {
  const far = [{ direction: { vector: [1, -1], deviation: 10 }, amount: 1 }];
  assert.deepEqual([...move([0, 0], far, 'uniform')], [1, -1]);
  assert.deepEqual([...move([0, 0], far, 'normal')], [10, -10]);
});
