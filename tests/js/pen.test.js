// Which pointer draws, how wide, and what the keys of a pad do.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyPen } from '../../ganlab/ui/static/lib/pad-keys.js';
import { PadStates } from '../../ganlab/ui/static/lib/pad-states.js';
import { drawLine, follow, Hand, join, measureWidth } from '../../ganlab/ui/static/lib/pen.js';

/** An event of a pointer that was first used for touch 1, touch 2, ... */
const touch = (pointerId, timeStamp = 0, width = 20) => ({ pointerId, pointerType: 'touch', timeStamp, button: 0, width });
const pen = (pointerId, timeStamp = 0) => ({ pointerId, pointerType: 'pen', timeStamp, button: 0 });
const mouse = { pointerId: 1, pointerType: 'mouse', timeStamp: 0 };

test('one pointer draws: the first finger, whatever other fingers do', () => {
  const hand = new Hand();
  assert.equal(hand.press(touch(1)), 'draw');
  assert.equal(hand.press(touch(2)), 'ignore');
  assert.deepEqual([hand.draws(touch(1)), hand.draws(touch(2))], [true, false]);
  assert.deepEqual([hand.lift(touch(2)), hand.lift(touch(1))], [false, true]);
  assert.equal(hand.press(touch(3)), 'draw');
});

test('a palm never draws, nor does a button other than the first', () => {
  const hand = new Hand();
  assert.equal(hand.press(touch(1, 0, 90)), 'ignore');
  assert.equal(hand.press({ ...touch(1), height: 90 }), 'ignore');
  assert.equal(hand.press({ ...mouse, button: 2 }), 'ignore');
  assert.equal(hand.press(touch(2)), 'draw');
});

test('a pen takes the place of a finger, and of nothing else', () => {
  const hand = new Hand();
  hand.press(touch(1));
  assert.equal(hand.press(pen(7)), 'replace');
  assert.deepEqual([hand.draws(touch(1)), hand.lift(touch(1))], [false, false]);
  assert.equal(hand.press(pen(8)), 'ignore');
  assert.equal(hand.lift(pen(7)), true);
  const other = new Hand();
  other.press({ ...mouse, button: 0 });
  assert.equal(other.press(pen(7)), 'ignore');
});

test('touch is ignored near a pen and for a moment after it, and a cancelled one is taken back', () => {
  const hand = new Hand();
  assert.equal(hand.disowns(touch(1)), false);
  hand.see(pen(7, 1000)); // hovers
  assert.equal(hand.press(touch(1, 9000)), 'ignore'); // it is still there
  hand.leave(pen(7, 9000));
  assert.equal(hand.press(touch(1, 9300)), 'ignore');
  assert.equal(hand.press(touch(1, 10_000)), 'draw');
  assert.deepEqual([hand.disowns(touch(1)), hand.disowns(pen(7))], [true, false]);
});

test('pressure and tilt of a pen widen its stroke; a mouse and a finger draw as wide as they are told', () => {
  const at = (pointerType, pressure, tiltX = 0, tiltY = 0) => measureWidth(20, { pointerType, pressure, tiltX, tiltY });
  assert.deepEqual([at('mouse', 0.5), at('touch', 1, 60), at('pen', 0.5), at('pen', 1)], [20, 20, 20, 30]);
  assert.equal(at('pen', 0), 20); // a pen that does not know
  assert.equal(measureWidth(20, { pointerType: 'pen', pressure: 0.5 }), 20);
  assert.ok(at('pen', 0.1) < 20);
  assert.equal(at('pen', 0.5, 30), 20); // as a hand writes
  assert.ok(Math.abs(at('pen', 0.5, -75) - 40) < 1e-9);
  assert.equal(at('pen', 0.5, 0, 90), 40);
  assert.ok(at('pen', 0.5, 40, 40) > at('pen', 0.5, 40, 0));
});

test('a line of two widths is drawn in short pieces that join', () => {
  const [from, to] = [{ x: 0, y: 0, width: 10 }, { x: 30, y: 40, width: 20 }];
  const lines = join(from, to);
  assert.deepEqual([lines[0].from, lines.at(-1).to], [from, to]);
  assert.ok(lines.length >= 10);
  lines.slice(1).forEach((line, index) => {
    assert.deepEqual(line.from, lines[index].to);
    assert.ok(line.width > lines[index].width && line.width - lines[index].width < 1);
  });
  assert.equal(join(from, { ...to, width: 10 }).length, 1);
  assert.deepEqual([follow(10, 10), follow(10, 20)], [10, 15]);
});

test('a line without length is a dot', () => {
  const calls = [];
  const ink = new Proxy({}, { get: (_, name) => (...values) => calls.push([name, ...values]), set: () => true });
  const at = { x: 40, y: 50, width: 22 };
  drawLine(ink, at, at);
  assert.deepEqual(calls, [['beginPath'], ['arc', 40, 50, 11, 0, 2 * Math.PI], ['fill']]);
});

test('arrow keys move the pen, two at a time aslant, and never off the paper', () => {
  const keys = new KeyPen(280);
  assert.deepEqual(keys.press({ key: 'ArrowRight' }), { kind: 'move', from: { x: 140, y: 140 }, to: { x: 150, y: 140 } });
  keys.press({ key: 'ArrowDown' });
  assert.deepEqual(keys.at, { x: 160, y: 150 });
  keys.release({ key: 'ArrowRight' });
  keys.press({ key: 'ArrowDown', shiftKey: true });
  assert.deepEqual(keys.at, { x: 160, y: 152 });
  for (let count = 0; count < 50; count++) keys.press({ key: 'ArrowDown' });
  assert.deepEqual(keys.at, { x: 160, y: 280 });
});

test('space puts the pen down and lifts it, Escape only lifts it, and other keys are left to the page', () => {
  const keys = new KeyPen(280);
  assert.equal(keys.press({ key: 'Escape' }), null);
  assert.deepEqual(keys.press({ key: ' ' }), { kind: 'down' });
  assert.equal(keys.describe(), 'Pen down, 50 % from the left, 50 % from the top.');
  assert.deepEqual(keys.press({ key: 'Escape' }), { kind: 'up' });
  assert.deepEqual(keys.press({ key: ' ' }), { kind: 'down' });
  assert.deepEqual(keys.press({ key: ' ' }), { kind: 'up' });
  const kinds = ['z', 'Z', 'y', 'Delete', '+', '-'].map((key) => keys.press({ key, shiftKey: key === 'Z' }).kind);
  assert.deepEqual(kinds, ['undo', 'redo', 'redo', 'clear', 'size', 'size']);
  assert.equal(keys.press({ key: 'z', metaKey: true }).kind, 'undo');
  for (const press of [{ key: 'Tab' }, { key: 'a' }, { key: ' ', ctrlKey: true }, { key: 'ArrowLeft', altKey: true }]) {
    assert.equal(keys.press(press), null);
  }
});

test('what was undone comes back until something new is done', () => {
  const states = new PadStates();
  assert.equal(states.undo('a'), undefined);
  states.remember('a');
  states.remember('b');
  assert.deepEqual([states.undo('c'), states.undo('b'), states.redo('a'), states.redo('b')], ['b', 'a', 'b', 'c']);
  assert.equal(states.redo('c'), undefined);
  assert.equal(states.undo('c'), 'b');
  states.remember('b');
  assert.equal(states.redo('d'), undefined);
  assert.equal(states.takeBack(), 'b');
  for (let entry = 0; entry < 99; entry++) states.remember(entry);
  assert.equal(states.past.length, 50);
});
