// The latent studio: one latent under the hand. Its pictures are made in the page; Python hears a latent once,
// when the hand rests. Where the page cannot make them, the server does, and the studio says so.
import { ask } from './ask.js';
import { button, el } from './elements.js';
import { generatorOf, paint } from './generator.js';
import { History } from './history.js';
import { copied, recipeOf, saved, toQuery } from './recipe.js';
import { Rows } from './rows.js';
import { Corners, Pad, Seeds } from './surface.js';
import { moved } from './vectors.js';

const REST = 250; // ms without a move, the hand off the page, after which it rests
const MAX_UNHEARD = 20;
const KEYS = [
  ['ctrl z', 'undo'],
  ['ctrl shift z, ctrl y', 'redo'],
  ['r', 'reset the sliders that are not locked'],
  ['s', 'shuffle them'],
  ['n', 'new sample'],
  ['l', 'lock the slider in focus'],
  ['arrows', 'move the slider or the plane in focus'],
  ['?', 'these keys'],
];

export class Studio {
  // python: { rest(data), sample() } tell Python where the hand rests, and ask it for a new sample.
  constructor(root, python) {
    Object.assign(this, { root, python, locked: new Set(), ends: {}, model: null, G: null });
    // Keys of what Python last said is current, and of what it was told since and has not answered.
    Object.assign(this, { heard: null, unheard: [] });
    this.canvas = el('canvas', { class: 'gl-picture gl-large', role: 'img' });
    this.said = el('span');
    this.notice = el('p', { class: 'gl-fine', role: 'status' });
    this.undoing = button('undo', () => this.step('undo'), { title: 'ctrl z' });
    this.redoing = button('redo', () => this.step('redo'), { title: 'ctrl shift z' });
    this.truncation = el('input', { type: 'range', min: 0, max: 1, step: 0.01, value: 1, 'aria-label': 'truncation' });
    this.truncation.oninput = () => this.change({ truncation: Number(this.truncation.value) });
    this.truncated = el('output');
    this.help = el('dl', { class: 'gl-keys', hidden: true });
    for (const [key, text] of KEYS) this.help.append(el('dt', {}, key), el('dd', {}, text));
    const stage = el(
      'figure',
      { class: 'gl-card' },
      el('div', { class: 'gl-title' }, 'G(z)'),
      this.canvas,
      el('figcaption', {}, this.said),
    );
    this.kinds = el('div', { class: 'gl-kinds', role: 'group', 'aria-label': 'what the sliders move along' });
    this.lacks = el('p', { class: 'gl-fine' });
    this.view = el('div', { class: 'gl-view' });
    root.replaceChildren(
      el(
        'div',
        { class: 'gl-stage' },
        stage,
        el(
          'div',
          { class: 'gl-tools' },
          this.undoing,
          this.redoing,
          button('reset', () => this.reset(), { title: 'all sliders that are not locked to the middle (r)' }),
          button('shuffle', () => this.shuffle(), { title: 'the sliders shown, but for locked ones, anywhere (s)' }),
          button('new sample', () => this.python.sample(), { title: 'n' }),
          button('?', () => this.toggleHelp(), { 'aria-label': 'keys' }),
        ),
        el(
          'div',
          { class: 'gl-tools' },
          button('copy link', async () => (this.notice.textContent = await copied(this.recipe())), { title: 'an address that shows this latent again' }),
          button('recipe', () => saved(this.recipe(), 'latent.json'), { title: 'a JSON file that python -m ganlab replay reads' }),
          button('save PNG', () => this.savePicture(), { title: 'the picture, pixel for pixel' }),
        ),
        el('label', { class: 'gl-slider' }, el('span', {}, 'truncation'), this.truncation, this.truncated),
        this.help,
        this.notice,
      ),
      el('div', { class: 'gl-panel' }, this.kinds, this.lacks, this.view),
    );
    addEventListener('pointerdown', () => (this.held = true), true);
    for (const end of ['pointerup', 'pointercancel']) addEventListener(end, () => this.released(), true);
    document.addEventListener('keydown', (event) => this.key(event));
  }

  // ---------------------------------------------------------------- what Python says

  // value: { model, fingerprint, made, since, key, z, caption, picture, a, b, server }: when it was made, since when
  // the latent is current, that latent, the hash of the picture that was inverted to it, the ends of the path, and
  // why the server makes the pictures, if it does.
  async show(value) {
    const other = this.model?.name !== value?.model || this.model.fingerprint !== value.fingerprint;
    // Answers may overtake each other: one made later may have begun earlier, with what was current then.
    if (!value?.model || (other ? value.made < this.newest : value.since < this.since)) return;
    Object.assign(this, { newest: value.made, since: value.since });
    this.ends = { a: value.a, b: value.b };
    const { caption: about, picture } = value;
    const place = { base: Float32Array.from(value.z), about, picture, amounts: {}, truncation: 1 };
    const answered = this.unheard.indexOf(value.key);
    if (other) {
      Object.assign(this, { heard: value.key, unheard: [] });
      await this.load(value, place);
    } else if (answered >= 0) {
      this.heard = this.unheard.splice(0, answered + 1).at(-1);
    } else if (value.key !== this.heard) {
      // Another latent became current elsewhere. A hand that was quicker than this news keeps its offsets.
      const hasty = this.live ?? (this.unheard.length ? this.places.current : null);
      Object.assign(this, { heard: value.key, unheard: [] });
      this.places.push(place);
      this.arrived();
      if (hasty) this.change({ amounts: hasty.amounts, truncation: hasty.truncation });
    }
  }

  async load(value, place) {
    this.places = new History(place);
    this.locked.clear();
    Object.assign(this, { byId: null, live: null });
    clearTimeout(this.resting); // a hand that had not rested had the other model's latent
    this.shown?.stop(); // its strips were of the other model's generator
    this.shown = null;
    for (const part of [this.kinds, this.view]) part.replaceChildren(); // no slider of one model moves another
    const model = { name: value.model, fingerprint: value.fingerprint };
    // G is null, and served says why, where the server makes the pictures.
    Object.assign(this, { model, G: null, served: value.server });
    const directions = ask(`ganlab/directions?model=${encodeURIComponent(model.name)}`)
      .then((answer) => answer.json())
      .catch(({ message }) => ({ message }));
    if (!value.server) {
      const found = await generatorOf(model.name, model.fingerprint).catch(({ message }) => ({ message }));
      if (this.model !== model) return; // another was chosen meanwhile
      if (found.message) {
        this.served = `The server makes the pictures: ${found.message}`;
      } else {
        this.G = found;
        const [, height, width] = found.shape;
        Object.assign(this.canvas, { width, height });
      }
    }
    this.notice.textContent = this.served;
    this.paint();
    const told = await directions;
    if (this.model !== model) return;
    if (told.message) {
      this.notice.textContent = `No sliders: ${told.message}`;
      return;
    }
    Object.assign(model, told);
    this.layOut();
    this.arrived();
  }

  // ---------------------------------------------------------------- places

  // What is on the stage: the last place of the history, or what the hand has made of it since.
  get place() {
    return this.live ?? this.places.current;
  }

  latent(amounts = this.place.amounts) {
    const { base, truncation } = this.place;
    const moves = Object.entries(amounts).map(([id, amount]) => ({ direction: this.direction(id), amount }));
    const z = moved(base, moves, this.model.prior);
    if (truncation === 1) return z;
    return z.map((value, i) => this.model.centre[i] + truncation * (value - this.model.centre[i]));
  }

  direction(id) {
    return this.byId.get(id);
  }

  // Sliders moved; `done` says that the hand will not go on.
  move(amounts, done = false) {
    this.change({ amounts: { ...this.place.amounts, ...amounts } }, done);
  }

  goTo(base, about) {
    this.change({ base, about, picture: '', amounts: {}, truncation: 1 });
  }

  change(differences, done = false) {
    this.live = { ...this.place, ...differences };
    this.paint();
    clearTimeout(this.resting);
    if (done) this.rested();
    else if (!this.held) this.resting = setTimeout(() => this.rested(), REST);
  }

  released() {
    this.held = false;
    if (this.live) this.resting = setTimeout(() => this.rested(), REST);
  }

  rested() {
    if (!this.live) return;
    this.places.push(this.live);
    this.tell();
  }

  step(way) {
    if (!this.places) return;
    if (this.live) this.places.push(this.live);
    this.places[way]();
    this.tell();
  }

  tell() {
    this.arrived();
    const key = crypto.randomUUID?.() ?? String(Math.random());
    const known = [this.heard, ...this.unheard].slice(-MAX_UNHEARD);
    this.unheard.push(key);
    const { fingerprint } = this.model;
    this.python.rest({ fingerprint, key, known, z: [...this.latent()], about: this.caption() });
  }

  arrived() {
    this.live = null;
    clearTimeout(this.resting);
    this.paint();
    this.shown?.rested();
    [this.undoing.disabled, this.redoing.disabled] = [!this.places.canUndo, !this.places.canRedo];
  }

  // ---------------------------------------------------------------- what is shown

  get still() {
    const { amounts, truncation } = this.place;
    return truncation === 1 && Object.values(amounts).every((amount) => !amount);
  }

  caption() {
    const { about } = this.place;
    return this.still || about.startsWith('moved from ') ? about : `moved from ${about}`;
  }

  paint() {
    this.said.textContent = this.caption();
    this.canvas.setAttribute('aria-label', `G(z), ${this.caption()}`);
    this.truncated.textContent = this.place.truncation.toFixed(2);
    if (Number(this.truncation.value) !== this.place.truncation) this.truncation.value = this.place.truncation;
    this.shown?.show();
    if (!this.byId) return;
    if (this.G) paint(this.canvas, this.G.decode(this.latent()), this.G.shape);
    else this.ask();
  }

  // The server's way: one request at a time, and the last latent for sure.
  async ask() {
    this.wanted = true;
    if (this.asking) return;
    this.asking = true;
    while (this.wanted) {
      this.wanted = false;
      const z = [...this.latent()].map((value) => value.toPrecision(9)).join(',');
      const { model } = this;
      try {
        const answer = await ask(`ganlab/picture?model=${encodeURIComponent(model.name)}&z=${z}`);
        const picture = await createImageBitmap(await answer.blob());
        if (this.model !== model) continue; // another was chosen meanwhile
        Object.assign(this.canvas, { width: picture.width, height: picture.height });
        this.canvas.getContext('2d').drawImage(picture, 0, 0);
        if (this.notice.textContent === this.failed) this.notice.textContent = this.served;
      } catch (error) {
        this.failed = this.notice.textContent = error.message;
      }
    }
    this.asking = false;
  }

  // The person's own directions: from A to B, kept in this browser.
  get kept() {
    return `ganlab/directions/${this.model.fingerprint}`;
  }

  own() {
    const directions = JSON.parse(localStorage.getItem(this.kept) ?? '[]');
    return { id: 'own', title: 'own', note: 'From A to B, as they lie on the shelf: 1 is the whole way.', directions };
  }

  keepOwn(name) {
    const { a, b } = this.ends;
    if (!a || !b) return 'Send one picture to A and another to B first: the direction leads from A to B.';
    const way = b.map((value, i) => value - a[i]);
    const deviation = Math.hypot(...way);
    if (!deviation) return 'A and B are the same latent, so that no direction leads from one to the other.';
    const direction = { id: `own/${name}`, name, note: '', unit: '', group: '', vector: way.map((value) => value / deviation), deviation };
    const others = this.own().directions.filter(({ id }) => id !== direction.id);
    localStorage.setItem(this.kept, JSON.stringify([...others, direction]));
    this.layOut();
    return '';
  }

  forget(id) {
    const others = this.own().directions.filter((direction) => direction.id !== id);
    localStorage.setItem(this.kept, JSON.stringify(others)); // places that it made keep it until the page is left
    this.layOut();
  }

  layOut() {
    const kinds = [...this.model.kinds, this.own()];
    const views = kinds.map((kind) => [kind.id, kind.title, () => new Rows(this, kind)]);
    this.byId ??= new Map();
    for (const kind of kinds) {
      for (const direction of kind.directions) this.byId.set(direction.id, direction);
    }
    if (this.G) {
      const all = kinds.flatMap((kind) => kind.directions.filter(({ group }) => !group));
      views.push(['pad', 'two at once', () => new Pad(this, all)]);
      views.push(['seeds', 'lattice of seeds', () => new Seeds(this)]);
      views.push(['corners', 'four corners', () => new Corners(this)]);
    }
    const open = (id) => {
      this.shown?.stop();
      this.open = id;
      this.shown = views.find(([view]) => view === id)[2]();
      this.view.replaceChildren(this.shown.element);
      for (const each of this.kinds.children) each.setAttribute('aria-pressed', String(each.dataset.view === id));
    };
    this.kinds.replaceChildren(
      ...views.map(([id, title]) => button(title, () => open(id), { 'data-view': id, 'aria-pressed': 'false' })),
      ...this.model.lacking.map(({ title, reason }) => button(title, null, { disabled: true, title: reason })),
    );
    const reasons = new Map(); // why, and what all is lacking for it
    for (const { title, reason } of this.model.lacking) {
      reasons.set(reason, [...(reasons.get(reason) ?? []), title]);
    }
    this.lacks.textContent = [...reasons].map(([why, titles]) => `No ${titles.join(', ')}: ${why}.`).join(' ');
    open(views.some(([id]) => id === this.open) ? this.open : views[0][0]);
  }

  async samples(count, seed) {
    const query = `model=${encodeURIComponent(this.model.name)}&count=${count}&seed=${seed}`;
    const found = await (await ask(`ganlab/samples?${query}`)).json();
    return found.map((z) => Float32Array.from(z));
  }

  // ---------------------------------------------------------------- tools

  // Without the sliders' offsets, but for those of locked ones.
  reset() {
    const kept = Object.entries(this.place.amounts).filter(([id]) => this.locked.has(id));
    this.change({ amounts: Object.fromEntries(kept), truncation: 1 }, true);
  }

  shuffle() {
    const free = (this.shown?.ids ?? []).filter((id) => !this.locked.has(id));
    const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
    const anywhere = () => Math.round(20 * Math.min(3, Math.max(-3, normal()))) / 20;
    this.move(Object.fromEntries(free.map((id) => [id, anywhere()])), true);
  }

  recipe() {
    return recipeOf(this.model, [{ z: this.latent(), picture: this.still ? this.place.picture : '' }]);
  }

  savePicture() {
    const model = encodeURIComponent(this.model.name);
    el('a', { href: `ganlab/picture?model=${model}&recipe=${toQuery(this.recipe())}`, download: 'latent.png' }).click();
  }

  toggleHelp() {
    this.help.hidden = !this.help.hidden;
  }

  key(event) {
    if (!this.root.offsetParent || event.target.closest?.('input:not([type=range]), textarea, select')) return;
    const key = event.key.toLowerCase();
    const control = event.ctrlKey || event.metaKey;
    const done = control
      ? { z: () => this.step(event.shiftKey ? 'redo' : 'undo'), y: () => this.step('redo') }[key]
      : {
          r: () => this.reset(),
          s: () => this.shuffle(),
          n: () => this.python.sample(),
          '?': () => this.toggleHelp(),
        }[key];
    if (!done || event.altKey || !this.places) return;
    event.preventDefault();
    done();
  }
}
