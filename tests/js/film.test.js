// The frames of films against ganlab/studio/film.py.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countFrames, describeFilm, frameTime, keyframeTime, latentAt } from '../../ganlab/ui/static/lib/film.js';
import { assertClose, readFixture } from './fixtures.js';

const { keyframes, cases } = readFixture('film');

for (const { prior, film, latents } of cases) {
  const { frames, easing, way, loop } = film;
  test(`${prior}, easing ${easing}, path ${way ?? 'of the prior'}${loop ? ', loop' : ''}`, () => {
    for (const [frame, z] of latents.entries()) {
      const time = frameTime(frame, frames, loop);
      assertClose(latentAt(keyframes[prior], time, { easing, way: way ?? '', loop }, prior), z, `frame ${frame}`);
    }
  });
}

test('keyframes are exact at their times', () => {
  for (const loop of [false, true]) {
    const settings = { easing: 'smooth', way: 'slerp', loop };
    for (const [index, z] of keyframes.normal.entries()) {
      const time = keyframeTime(index, keyframes.normal.length, loop);
      assert.deepEqual([...latentAt(keyframes.normal, time, settings, 'normal')], [...Float32Array.from(z)]);
    }
  }
  assert.equal(keyframeTime(0, 1, false), 0);
});

test('settings go to Python as it takes them', () => {
  const settings = { seconds: 1.5, easing: 'smooth', way: '', loop: true };
  assert.deepEqual(describeFilm(settings, 38), { frames: 38, seconds: 1.5, easing: 'smooth', way: null, loop: true });
  assert.deepEqual([0.5, 1.5, 12, 60].map(countFrames), [13, 38, 300, 600]);
});
