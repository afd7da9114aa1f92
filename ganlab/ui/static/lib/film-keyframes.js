// The row of keyframes: pictures that can be ordered by dragging or by the keyboard, and dropped.
import { button, el } from './elements.js';
import { paint } from './generator.js';

/**
 * @typedef {{ z: import('./latent.js').Latent, caption: string, picture?: string }} Keyframe
 *
 * @typedef {object} KeyframeActions
 * @property {(index: number) => void} show
 * @property {(from: number, to: number) => void} move
 * @property {(index: number) => void} drop
 */

export class KeyframeRow {
  /** @param {KeyframeActions} actions */
  constructor(actions) {
    this.actions = actions;
    this.element = el('div', { class: 'gl-row', role: 'group', 'aria-label': 'keyframes in order' });
  }

  /**
   * @param {Keyframe[]} keyframes
   * @param {import('./generator.js').Generator} G
   */
  show(keyframes, G) {
    this.element.replaceChildren(
      ...keyframes.map((keyframe, index) => {
        const tile = this.#tile(keyframe, index, G);
        const drop = button('×', () => this.actions.drop(index), { class: 'gl-drop', 'aria-label': `Drop keyframe ${index + 1}` });
        const earlier = button('◂', () => this.actions.move(index, index - 1), {
          class: 'gl-shift', 'aria-label': `Keyframe ${index + 1} earlier`, disabled: index === 0,
        });
        return el('div', { class: 'gl-keep' }, tile, drop, earlier);
      }),
    );
  }

  /** @param {number} index */
  focus(index) {
    /** @type {HTMLElement | null | undefined} */ (this.element.children[index]?.querySelector('.gl-tile'))?.focus();
  }

  /**
   * @param {Keyframe} keyframe
   * @param {number} index
   * @param {import('./generator.js').Generator} G
   */
  #tile({ z, caption }, index, G) {
    const { show, move, drop } = this.actions;
    const canvas = el('canvas', { class: 'gl-picture' });
    paint(canvas, G.decode(z), G.shape);
    const label = `Keyframe ${index + 1}: ${caption}. Arrow keys move it, Delete drops it`;
    const tile = button('', () => show(index), { class: 'gl-tile', draggable: 'true', 'aria-label': label, title: caption });
    tile.append(canvas, el('span', { class: 'gl-caption' }, String(index + 1)));
    tile.onkeydown = (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) move(index, index + step);
      else if (event.key === 'Delete') drop(index);
      else return;
      event.preventDefault();
    };
    tile.ondragstart = (event) => event.dataTransfer?.setData('text/plain', String(index));
    tile.ondragover = (event) => event.preventDefault();
    tile.ondrop = (event) => {
      event.preventDefault();
      move(Number(event.dataTransfer?.getData('text/plain')), index);
    };
    return tile;
  }
}
