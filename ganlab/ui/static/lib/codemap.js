// The map: all codes of the training pictures in two dimensions. Its place under the hand is decoded in the page;
// Python hears of a place once it is chosen.
import { ask } from './ask.js';
import { button, el, picker } from './elements.js';
import { generatorOf, paint } from './generator.js';
import { Points, pixelOf } from './points.js';
import { tensorsOf } from './tensors.js';
import { between } from './vectors.js';

const EDGE = 32767; // places lie between -EDGE and EDGE
const ZOOM = [0.5, 200]; // times the whole map
const REACH = 9; // css pixels within which a point is meant
const MOVED = 4; // css pixels from which a press is a drag
const BLENDED = 8; // codes that an empty place is made of
const NEAREST = 8; // codes that light up
const PATH = 33; // places of the path
const TOGETHER = 0.15; // of half the map, up to which two steps of the path are joined
const FACES = 140; // points in sight up to which their pictures are drawn
const FACE = 28; // css pixels
const BUDGET = 8; // ms a frame for pictures
const RAMP = ['#46327e', '#365c8d', '#277f8e', '#1fa187', '#4ac16d', '#a0da39', '#fde725'];
const FAINT = 40; // of 255, the opacity of points that are not meant
const KEYS = 'Arrows move the cross, Enter takes it, + and − zoom, 0 shows all.';

const frame = () => new Promise(requestAnimationFrame);
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

export class CodeMap {
  // python: { use({ fingerprint, z, about, index }) } makes a place the current latent.
  constructor(root, python) {
    Object.assign(this, { root, python, data: null, G: null, faces: new Map(), only: null, colour: '' });
    this.canvas = el('canvas', {
      class: 'gl-sky', tabindex: '0', role: 'application', 'aria-label': `map of the training pictures' codes. ${KEYS}`,
    });
    this.points = new Points(this.canvas);
    this.notice = el('p', { class: 'gl-fine', role: 'status' });
    this.note = el('p', { class: 'gl-fine' });
    this.kinds = el('div', { class: 'gl-kinds', role: 'group', 'aria-label': 'how the codes are laid out' });
    this.tools = el('div', { class: 'gl-tools' });
    this.legend = el('div', { class: 'gl-tools gl-legend' });
    this.face = el('img', { class: 'gl-picture', alt: '' });
    this.made = el('canvas', { class: 'gl-picture', role: 'img', 'aria-label': 'its reconstruction' });
    this.said = el('span', { role: 'status' });
    this.near = el('div', { class: 'gl-row', role: 'group', 'aria-label': 'nearest codes of the current latent' });
    const pair = el(
      'figure',
      { class: 'gl-card' },
      el('div', { class: 'gl-title' }, 'under the hand'),
      el('div', { class: 'gl-pair' }, this.face, this.made),
      el('figcaption', {}, this.said),
    );
    const aside = el('div', { class: 'gl-aside' }, pair, el('h3', { class: 'gl-h' }, 'nearest codes of the current latent'), this.near);
    this.body = el('div', { class: 'gl-atlas', hidden: true }, el('div', { class: 'gl-panel' }, this.kinds, this.tools, this.canvas, this.legend, this.note), aside);
    root.replaceChildren(this.notice, this.body);
    this.listen();
    new ResizeObserver(() => this.fit()).observe(this.canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.colourAll());
  }

  // ---------------------------------------------------------------- what Python says

  // value: { model, fingerprint, made, z, caption, a, b, palette, server, reason }, or nothing before the tab opens.
  async show(value) {
    if (!value?.model || value.made < this.value?.made) return;
    const other = this.value?.fingerprint !== value.fingerprint;
    this.value = value;
    if (other) {
      Object.assign(this, { data: null, G: null });
      this.body.hidden = true;
      this.notice.textContent = value.reason || 'Loading the codes. Where a model comes without them, it encodes all training pictures now.';
      if (value.reason) return;
      await this.load(value);
    }
    if (this.data && this.value === value) this.place();
  }

  async load({ model, fingerprint, server }) {
    try {
      const [answer, G] = await Promise.all([
        ask(`ganlab/map?model=${encodeURIComponent(model)}`),
        server ? null : generatorOf(model, fingerprint),
      ]);
      const { told, tensor } = tensorsOf(await answer.arrayBuffer());
      if (this.value.fingerprint !== fingerprint) return; // another was chosen meanwhile
      const [codes, labels] = [tensor('codes'), tensor('labels')];
      const count = labels.length;
      const dim = codes.length / count;
      const squares = Float32Array.from({ length: count }, (_, i) => {
        let sum = 0;
        for (let d = i * dim; d < (i + 1) * dim; d++) sum += codes[d] * codes[d];
        return sum;
      });
      const places = Object.fromEntries(told.kinds.map(({ id }) => [id, Float32Array.from(tensor(id))]));
      this.data = { ...told, codes, labels, squares, count, dim, places, indices: tensor('indices'), values: tensor('attributes') };
      Object.assign(this, { G, only: null, colour: '' });
      this.faces.clear();
    } catch (error) {
      if (this.value.fingerprint === fingerprint) this.notice.textContent = error.message;
      return;
    }
    this.notice.textContent = server;
    this.body.hidden = false;
    this.layOut();
  }

  // ---------------------------------------------------------------- controls

  layOut() {
    this.said.textContent = 'Point at the map, or tap it.';
    clearTimeout(this.asking);
    this.face.removeAttribute('src');
    for (const picture of [this.face, this.made]) picture.style.visibility = 'hidden'; // until the hand is somewhere
    const { kinds, lacking, attributes } = this.data;
    this.kinds.replaceChildren(
      ...kinds.map(({ id, title }) => button(title, () => this.open(id), { 'data-kind': id, 'aria-pressed': 'false' })),
      ...lacking.map(({ title, reason }) => button(title, null, { disabled: true, title: reason })),
    );
    const colours = [['', 'class'], ...attributes.map(({ name }) => [name, name])];
    this.tools.replaceChildren(
      el('label', {}, 'colour ', picker('colour', colours, (name) => this.dye(name))),
      button('+', () => this.zoom(1.5), { 'aria-label': 'nearer' }),
      button('−', () => this.zoom(1 / 1.5), { 'aria-label': 'further' }),
      button('all', () => this.fit(true), { 'aria-label': 'show all' }),
      button('current', () => this.centre(), { 'aria-label': 'show the current latent' }),
    );
    this.open(kinds[0].id);
    this.dye('');
  }

  open(kind) {
    this.kind = kind;
    for (const each of this.kinds.children) each.setAttribute('aria-pressed', String(each.dataset.kind === kind));
    this.note.textContent = this.data.kinds.find(({ id }) => id === kind).note;
    this.fit(true);
    this.place();
  }

  dye(name) {
    this.colour = name;
    if (name) {
      const { low, high, unit } = this.data.attributes.find((each) => each.name === name);
      const bar = el('i', { class: 'gl-ramp', style: `background:linear-gradient(90deg,${RAMP.join(',')})` });
      this.legend.replaceChildren(el('span', {}, low.toFixed(1)), bar, el('span', {}, `${high.toFixed(1)} ${unit}`));
      this.only = null;
    } else {
      const classes = [...new Set(this.data.labels)].sort((a, b) => a - b);
      this.legend.replaceChildren(
        ...classes.map((label) => {
          const only = button('', () => this.single(label), { 'data-label': label, 'aria-pressed': 'false', 'aria-label': `only ${label}` });
          only.append(el('span', { class: 'gl-label' }, el('i'), String(label)));
          return only;
        }),
      );
    }
    this.colourAll();
  }

  single(label) {
    this.only = this.only === label ? null : label;
    for (const each of this.legend.children) each.setAttribute('aria-pressed', String(Number(each.dataset.label) === this.only));
    this.colourAll();
  }

  colourAll() {
    if (!this.data) return;
    const { labels, count, values, attributes } = this.data;
    // The palette is made for paper; on a dark page its colours are lightened.
    const dark = document.body.classList.contains('dark');
    const lightened = (hex) => {
      const light = (at) => {
        const part = parseInt(hex.slice(at, at + 2), 16);
        return Math.round(part + 0.35 * (255 - part)).toString(16).padStart(2, '0');
      };
      return `#${light(1)}${light(3)}${light(5)}`;
    };
    this.palette = dark ? this.value.palette.map(lightened) : this.value.palette;
    for (const only of this.legend.querySelectorAll('[data-label]')) {
      only.querySelector('i').style.background = this.classColour(Number(only.dataset.label));
    }
    this.colours = new Uint32Array(count);
    if (this.colour) {
      const column = attributes.findIndex(({ name }) => name === this.colour);
      const steps = Uint32Array.from({ length: 256 }, (_, value) => pixelOf(ramp(value / 255)));
      for (let i = 0; i < count; i++) this.colours[i] = steps[values[i * attributes.length + column]];
    } else {
      const [full, faint] = [255, FAINT].map((alpha) => this.palette.map((hex) => pixelOf(hex, alpha)));
      for (let i = 0; i < count; i++) {
        const meant = this.only === null || labels[i] === this.only;
        this.colours[i] = (meant ? full : faint)[labels[i] % full.length];
      }
    }
    this.draw();
  }

  classColour(label) {
    return this.palette[label % this.palette.length];
  }

  // ---------------------------------------------------------------- the view

  get xy() {
    return this.data.places[this.kind];
  }

  get whole() {
    return (0.96 * Math.min(this.canvas.width, this.canvas.height)) / (2 * EDGE);
  }

  // Keeps what is in the middle there when the room changes; `all` shows the whole map.
  fit(all = false) {
    const ratio = Math.min(devicePixelRatio || 1, 2);
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight].map((side) => Math.round(side * ratio));
    if (!width || !height || !this.data) return;
    const { canvas } = this;
    const resized = canvas.width !== width || canvas.height !== height;
    const [wide, high] = [canvas.width, canvas.height];
    if (resized) Object.assign(canvas, { width, height });
    this.ratio = ratio;
    if (all || !this.view) this.view = { scale: this.whole, x: width / 2, y: height / 2 };
    else if (resized) Object.assign(this.view, { x: this.view.x + (width - wide) / 2, y: this.view.y + (height - high) / 2 });
    this.draw();
  }

  zoom(times, [x, y] = [this.canvas.width / 2, this.canvas.height / 2]) {
    const scale = clamp(this.view.scale * times, ZOOM[0] * this.whole, ZOOM[1] * this.whole);
    const by = scale / this.view.scale;
    this.view = { scale, x: x + by * (this.view.x - x), y: y + by * (this.view.y - y) };
    this.draw();
  }

  pan(dx, dy) {
    this.view.x += dx;
    this.view.y += dy;
    this.draw();
  }

  centre() {
    const { scale } = this.view;
    const [x, y] = this.marks.current;
    this.view = { scale, x: this.canvas.width / 2 - scale * x, y: this.canvas.height / 2 - scale * y };
    this.draw();
  }

  onCanvas([x, y]) {
    const { scale, x: dx, y: dy } = this.view;
    return [scale * x + dx, scale * y + dy];
  }

  // ---------------------------------------------------------------- drawing

  draw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (this.data && this.colours && this.view && this.root.offsetParent) this.drawNow();
    });
  }

  drawNow() {
    const zoomed = this.view.scale / this.whole;
    const size = Math.round(this.ratio * clamp(1.2 * Math.sqrt(zoomed), 1.5, 6));
    this.points.draw(this.xy, this.view, this.colours, size);
    const context = this.canvas.getContext('2d');
    if (zoomed > 4 && this.G) this.drawFaces(context);
    this.drawMarks(context);
  }

  // Near enough, the pictures themselves: reconstructions of the codes in sight, some each frame.
  drawFaces(context) {
    const { xy, data } = this;
    const { width, height } = this.canvas;
    const seen = [];
    for (let i = 0; i < data.count && seen.length <= FACES; i++) {
      const [x, y] = this.onCanvas([xy[2 * i], xy[2 * i + 1]]);
      if (x > 0 && y > 0 && x < width && y < height) seen.push([i, x, y]);
    }
    if (seen.length > FACES) return;
    const side = FACE * this.ratio;
    const until = performance.now() + BUDGET;
    context.imageSmoothingEnabled = false;
    for (const [i, x, y] of seen) {
      if (!this.faces.has(i)) {
        if (performance.now() > until) {
          this.draw();
          continue;
        }
        if (this.faces.size > 20 * FACES) this.faces.clear();
        const face = document.createElement('canvas');
        paint(face, this.G.decode(this.code(i)), this.G.shape);
        this.faces.set(i, face);
      }
      context.drawImage(this.faces.get(i), x - side / 2, y - side / 2, side, side);
      context.strokeStyle = this.classColour(data.labels[i]);
      context.lineWidth = 2 * this.ratio;
      context.strokeRect(x - side / 2, y - side / 2, side, side);
    }
  }

  drawMarks(context) {
    const { ratio } = this;
    const dark = document.body.classList.contains('dark');
    const [ink, paper] = dark ? ['#fff', '#000'] : ['#000', '#fff'];
    const accent = getComputedStyle(this.root).getPropertyValue('--gl-accent') || ink;
    const ring = (place, radius, colour, width = 2) => {
      const [x, y] = this.onCanvas(place);
      for (const [stroke, wide] of [[paper, width + 2], [colour, width]]) {
        Object.assign(context, { strokeStyle: stroke, lineWidth: wide * ratio });
        context.beginPath();
        context.arc(x, y, radius * ratio, 0, 2 * Math.PI);
        context.stroke();
      }
    };
    const { path, near, current, a, b } = this.marks ?? {};
    // The path as its steps; a line joins only those that lie together: it does not lead over what lies between.
    for (const [colour, wide] of path?.length ? [[paper, 2], [accent, 0]] : []) {
      Object.assign(context, { strokeStyle: colour, fillStyle: colour, lineWidth: (wide + 2) * ratio });
      path.forEach((place, step) => {
        const [x, y] = this.onCanvas(place);
        context.beginPath();
        context.arc(x, y, (wide / 2 + 2.5) * ratio, 0, 2 * Math.PI);
        context.fill();
        const before = path[step - 1];
        if (!before || Math.hypot(place[0] - before[0], place[1] - before[1]) > TOGETHER * EDGE) return;
        context.beginPath();
        context.moveTo(...this.onCanvas(before));
        context.lineTo(x, y);
        context.stroke();
      });
    }
    for (const place of near ?? []) ring(place, 5, ink, 1.5);
    context.font = `600 ${13 * ratio}px system-ui, sans-serif`;
    context.textAlign = 'center';
    for (const [name, place] of [['A', a], ['B', b]]) {
      if (!place) continue;
      const [x, y] = this.onCanvas(place);
      ring(place, 4, ink);
      Object.assign(context, { strokeStyle: paper, lineWidth: 4 * ratio, fillStyle: ink });
      context.strokeText(name, x, y - 9 * ratio);
      context.fillText(name, x, y - 9 * ratio);
    }
    if (current) ring(current, 9, accent, 3);
    if (this.cross) {
      const [x, y] = this.cross;
      const arm = 10 * ratio;
      for (const [stroke, wide] of [[paper, 4], [ink, 1.5]]) {
        Object.assign(context, { strokeStyle: stroke, lineWidth: wide * ratio });
        context.beginPath();
        for (const [dx, dy] of [[arm, 0], [0, arm]]) {
          context.moveTo(x - dx, y - dy);
          context.lineTo(x + dx, y + dy);
        }
        context.stroke();
      }
    }
  }

  // ---------------------------------------------------------------- codes and places

  code(i) {
    return this.data.codes.subarray(i * this.data.dim, (i + 1) * this.data.dim);
  }

  // The k codes nearest to z: [[row, squared distance], ...], nearest first.
  nearest(z, k) {
    const { codes, squares, count, dim } = this.data;
    let own = 0;
    for (const value of z) own += value * value;
    return smallest(count, k, (i) => {
      let product = 0;
      for (let d = 0, at = i * dim; d < dim; d++, at++) product += codes[at] * z[d];
      return Math.max(0, own + squares[i] - 2 * product);
    });
  }

  // Where a latent lies: exactly, where the map is a projection; else amid its nearest codes.
  placeOf(z, near = null) {
    const { projection } = this.data.kinds.find(({ id }) => id === this.kind);
    if (projection) return projection.offset.map((start, axis) => z.reduce((sum, value, d) => sum + value * projection.matrix[axis][d], start));
    return this.blend(near ?? this.nearest(z, BLENDED), 2, this.xy);
  }

  // The mean of rows (width numbers each), the nearer the more; [[row, squared distance], ...].
  blend(near, width, rows) {
    const out = new Float32Array(width);
    const closest = Math.max(near[0][1], 1e-9);
    let total = 0;
    for (const [i, squared] of near) {
      const weight = (closest / Math.max(squared, 1e-9)) ** 2;
      total += weight;
      for (let d = 0; d < width; d++) out[d] += weight * rows[i * width + d];
    }
    return out.map((value) => value / total);
  }

  // What lies at a place of the canvas, in its pixels: a code, or a blend of the codes around.
  at([x, y]) {
    const { scale, x: dx, y: dy } = this.view;
    const place = [(x - dx) / scale, (y - dy) / scale];
    const near = smallest(this.data.count, BLENDED, (i) => (this.xy[2 * i] - place[0]) ** 2 + (this.xy[2 * i + 1] - place[1]) ** 2);
    const [i, squared] = near[0];
    if (Math.sqrt(squared) * scale <= REACH * this.ratio) return { row: i, place: [this.xy[2 * i], this.xy[2 * i + 1]], z: Float32Array.from(this.code(i)) };
    return { row: null, place, z: this.blend(near, this.data.dim, this.data.codes) };
  }

  about(row) {
    if (row === null) return `amid ${BLENDED} codes on the map`;
    return `training ${this.data.labels[row]} (no. ${this.data.indices[row]})`;
  }

  // Marks of the current latent, its nearest codes, A, B and the path between them.
  async place() {
    const { z, a, b } = this.value;
    const turn = (this.turn = {});
    const near = this.nearest(z, NEAREST);
    this.marks = { current: this.placeOf(z), near: near.map(([i]) => [this.xy[2 * i], this.xy[2 * i + 1]]), path: [] };
    if (a) this.marks.a = this.placeOf(a);
    if (b) this.marks.b = this.placeOf(b);
    this.near.replaceChildren(...near.map(([i]) => this.tile(i)));
    this.draw();
    if (!a || !b) return;
    const path = [];
    for (let step = 0; step < PATH; step++) {
      path.push(this.placeOf(between(a, b, step / (PATH - 1), this.data.prior)));
      if (step % 4 === 3) await frame();
      if (this.turn !== turn) return; // the hand has gone on
    }
    this.marks.path = path;
    this.draw();
  }

  tile(row) {
    const tile = button('', () => this.use({ row, z: Float32Array.from(this.code(row)) }), { class: 'gl-tile', 'aria-label': `${this.about(row)}: make it current`, title: this.about(row) });
    tile.append(el('img', { class: 'gl-picture', alt: '', src: this.address(row) }), el('span', { class: 'gl-caption' }, String(this.data.labels[row])));
    return tile;
  }

  address(row) {
    return `ganlab/training?model=${encodeURIComponent(this.value.model)}&index=${this.data.indices[row]}`;
  }

  // ---------------------------------------------------------------- the hand

  look(found) {
    this.said.textContent = this.about(found.row);
    this.face.style.visibility = found.row === null ? 'hidden' : '';
    if (this.G) {
      this.made.style.visibility = '';
      paint(this.made, this.G.decode(found.z), this.G.shape);
    }
    clearTimeout(this.asking);
    if (found.row === null) return;
    this.face.alt = this.said.textContent;
    this.asking = setTimeout(() => (this.face.src = this.address(found.row)), this.face.src ? 60 : 0);
  }

  use({ row, z }) {
    const { fingerprint } = this.value;
    Object.assign(this.value, { z: [...z], caption: this.about(row) });
    this.place();
    this.python.use({ fingerprint, z: [...z], about: this.about(row), index: row === null ? null : this.data.indices[row] });
  }

  listen() {
    const { canvas } = this;
    const hands = new Map(); // pointers on the canvas: where they are, in its pixels
    let moved = 0;
    const where = (event) => {
      const box = canvas.getBoundingClientRect();
      return [(event.clientX - box.left) * this.ratio, (event.clientY - box.top) * this.ratio];
    };
    canvas.onpointerdown = (event) => {
      if (!this.data) return;
      canvas.setPointerCapture(event.pointerId);
      hands.set(event.pointerId, where(event));
      moved = hands.size > 1 ? Infinity : 0;
      this.cross = null;
      clearTimeout(this.asking); // a drag asks nobody
    };
    canvas.onpointermove = (event) => {
      if (!this.data) return;
      const [to, from] = [where(event), hands.get(event.pointerId)];
      if (!from) {
        this.look(this.at(to));
        return;
      }
      const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
      moved += Math.hypot(dx, dy) / this.ratio;
      if (moved < MOVED) return;
      if (hands.size === 1) this.pan(dx, dy);
      else {
        const [other] = [...hands].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
        const [before, after] = [from, to].map(([x, y]) => Math.hypot(x - other[0], y - other[1]));
        if (before) this.zoom(after / before, [(to[0] + other[0]) / 2, (to[1] + other[1]) / 2]);
      }
      hands.set(event.pointerId, to);
    };
    canvas.onpointerup = (event) => {
      if (!hands.delete(event.pointerId) || moved >= MOVED || !this.data) return;
      const found = this.at(where(event));
      this.look(found);
      this.use(found);
    };
    canvas.onpointercancel = (event) => hands.delete(event.pointerId);
    canvas.addEventListener(
      'wheel',
      (event) => {
        if (!this.data) return;
        event.preventDefault();
        this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), where(event));
      },
      { passive: false },
    );
    canvas.onkeydown = (event) => {
      if (!this.data || event.ctrlKey || event.metaKey || event.altKey) return;
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (way) this.step(way, (event.shiftKey ? 40 : 8) * this.ratio);
      else if (event.key === '+' || event.key === '=') this.zoom(1.5, this.cross ?? undefined);
      else if (event.key === '-') this.zoom(1 / 1.5, this.cross ?? undefined);
      else if (event.key === '0') this.fit(true);
      else if (event.key === 'Enter' && this.cross) this.use(this.at(this.cross));
      else return;
      event.preventDefault();
    };
  }

  // The cross goes on, and the map moves under it at its edges.
  step(way, far) {
    const { width, height } = this.canvas;
    const [x, y] = this.cross ?? this.onCanvas(this.marks.current);
    const [wantedX, wantedY] = [x + way[0] * far, y + way[1] * far];
    this.cross = [clamp(wantedX, 0, width), clamp(wantedY, 0, height)];
    this.pan(this.cross[0] - wantedX, this.cross[1] - wantedY);
    this.look(this.at(this.cross));
  }
}

// The k smallest of count values, in order: [[index, value], ...].
function smallest(count, k, value) {
  const found = [];
  let worst = Infinity;
  for (let i = 0; i < count; i++) {
    const one = value(i);
    if (one >= worst && found.length === k) continue;
    let at = found.length;
    while (at > 0 && found[at - 1][1] > one) at--;
    found.splice(at, 0, [i, one]);
    if (found.length > k) found.pop();
    worst = found.at(-1)[1];
  }
  return found;
}

function ramp(share) {
  const at = share * (RAMP.length - 1);
  const from = Math.min(Math.floor(at), RAMP.length - 2);
  const part = (hex, place) => parseInt(hex.slice(place, place + 2), 16);
  const mixed = [1, 3, 5].map((place) => Math.round(part(RAMP[from], place) + (at - from) * (part(RAMP[from + 1], place) - part(RAMP[from], place))));
  return `#${mixed.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
}
