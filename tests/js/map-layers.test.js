// The layers of the map: pictures that do not overlap, points in pixels, and contours.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findContours, findThresholds, measureDensity, SHARES } from '../../ganlab/ui/static/lib/map-contours.js';
import { MAX_POSITION } from '../../ganlab/ui/static/lib/map-data.js';
import { MapPictures, toPixels } from '../../ganlab/ui/static/lib/map-pictures.js';
import { Placement } from '../../ganlab/ui/static/lib/map-placement.js';
import { MapView } from '../../ganlab/ui/static/lib/map-view.js';
import { Points } from '../../ganlab/ui/static/lib/points.js';

/** Numbers from 0 to 1, the same on every run. */
function random(seed) {
  let state = seed;
  return () => (state = (state * 1103515245 + 12345) % 2 ** 31) / 2 ** 31;
}

function scatter(count, seed = 1) {
  const next = random(seed);
  return Float32Array.from({ length: 2 * count }, () => (2 * next() - 1) * MAX_POSITION);
}

/** A canvas of which only the pixels exist. */
function fakeCanvas(width, height) {
  const image = { width, height, data: new Uint8ClampedArray(4 * width * height) };
  const context = { createImageData: () => image, putImageData: (shown) => (canvas.shown = shown) };
  const canvas = { width, height, shown: null, getContext: () => context };
  return { canvas, pixels: new Uint32Array(image.data.buffer) };
}

test('pictures do not overlap at any zoom, and one that is shown stays as the map grows', () => {
  const xy = scatter(2000);
  const placement = new Placement(xy);
  let before = [];
  for (const distance of [30000, 11000, 4000, 1500, 300, 5]) {
    const { rows, count } = placement.rowsApart(distance);
    const shown = rows.slice(0, count);
    for (const [i, a] of shown.entries()) {
      for (const b of shown.slice(0, i)) {
        const apart = Math.max(Math.abs(xy[2 * a] - xy[2 * b]), Math.abs(xy[2 * a + 1] - xy[2 * b + 1]));
        assert.ok(apart >= distance, `${a} and ${b} at ${distance}`);
      }
    }
    assert.deepEqual(shown.slice(0, before.length), before);
    assert.ok(shown.length > before.length);
    before = shown;
  }
  assert.ok(before.length > 1950); // nearly all have room in the end
});

test('wherever a picture would have room, there is one nearby', () => {
  const xy = scatter(2000);
  const distance = 4000;
  const { rows, count } = new Placement(xy).rowsApart(distance);
  const shown = rows.slice(0, count);
  for (let row = 0; row < 2000; row += 50) {
    const nearest = Math.min(...shown.map((other) => Math.max(Math.abs(xy[2 * row] - xy[2 * other]), Math.abs(xy[2 * row + 1] - xy[2 * other + 1]))));
    assert.ok(nearest < 1.2 * distance, `row ${row}`); // levels are 2 ** (1 / 4) apart
  }
});

test('only points that are shown take part', () => {
  const shown = Uint8Array.from({ length: 50 }, (_, row) => row % 2);
  const { rows, count } = new Placement(scatter(50), shown).rowsApart(1);
  assert.equal(count, 25);
  assert.ok(rows.every((row) => row % 2));
});

test('opaque points lie over faint ones, whatever their order', () => {
  const { canvas, pixels } = fakeCanvas(4, 3);
  const points = new Points(canvas);
  points.clear();
  const [faint, full] = [0x280000ff, 0xff00ff00];
  points.draw(Float32Array.from([1, 1, 1, 1, 9, 9]), { scale: 1, x: 0, y: 0 }, Uint32Array.from([full, faint, full]), 1);
  points.show();
  assert.equal(pixels[1 + 4], full);
  assert.equal(pixels.filter((pixel) => pixel).length, 1);
  assert.equal(canvas.shown.width, 4);
});

test('a picture has a frame, is enlarged pixel by pixel, and is cut at the edges', () => {
  const { canvas, pixels } = fakeCanvas(8, 8);
  const points = new Points(canvas);
  const picture = Uint32Array.from([0xff000001, 0xff000002, 0xff000003, 0xff000004]);
  points.clear();
  points.stamp(picture, 2, { x: 1, y: 1, side: 4, frame: 1 }, 0xff0000ff, false);
  assert.deepEqual([...pixels.slice(8 + 1, 8 + 7)], Array(6).fill(0xff0000ff));
  assert.deepEqual([...pixels.slice(3 * 8 + 1, 3 * 8 + 7)], [0xff0000ff, 0xff000001, 0xff000001, 0xff000002, 0xff000002, 0xff0000ff]);
  assert.deepEqual([...pixels.slice(5 * 8 + 2, 5 * 8 + 6)].map((pixel) => pixel & 7), [3, 3, 4, 4]);
  points.clear();
  points.stamp(picture, 2, { x: -3, y: 6, side: 4, frame: 1 }, 0xff0000ff, true);
  assert.deepEqual([...pixels.slice(6 * 8, 6 * 8 + 4)].map((pixel) => pixel >>> 24), [80, 80, 80, 0]);
  assert.equal(pixels[7 * 8 + 1] & 7, 2);
});

test('pictures are decoded after the points are drawn, then stay, and the hand finds them', () => {
  const { canvas } = fakeCanvas(200, 200);
  const view = new MapView();
  view.resize(200, 200);
  const points = new Points(canvas);
  const pictures = new MapPictures(view);
  const decoded = [];
  const G = {
    shape: [1, 2, 2],
    decodeCode: (z) => {
      decoded.push(z[0]);
      return Float32Array.from([0, 1, 0, 0.5]);
    },
  };
  const xy = Float32Array.from([0, 0, 100, 100, 20000, 0]); // the second lies where the first is
  const scene = { data: { code: (row) => [row] }, xy, colours: new Uint32Array(3), shown: null, selected: null };
  const draw = () => {
    points.clear();
    pictures.draw(points, scene, G);
  };
  draw();
  assert.deepEqual(decoded, []);
  assert.equal(pictures.rowAt([100, 100]), null);
  let frames = 0;
  while (pictures.decode(scene, G)) {
    draw();
    frames++;
  }
  assert.deepEqual(decoded, [0, 2]);
  assert.ok(frames <= 2);
  assert.equal(pictures.rowAt([100, 100]), 0);
  assert.equal(pictures.rowAt([114, 86]), 0);
  assert.equal(pictures.rowAt([130, 100]), null);
  draw();
  assert.equal(pictures.decode(scene, G), false);
  pictures.reset();
  draw();
  assert.equal(pictures.rowAt([100, 100]), null);
  assert.deepEqual([...toPixels(G.decodeCode([0]), G.shape)].map((pixel) => pixel >>> 0), [0xff000000, 0xffffffff, 0xff000000, 0xff808080]);
});

test('each contour holds its share of the points, and closes', () => {
  const next = random(3);
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const xy = Float32Array.from({ length: 8000 }, (_, i) => normal() * 4000 + (i % 4 < 2 ? 12000 : -12000));
  const contours = findContours(xy);
  assert.equal(contours.length, SHARES.length);
  for (const [level, lines] of contours.entries()) {
    for (const line of lines) assert.deepEqual(line[0], line.at(-1));
    let inside = 0;
    for (let row = 0; row < 4000; row++) {
      const crossings = lines.map((line) => crossesRightOf(line, xy[2 * row], xy[2 * row + 1])).reduce((a, b) => a + b, 0);
      inside += crossings % 2;
    }
    assert.ok(Math.abs(inside / 4000 - SHARES[level]) < 0.05, `${inside / 4000} is not ${SHARES[level]}`);
  }
  const left = findContours(xy, Uint8Array.from({ length: 4000 }, (_, row) => Number(row % 2)));
  assert.ok(left.flat(2).every(([x]) => x < 0));
});

function crossesRightOf(line, x, y) {
  let count = 0;
  for (let i = 1; i < line.length; i++) {
    const [[ax, ay], [bx, by]] = [line[i - 1], line[i]];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) count++;
  }
  return count;
}

test('no points have no contours; all points count once', () => {
  assert.deepEqual(findContours(new Float32Array(0)).flat(), []);
  const density = measureDensity(scatter(500), null);
  assert.ok(Math.abs(density.reduce((sum, value) => sum + value, 0) - 500) < 1);
  assert.deepEqual(findThresholds(Float32Array.from([1, 5, 2, 2]), [0.5, 1]), [5, 1]);
});
