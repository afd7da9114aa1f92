// Squares of pictures: where they may lie, and what the model sees of them, as Python prepares it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildLevels, findPaper, layOnPaper, resample } from '../../ganlab/ui/static/lib/resample.js';
import { SentPicture, createKey } from '../../ganlab/ui/static/lib/sent-picture.js';
import { contains, findMiddle, fit, isMovable, move, resize, span, toNumbers } from '../../ganlab/ui/static/lib/square.js';
import { readFixture } from './fixtures.js';

const CLOSE = 3; // of 255, at any pixel: Python rounds where the page halves
const MEAN = 0.6; // on average

/** The picture of tests/fixtures.py, opaque. */
function drawWaves(width, height) {
  const rgba = new Uint8ClampedArray(4 * width * height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) {
        const wave = Math.floor((x * x + 2 * y * y + 40 * c * (x + y)) / 100) % 512;
        rgba[at++] = Math.min(wave, 511 - wave);
      }
      rgba[at++] = 255;
    }
  }
  return rgba;
}

/** Planes against interleaved bytes in base64. */
function compare(planes, text, name, close = CLOSE, mean = MEAN) {
  const expected = Buffer.from(text, 'base64');
  const channels = planes.length;
  assert.equal(planes[0].length * channels, expected.length, name);
  let sum = 0;
  for (const [i, value] of expected.entries()) {
    const error = Math.abs(planes[i % channels][Math.floor(i / channels)] - value);
    assert.ok(error <= close, `${name}: ${error} at ${i}`);
    sum += error;
  }
  assert.ok(sum / expected.length <= mean, `${name}: ${sum / expected.length} on average`);
}

test('the live view agrees with what Python prepares', () => {
  const { cases, pictures } = readFixture('crop');
  for (const [name, { picture: [width, height], crop: [left, top, side], size, channels }] of Object.entries(cases)) {
    const levels = buildLevels(layOnPaper(drawWaves(width, height), width, height, channels), size);
    compare(resample(levels, { left, top, side }, size), pictures[name], name);
  }
});

test('a square of the size of the model is seen unchanged', () => {
  const { pictures } = readFixture('crop');
  const levels = buildLevels(layOnPaper(drawWaves(40, 32), 40, 32, 3), 32);
  compare(resample(levels, { left: 5, top: 0, side: 32 }, 32), pictures.unchanged, 'unchanged', 0, 0);
});

test('what is transparent lies on white paper, and on black where all that is visible is white', () => {
  const { pictures } = readFixture('crop');
  const rgba = drawWaves(32, 32);
  for (let i = 0; i < 1024; i++) rgba[4 * i + 3] = Math.floor(i / 4) % 256;
  assert.equal(findPaper(rgba, 1024), 255);
  compare(layOnPaper(rgba, 32, 32, 3).planes, pictures.transparent, 'transparent', 1, 0.5);
  const white = new Uint8ClampedArray(4096).fill(255);
  assert.equal(findPaper(white, 1024), 255); // nothing is transparent
  for (let i = 4 * 32; i < 1024; i++) white[4 * i + 3] = 0;
  assert.equal(findPaper(white, 1024), 0);
  compare(layOnPaper(white, 32, 32, 3).planes, pictures['white on nothing'], 'white', 0, 0);
});

test('a square stays inside the picture, whatever a hand does', () => {
  const picture = { width: 300, height: 200 };
  const middle = findMiddle(picture);
  assert.deepEqual(middle, { left: 50, top: 0, side: 200 });
  assert.deepEqual(move(middle, 999, 999, picture), { left: 100, top: 0, side: 200 });
  assert.deepEqual(resize(middle, 100, picture), { left: 100, top: 50, side: 100 });
  assert.deepEqual(resize({ left: 0, top: 0, side: 20 }, 40, picture), { left: 0, top: 0, side: 40 });
  assert.deepEqual(resize(middle, 1, picture), { left: 146, top: 96, side: 8 }); // the least
  assert.deepEqual(resize(middle, 999, picture), middle); // the largest
  assert.deepEqual(fit({ left: -5, top: 190, side: 50 }, picture), { left: 0, top: 150, side: 50 });
  assert.equal(isMovable(middle, picture), true);
  assert.equal(isMovable({ left: 0, top: 0, side: 9 }, { width: 9, height: 9 }), false);
  assert.equal(contains(middle, { x: 45, y: 10 }, 6), true);
  assert.equal(contains(middle, { x: 43, y: 10 }, 6), false);
  assert.deepEqual(toNumbers({ left: 1 / 3, top: 0, side: 8.005 }), [0.33, 0, 8.01]);
});

test('a square is drawn from a point into any direction, as far as there is room', () => {
  const picture = { width: 300, height: 200 };
  const from = { x: 100, y: 50 };
  assert.deepEqual(span(from, { x: 130, y: 60 }, picture), { left: 100, top: 50, side: 30 });
  assert.deepEqual(span(from, { x: 70, y: 90 }, picture), { left: 60, top: 50, side: 40 });
  assert.deepEqual(span(from, { x: 90, y: 45 }, picture), { left: 90, top: 40, side: 10 });
  assert.deepEqual(span(from, { x: 999, y: 40 }, picture), { left: 100, top: 0, side: 50 });
  assert.deepEqual(span(from, from, picture), { left: 100, top: 50, side: 8 });
  assert.deepEqual(span({ x: 299, y: 199 }, { x: 400, y: 400 }, picture), { left: 292, top: 192, side: 8 });
});

test('pictures of a few pixels have the squares that fit', () => {
  for (const [width, height] of [[1, 1], [5, 3], [1, 900], [3000, 8]]) {
    const picture = { width, height };
    const side = Math.min(width, height);
    assert.deepEqual(resize(findMiddle(picture), 0.1, picture).side, Math.min(8, side));
    for (const square of [span({ x: 0, y: 0 }, { x: 2, y: 2 }, picture), move(findMiddle(picture), 5, 5, picture)]) {
      assert.ok(square.left >= 0 && square.left + square.side <= width, `${width} x ${height}`);
      assert.ok(square.top >= 0 && square.top + square.side <= height, `${width} x ${height}`);
    }
  }
});

test('a picture is sent once, and again when the server has lost it', async () => {
  const sent = [];
  globalThis.fetch = async (address, { body }) => {
    sent.push([address, body]);
    return { ok: true, json: async () => ({ upload: `name ${sent.length}` }) };
  };
  const picture = new SentPicture('file');
  const square = { left: 0, top: 1, side: 9 };
  assert.deepEqual(await Promise.all([picture.describe(square), picture.describe(square)]), [
    { upload: 'name 1', crop: [0, 1, 9] },
    { upload: 'name 1', crop: [0, 1, 9] },
  ]);
  assert.deepEqual(sent, [['ganlab/upload?preview=no', 'file']]);
  picture.forget();
  assert.equal((await picture.describe(square)).upload, 'name 2');
  globalThis.fetch = async () => ({ ok: true, json: async () => ({ refused: 'This file is not a picture.' }) });
  const refused = new SentPicture('file');
  await assert.rejects(refused.describe(square), /not a picture/);
  globalThis.fetch = async () => ({ ok: true, json: async () => ({ upload: 'name 3' }) });
  assert.equal((await refused.describe(null)).crop, null); // all of it, and no failure is kept
  assert.notEqual(createKey(), createKey());
});
