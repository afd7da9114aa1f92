// The page's products: the assembled kernel is that of its source, and does what JavaScript does without it.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Generator } from '../../ganlab/ui/static/lib/generator.js';
import { SOURCE } from '../../ganlab/ui/static/lib/kernel-code.js';
import { Arena } from '../../ganlab/ui/static/lib/kernel.js';
import { Convolution, Grid, Linear } from '../../ganlab/ui/static/lib/layers.js';
import { assertClose, decodeFile, readFixture } from './fixtures.js';

const numbers = (count, seed) => Float32Array.from({ length: count }, (_, i) => Math.sin(seed + 1.7 * i));

test('the kernel is assembled from its source: npm run kernel', () => {
  const source = readFileSync(new URL('../../ganlab/ui/static/lib/kernel.wat', import.meta.url));
  assert.equal(SOURCE, createHash('sha256').update(source).digest('hex'));
  assert.ok(new Arena().quick);
  assert.ok(!new Arena(true).quick);
});

for (const plain of [false, true]) {
  const way = plain ? 'in JavaScript' : 'in WebAssembly';

  test(`a linear layer ${way}`, () => {
    const [inputs, outputs] = [5, 35]; // more than a panel, and no multiple of one
    const weight = numbers(inputs * outputs, 1);
    const bias = numbers(outputs, 2);
    const layer = new Linear(new Arena(plain), weight, bias);
    for (const seed of [3, 4]) {
      const input = numbers(inputs, seed);
      layer.input.view.set(input);
      const expected = Array.from(bias, (start, o) => {
        const sum = input.reduce((total, value, i) => total + value * weight[i * outputs + o], start);
        return sum < 0 ? 0.2 * sum : sum;
      });
      assertClose(layer.run(0.2), expected, 'output', 1e-5);
    }
  });

  for (const side of [4, 7]) {
    test(`a convolution of 3 x 3 of ${side} x ${side} pixels, and what it adds, ${way}`, () => {
      const [inputs, outputs] = [3, 9];
      const arena = new Arena(plain);
      const [weight, bias] = [numbers(9 * inputs * outputs, 1), numbers(outputs, 2)];
      const [grid, added] = [new Grid(arena, side, inputs), new Grid(arena, side, outputs)];
      const layer = new Convolution(arena, grid, { weight, bias, kernel: 3, adds: added });
      const [pixels, more] = [numbers(side * side * inputs, 3), numbers(side * side * outputs, 4)];
      grid.write(pixels);
      added.write(more);
      layer.run(0);
      const result = new Float32Array(side * side * outputs);
      layer.output.read(result);
      const at = (y, x, i) => (y < 0 || x < 0 || y >= side || x >= side ? 0 : pixels[(y * side + x) * inputs + i]);
      const expected = Array.from(result, (_, n) => {
        const [o, x, y] = [n % outputs, Math.floor(n / outputs) % side, Math.floor(n / outputs / side)];
        let sum = bias[o] + more[n];
        for (let row = 0; row < 9 * inputs; row++) {
          const [i, tap] = [row % inputs, Math.floor(row / inputs)];
          sum += at(y + Math.floor(tap / 3) - 1, x + (tap % 3) - 1, i) * weight[row * outputs + o];
        }
        return Math.max(0, sum);
      });
      assertClose(result, expected, 'output', 1e-5);
    });
  }
}

test('without WebAssembly the pictures are the same', () => {
  for (const { name, file, z } of readFixture('generators').cases) {
    const [quick, plain] = [false, true].map((alone) => new Generator(decodeFile(file), alone));
    assertClose(quick.decode(z[0]), plain.decode(z[0]), name, 1e-4);
  }
});

test('where WebAssembly is forbidden or has no vectors, JavaScript does the work', async () => {
  const { Module } = WebAssembly;
  WebAssembly.Module = class {
    constructor() {
      throw new WebAssembly.CompileError('refused');
    }
  };
  try {
    const anew = await import('../../ganlab/ui/static/lib/kernel.js?anew'); // which has not compiled it yet
    assert.ok(!new anew.Arena().quick);
  } finally {
    WebAssembly.Module = Module;
  }
});
