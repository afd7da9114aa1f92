// Work in slices, one a frame.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { Slices } from '../../ganlab/ui/static/lib/slices.js';

/** @type {Map<number, () => void>} */
let frames;
let now = 0;

beforeEach(() => {
  frames = new Map();
  let last = 0;
  globalThis.requestAnimationFrame = (frame) => {
    frames.set(++last, frame);
    return last;
  };
  globalThis.cancelAnimationFrame = (id) => void frames.delete(id);
  globalThis.performance.now = () => now;
});

function runFrame() {
  const [[id, frame]] = frames;
  frames.delete(id);
  frame();
}

test('a slice ends when its time is over, and the next follows', () => {
  const done = [];
  const slices = [];
  new Slices().start(
    [1, 2, 3],
    (item) => {
      done.push(item);
      now += 5;
    },
    (finished) => slices.push(finished),
  );
  assert.deepEqual(done, []);
  runFrame();
  assert.deepEqual(done, [1, 2]);
  runFrame();
  assert.deepEqual([done, slices, frames.size], [[1, 2, 3], [false, true], 0]);
});

test('another start ends the one before; stop ends all', () => {
  const done = [];
  const slices = new Slices();
  slices.start(['a'], (item) => done.push(item));
  slices.start(['b'], (item) => done.push(item));
  runFrame();
  slices.start(['c'], (item) => done.push(item));
  slices.stop();
  assert.deepEqual([done, frames.size], [['b'], 0]);
});

test('nothing to do asks for no frame', () => {
  new Slices().start([], () => assert.fail());
  assert.equal(frames.size, 0);
});

test('while the hand moves nothing is done, and then it goes on', () => {
  const done = [];
  let moves = true;
  new Slices().start(['a'], (item) => done.push(item), () => {}, () => moves);
  runFrame();
  assert.deepEqual([done, frames.size], [[], 1]);
  moves = false;
  runFrame();
  assert.deepEqual([done, frames.size], [['a'], 0]);
});
