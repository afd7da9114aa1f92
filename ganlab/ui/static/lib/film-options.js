// The settings of a film, as controls.
import { el, picker } from './elements.js';

/** @typedef {import('./film.js').FilmSettings} FilmSettings */

/** @type {FilmSettings} */
export const DEFAULTS = { seconds: 3, easing: 'linear', way: '', loop: false };
const STRIPS = [7, 11, 21, 41]; // frames
export const SCALES = [1, 4, 8, 16];

export class FilmOptions {
  /**
   * @param {() => void} onchange called after each change that shows in the film
   * @param {() => void} onsize called after one that shows in its files only
   */
  constructor(onchange, onsize) {
    this.settings = { ...DEFAULTS };
    const { seconds, readout, loop, easing, path } = this.#controls(onchange);
    this.strip = picker('frames of the strip', STRIPS.map((n) => [n, `${n} frames`]), onchange);
    this.strip.value = '11';
    this.scale = picker('size of a pixel in files', SCALES.map((n) => [n, `${n} x`]), onsize);
    this.scale.value = '8';
    this.path = path;
    this.#show = () => {
      seconds.value = String(this.settings.seconds);
      readout.textContent = `${this.settings.seconds} s`;
      loop.checked = this.settings.loop;
      easing.value = this.settings.easing;
      path.value = this.settings.way;
    };
    this.element = el(
      'div',
      { class: 'gl-tools gl-options' },
      el('label', {}, 'duration ', seconds, readout),
      el('label', {}, loop, ' closed loop'),
      el('label', {}, 'easing ', easing),
      el('label', {}, 'path ', path),
      el('label', {}, 'strip ', this.strip),
      el('label', {}, 'size ', this.scale),
    );
  }

  #show;

  /** @param {() => void} onchange */
  #controls(onchange) {
    /** @param {Partial<FilmSettings>} settings */
    const change = (settings) => {
      Object.assign(this.settings, settings);
      onchange();
    };
    const seconds = el('input', { type: 'range', min: 0.5, max: 12, step: 0.5, value: 3, 'aria-label': 'duration in seconds' });
    seconds.oninput = () => change({ seconds: Number(seconds.value) });
    const loop = el('input', { type: 'checkbox' });
    loop.onchange = () => change({ loop: loop.checked });
    const easing = picker('easing', [['linear', 'none'], ['smooth', 'smooth']], (value) => change({ easing: value }));
    const path = picker('path between keyframes', [['', 'the prior’s']], (value) => change({ way: value }));
    return { seconds, readout: el('output'), loop, easing, path };
  }

  /**
   * The ways that the model has; a setting that it lacks becomes the prior's.
   * @param {[way: string, title: string][]} ways
   */
  offer(ways) {
    this.path.replaceChildren(...ways.map(([value, title]) => el('option', { value }, title)));
    if (!ways.some(([way]) => way === this.settings.way)) this.settings.way = '';
  }

  /** Bring the controls in line with the settings. */
  show() {
    this.#show();
  }

  get stripFrames() {
    return Number(this.strip.value);
  }

  get pixelScale() {
    return Number(this.scale.value);
  }
}
