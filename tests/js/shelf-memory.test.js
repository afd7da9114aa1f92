// The shelf that all tabs of a browser share: nobody's picture is lost, and what was dropped stays away.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeShelf, readStored } from '../../ganlab/ui/static/lib/shelf-memory.js';

const item = (/** @type {string} */ key) => ({ key, z: [1, 2], caption: key });
const items = (/** @type {string} */ keys) => [...keys].map(item);
const keys = (/** @type {{ key: string }[]} */ list) => list.map(({ key }) => key).join('');

/**
 * @param {string} before
 * @param {string} shown
 * @param {string} stored
 */
function merge(before, shown, stored, most = 24) {
  const { next, add, remove } = mergeShelf([...before], items(shown), items(stored), most);
  return [keys(next), keys(add), remove.join('')];
}

test('a tab that opens gets what is stored, and adds what it brings', () => {
  assert.deepEqual(merge('', '', 'ab'), ['ab', 'ab', '']);
  assert.deepEqual(merge('', 'c', 'ab'), ['abc', 'ab', '']);
  assert.deepEqual(merge('', 'b', 'ab'), ['ab', 'a', '']);
});

test('what another tab kept meanwhile is not overwritten', () => {
  assert.deepEqual(merge('a', 'ab', 'ac'), ['acb', 'c', '']);
});

test('what was dropped in one tab does not come back from another', () => {
  assert.deepEqual(merge('ab', 'b', 'ab'), ['b', '', '']); // here
  assert.deepEqual(merge('ab', 'ab', 'b'), ['b', '', 'a']); // there
  assert.deepEqual(merge('ab', 'abc', 'b'), ['bc', '', 'a']); // there, while something was kept here
  assert.deepEqual(merge('ab', 'b', 'a'), ['', '', 'b']); // each dropped another
});

test('the newest stay where there are too many', () => {
  assert.deepEqual(merge('ab', 'abc', 'abd', 3), ['bdc', 'd', 'a']);
});

test('two tabs that take turns come to show the same', () => {
  let stored = items('ab');
  const tabs = ['', ''].map(() => ({ before: /** @type {string[]} */ ([]), shown: items('') }));
  const renew = (/** @type {(typeof tabs)[0]} */ tab) => {
    for (let round = 0; round < 3; round++) {
      const merged = mergeShelf(tab.before, tab.shown, stored, 24);
      tab.before = tab.shown.map(({ key }) => key);
      stored = merged.next;
      tab.shown = [...tab.shown.filter(({ key }) => !merged.remove.includes(key)), ...merged.add];
    }
  };
  const [left, right] = tabs;
  renew(left);
  renew(right);
  left.shown = [...left.shown, item('c')];
  right.shown = right.shown.filter(({ key }) => key !== 'a');
  for (const tab of [left, right, left]) renew(tab);
  assert.deepEqual(tabs.map(({ shown }) => keys(shown)), ['bc', 'bc']);
  assert.equal(keys(stored), 'bc');
});

test('what was tampered with is left out, and an earlier form gets keys that every tab finds', () => {
  const odd = [null, 7, { z: [1] }, { z: ['x', 2] }, { z: [1, Infinity] }, { key: 'k', z: [1, 2], caption: 'old' }];
  assert.deepEqual(readStored(odd, 2), [{ key: 'k', z: [1, 2], caption: 'old' }]);
  for (const none of [null, 'text', { z: 1 }]) assert.deepEqual(readStored(none, 2), []);
  const [first, second, third] = readStored([{ z: [1, 2] }, { z: [1, 3] }, { z: [1, 2] }], 2).map(({ key }) => key);
  assert.match(first, /^[0-9a-f]{16}$/);
  assert.notEqual(first, second);
  assert.equal(first, third);
});
