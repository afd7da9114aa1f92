// Safetensors files as Python writes them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { floats, readTensors } from '../../ganlab/ui/static/lib/tensors.js';
import { assertClose, decodeFile, readFixture } from './fixtures.js';

test('tensors of every type, half precision widened', () => {
  const { file, tensors } = readFixture('tensors');
  const { metadata, tensor } = readTensors(decodeFile(file));
  assert.deepEqual(metadata, { ganlab: '{}', other: 'ü' });
  for (const [name, numbers] of Object.entries(tensors)) assertClose(tensor(name), numbers, name, 1e-7);
  assert.ok(tensor('halves') instanceof Float32Array);
  assert.ok(Object.is(tensor('halves')[1], -0));
  assert.equal(tensor('missing'), null);
  assert.ok(floats(tensor, 'shorts') instanceof Float32Array);
  assert.throws(() => floats(tensor, 'missing'), /no tensor missing/);
});

test('numbers of half precision that are not finite', () => {
  const bits = new Uint16Array([0x7c00, 0xfc00, 0x7e00]);
  const header = JSON.stringify({ x: { dtype: 'F16', shape: [3], data_offsets: [0, 6] } }).padEnd(64);
  const file = new Uint8Array(8 + 64 + 6);
  new DataView(file.buffer).setBigUint64(0, 64n, true);
  file.set(new TextEncoder().encode(header), 8);
  file.set(new Uint8Array(bits.buffer), 72);
  assert.deepEqual([...readTensors(file.buffer).tensor('x')], [Infinity, -Infinity, NaN]);
});

test("a shelf's file", () => {
  const { file, z, captions } = readFixture('shelf');
  const { metadata, tensor } = readTensors(decodeFile(file));
  assertClose(tensor('z'), z.flat(), 'z', 1e-7);
  assert.deepEqual(JSON.parse(metadata.captions), captions);
});
