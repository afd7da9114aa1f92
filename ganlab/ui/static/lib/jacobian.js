// Local directions: the changes of one latent to which its picture responds most. The page's counterpart of
// `list_local` in ganlab/directions.py, held to it by tests/js/fixtures.

/**
 * @typedef {object} LocalDirections orthogonal unit vectors, and what each gives
 * @property {Float64Array[]} vectors right singular vectors of the generator's Jacobian
 * @property {number[]} gains squared singular values: squared change of the picture for a squared step
 * @property {number} total of all gains, also those that are left out
 */

const OFFSET = 2e-3; // of a difference: within one linear piece of most generators, and far above rounding
const CLOSE = 0.9; // gains from this ratio on are nearly equal: their vectors may turn into each other
const SWEEPS = 20;
const PRECISION = 1e-12; // of the eigenvectors, relative to the matrix
const STEPS = 60; // towards an orthogonal matrix

/**
 * The first `count` local directions at z, largest first, from one picture more than the latent has dimensions.
 * @param {(z: Float32Array) => Float32Array} decode may reuse its answer
 * @param {import('./latent.js').Latent} z
 * @param {number} count
 * @returns {LocalDirections}
 */
export function findLocalDirections(decode, z, count) {
  const { values, vectors } = findEigenvectors(computeGramian(decode, z));
  const total = values.reduce((sum, value) => sum + Math.max(0, value), 0);
  return { vectors: vectors.slice(0, count).map(fixSign), gains: values.slice(0, count), total };
}

/**
 * J^T J of the Jacobian J of `decode` at z, by forward differences.
 * @param {(z: Float32Array) => Float32Array} decode
 * @param {import('./latent.js').Latent} z
 * @returns {Float64Array[]} rows
 */
function computeGramian(decode, z) {
  const latent = Float32Array.from(z);
  const centre = Float64Array.from(decode(latent));
  const columns = Array.from(latent, (value, i) => {
    latent[i] = value + OFFSET;
    const offset = latent[i] - value; // as float32 has it
    const column = decode(latent).map((pixel, p) => (pixel - centre[p]) / offset);
    latent[i] = value;
    return column;
  });
  const gramian = columns.map(() => new Float64Array(columns.length));
  for (let i = 0; i < columns.length; i++) {
    for (let j = 0; j <= i; j++) gramian[i][j] = gramian[j][i] = dot(columns[i], columns[j]);
  }
  return gramian;
}

/**
 * Eigenvalues of a symmetric matrix, largest first, and its orthogonal eigenvectors, by Jacobi's rotations (Golub and
 * Van Loan, Matrix Computations, 8.5).
 * @param {Float64Array[]} matrix rows; they are overwritten
 * @returns {{ values: number[], vectors: Float64Array[] }}
 */
export function findEigenvectors(matrix) {
  const n = matrix.length;
  const vectors = identity(n);
  const size = Math.hypot(...matrix.map((row) => Math.hypot(...row)));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let largest = 0;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        largest = Math.max(largest, Math.abs(matrix[p][q]));
        if (Math.abs(matrix[p][q]) > PRECISION * size) rotate(matrix, vectors, p, q);
      }
    }
    if (largest <= PRECISION * size) break;
  }
  const order = Array.from(matrix.keys()).sort((i, j) => matrix[j][j] - matrix[i][i]);
  return { values: order.map((i) => matrix[i][i]), vectors: order.map((i) => vectors[i]) };
}

/**
 * Make the entry (p, q) of a symmetric matrix zero by a rotation, which `vectors` follow.
 * @param {Float64Array[]} matrix
 * @param {Float64Array[]} vectors
 * @param {number} p
 * @param {number} q
 */
function rotate(matrix, vectors, p, q) {
  const theta = (matrix[q][q] - matrix[p][p]) / (2 * matrix[p][q]);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const c = 1 / Math.hypot(t, 1);
  const s = t * c;
  turn(matrix[p], matrix[q], c, s);
  for (const row of matrix) [row[p], row[q]] = [c * row[p] - s * row[q], s * row[p] + c * row[q]];
  turn(vectors[p], vectors[q], c, s);
}

/**
 * a and b become c a - s b and s a + c b.
 * @param {Float64Array} a
 * @param {Float64Array} b
 * @param {number} c
 * @param {number} s
 */
function turn(a, b, c, s) {
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i], b[i]];
    a[i] = c * x - s * y;
    b[i] = s * x + c * y;
  }
}

/**
 * The vector or its opposite: its largest entry is positive.
 * @param {Float64Array} vector
 */
function fixSign(vector) {
  const largest = vector.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0);
  return largest < 0 ? vector.map((value) => -value) : vector;
}

/**
 * `next` in the order, and with the signs, of the `previous` ones that are most like it, so that a slider keeps its
 * meaning while the latent moves. Vectors with nearly equal gains are any basis of their span: they are turned within
 * it to the previous ones (orthogonal Procrustes problem, Schönemann 1966).
 * @param {LocalDirections | null} previous
 * @param {LocalDirections} next
 * @returns {LocalDirections}
 */
export function follow(previous, next) {
  if (!previous) return next;
  const slots = matchVectors(previous.vectors, next.vectors);
  const vectors = next.vectors.slice();
  const gains = next.gains.slice();
  for (const group of groupGains(next.gains)) {
    const targets = group.map((i) => previous.vectors[slots[i]]);
    const turned = turnTowards(targets, group.map((i) => next.vectors[i]));
    for (const [k, i] of group.entries()) vectors[slots[i]] = turned.vectors[k];
    for (const [k, i] of group.entries()) {
      gains[slots[i]] = turned.shares[k].reduce((sum, share, m) => sum + share * next.gains[group[m]], 0);
    }
  }
  return { vectors, gains, total: next.total };
}

/**
 * For each new vector, the place of the old one that it continues: the most similar pair first.
 * @param {Float64Array[]} old
 * @param {Float64Array[]} vectors as many
 * @returns {number[]}
 */
function matchVectors(old, vectors) {
  const pairs = vectors.flatMap((vector, i) => old.map((other, slot) => ({ i, slot, size: Math.abs(dot(vector, other)) })));
  pairs.sort((a, b) => b.size - a.size);
  /** @type {number[]} */
  const slots = [];
  const taken = new Set();
  for (const { i, slot } of pairs) {
    if (slots[i] !== undefined || taken.has(slot)) continue;
    slots[i] = slot;
    taken.add(slot);
  }
  return slots;
}

/**
 * Indices of gains, largest first, in groups of nearly equal ones.
 * @param {number[]} gains
 */
function groupGains(gains) {
  /** @type {number[][]} */
  const groups = [];
  for (const [i, gain] of gains.entries()) {
    if (i && gain >= CLOSE * gains[i - 1]) groups[groups.length - 1].push(i);
    else groups.push([i]);
  }
  return groups;
}

/**
 * The orthogonal vectors of the span of `vectors` that are nearest to `targets`: R vectors, with R the orthogonal
 * factor of targets vectors^T. `shares` are the squares of R's entries.
 * @param {Float64Array[]} targets
 * @param {Float64Array[]} vectors orthogonal unit vectors, as many
 */
function turnTowards(targets, vectors) {
  const R = orthogonalise(targets.map((target) => Float64Array.from(vectors, (vector) => dot(target, vector))));
  return { vectors: R.map((row) => combine(row, vectors)), shares: R.map((row) => row.map((value) => value * value)) };
}

/**
 * The orthogonal factor of a square matrix whose singular values are at most 1, by Newton's and Schulz's iteration
 * (Higham, Functions of Matrices, 8.3); the identity for a singular one.
 * @param {Float64Array[]} M rows
 * @returns {Float64Array[]}
 */
function orthogonalise(M) {
  let rows = M;
  for (let i = 0; i < STEPS; i++) {
    const cubed = rows.map((row) => combine(rows.map((other) => dot(row, other)), rows)); // M M^T M
    rows = rows.map((row, k) => row.map((value, j) => 1.5 * value - 0.5 * cubed[k][j]));
  }
  const orthogonal = rows.every((row) => Math.abs(dot(row, row) - 1) < 1e-6);
  return orthogonal ? rows : identity(M.length);
}

/** @param {number} n */
function identity(n) {
  return Array.from({ length: n }, (_, i) => new Float64Array(n).fill(1, i, i + 1));
}

/**
 * The sum of `vectors`, each times its weight.
 * @param {ArrayLike<number>} weights
 * @param {Float64Array[]} vectors
 */
function combine(weights, vectors) {
  const sum = new Float64Array(vectors[0].length);
  for (const [k, vector] of vectors.entries()) for (let i = 0; i < sum.length; i++) sum[i] += weights[k] * vector[i];
  return sum;
}

/**
 * @param {ArrayLike<number>} a
 * @param {ArrayLike<number>} b
 */
function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
