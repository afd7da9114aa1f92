// The frames of films against ganlab/studio/film.py.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeAt, countFrames, describeFilm, describeTime, explainSize, frameTime, keyframeTime, latentAt } from '../../ganlab/ui/static/lib/film.js';
import { Generator } from '../../ganlab/ui/static/lib/generator.js';
import { assertClose, decodeFile, readFixture } from './fixtures.js';

const { keyframes, cases, codes, routes } = readFixture('film');

for (const { prior, film, latents } of cases) {
  const { frames, easing, way, loop } = film;
  test(`${prior}, easing ${easing}, path ${way ?? 'of the prior'}${loop ? ', loop' : ''}`, () => {
    for (const [frame, z] of latents.entries()) {
      const time = frameTime(frame, frames, loop);
      assertClose(latentAt(keyframes[prior], time, { easing, way: way ?? '', loop }, prior), z, `frame ${frame}`);
    }
  });
}

/** @param {{ film: object, keyframes: number[][], latents: number[][] }} film */
function assertFrames({ film, keyframes: keys, latents }, means, tolerance) {
  const settings = { ...film, way: film.way ?? '' };
  for (const [frame, z] of latents.entries()) {
    const time = frameTime(frame, film.frames, film.loop);
    assertClose(latentAt(keys, time, settings, 'normal', means), z, `frame ${frame}`, tolerance);
  }
}

test('straight between codes, as latents', () => {
  const mapped = readFixture('generators').cases.find(({ name }) => name === 'with a latent map');
  const codec = new Generator(decodeFile(mapped.file));
  assertFrames(codes, { codec }, 1e-3);
  for (const time of [0, 0.3, 1]) {
    const pixels = Float32Array.from(codec.decodeCode(codeAt(codes.keyframes, time, codes.film, codec)));
    assertClose(pixels, [...codec.decode(latentAt(codes.keyframes, time, codes.film, 'normal', { codec }))], 'pixels', 1e-3);
  }
  const straight = { ...codes.film, way: 'lerp' };
  const [middle, other] = [codes.film, straight].map((film) => latentAt(codes.keyframes, 0.5, film, 'normal', { codec }));
  assert.ok(Math.max(...middle.map((value, i) => Math.abs(value - other[i]))) > 0.01); // it is another way
});

test('along routes, and along the prior’s way until they are there', () => {
  assertFrames(routes, { routes: routes.routes });
  const waiting = latentAt(routes.keyframes, 0.1, routes.film, 'normal', { routes: null });
  assert.deepEqual(waiting, latentAt(routes.keyframes, 0.1, { ...routes.film, way: '' }, 'normal'));
});

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

test('what a time shows, in words', () => {
  const captions = ['a 7', 'a 2', 'a 4'];
  assert.equal(describeTime(captions, 0, false), 'a 7');
  assert.equal(describeTime(captions, 0.25, false), 'between a 7 and a 2');
  assert.equal(describeTime(captions, frameTime(5, 11, false), false), 'a 2');
  assert.equal(describeTime(captions, 1, false), 'a 4');
  assert.equal(describeTime(captions, 1, true), 'a 7');
  assert.equal(describeTime(captions, 0.9, true), 'between a 4 and a 7');
});

test('a film that is too large is named with what would be right', () => {
  const limits = { side: 64, maxSide: 1024, maxPixels: 160_000_000 };
  const scales = [1, 4, 8, 16];
  assert.equal(explainSize(152, 16, scales, limits), '');
  assert.equal(
    explainSize(300, 16, scales, limits),
    '300 frames of 1024 x 1024 pixels are too much for one film: take size 8 x, or at most 6 s.',
  );
  assert.match(explainSize(75, 16, scales, { ...limits, side: 128 }), /2048 x 2048 .* take size 8 x\.$/);
  assert.match(explainSize(300, 1, scales, { ...limits, maxPixels: 1_000_000 }), /take at most 9.5 s\.$/);
});
