// Lines of equal density on the map: each encloses the densest part that holds a given share of the points.
import { MAX_POSITION } from './map-data.js';

export const SHARES = [0.95, 0.75, 0.5, 0.25]; // of the points that a line encloses
const GRID = 128; // cells across
const EXTENT = 1.12 * MAX_POSITION; // of the grid to each side: a margin, so that lines close
const BLURS = 6; // of 3 x 3 cells each, which together are nearly Gaussian

/** @typedef {[x: number, y: number]} Position */

/**
 * Lines through positions of the map, for each of SHARES.
 * @param {Float32Array} xy positions (N, 2)
 * @param {Uint8Array | null} [shown] points that count; null for all
 * @returns {Position[][][]}
 */
export function findContours(xy, shown = null) {
  const density = measureDensity(xy, shown);
  return findThresholds(density, SHARES).map((threshold) => traceLines(density, threshold).map((line) => line.map(toMap)));
}

/**
 * Points in each cell of the grid, smoothed.
 * @param {Float32Array} xy
 * @param {Uint8Array | null} shown
 */
export function measureDensity(xy, shown) {
  let density = new Float32Array(GRID * GRID);
  const scale = GRID / (2 * EXTENT);
  for (let row = 0; 2 * row < xy.length; row++) {
    if (shown && !shown[row]) continue;
    const column = Math.floor((xy[2 * row] + EXTENT) * scale);
    density[Math.floor((xy[2 * row + 1] + EXTENT) * scale) * GRID + column] += 1;
  }
  for (let i = 0; i < BLURS; i++) density = blur(blur(density, 1), GRID);
  return density;
}

/**
 * The mean of each cell and its neighbours along an axis; nothing lies beyond the grid.
 * @param {Float32Array} cells
 * @param {number} step to the next cell along the axis
 */
function blur(cells, step) {
  return cells.map((value, i) => (value + (cells[i - step] ?? 0) + (cells[i + step] ?? 0)) / 3);
}

/**
 * The density from which on cells hold each share of all.
 * @param {Float32Array} density
 * @param {number[]} shares
 */
export function findThresholds(density, shares) {
  const sorted = [...density].sort((a, b) => b - a);
  const total = sorted.reduce((sum, value) => sum + value, 0);
  return shares.map((share) => {
    let held = 0;
    return sorted.find((value) => (held += value) >= share * total) ?? 0;
  });
}

/**
 * Lines of one density through the middles of cells, in cells (marching squares, Lorensen and Cline 1987).
 * @param {Float32Array} density
 * @param {number} threshold
 * @returns {Position[][]}
 */
export function traceLines(density, threshold) {
  /** @type {Map<number, number[]>} */
  const joined = new Map(); // edges of the grid that a line joins, by edge: 2 * cell, + 1 for the edge downwards
  /** @param {number[]} ends */
  const join = ([a, b]) => {
    for (const [edge, other] of [[a, b], [b, a]]) joined.set(edge, [...(joined.get(edge) ?? []), other]);
  };
  for (let row = 0; row + 1 < GRID; row++) {
    for (let column = 0; column + 1 < GRID; column++) {
      const cell = row * GRID + column;
      const inside = [cell, cell + 1, cell + GRID + 1, cell + GRID].map((each) => density[each] > threshold);
      const edges = [2 * cell, 2 * (cell + 1) + 1, 2 * (cell + GRID), 2 * cell + 1]; // top, right, bottom, left
      const crossed = edges.filter((_, side) => inside[side] !== inside[(side + 1) % 4]);
      if (crossed.length === 2) join(crossed);
      else if (crossed.length === 4) for (const first of [0, 2]) join(crossed.slice(first, first + 2));
    }
  }
  return followEdges(joined).map((line) => line.map((edge) => crossing(density, threshold, edge)));
}

/**
 * Chains of joined edges; a closed one ends where it begins.
 * @param {Map<number, number[]>} joined
 */
function followEdges(joined) {
  const lines = [];
  for (const first of joined.keys()) {
    const line = [first];
    for (let edge = first, next = take(joined, edge); next !== undefined; next = take(joined, edge)) line.push((edge = next));
    if (line.length > 1) lines.push(line);
  }
  return lines;
}

/**
 * Remove a join of an edge, and return the edge that it led to.
 * @param {Map<number, number[]>} joined
 * @param {number} edge
 */
function take(joined, edge) {
  const next = joined.get(edge)?.pop();
  const back = next === undefined ? undefined : joined.get(next);
  back?.splice(back.indexOf(edge), 1);
  return next;
}

/**
 * Where a line crosses an edge, between the middles of two cells.
 * @param {Float32Array} density
 * @param {number} threshold
 * @param {number} edge
 * @returns {Position}
 */
function crossing(density, threshold, edge) {
  const [cell, down] = [edge >> 1, edge & 1];
  const [from, to] = [density[cell], density[cell + (down ? GRID : 1)]];
  const share = (threshold - from) / (to - from || 1);
  const [x, y] = [cell % GRID, Math.floor(cell / GRID)];
  return down ? [x, y + share] : [x + share, y];
}

/**
 * @param {Position} cell
 * @returns {Position} of the map
 */
function toMap([x, y]) {
  const side = (2 * EXTENT) / GRID;
  return [(x + 0.5) * side - EXTENT, (y + 0.5) * side - EXTENT];
}
