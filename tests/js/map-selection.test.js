// Selections on the map: outlines, means, directions, files.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OwnDirections } from '../../ganlab/ui/static/lib/directions.js';
import { MapData } from '../../ganlab/ui/static/lib/map-data.js';
import { chooseEvenly } from '../../ganlab/ui/static/lib/map-export.js';
import { boxCorners } from '../../ganlab/ui/static/lib/map-input.js';
import { combine, maskOf, rowsInside, Selection } from '../../ganlab/ui/static/lib/map-selection.js';
import { assertClose, decodeFile, readFixture } from './fixtures.js';

const fixture = readFixture('map');
const data = new MapData(decodeFile(fixture.file));
const square = Float32Array.from([0, 0, 5, 5, 9, 1, 20, 5]);

function meanOf(rows) {
  return data.level.map((_, d) => rows.reduce((sum, row) => sum + fixture.codes[row][d], 0) / rows.length);
}

test('points inside a box or a lasso are selected, of the class that is shown', () => {
  assert.deepEqual(rowsInside(square, boxCorners([-1, -1], [10, 6])), [0, 1, 2]);
  assert.deepEqual(rowsInside(square, boxCorners([10, 6], [4, 4])), [1]);
  assert.deepEqual(rowsInside(square, [[-1, -1], [11, -1], [11, 2], [-1, 2]], Uint8Array.from([0, 1, 1, 1])), [2]);
  const u = [[-1, -1], [30, -1], [30, 10], [15, 10], [15, 3], [8, 3], [8, 10], [-1, 10]]; // a hole from below
  assert.deepEqual(rowsInside(Float32Array.from([10, 6, 10, 2]), u), [1]);
});

test('outlines replace, add to and take from what was selected', () => {
  assert.deepEqual(combine([1, 4], [2, 4], 'replace'), [2, 4]);
  assert.deepEqual(combine([1, 4], [0, 4], 'add'), [0, 1, 4]);
  assert.deepEqual(combine([1, 4], [0, 4], 'remove'), [1]);
  assert.deepEqual([...maskOf([1, 2], 4)], [0, 1, 1, 0]);
});

test('a selection knows its classes, its mean and the way from all others to it', () => {
  const rows = [0, 1, 3, 6, 9];
  const selection = new Selection(data, rows);
  assert.deepEqual(selection.mix, [[0, 4], [1, 1]]);
  assert.equal(selection.summary, '5 codes: 0 (4), 1 (1)');
  assert.deepEqual(selection.indices, [100, 101, 103, 106, 109]);
  assertClose(selection.mean, meanOf(rows), 'mean');
  const rest = meanOf([...Array(40).keys()].filter((row) => !rows.includes(row)));
  assertClose(selection.step(data), [...meanOf(rows)].map((value, d) => value - rest[d]), 'step');
  assert.equal(new Selection(data, [...Array(40).keys()]).step(data), null);
});

test('behind a latent map, a selection has the mean of codes and the way between mean latents', async () => {
  const { mapped } = fixture;
  const behind = new MapData(decodeFile(mapped.file));
  const selection = new Selection(behind, [2, 3, 5]);
  const mean = (codes) => codes[0].map((_, d) => codes.reduce((sum, code) => sum + code[d], 0) / codes.length);
  assertClose(selection.mean, mean([2, 3, 5].map((row) => mapped.codes[row])), 'mean');
  const addresses = [];
  globalThis.fetch = async (address) => {
    addresses.push(address);
    if (addresses.length === 1) return { ok: false, text: async () => 'busy' };
    return { ok: true, arrayBuffer: async () => decodeFile(mapped.latents_file) };
  };
  await assert.rejects(behind.latents('m'), /busy/);
  const latents = await behind.latents('m');
  assert.equal(await behind.latents('m'), latents);
  assert.deepEqual(addresses, Array(2).fill('ganlab/map_latents?model=m'));
  delete globalThis.fetch;
  const isOwn = (_, row) => [2, 3, 5].includes(row);
  const [own, rest] = [mean(mapped.latents.filter(isOwn)), mean(mapped.latents.filter((...row) => !isOwn(...row)))];
  assertClose(selection.step(latents), own.map((value, d) => value - rest[d]), 'step', 1e-5);
});

test('CSV has a line for each code, with what the page knows of it', () => {
  const { xy } = data.layout('principal');
  const lines = [...new Selection(data, [2, 5]).csv(xy, 32767)];
  assert.equal(lines[0], 'index,label,x,y,z0,z1,z2,z3');
  assert.equal(lines.length, 3);
  const [index, label, x, y, ...code] = lines[2].split(',').map(Number);
  assert.deepEqual([index, label], [105, 2]);
  assertClose([x, y], [xy[10] / 32767, xy[11] / 32767], 'position', 1e-5);
  assertClose(code, fixture.codes[5], 'code', 1e-4);
});

test('a sheet has the classes one after the other, and no more than fit, evenly chosen', () => {
  const selection = new Selection(data, [...Array(40).keys()]);
  assert.equal(chooseEvenly(selection, 100).length, 40);
  const chosen = chooseEvenly(selection, 10);
  assert.equal(new Set(chosen).size, 10);
  const labels = chosen.map((row) => data.labels[row]);
  assert.deepEqual(labels, [...labels].sort());
  assert.deepEqual([...new Set(labels)], [0, 1, 2]);
});

test('the way to a selection is kept as a direction of its checkpoint alone', () => {
  const stored = new Map();
  globalThis.localStorage = { getItem: (key) => stored.get(key) ?? null, setItem: (key, text) => stored.set(key, text) };
  const selection = new Selection(data, [0, 3]);
  const [step, summary] = [selection.step(data), selection.summary];
  assert.equal(new OwnDirections(data.fingerprint, []).add('thin', step, summary), true);
  const studio = new OwnDirections(data.fingerprint, []);
  const [direction] = studio.directions;
  assert.deepEqual([direction.id, direction.note], ['own/thin', summary]);
  assertClose(direction.vector.map((value) => value * direction.deviation), step, 'step');
  assert.deepEqual(new OwnDirections('another', []).directions, []);
  assert.equal(studio.add('none', [0, 0, 0, 0]), false);
  delete globalThis.localStorage;
});
