// A film through two or more latents, played and scrubbed in the page; the server judges it and makes its files.
import { ask } from './ask.js';
import { button, el, picker } from './elements.js';
import { generatorOf, paint } from './generator.js';
import { copied, fromQuery, recipeOf, saved } from './recipe.js';
import { lerp, slerp } from './vectors.js';

const REST = 300; // ms after the last change until the judge is asked
const FRAMES = 61; // that the judge sees
const RATE = 25; // frames a second of files
const MOST_FRAMES = 600;
const MOST_KEYS = 24;
const STRIPS = [7, 11, 21, 41];

export class FilmStudio {
  // python: { use({ z, about, fingerprint }), bring({ picture }) } make a latent on the way the current one, and
  // an upload a keyframe.
  constructor(root, python) {
    Object.assign(this, { root, python, keys: [], at: 0.5, playing: false });
    this.settings = { seconds: 3, easing: 'linear', way: '', loop: false };
    this.canvas = el('canvas', { class: 'gl-picture gl-large', role: 'img', 'aria-label': 'the film' });
    this.time = el('output');
    this.scrub = el('input', { type: 'range', class: 'gl-scrub', min: 0, max: 1, step: 0.001, 'aria-label': 'place in the film' });
    this.scrub.oninput = () => this.goTo(Number(this.scrub.value));
    this.player = button('play', () => this.toggle());
    this.strip = el('canvas', { class: 'gl-ribbon', 'aria-hidden': 'true' });
    this.flips = el('p', { class: 'gl-fine', role: 'status' });
    this.row = el('div', { class: 'gl-row', role: 'group', 'aria-label': 'keyframes, in their order' });
    this.notice = el('p', { class: 'gl-fine', role: 'status' });
    this.files = el('span', { class: 'gl-send' });
    const stage = el(
      'figure',
      { class: 'gl-card' },
      el('div', { class: 'gl-title' }, el('span', {}, 'film'), this.time),
      this.canvas,
      this.scrub,
      el('figcaption', {}, this.player, button('make current', () => this.use())),
    );
    this.frames = el('div', { class: 'gl-row gl-frames', role: 'group', 'aria-label': 'frames of the film' });
    const panel = el('div', { class: 'gl-panel' }, this.row, this.adders(), this.strip, this.flips, this.options(), this.takers());
    this.body = el('div', {}, el('div', { class: 'gl-film' }, stage, panel), this.frames);
    root.replaceChildren(this.body, this.notice);
  }

  adders() {
    const add = (text, found) => button(text, () => this.add(found()));
    const shelf = () => {
      const { fingerprint, kept } = document.querySelector('.gl-kept')?.dataset ?? {};
      return fingerprint === this.value.fingerprint ? JSON.parse(kept) : [];
    };
    const file = el('input', { type: 'file', accept: 'image/*', class: 'gl-file', 'aria-label': 'Upload a picture as a keyframe' });
    file.onchange = () => {
      if (!file.files.length) return;
      const reader = new FileReader();
      reader.onload = () => this.python.bring({ picture: reader.result });
      reader.readAsDataURL(file.files[0]);
      file.value = ''; // so that the same file can be chosen again
    };
    return el(
      'div',
      { class: 'gl-tools' },
      add('add current', () => [this.value.current]),
      add('add A', () => [this.value.a]),
      add('add B', () => [this.value.b]),
      add('add shelf', shelf),
      el('label', { class: 'gl-button' }, 'add upload', file),
      button('A to B', () => this.startOver(), { title: 'just A and B again' }),
    );
  }

  takers() {
    this.links = [
      button('copy link', async () => (this.notice.textContent = await copied(this.recipe())), { title: 'an address that shows this film again' }),
      button('recipe', () => saved(this.recipe(), 'film.json'), { title: 'a JSON file that python -m ganlab replay reads' }),
    ];
    return el('div', { class: 'gl-tools' }, this.files, ...this.links);
  }

  options() {
    const set = (key) => (value) => {
      this.settings[key] = value;
      this.changed();
    };
    const seconds = el('input', { type: 'range', min: 0.5, max: 12, step: 0.5, value: 3, 'aria-label': 'duration in seconds' });
    const told = el('output', {}, '3 s');
    seconds.oninput = () => set('seconds')(Number(seconds.value));
    const loop = el('input', { type: 'checkbox' });
    loop.onchange = () => set('loop')(loop.checked);
    const easing = picker('easing', [['linear', 'none'], ['smooth', 'smooth']], set('easing'));
    const way = picker('way between keyframes', [['', "the prior's"], ['lerp', 'straight line'], ['slerp', 'great circle']], set('way'));
    this.tell = () => {
      Object.assign(seconds, { value: this.settings.seconds });
      told.textContent = `${this.settings.seconds} s`;
      loop.checked = this.settings.loop;
      [easing.value, way.value] = [this.settings.easing, this.settings.way];
    };
    this.count = picker('frames of the strip', STRIPS.map((n) => [n, `${n} frames`]), () => this.changed());
    this.count.value = 11;
    this.size = picker('size of a pixel in files', [1, 4, 8, 16].map((n) => [n, `${n} x`]), () => {});
    this.size.value = 8;
    return el(
      'div',
      { class: 'gl-tools gl-options' },
      el('label', {}, 'duration ', seconds, told),
      el('label', {}, loop, ' closed loop'),
      el('label', {}, 'easing ', easing),
      el('label', {}, 'way ', way),
      el('label', {}, 'strip ', this.count),
      el('label', {}, 'size ', this.size),
    );
  }

  // value: { model, fingerprint, prior, made, a, b, current, brought, palette, formats, server }, latents as
  // { z, caption, picture }.
  show(value) {
    if (value?.brought && value.fingerprint === this.value?.fingerprint) this.add([value.brought]);
    if (!value?.model || value.made < this.value?.made) return;
    const other = this.value?.fingerprint !== value.fingerprint;
    const ends = [value.a, value.b].filter(Boolean);
    this.value = value;
    this.files.replaceChildren(...value.formats.map((kind) => button(kind.toUpperCase(), () => this.save(kind), { 'aria-label': `save as ${kind}` })));
    if (other) {
      Object.assign(this, { G: null, own: false });
      this.notice.textContent = value.server;
      if (!value.server) this.load(value);
    }
    if (!this.own) this.keys = ends; // until the person orders them, they are A and B
    this.refresh();
  }

  async load({ model, fingerprint }) {
    try {
      const G = await generatorOf(model, fingerprint);
      if (this.value.fingerprint !== fingerprint) return; // another was chosen meanwhile
      this.G = G;
      await this.openLink();
    } catch (error) {
      if (this.value.fingerprint === fingerprint) this.notice.textContent = error.message;
    }
    this.refresh();
  }

  refresh() {
    this.body.hidden = !this.G; // without a generator in the page, the path above is all there is
    this.changed();
  }

  // A permalink of a film, once, when its model is in use.
  async openLink() {
    const text = new URLSearchParams(location.search).get('recipe');
    const recipe = text && !this.linked ? fromQuery(text) : null;
    if (recipe?.fingerprint !== this.value.fingerprint || recipe.operation === 'decode') return;
    this.linked = true;
    const answer = await ask(`ganlab/latents?model=${encodeURIComponent(this.value.model)}&recipe=${text}`);
    const found = await answer.json();
    const { seconds, easing, way, loop } = { ...this.settings, ...recipe.film };
    Object.assign(this.settings, { seconds, easing, way: way ?? '', loop });
    Object.assign(this, { own: true, keys: found.map((z, index) => ({ z, caption: `linked latent ${index + 1}` })) });
  }

  // ---------------------------------------------------------------- keyframes

  add(keys) {
    const found = keys.filter(Boolean);
    if (!found.length) {
      this.notice.textContent = 'Nothing lies there yet.';
      return;
    }
    const all = [...this.keys, ...found];
    this.notice.textContent = all.length > MOST_KEYS ? `A film goes through ${MOST_KEYS} pictures at most.` : '';
    Object.assign(this, { own: true, keys: all.slice(0, MOST_KEYS) });
    this.changed();
  }

  startOver() {
    Object.assign(this, { own: false, keys: [this.value.a, this.value.b].filter(Boolean) });
    this.changed();
  }

  move(from, to) {
    if (to < 0 || to >= this.keys.length) return;
    this.own = true;
    this.keys.splice(to, 0, ...this.keys.splice(from, 1));
    this.changed();
    this.row.children[to]?.querySelector('.gl-tile').focus();
  }

  drop(index) {
    this.own = true;
    this.keys.splice(index, 1);
    this.changed();
  }

  tile(key, index) {
    const face = el('canvas', { class: 'gl-picture' });
    paint(face, this.G.decode(Float32Array.from(key.z)), this.G.shape);
    const tile = button('', () => this.goTo(this.timeOf(index)), {
      class: 'gl-tile', draggable: 'true', 'aria-label': `Keyframe ${index + 1}: ${key.caption}. Arrows move it, Delete drops it`, title: key.caption,
    });
    tile.append(face, el('span', { class: 'gl-caption' }, String(index + 1)));
    tile.onkeydown = (event) => {
      const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (way) this.move(index, index + way);
      else if (event.key === 'Delete') this.drop(index);
      else return;
      event.preventDefault();
    };
    tile.ondragstart = (event) => event.dataTransfer.setData('text/plain', String(index));
    tile.ondragover = (event) => event.preventDefault();
    tile.ondrop = (event) => {
      event.preventDefault();
      const from = Number(event.dataTransfer.getData('text/plain'));
      if (this.keys[from]) this.move(from, index);
    };
    const drop = button('×', () => this.drop(index), { class: 'gl-drop', 'aria-label': `Drop keyframe ${index + 1}` });
    const earlier = button('◂', () => this.move(index, index - 1), { class: 'gl-shift', 'aria-label': `Keyframe ${index + 1} earlier`, disabled: index === 0 });
    return el('div', { class: 'gl-keep' }, tile, drop, earlier);
  }

  // ---------------------------------------------------------------- the film

  get parts() {
    return this.keys.length - (this.settings.loop ? 0 : 1);
  }

  timeOf(index) {
    return this.parts ? index / this.parts : 0;
  }

  // As film.Film.latents.
  latent(at) {
    const z = this.keys.map((key) => key.z);
    const place = Math.min(Math.max(at, 0), 1) * this.parts;
    const part = Math.min(Math.floor(place), this.parts - 1);
    let t = place - part;
    if (this.settings.easing === 'smooth') t = t * t * (3 - 2 * t);
    const way = this.settings.way || (this.value.prior === 'normal' ? 'slerp' : 'lerp');
    return (way === 'slerp' ? slerp : lerp)(z[part], z[(part + 1) % z.length], t);
  }

  goTo(at) {
    this.at = at;
    this.scrub.value = at;
    this.time.textContent = `${(at * this.settings.seconds).toFixed(1)} s`;
    if (this.G && this.keys.length > 1) paint(this.canvas, this.G.decode(this.latent(at)), this.G.shape);
  }

  toggle() {
    this.playing = !this.playing;
    this.player.textContent = this.playing ? 'pause' : 'play';
    if (!this.playing) return;
    let before = performance.now();
    const frame = (now) => {
      if (!this.playing || !this.root.offsetParent) {
        this.playing = false;
        this.player.textContent = 'play';
        return;
      }
      const next = this.at + (now - before) / 1000 / this.settings.seconds;
      before = now;
      this.goTo(next > 1 ? next % 1 : next);
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  changed() {
    clearTimeout(this.resting);
    if (!this.G) return;
    this.row.replaceChildren(...this.keys.map((key, index) => this.tile(key, index)));
    const enough = this.keys.length > 1;
    for (const part of [this.player, this.scrub, ...this.files.children, ...this.links]) part.disabled = !enough;
    this.tell();
    this.frames.replaceChildren(...(enough ? this.strips() : []));
    if (!enough) this.flips.textContent = 'A film needs two keyframes.';
    this.goTo(this.at);
    if (enough) this.resting = setTimeout(() => this.judge(), REST);
  }

  // Where the frames of a film of so many lie, as film.Film.latents has them.
  place(index, frames) {
    return index / (frames - (this.settings.loop ? 0 : 1));
  }

  strips() {
    const count = Number(this.count.value);
    return Array.from({ length: count }, (_, index) => {
      const at = this.place(index, count);
      const face = el('canvas', { class: 'gl-picture' });
      paint(face, this.G.decode(this.latent(at)), this.G.shape);
      const tile = button('', () => {
        this.goTo(at);
        this.use();
      }, { class: 'gl-tile', 'aria-label': `Frame ${index + 1} of ${count}: make it current` });
      tile.append(face);
      return tile;
    });
  }

  film(frames) {
    const { seconds, easing, way, loop } = this.settings;
    return { frames, seconds, easing, way: way || null, loop };
  }

  asked(frames, more = {}) {
    const { model, fingerprint } = this.value;
    return { model, fingerprint, keyframes: this.keys.map((key) => [...key.z]), film: this.film(frames), ...more };
  }

  // Frames of a file of this kind.
  length(kind) {
    return kind === 'png' ? Number(this.count.value) : Math.min(MOST_FRAMES, Math.round(RATE * this.settings.seconds));
  }

  recipe() {
    const { model: name, fingerprint } = this.value;
    return recipeOf({ name, fingerprint }, this.keys, this.film(this.length('gif')));
  }

  async judge() {
    const body = JSON.stringify(this.asked(FRAMES));
    this.latest = body;
    const found = await ask('ganlab/ribbon', { method: 'POST', body })
      .then((answer) => answer.json())
      .catch((error) => ({ error }));
    if (this.latest !== body) return;
    if (found.error) {
      this.flips.textContent = found.error.message;
      return;
    }
    Object.assign(this.strip, { width: found.labels.length, height: 1 });
    const context = this.strip.getContext('2d');
    context.clearRect(0, 0, this.strip.width, 1);
    found.labels.forEach((label, frame) => {
      context.globalAlpha = found.confidences[frame];
      context.fillStyle = this.value.palette[label % this.value.palette.length];
      context.fillRect(frame, 0, 1, 1);
    });
    this.flips.textContent = found.summary;
  }

  use() {
    if (this.keys.length < 2) return;
    const about = `in a film, at ${(this.at * this.settings.seconds).toFixed(1)} s`;
    this.python.use({ fingerprint: this.value.fingerprint, z: [...this.latent(this.at)], about });
  }

  async save(kind) {
    this.notice.textContent = 'making the file';
    const body = JSON.stringify(this.asked(this.length(kind), { kind, scale: Number(this.size.value) }));
    try {
      const file = await (await ask('ganlab/film', { method: 'POST', body })).blob();
      this.notice.textContent = '';
      el('a', { href: URL.createObjectURL(file), download: `film.${kind}` }).click();
    } catch (error) {
      this.notice.textContent = error.message;
    }
  }
}
