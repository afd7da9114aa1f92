// Many points on a canvas, one pixel square each or a few, written straight into its picture: 60,000 in a few ms.

// '#rrggbb' -> the pixel as a Uint32 of little-endian RGBA.
export function pixelOf(hex, alpha = 255) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  return ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

export class Points {
  constructor(canvas) {
    Object.assign(this, { canvas, context: canvas.getContext('2d') });
  }

  // xy: Float32Array (2 N) of places; view: { scale, x, y }, a place p is drawn at scale * p + (x, y);
  // colours: Uint32Array (N), 0 for a point that is not drawn; size: pixels across.
  draw(xy, view, colours, size) {
    const { width, height } = this.canvas;
    if (this.image?.width !== width || this.image.height !== height) {
      this.image = this.context.createImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    const { pixels } = this;
    const { scale, x, y } = view;
    const half = size >> 1;
    const [right, bottom] = [width - size, height - size];
    pixels.fill(0);
    for (let i = 0, n = colours.length; i < n; i++) {
      const colour = colours[i];
      if (!colour) continue;
      const px = (scale * xy[2 * i] + x - half) | 0;
      const py = (scale * xy[2 * i + 1] + y - half) | 0;
      if (px < 0 || py < 0 || px > right || py > bottom) continue;
      let at = py * width + px;
      for (let row = 0; row < size; row++, at += width) {
        for (let column = 0; column < size; column++) pixels[at + column] = colour;
      }
    }
    this.context.putImageData(this.image, 0, 0);
  }
}
