// Quick work is done at each value; slow work waits for a rest, and then only the newest is done.
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Pace } from '../../ganlab/ui/static/lib/pace.js';

/** A clock for timers and performance.now that moves only here. */
function takeClock() {
  mock.timers.enable({ apis: ['setTimeout'] });
  const clock = { now: 1000 };
  mock.method(performance, 'now', () => clock.now);
  clock.pass = (ms) => {
    clock.now += ms;
    mock.timers.tick(ms);
  };
  return clock;
}

test('quick work is done at once', () => {
  const clock = takeClock();
  const done = [];
  const pace = new Pace();
  for (const value of [1, 2, 3]) {
    pace.run(() => {
      clock.now += 2;
      done.push(value);
    });
    assert.equal(done[done.length - 1], value);
  }
  assert.ok(!pace.slow);
  mock.reset();
  mock.timers.reset();
});

test('slow work waits for a rest, but not for ever', () => {
  const clock = takeClock();
  const done = [];
  const pace = new Pace();
  const look = (value) => pace.run(() => {
    clock.now += 20;
    done.push(value);
  });
  for (let trial = 0; trial < 3; trial++) look(0);
  assert.ok(pace.slow);
  for (let value = 1; value <= 5; value++) {
    look(value);
    clock.pass(16);
  }
  assert.deepEqual(done, [0, 0, 0]);
  clock.pass(200);
  assert.deepEqual(done, [0, 0, 0, 5]);
  for (let value = 6; value < 60; value++) { // about a second of one value after another
    look(value);
    clock.pass(16);
  }
  assert.ok(done.length > 5 && done.length < 10, String(done));
  look(60);
  pace.stop();
  clock.pass(1000);
  assert.ok(!done.includes(60));
  mock.reset();
  mock.timers.reset();
});
