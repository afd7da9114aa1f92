// Latents as Float32Arrays: the page's half of ganlab/latent.py.

// z + the sum of amount * deviation * vector; a uniform prior's box is not left.
export function moved(z, moves, prior) {
  const out = Float32Array.from(z);
  for (const { direction, amount } of moves) {
    const length = amount * direction.deviation;
    for (let i = 0; i < out.length; i++) out[i] += length * direction.vector[i];
  }
  return prior === 'uniform' ? out.map((value) => Math.min(1, Math.max(-1, value))) : out;
}

export function lerp(a, b, t) {
  return Float32Array.from(a, (value, i) => value + t * (b[i] - value));
}

const norm = (z) => Math.hypot(...z);

// As latent.slerp: directions turn along the great circle, lengths change linearly.
export function slerp(a, b, t) {
  const [lengthA, lengthB] = [norm(a), norm(b)];
  if (!lengthA || !lengthB) return lerp(a, b, t);
  const [u, v] = [Float64Array.from(a, (x) => x / lengthA), Float64Array.from(b, (x) => x / lengthB)];
  const omega = 2 * Math.atan2(norm(u.map((x, i) => x - v[i])), norm(u.map((x, i) => x + v[i])));
  if (Math.sin(omega) < 1e-6) return lerp(a, b, t);
  const [s, e] = [Math.sin((1 - t) * omega) / Math.sin(omega), Math.sin(t * omega) / Math.sin(omega)];
  const length = lengthA + t * (lengthB - lengthA);
  return Float32Array.from(a, (_, i) => length * (s * u[i] + e * v[i]));
}

// The prior's own way from a to b.
export function between(a, b, t, prior) {
  if (t <= 0) return Float32Array.from(a);
  if (t >= 1) return Float32Array.from(b);
  return prior === 'normal' ? slerp(a, b, t) : lerp(a, b, t);
}

// Four corners (left above, right above, left below, right below) at x and y in [0, 1].
export function blended([a, b, c, d], x, y, prior) {
  return between(between(a, b, x, prior), between(c, d, x, prior), y, prior);
}
