// Sliders, one for each direction. Above each is a strip of what it does from -3 to +3 while all others stay.
import { button, el, picker } from './elements.js';
import { paint } from './generator.js';
import { Slices } from './slices.js';

/**
 * @typedef {import('./studio.js').Studio} Studio
 * @typedef {import('./directions.js').Direction} Direction
 * @typedef {import('./directions.js').DirectionKind} DirectionKind
 */

export const REACH = 3; // steps of a direction to each side
const PICTURES = 2 * REACH + 1; // of a strip

/**
 * A number with its sign, as people write it.
 * @param {number} value
 */
export function formatSigned(value) {
  const sign = value > 0 ? '+' : value < 0 ? '\u2212' : '';
  return `${sign}${Math.abs(value).toFixed(2)}`;
}

class Slider {
  /**
   * @param {Studio} studio
   * @param {Direction} direction
   */
  constructor(studio, direction) {
    this.studio = studio;
    this.direction = direction;
    const { id, name, unit } = direction;
    this.input = el('input', {
      type: 'range', min: -REACH, max: REACH, step: 0.05, value: 0, 'data-direction': id,
      'aria-label': `${name}, offset${unit ? ` in ${unit}` : ''}`,
    });
    this.readout = el('output');
    this.lock = button('lock', () => this.toggleLock(), {
      class: 'gl-lock', 'aria-pressed': 'false', title: 'reset and shuffle leave a locked slider alone (l)',
    });
    this.strip = el('canvas', { class: 'gl-picture gl-ruler', 'aria-hidden': 'true', hidden: !studio.G });
    this.strip.onclick = (event) => {
      const picture = Math.floor((PICTURES * event.offsetX) / this.strip.clientWidth);
      studio.move({ [id]: Math.min(REACH, Math.max(-REACH, picture - REACH)) }, true);
    };
    this.input.oninput = () => studio.move({ [id]: Number(this.input.value) });
    this.input.ondblclick = () => studio.move({ [id]: 0 }, true);
    this.input.onkeydown = (event) => {
      if (event.key !== 'l') return;
      event.stopPropagation();
      this.toggleLock();
    };
    this.note = el('small');
    const head = el('div', { class: 'gl-dir-head' }, el('b', {}, name), this.note, this.readout, this.lock);
    this.element = el('div', { class: 'gl-dir' }, head, this.strip, this.input);
    this.show();
  }

  get amount() {
    return this.studio.state.amounts[this.direction.id] ?? 0;
  }

  toggleLock() {
    const { locked } = this.studio;
    if (!locked.delete(this.direction.id)) locked.add(this.direction.id);
    this.show();
  }

  show() {
    const locked = this.studio.locked.has(this.direction.id);
    if (Number(this.input.value) !== this.amount) this.input.value = String(this.amount);
    const { note } = this.direction;
    if (this.note.textContent !== note) this.note.textContent = note;
    const unit = this.direction.unit === 'standard deviations' ? 'σ' : '';
    this.readout.textContent = `${formatSigned(this.amount)}${unit}`;
    this.readout.classList.toggle('gl-off', this.amount === 0);
    this.lock.setAttribute('aria-pressed', String(locked));
    this.lock.textContent = locked ? 'locked' : 'lock';
  }

  /**
   * What paints the strip, a picture at a time.
   * @returns {(() => void)[]}
   */
  listPictures() {
    const { studio, strip, direction } = this;
    return Array.from({ length: PICTURES }, (_, picture) => () => {
      if (!studio.G) return;
      const { G } = studio;
      const [, height, width] = G.shape;
      if (strip.width !== PICTURES * width) Object.assign(strip, { width: PICTURES * width, height });
      const z = studio.latent({ ...studio.state.amounts, [direction.id]: picture - REACH });
      paint(strip, G.decode(z), G.shape, picture * width);
    });
  }
}

/** All sliders of one kind; where a kind has groups (a class to each other class), those of the chosen group. */
export class Sliders {
  /**
   * @param {Studio} studio
   * @param {DirectionKind} kind
   */
  constructor(studio, kind) {
    this.studio = studio;
    this.kind = kind;
    /** @type {Slider[]} */
    this.sliders = [];
    this.slices = new Slices();
    this.list = el('div', { class: 'gl-dirs' });
    this.element = el('div');
    if (kind.note) this.element.append(el('p', { class: 'gl-fine' }, kind.note));
    const groups = [...new Set(kind.directions.map(({ group }) => group).filter(Boolean))];
    this.group = groups[0] ?? '';
    if (groups.length) {
      /** @param {string} group */
      const choose = (group) => {
        this.group = group;
        this.layOut();
      };
      this.element.append(picker(kind.title, groups.map((group) => [group, group]), choose));
    }
    if (kind.id === 'own') this.element.append(this.saver());
    this.element.append(this.list);
    this.layOut();
  }

  saver() {
    const name = el('input', { type: 'text', maxlength: 40, placeholder: 'name', 'aria-label': 'name of the direction' });
    const notice = el('span', { class: 'gl-fine', role: 'status' });
    const save = () => {
      notice.textContent = name.value.trim() ? this.studio.saveDirection(name.value.trim()) : 'Enter a name first.';
    };
    name.onkeydown = (event) => event.key === 'Enter' && save();
    return el('div', { class: 'gl-tools' }, name, button('save direction A→B', save), notice);
  }

  layOut() {
    const shown = this.kind.directions.filter(({ group }) => group === this.group);
    this.sliders = shown.map((direction) => new Slider(this.studio, direction));
    if (this.kind.id === 'own') {
      for (const { direction, lock } of this.sliders) {
        lock.after(button('delete', () => this.studio.deleteDirection(direction.id), { class: 'gl-lock' }));
      }
    }
    this.list.replaceChildren(...this.sliders.map((slider) => slider.element));
    this.renew();
  }

  show() {
    for (const slider of this.sliders) slider.show();
  }

  /** Paint the strips anew, once the latent no longer changes. */
  renew() {
    if (!this.studio.G) return;
    const pictures = this.sliders.flatMap((slider) => slider.listPictures());
    this.slices.start(pictures, (add) => add(), () => {}, () => this.studio.held);
  }

  stop() {
    this.slices.stop();
  }

  get ids() {
    return this.sliders.map((slider) => slider.direction.id);
  }
}
