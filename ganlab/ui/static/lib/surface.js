// A plane of pictures that the hand moves over: two directions at once, a lattice of seeds, or four corners.
import { button, el, picker } from './elements.js';
import { paint } from './generator.js';
import { REACH, signed } from './rows.js';
import { blended } from './vectors.js';

const PICTURES = 7; // shown along each side
const SEEDS = 4; // along each side of a lattice of seeds
const STEP = 0.02; // of the side, for one press of an arrow key

class Surface {
  constructor(studio, note, ...tools) {
    Object.assign(this, { studio, at: [0.5, 0.5] });
    this.canvas = el('canvas', { class: 'gl-picture', 'aria-hidden': 'true' });
    this.handle = el('i', { class: 'gl-handle' });
    this.plane = el(
      'div',
      { class: 'gl-plane', tabindex: '0', role: 'slider', 'aria-label': 'place on the plane, moved by the arrow keys' },
      this.canvas,
      this.handle,
    );
    this.tools = el('div', { class: 'gl-tools' }, ...tools);
    this.element = el('div', {}, el('p', { class: 'gl-fine' }, note), this.tools, this.plane);
    this.plane.onpointerdown = (event) => {
      this.plane.setPointerCapture(event.pointerId);
      this.drag(event);
    };
    this.plane.onpointermove = (event) => this.plane.hasPointerCapture(event.pointerId) && this.drag(event);
    this.plane.onkeydown = (event) => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!way) return;
      event.preventDefault();
      this.go(this.at.map((value, axis) => value + STEP * way[axis] * (event.shiftKey ? 5 : 1)));
    };
  }

  drag(event) {
    const box = this.plane.getBoundingClientRect();
    this.go([(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]);
  }

  go(at) {
    this.at = at.map((value) => Math.min(1, Math.max(0, value)));
    this.point();
    this.moveTo(...this.at);
  }

  point() {
    const [x, y] = this.at;
    Object.assign(this.handle.style, { left: `${100 * x}%`, top: `${100 * y}%` });
    this.plane.setAttribute('aria-valuetext', this.said(x, y));
    this.plane.setAttribute('aria-valuenow', x.toFixed(2));
  }

  show() {}

  // Pictures lie where their middle is what the hand finds there.
  rested() {
    if (!this.studio.G) return;
    cancelAnimationFrame(this.next);
    const { G } = this.studio;
    const [, height, width] = G.shape;
    Object.assign(this.canvas, { width: PICTURES * width, height: PICTURES * height });
    const one = document.createElement('canvas');
    const places = [...Array(PICTURES ** 2).keys()];
    const some = () => {
      const until = performance.now() + 8;
      while (places.length && performance.now() < until) {
        const place = places.shift();
        const [column, line] = [place % PICTURES, Math.floor(place / PICTURES)];
        paint(one, G.decode(this.latent((column + 0.5) / PICTURES, (line + 0.5) / PICTURES)), G.shape);
        this.canvas.getContext('2d').drawImage(one, column * width, line * height);
      }
      if (places.length) this.next = requestAnimationFrame(some);
    };
    this.next = requestAnimationFrame(some);
  }

  stop() {
    cancelAnimationFrame(this.next);
  }

  get ids() {
    return [];
  }
}

// Two directions at once, from the middle, which is what all other sliders make.
export class Pad extends Surface {
  constructor(studio, directions) {
    super(studio, `Across and down: one direction each, ${REACH} to both sides of the middle.`);
    this.axes = [directions[0], directions[1] ?? directions[0]];
    for (const [axis, name] of [[0, 'across'], [1, 'down']]) {
      const options = directions.map(({ id, name }) => [id, name]);
      const pick = picker(`direction ${name}`, options, (id) => {
        this.axes[axis] = directions.find((direction) => direction.id === id);
        this.show();
        this.rested();
      });
      pick.value = this.axes[axis].id;
      this.tools.append(el('label', {}, `${name} `, pick));
    }
    this.show();
    this.rested();
  }

  amounts(x, y) {
    const [across, down] = this.axes;
    return { [across.id]: REACH * (2 * x - 1), [down.id]: REACH * (2 * y - 1) };
  }

  latent(x, y) {
    return this.studio.latent({ ...this.studio.place.amounts, ...this.amounts(x, y) });
  }

  moveTo(x, y) {
    this.studio.move(this.amounts(x, y));
  }

  show() {
    this.at = this.axes.map(({ id }) => ((this.studio.place.amounts[id] ?? 0) / REACH + 1) / 2);
    this.point();
  }

  said(x, y) {
    const [across, down] = Object.values(this.amounts(x, y));
    return `${this.axes[0].name} ${signed(across)}, ${this.axes[1].name} ${signed(down)}`;
  }

  get ids() {
    return this.axes.map(({ id }) => id);
  }
}

// Latents on a square lattice, blended between: n * n of them, row by row. Until they are there, the plane is busy.
class Lattice extends Surface {
  async sample(count, seed) {
    this.seed = seed;
    this.plane.setAttribute('aria-busy', 'true');
    this.point();
    try {
      const nodes = await this.studio.samples(count, seed);
      if (this.seed !== seed) return; // others were asked for meanwhile, or the plane was left
      this.nodes = this.filled(nodes);
    } catch (error) {
      this.studio.notice.textContent = `No samples: ${error.message}`;
    }
    this.plane.setAttribute('aria-busy', String(!this.nodes)); // earlier ones stay where no others came
    this.rested();
  }

  filled(nodes) {
    return nodes;
  }

  latent(x, y) {
    const { nodes, studio } = this;
    const n = Math.sqrt(nodes.length);
    const [column, line] = [x, y].map((value) => Math.min(n - 2, Math.floor(value * (n - 1))));
    const [u, v] = [x * (n - 1) - column, y * (n - 1) - line];
    const corner = line * n + column;
    return blended([0, 1, n, n + 1].map((step) => nodes[corner + step]), u, v, studio.model.prior);
  }

  go(at) {
    if (this.nodes) super.go(at);
  }

  moveTo(x, y) {
    this.studio.goTo(this.latent(x, y), this.about);
  }

  rested() {
    if (this.nodes) super.rested();
  }

  stop() {
    super.stop();
    this.seed = null;
  }

  said(x, y) {
    return `${Math.round(100 * x)} % across, ${Math.round(100 * y)} % down`;
  }
}

export class Seeds extends Lattice {
  constructor(studio) {
    super(studio, `${SEEDS} x ${SEEDS} samples of ${studio.model.samples}, and everything between them.`);
    this.tools.append(button('other seeds', () => this.sample(SEEDS ** 2, Math.floor(1e6 * Math.random()))));
    this.sample(SEEDS ** 2, 0);
  }

  filled(nodes) {
    this.about = `between samples of seed ${this.seed}`;
    return nodes;
  }
}

const CORNERS = ['left above', 'right above', 'left below', 'right below'];

export class Corners extends Lattice {
  constructor(studio) {
    super(
      studio,
      `Four pictures and everything between them: A, B and samples of ${studio.model.samples}, until you send others` +
        ' to the corners.',
    );
    this.about = 'blend of four pictures';
    const sources = { A: () => studio.ends.a, B: () => studio.ends.b, current: () => studio.latent() };
    for (const [corner, name] of CORNERS.entries()) {
      const buttons = Object.entries(sources).map(([text, latent]) =>
        button(text, () => this.send(latent(), corner), { 'aria-label': `${text} to the corner ${name}` }),
      );
      this.tools.append(el('span', { class: 'gl-corner' }, `${name} `, ...buttons));
    }
    this.sample(CORNERS.length, 1);
  }

  filled(nodes) {
    const { a, b } = this.studio.ends;
    return [a ?? nodes[0], b ?? nodes[1], ...nodes.slice(2)];
  }

  send(latent, corner) {
    this.studio.notice.textContent = latent ? '' : 'Nothing lies there yet.';
    if (!latent || !this.nodes) return;
    this.nodes[corner] = latent;
    this.rested();
  }
}
