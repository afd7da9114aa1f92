// The map's data against ganlab/studio/codemap.py, and the arithmetic of what the canvas shows.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Generator } from '../../ganlab/ui/static/lib/generator.js';
import { MAX_POSITION, MapData, mean, smallest } from '../../ganlab/ui/static/lib/map-data.js';
import { MapColours } from '../../ganlab/ui/static/lib/map-colours.js';
import { MapView } from '../../ganlab/ui/static/lib/map-view.js';
import { assertClose, decodeFile, readFixture } from './fixtures.js';

const fixture = readFixture('map');
const data = new MapData(decodeFile(fixture.file));

test('codes, labels and quantised positions come as Python has them', () => {
  assert.deepEqual([...data.labels], fixture.labels);
  for (const [row, code] of fixture.codes.entries()) assertClose(data.code(row), code, `code ${row}`);
  assertClose(data.layout('principal').xy, fixture.positions.flat(), 'positions', 0);
  assert.equal(Math.max(...fixture.positions.flat().map(Math.abs)), MAX_POSITION);
  assert.throws(() => data.layout('tsne'), /no layout tsne/);
});

test('any latent lies where Python puts it', () => {
  for (const [row, z] of fixture.z.entries()) {
    const [x, y] = data.positionOf(z, 'principal');
    const [expectedX, expectedY] = fixture.z_positions[row];
    assert.ok(Math.hypot(x - expectedX, y - expectedY) < 2, `latent ${row}`);
  }
});

test('behind a latent map, codes and what is nearest are the encoder\'s', () => {
  const { mapped } = fixture;
  const G = new Generator(decodeFile(mapped.generator));
  const behind = new MapData(decodeFile(mapped.file));
  assert.deepEqual([data.mapped, behind.mapped, G.hasMap], [false, true, true]);
  for (const [row, code] of mapped.codes.entries()) assertClose(behind.code(row), code, `code ${row}`);
  for (const [row, z] of mapped.z.entries()) {
    const code = G.toCodes(z);
    const [x, y] = behind.positionOf(code, 'principal');
    const [expectedX, expectedY] = mapped.z_positions[row];
    assert.ok(Math.hypot(x - expectedX, y - expectedY) < 1e-3 * MAX_POSITION, `latent ${row}`);
    assert.deepEqual(behind.nearest(code, 3).map(([each]) => each), mapped.nearest[row]);
  }
});

test('what is picked has the length of its latent, which the light needs', () => {
  const { mapped } = fixture;
  const behind = new MapData(decodeFile(mapped.file));
  const codes = behind.layout('principal').xy;
  for (const row of [0, 17]) {
    const { length } = behind.pick([codes[2 * row], codes[2 * row + 1]], 'principal', 0);
    assertClose([length], [mapped.lengths[row]], 'of a code', 1e-3);
    assertClose([data.pickRow(row, 'principal').length], [Math.hypot(...fixture.codes[row])], 'without a map', 1e-5);
  }
  const blend = behind.pick([2 * MAX_POSITION, 0], 'principal', 0);
  assert.ok(blend.length > Math.min(...mapped.lengths) && blend.length < Math.max(...mapped.lengths));
  const plain = data.pick([2 * MAX_POSITION, 0], 'principal', 0);
  assertClose([plain.length], [Math.hypot(...plain.code)], 'of a blend', 1e-5);
});

test('each code lies at its own position', () => {
  const { xy } = data.layout('principal');
  for (const row of [0, 17, 39]) {
    const [x, y] = data.positionOf(data.code(row), 'principal');
    assert.ok(Math.hypot(x - xy[2 * row], y - xy[2 * row + 1]) < MAX_POSITION / 150, `code ${row}`);
  }
});

test('the nearest codes are those that Python finds', () => {
  for (const [row, z] of fixture.z.entries()) {
    const near = data.nearest(z, 3);
    assert.deepEqual(near.map(([code]) => code), fixture.nearest[row]);
    assert.ok(near[0][1] <= near[1][1] && near[1][1] <= near[2][1]);
  }
});

test('a position gives its code, or a blend where there is none', () => {
  const { xy } = data.layout('principal');
  const picked = data.pick([xy[10] + 1, xy[11]], 'principal', 5);
  assert.deepEqual([picked.row, ...picked.position], [5, xy[10], xy[11]]);
  assert.deepEqual(picked.code, data.code(5));
  assert.deepEqual([data.rowOf(105), data.rowOf(7)], [5, undefined]);
  assert.equal(data.describe(5), `training ${fixture.labels[5]} (no. 105)`);
  const empty = data.pick([2 * MAX_POSITION, 2 * MAX_POSITION], 'principal', 5);
  assert.equal(empty.row, null);
  assert.match(data.describe(null), /blend of 8 codes/);
});

test('a weighted mean passes through its rows', () => {
  const valueOf = (row, column) => [[0, 0], [4, 8]][row][column];
  assertClose(mean([[1, 0], [0, 9]], 2, valueOf), [4, 8], 'at a row');
  assertClose(mean([[0, 1], [1, 1]], 2, valueOf), [2, 4], 'in the middle');
});

test('the smallest values come in order', () => {
  const values = [5, 1, 4, 1, 3];
  assert.deepEqual(smallest(5, 3, (i) => values[i]), [[1, 1], [3, 1], [4, 3]]);
  assert.deepEqual(smallest(2, 3, (i) => values[i]), [[1, 1], [0, 5]]);
});

test('zooming keeps a pixel where it is, resizing the middle', () => {
  const view = new MapView();
  view.resize(400, 200);
  assert.deepEqual(view.toCanvas([0, 0]), [200, 100]);
  const before = view.toMap([50, 60]);
  view.zoom(3, [50, 60]);
  assertClose(view.toMap([50, 60]), before, 'fixed', 1e-9);
  assert.ok(Math.abs(view.zoomed - 3) < 1e-9);
  view.zoom(1e6);
  assert.ok(Math.abs(view.zoomed - 200) < 1e-9);
  const middle = view.toMap([200, 100]);
  view.resize(600, 300);
  assertClose(view.toMap([300, 150]), middle, 'middle', 1e-9);
  view.pan(10, -5);
  assertClose(view.toMap([310, 145]), middle, 'panned', 1e-9);
  view.centre([7, 8]);
  assertClose(view.toMap([300, 150]), [7, 8], 'centred', 1e-9);
});

test('the view knows whether it shows the whole map', () => {
  const view = new MapView();
  view.resize(400, 200);
  assert.ok(view.showsAll);
  view.pan(1, 0);
  assert.ok(!view.showsAll);
});

test('points have the colours of their class, others than the chosen one faint', () => {
  const colours = new MapColours();
  colours.setPalette(['#000000', '#ff0000', '#0000ff'], false);
  const opaque = colours.ofPoints(data);
  assert.equal(opaque[1], 0xff0000ff); // little-endian: red, opaque
  colours.onlyLabel = 0;
  assert.deepEqual([...colours.shown(data).slice(0, 4)], [1, 0, 0, 1]);
  const [chosen, faint] = colours.ofPoints(data, colours.shown(data));
  assert.deepEqual([chosen >>> 24, faint >>> 24], [255, 40]);
  colours.onlyLabel = null;
  assert.equal(colours.shown(data), null);
  const selected = new Uint8Array(40);
  selected[2] = 1;
  assert.deepEqual([...colours.ofPoints(data, null, selected).slice(1, 3)].map((pixel) => pixel >>> 24), [40, 255]);
  colours.setPalette(['#000000', '#ff0000', '#0000ff'], true);
  assert.equal(colours.ofLabel(1), '#ff5959');
});
