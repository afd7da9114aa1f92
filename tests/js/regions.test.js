// Regions of classes on a plane: where the grid is refined, where borders lie.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toNodes } from '../../ganlab/ui/static/lib/planes.js';
import { Regions } from '../../ganlab/ui/static/lib/regions.js';

/** Look at every point that is wanted, to the finest level. Returns how many were. */
function look(regions, answer) {
  const counts = [];
  while (!regions.finished) {
    const wanted = regions.refine();
    counts.push(wanted.length);
    for (const point of wanted) {
      const [x, y] = regions.position(point);
      const { logits, score } = answer(x, y);
      regions.set(point, logits, score);
    }
  }
  return counts;
}

/** Class 0 left of the line x + y = 0.9, class 1 to its right, class 2 within a circle; unlike at the bottom. */
function see(x, y) {
  const side = x + y - 0.9;
  const inside = 0.2 - Math.hypot(x - 0.3, y - 0.3);
  return { logits: [-side, side, 5 * inside], score: y - 0.8 };
}

test('the finest picture has every border where it is, though few points were looked at', () => {
  const regions = new Regions(4);
  const [first, ...others] = look(regions, see);
  assert.equal(first, 64);
  assert.equal(regions.side, 29);
  assert.ok(others[0] < 15 * 15 - 64 && others[1] < (29 * 29 - 15 * 15) * 0.7, `${others}`);
  const size = 100;
  const verdicts = regions.draw(size);
  let wrong = 0;
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const { logits, score } = see((x + 0.5) / size, (y + 0.5) / size);
      const expected = 2 * logits.indexOf(Math.max(...logits)) + (score > 0 ? 1 : 0);
      if (verdicts[y * size + x] !== expected) wrong++;
    }
  }
  assert.ok(wrong < 0.01 * size * size, `${wrong} pixels`);
  assert.deepEqual([...new Set(verdicts)].sort(), [0, 1, 2, 3, 4]);
});

test('where all is of one class the grid is not refined', () => {
  const regions = new Regions(3);
  assert.deepEqual(look(regions, () => ({ logits: [1, 0], score: -1 })), [64, 0, 0]);
  assert.deepEqual([...new Set(regions.draw(10))], [0]);
});

test('seeds lie in cells, and corners in corners', () => {
  const middles = [0, 1, 2, 3, 4, 5, 6].map((cell) => (cell + 0.5) / 7);
  assert.deepEqual(middles.map((middle) => toNodes(middle, 4)), [0, 0.5, 1, 1.5, 2, 2.5, 3]);
  assert.deepEqual([0, middles[0], middles[6], 1].map((share) => toNodes(share, 2)), [0, 0, 1, 1]);
  assert.equal(toNodes(0.5, 2), 0.5);
});
