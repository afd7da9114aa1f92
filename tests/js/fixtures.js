// Reads the fixtures that `python -m tests.fixtures` writes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

/** @param {string} name */
export function readFixture(name) {
  return JSON.parse(readFileSync(new URL(`fixtures/${name}.json`, import.meta.url), 'utf8'));
}

/** The bytes of a file that a fixture holds in base64. */
export function decodeFile(text) {
  const bytes = Buffer.from(text, 'base64');
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
}

/** Numbers that agree to about the precision of float32. */
export function assertClose(actual, expected, message, tolerance = 2e-6) {
  assert.equal(actual.length, expected.length, message);
  for (const [i, value] of expected.entries()) {
    const error = Math.abs(actual[i] - value);
    assert.ok(error <= tolerance * Math.max(1, Math.abs(value)), `${message}: ${actual[i]} is not ${value}`);
  }
}
