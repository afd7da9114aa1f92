// The generator in the page: reads what ganlab/portable.py packs, and evaluates it without a request.
//
//   const G = await generatorOf('mnist-bigan', fingerprint);   // fetched once; throws an Error whose message is for people
//   const pixels = G.decode(z);                   // Float32Array(H * W * C) in [0, 1], reused by the next call
//   paint(canvas, pixels, G.shape);

import { ask } from './ask.js';
import { tensorsOf } from './tensors.js';

const known = new Map(); // fingerprint -> promise of its generator

export function generatorOf(name, fingerprint = name) {
  if (!known.has(fingerprint)) {
    const found = fetched(name);
    found.catch(() => known.delete(fingerprint)); // a connection that failed may come back
    known.set(fingerprint, found);
  }
  return known.get(fingerprint);
}

async function fetched(name) {
  const answer = await ask(`ganlab/generator?model=${encodeURIComponent(name)}`);
  return new Generator(await answer.arrayBuffer());
}

export class Generator {
  constructor(buffer) {
    const { told, tensor } = tensorsOf(buffer);
    this.fingerprint = told.fingerprint;
    this.latentDim = told.latent_dim;
    this.shape = told.shape; // C, H, W
    let grid = 0; // pixels of the grid that comes in
    let outputs = told.latent_dim;
    this.layers = told.layers.map(({ leak, doubles }, index) => {
      const layer = { leak, doubles, weight: tensor(`${index}.weight`), bias: tensor(`${index}.bias`) };
      layer.skip = tensor(`${index}.skip`);
      if (doubles) {
        const inputs = layer.weight.length / (16 * layer.bias.length);
        grid ||= outputs / inputs;
        Object.assign(layer, { inputs, side: Math.sqrt(grid), spread: new Float32Array(16 * layer.bias.length) });
        grid *= 4;
        outputs = grid * layer.bias.length;
      } else {
        outputs = layer.bias.length;
      }
      layer.out = new Float32Array(outputs);
      return layer;
    });
  }

  decode(z) {
    let h = z;
    for (const layer of this.layers) {
      if (layer.doubles) doubled(h, layer);
      else {
        layer.out.set(layer.bias);
        addProduct(h, 0, h.length, layer.weight, layer.out);
        if (layer.skip) addProduct(z, 0, z.length, layer.skip, layer.out);
      }
      h = layer.out;
      if (layer.leak !== 1) {
        for (let i = 0; i < h.length; i++) if (h[i] < 0) h[i] *= layer.leak;
      }
    }
    for (let i = 0; i < h.length; i++) h[i] = 1 / (1 + Math.exp(-h[i]));
    return h;
  }
}

const nonzero = new Int32Array(1 << 16); // places of a row that are not zero: after a ReLU, half of them

// out += row @ weight, for the row h[start ... start + inputs] and a weight (inputs, out.length).
function addProduct(h, start, inputs, weight, out) {
  const width = out.length;
  let count = 0;
  for (let i = 0; i < inputs; i++) if (h[start + i] !== 0) nonzero[count++] = i;
  let n = 0;
  for (; n + 4 <= count; n += 4) {
    const [i0, i1, i2, i3] = [nonzero[n], nonzero[n + 1], nonzero[n + 2], nonzero[n + 3]];
    const [v0, v1, v2, v3] = [h[start + i0], h[start + i1], h[start + i2], h[start + i3]];
    const [a, b, c, d] = [i0 * width, i1 * width, i2 * width, i3 * width];
    for (let o = 0; o < width; o++) {
      out[o] += v0 * weight[a + o] + v1 * weight[b + o] + v2 * weight[c + o] + v3 * weight[d + o];
    }
  }
  for (; n < count; n++) {
    const v = h[start + nonzero[n]];
    const a = nonzero[n] * width;
    for (let o = 0; o < width; o++) out[o] += v * weight[a + o];
  }
}

// A transposed convolution of kernel 4, stride 2 and padding 1: each pixel adds to 4 x 4 of the larger grid.
function doubled(h, { inputs, side, weight, bias, spread, out }) {
  const outputs = bias.length;
  const larger = 2 * side;
  for (let i = 0; i < out.length; i += outputs) out.set(bias, i);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      spread.fill(0);
      addProduct(h, (y * side + x) * inputs, inputs, weight, spread);
      for (let tap = 0; tap < 16; tap++) {
        const toY = 2 * y - 1 + (tap >> 2);
        const toX = 2 * x - 1 + (tap & 3);
        if (toY < 0 || toX < 0 || toY >= larger || toX >= larger) continue;
        const to = (toY * larger + toX) * outputs;
        for (let o = 0; o < outputs; o++) out[to + o] += spread[tap * outputs + o];
      }
    }
  }
}

// Pixels in [0, 1], channels innermost, onto a canvas, at column `left`.
export function paint(canvas, pixels, [channels, height, width], left = 0) {
  if (canvas.height !== height || canvas.width < left + width) Object.assign(canvas, { width: left + width, height });
  const context = canvas.getContext('2d');
  const image = context.createImageData(width, height);
  const { data } = image;
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) data[4 * i + c] = 255 * pixels[i * channels + (channels === 3 ? c : 0)] + 0.5;
    data[4 * i + 3] = 255;
  }
  context.putImageData(image, left, 0);
}
