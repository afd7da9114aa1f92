// The files of a film: a button a format. What is too large for one is said before it is asked for.
import { button, el } from './elements.js';
import { download } from './files.js';
import { countFrames, explainSize } from './film.js';
import { SCALES } from './film-options.js';
import { request } from './request.js';

export class FilmFiles {
  /** @type {import('./film.js').FilmLimits | null} */
  limits = null;
  /** @type {[kind: string, button: HTMLButtonElement][]} */
  kinds = [];

  /**
   * @param {import('./film-options.js').FilmOptions} options
   * @param {(frames: number, more: object) => string} describe the body of a request
   * @param {(text: string) => void} say
   */
  constructor(options, describe, say) {
    this.options = options;
    this.describe = describe;
    this.say = say;
    this.buttons = el('span', { class: 'gl-send' });
    this.warning = el('output', { class: 'gl-fine gl-too-large' });
  }

  /**
   * @param {string[]} formats of files
   * @param {import('./film.js').FilmLimits} limits
   */
  offer(formats, limits) {
    this.limits = limits;
    this.kinds = formats.map((kind) => {
      const label = { 'aria-label': `save as ${kind}` };
      return [kind, button(kind.toUpperCase(), () => this.save(kind), label)];
    });
    this.buttons.replaceChildren(...this.kinds.map(([, each]) => each));
  }

  /**
   * Which files can be had, and why others cannot.
   * @param {boolean} enough whether there are keyframes for a film
   */
  show(enough) {
    this.warning.textContent = '';
    for (const [kind, each] of this.kinds) {
      const { pixelScale } = this.options;
      const reason = enough && this.limits ? explainSize(this.#count(kind), pixelScale, SCALES, this.limits) : '';
      each.disabled = !enough || reason !== '';
      if (reason) this.warning.textContent = reason;
    }
  }

  /** @param {string} kind */
  #count(kind) {
    return kind === 'png' ? this.options.stripFrames : countFrames(this.options.settings.seconds);
  }

  /** @param {string} kind one of the formats */
  async save(kind) {
    this.say('Making the file.');
    const body = this.describe(this.#count(kind), { kind, scale: this.options.pixelScale });
    try {
      const file = await (await request('ganlab/film', { method: 'POST', body })).blob();
      this.say('');
      download(URL.createObjectURL(file), `film.${kind}`);
    } catch (error) {
      this.say(/** @type {Error} */ (error).message);
    }
  }
}
