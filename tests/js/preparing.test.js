// What a stage waits for, as the page follows it.
import assert from 'node:assert';
import { test } from 'node:test';
import { followPreparation } from '../../ganlab/ui/static/lib/preparing.js';

test('the bar follows the server, and the stage is drawn again once', async () => {
  const stands = [{ done: 10, count: 300 }, { done: 200, count: 300 }, { ready: true }];
  const asked = /** @type {string[]} */ ([]);
  globalThis.fetch = /** @type {typeof fetch} */ (
    async (address) => {
      asked.push(String(address));
      return Response.json(stands.shift());
    }
  );
  const bar = { max: 1, value: 0 };
  const words = { textContent: '' };
  const part = { isConnected: true, dataset: { model: 'f00', preparing: 'untrained' }, querySelector: () => bar, lastElementChild: words };
  const root = /** @type {Element} */ (/** @type {unknown} */ ({ querySelector: () => part }));
  let drawn = 0;
  const following = followPreparation(root, () => (drawn += 1), 0);
  await followPreparation(root, () => (drawn += 1), 0); // the same part is followed once
  await following;
  assert.deepEqual([bar, words.textContent, drawn], [{ max: 300, value: 200 }, '200 of 300', 1]);
  assert.equal(asked[0], 'ganlab/space?model=f00&space=untrained');
});
