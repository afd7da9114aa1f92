// Parts of a stage that are asked for when they are opened.
import assert from 'node:assert';
import { test } from 'node:test';
import { followLater } from '../../ganlab/ui/static/lib/later.js';

test('a part is asked for once while it is open, and again with the next stage', () => {
  const part = { dataset: { later: 'a' }, folded: false, closest: () => part.folded || null };
  const scene = { shown: /** @type {typeof part | null} */ (null), toggle: () => {} };
  const root = {
    querySelector: () => scene.shown,
    addEventListener: (/** @type {string} */ _, /** @type {() => void} */ listener) => (scene.toggle = listener),
  };
  const asked = /** @type {string[]} */ ([]);
  const look = followLater(/** @type {Element} */ (/** @type {unknown} */ (root)), (key) => asked.push(key));
  assert.deepEqual(asked, []);
  Object.assign(part, { folded: true });
  scene.shown = part;
  scene.toggle(); // it is open, but what it lies in is not
  assert.deepEqual(asked, []);
  part.folded = false;
  scene.toggle();
  look();
  assert.deepEqual(asked, ['a']);
  scene.shown = null; // the answer has all parts
  look();
  scene.shown = part; // the next stage, of a part that is still open
  look();
  assert.deepEqual(asked, ['a', 'a']);
  part.dataset.later = 'b'; // and the next, before the answer came
  look();
  assert.deepEqual(asked, ['a', 'a', 'b']);
});
