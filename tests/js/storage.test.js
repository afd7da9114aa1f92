// What the browser remembers for a checkpoint, also under its earlier fingerprints.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { OwnDirections } from '../../ganlab/ui/static/lib/directions.js';
import { recall, remember, takeReplaced } from '../../ganlab/ui/static/lib/storage.js';

/** @type {Map<string, string>} */
let stored;

beforeEach(() => {
  stored = new Map();
  globalThis.localStorage = {
    getItem: (key) => stored.get(key) ?? null,
    setItem: (key, value) => void stored.set(key, value),
    removeItem: (key) => void stored.delete(key),
  };
});

test('what was remembered is recalled, also by a checkpoint with another fingerprint', () => {
  assert.equal(recall('shelf', 'new', ['old']), null);
  remember('shelf', 'old', [1]);
  assert.equal(stored.get('ganlab/shelf/old'), '[1]');
  assert.deepEqual(recall('shelf', 'new', ['older', 'old']), [1]);
  assert.equal(recall('shelf', 'new'), null);
  remember('shelf', 'new', []);
  assert.deepEqual(recall('shelf', 'new', ['old']), []); // its own come first, even if there are none
});

test('what was remembered for a checkpoint that is gone is taken once', () => {
  assert.equal(takeReplaced('shelf', ['old']), null);
  remember('shelf', 'older', []);
  remember('shelf', 'old', [1]);
  assert.deepEqual(takeReplaced('shelf', ['older', 'old']), { fingerprint: 'old', stored: [1] });
  assert.equal(takeReplaced('shelf', ['older', 'old']), null);
  assert.equal(stored.size, 0);
});

test('a browser that stores nothing, or something else, is no error', () => {
  stored.set('ganlab/shelf/full', 'not JSON');
  assert.equal(recall('shelf', 'full'), null);
  globalThis.localStorage.setItem = () => {
    throw new Error('full');
  };
  remember('shelf', 'full', [1]);
  assert.deepEqual(recall('shelf', 'full'), [1]); // as long as the page is open
  assert.equal(new OwnDirections('full', []).save('a', [0, 0], [3, 4]), '');
});

test('a frame whose storage may not even be named remembers as long as the page is open', () => {
  Object.defineProperty(globalThis, 'localStorage', {
    configurable: true,
    get() {
      throw new Error('denied');
    },
  });
  assert.equal(recall('shelf', 'frame'), null);
  remember('shelf', 'frame', [1]);
  remember('shelf', 'gone', [2]);
  assert.deepEqual(recall('shelf', 'frame'), [1]);
  assert.deepEqual(takeReplaced('shelf', ['gone']), { fingerprint: 'gone', stored: [2] });
  assert.equal(recall('shelf', 'gone'), null);
  Object.defineProperty(globalThis, 'localStorage', { configurable: true, writable: true, value: undefined });
});

test('a direction leads from A to B and is found under an earlier fingerprint', () => {
  const own = new OwnDirections('old', []);
  assert.match(own.save('d', null, [1, 2]), /Send one picture to A/);
  assert.match(own.save('d', [1, 2], [1, 2]), /same latent/);
  assert.equal(own.save('d', [1, 2], [4, 6]), '');
  const [{ id, vector, deviation }] = own.directions;
  assert.deepEqual([id, vector, deviation], ['own/d', [0.6, 0.8], 5]);
  const later = new OwnDirections('new', ['old']);
  assert.deepEqual(later.directions, own.directions);
  later.delete('own/d');
  assert.deepEqual(new OwnDirections('new', ['old']).directions, []); // what was deleted does not come back
});

test('stored directions that are none are left out', () => {
  stored.set('ganlab/directions/x', JSON.stringify([null, 7, { id: 'a' }, { id: 'b', vector: [1], deviation: 2 }]));
  assert.deepEqual(new OwnDirections('x', []).directions.map(({ id }) => id), ['b']);
  stored.set('ganlab/directions/x', '{"a": 1}');
  assert.deepEqual(new OwnDirections('x', []).directions, []);
});
