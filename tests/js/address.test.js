// The page's address: what it says is read back, and what is a step for the browser's Back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSameAddress, isStep, readAddress, writeAddress } from '../../ganlab/ui/static/lib/address.js';

const HERE = { tab: 'neighbours', model: 'mnist-bigan', at: 'test-3', recipe: '', chosen: { space: 'code', k: '12' } };

test('an address is read as it was written, and the rest of it stays', () => {
  const search = writeAddress('?__theme=dark&at=test-1&recipe=old&k=3&view=api', HERE);
  assert.equal(search, '?__theme=dark&view=api&tab=neighbours&model=mnist-bigan&at=test-3&space=code&k=12');
  assert.deepEqual(readAddress(search), HERE);
  const odd = { ...HERE, model: '/a folder/ü&x=1', chosen: {} };
  assert.deepEqual(readAddress(writeAddress('', odd)), odd);
  for (const none of ['', '?__theme=dark&view=api', '?tab=&model=']) assert.equal(readAddress(none), null);
  assert.deepEqual(readAddress('?recipe=abc'), { tab: '', model: '', at: '', recipe: 'abc', chosen: {} });
});

test('Back leads to another tab, model or picture, not through the settings of a slider', () => {
  const steps = [{ tab: 'map' }, { model: 'other' }, { at: 'test-4' }, { at: '', recipe: 'a' }];
  for (const change of steps) assert.ok(isStep(HERE, { ...HERE, ...change }), JSON.stringify(change));
  assert.ok(!isStep(HERE, { ...HERE, chosen: { space: 'pixels' } }));
  assert.ok(!isStep({ ...HERE, at: '', recipe: 'a' }, { ...HERE, at: '', recipe: 'b' })); // a hand that goes on
  assert.ok(isSameAddress(HERE, { ...HERE }));
  assert.ok(!isSameAddress(HERE, { ...HERE, chosen: {} }));
  assert.ok(!isSameAddress(null, null));
});
