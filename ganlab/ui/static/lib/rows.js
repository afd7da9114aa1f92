// Sliders, one a direction: its strip shows what it does from -3 to +3, the rest left as it is.
import { button, el, picker } from './elements.js';
import { paint } from './generator.js';

export const REACH = 3;
const STEPS = 2 * REACH + 1; // pictures of a strip

export const signed = (value) =>
  `${value > 0 ? '+' : value < 0 ? '\u2212' : ''}${Math.abs(value).toFixed(2)}`;

class Row {
  constructor(studio, direction) {
    Object.assign(this, { studio, direction });
    const { id, name, note, unit } = direction;
    this.input = el('input', {
      type: 'range', min: -REACH, max: REACH, step: 0.05, value: 0, 'data-direction': id,
      'aria-label': `${name}, offset${unit ? ` in ${unit}` : ''}`,
    });
    this.output = el('output');
    this.lock = button('lock', () => this.toggleLock(), {
      class: 'gl-lock', 'aria-pressed': 'false', title: 'a locked slider is left alone by reset and shuffle (l)',
    });
    this.strip = el('canvas', { class: 'gl-picture gl-ruler', 'aria-hidden': 'true', hidden: !studio.G });
    this.strip.onclick = (event) => {
      const cell = Math.floor((STEPS * event.offsetX) / this.strip.clientWidth);
      studio.move({ [id]: Math.min(REACH, Math.max(-REACH, cell - REACH)) }, true);
    };
    this.input.oninput = () => studio.move({ [id]: Number(this.input.value) });
    this.input.ondblclick = () => studio.move({ [id]: 0 }, true);
    this.input.onkeydown = (event) => {
      if (event.key !== 'l') return;
      event.stopPropagation();
      this.toggleLock();
    };
    const head = el('div', { class: 'gl-dir-head' }, el('b', {}, name), el('small', {}, note), this.output, this.lock);
    this.element = el('div', { class: 'gl-dir' }, head, this.strip, this.input);
    this.show();
  }

  get amount() {
    return this.studio.place.amounts[this.direction.id] ?? 0;
  }

  toggleLock() {
    const { locked } = this.studio;
    if (!locked.delete(this.direction.id)) locked.add(this.direction.id);
    this.show();
  }

  show() {
    const { locked } = this.studio;
    if (Number(this.input.value) !== this.amount) this.input.value = this.amount;
    this.output.textContent = `${signed(this.amount)}${this.direction.unit === 'standard deviations' ? 'σ' : ''}`;
    this.output.classList.toggle('gl-off', this.amount === 0);
    this.lock.setAttribute('aria-pressed', String(locked.has(this.direction.id)));
    this.lock.textContent = locked.has(this.direction.id) ? 'locked' : 'lock';
  }

  paintStrip() {
    const { studio, strip, direction } = this;
    const [, height, width] = studio.G.shape;
    if (strip.width !== STEPS * width) Object.assign(strip, { width: STEPS * width, height });
    for (let step = 0; step < STEPS; step++) {
      const z = studio.latent({ ...studio.place.amounts, [direction.id]: step - REACH });
      paint(strip, studio.G.decode(z), studio.G.shape, step * width);
    }
  }
}

// All sliders of one kind; of a kind in groups (a class to each other class), those of the chosen group.
export class Rows {
  constructor(studio, kind) {
    Object.assign(this, { studio, kind, rows: [] });
    this.list = el('div', { class: 'gl-dirs' });
    this.element = el('div');
    if (kind.note) this.element.append(el('p', { class: 'gl-fine' }, kind.note));
    const groups = [...new Set(kind.directions.map(({ group }) => group).filter(Boolean))];
    this.group = groups[0] ?? '';
    if (groups.length) {
      const choose = (group) => {
        this.group = group;
        this.layOut();
      };
      this.element.append(picker(kind.title, groups.map((group) => [group, group]), choose));
    }
    if (kind.id === 'own') this.element.append(this.maker());
    this.element.append(this.list);
    this.layOut();
  }

  maker() {
    const name = el('input', { type: 'text', maxlength: 40, placeholder: 'its name', 'aria-label': 'name of the direction' });
    const said = el('span', { class: 'gl-fine', role: 'status' });
    const keep = () => {
      said.textContent = name.value.trim() ? this.studio.keepOwn(name.value.trim()) : 'Give it a name first.';
    };
    name.onkeydown = (event) => event.key === 'Enter' && keep();
    return el('div', { class: 'gl-tools' }, name, button('keep the way from A to B', keep), said);
  }

  layOut() {
    const shown = this.kind.directions.filter(({ group }) => group === this.group);
    this.rows = shown.map((direction) => new Row(this.studio, direction));
    if (this.kind.id === 'own') {
      for (const row of this.rows) {
        const forget = button('forget', () => this.studio.forget(row.direction.id), { class: 'gl-lock' });
        row.lock.after(forget);
      }
    }
    this.list.replaceChildren(...this.rows.map((row) => row.element));
    this.rested();
  }

  show() {
    for (const row of this.rows) row.show();
  }

  // Strips are made when the hand rests, a few at a time, so that they never hold it up.
  rested() {
    if (!this.studio.G) return;
    cancelAnimationFrame(this.next);
    const waiting = [...this.rows];
    const some = () => {
      const until = performance.now() + 8;
      while (waiting.length && performance.now() < until) waiting.shift().paintStrip();
      if (waiting.length) this.next = requestAnimationFrame(some);
    };
    this.next = requestAnimationFrame(some);
  }

  stop() {
    cancelAnimationFrame(this.next);
  }

  get ids() {
    return this.rows.map((row) => row.direction.id);
  }
}
