// The judge and the light as ganlab/studio/portable_judge.py packs them, against PyTorch.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Judge } from '../../ganlab/ui/static/lib/judge.js';
import { assertClose, decodeFile, readFixture } from './fixtures.js';

const { cases } = readFixture('judge');

for (const { file, z, pixels, logits, features, probabilities, scores } of cases) {
  const name = `${Math.sqrt(pixels[0].length) % 1 ? 'colour' : 'grey'}`;

  test(`labels, logits and features, ${name}`, () => {
    const judge = new Judge(decodeFile(file));
    assert.equal(judge.reason, '');
    const labels = new Set();
    for (const [row, picture] of [...pixels.entries(), [0, pixels[0]]]) { // no reading depends on the one before
      const reading = judge.classify(Float32Array.from(picture));
      assertClose(reading.logits, logits[row], `logits of ${row}`, 1e-5);
      assertClose(reading.features, features[row], `features of ${row}`, 1e-5);
      assert.equal(reading.label, logits[row].indexOf(Math.max(...logits[row])));
      assertClose([reading.confidence], [Math.max(...probabilities[row])], 'confidence', 1e-5);
      labels.add(reading.label);
    }
    assert.ok(labels.size > 1 || name === 'colour');
  });

  test(`the light, ${name}`, () => {
    const judge = new Judge(decodeFile(file));
    const verdicts = new Set();
    for (const [row, picture] of pixels.entries()) {
      const rating = judge.light.rate(z[row], judge.classify(Float32Array.from(picture)));
      assertClose([rating.score], [scores[row]], `score of ${row}`, 1e-4);
      assert.equal(rating.like, scores[row] <= 0);
      verdicts.add(rating.like);
    }
    assert.equal(verdicts.size, 2);
    const [first] = pixels;
    const reading = judge.classify(Float32Array.from(first));
    const box = judge.light.rate(z[0].map(() => 1), reading); // a corner of the box of a uniform prior
    assert.ok(Math.abs(box.length - Math.sqrt(3)) < 1e-6);
  });
}
