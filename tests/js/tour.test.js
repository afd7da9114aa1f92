// The tour's card stands beside what it speaks of, in windows of any size.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { avoid, join, overlap } from '../../ganlab/ui/static/lib/tour-places.js';

const GAP = 12;

/** Numbers from 0 to below `limit`, the same in each run. */
function* numbers() {
  let state = 1;
  for (;;) {
    state = (state * 48271) % 2147483647;
    yield state / 2147483647;
  }
}

test('a card covers nothing wherever there is room beside', () => {
  const random = numbers();
  const next = (/** @type {number} */ limit) => (random.next().value ?? 0) * limit;
  let crowded = 0;
  for (let i = 0; i < 3000; i++) {
    const view = { width: 320 + next(1600), height: 360 + next(900) };
    const card = { width: Math.min(340, view.width - 2 * GAP), height: 90 + next(80) };
    const box = { left: next(view.width - 40), top: next(view.height - 40) - 100, width: 40 + next(1500), height: 40 + next(900) };
    const { left, top } = avoid(box, card, view, GAP);
    assert.ok(left >= 0 && top >= 0 && left + card.width <= view.width && top + card.height <= view.height);
    const rooms = [
      view.height - box.top - box.height - GAP >= card.height,
      box.top - GAP >= card.height,
      view.width - box.left - box.width - GAP >= card.width,
      box.left - GAP >= card.width,
    ];
    if (rooms.some(Boolean)) assert.equal(overlap({ left, top }, card, box), 0);
    else crowded++;
  }
  assert.ok(crowded > 100 && crowded < 2000); // both were tried
});

test('what several elements show is one box', () => {
  const boxes = [
    { left: 10, top: 20, width: 30, height: 40 },
    { left: 5, top: 50, width: 10, height: 30 },
  ];
  assert.deepEqual(join(boxes), { left: 5, top: 20, width: 35, height: 60 });
  assert.equal(join([]), null);
});
