// Generators of every family as ganlab/studio/portable.py packs them, against PyTorch's pictures.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Generator } from '../../ganlab/ui/static/lib/generator.js';
import { decodeFile, readFixture } from './fixtures.js';

for (const { name, shape, file, z, codes, pictures } of readFixture('generators').cases) {
  test(name, () => {
    const G = new Generator(decodeFile(file));
    assert.deepEqual(G.shape, shape);
    assert.match(G.fingerprint, /^[0-9a-f]{16}$/);
    assert.equal(G.latentDim, z[0].length);
    // There and back again: no picture depends on the one before.
    for (const row of [0, 1, 0]) {
      const expected = Buffer.from(pictures[row], 'base64');
      const pixels = G.decode(z[row]);
      assert.equal(pixels.length, expected.length);
      for (const [i, value] of expected.entries()) {
        const error = Math.abs(255 * pixels[i] - value);
        assert.ok(error <= 1.5, `pixel ${i} of picture ${row} differs by ${error} of 255`);
      }
    }
    const [first, second] = pictures.map((picture) => Buffer.from(picture, 'base64'));
    assert.notDeepEqual(first, second);
  });

  test(`${name}: codes, and the latents that have them`, () => {
    const G = new Generator(decodeFile(file));
    assert.equal(G.hasMap, name === 'with a latent map');
    for (const [row, latent] of z.entries()) {
      assertClose(G.toCodes(latent), codes[row], 5e-3); // the page's weights are in half precision
      assertClose(G.fromCodes(G.toCodes(latent)), latent, 1e-5);
    }
    if (G.hasMap) assert.ok(Math.abs(codes[0][0] - z[0][0]) > 0.05);
  });
}

/** Each number within `limit` of the expected one. */
function assertClose(values, expected, limit) {
  assert.equal(values.length, expected.length);
  for (const [i, value] of expected.entries()) {
    assert.ok(Math.abs(values[i] - value) <= limit, `number ${i} is ${values[i]}, not ${value}`);
  }
}
