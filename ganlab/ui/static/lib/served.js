// Pictures that the server makes, for a model whose generator is too large for the page.
import { context2d } from './elements.js';
import { modelAddress, request } from './request.js';

/** Shows the latest latent's picture on a canvas: one request at a time, and the last latent for certain. */
export class ServedPictures {
  #wanted = false;
  #busy = false;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {object} source
   * @param {() => { name: string }} source.model the model in use
   * @param {() => import('./latent.js').Latent} source.latent the latent to show
   * @param {() => void} source.shown called when a picture has been drawn
   * @param {(message: string) => void} source.failed
   */
  constructor(canvas, source) {
    this.canvas = canvas;
    this.source = source;
  }

  async show() {
    this.#wanted = true;
    if (this.#busy) return;
    this.#busy = true;
    while (this.#wanted) {
      this.#wanted = false;
      try {
        await this.#fetch();
      } catch (error) {
        this.source.failed(/** @type {Error} */ (error).message);
      }
    }
    this.#busy = false;
  }

  async #fetch() {
    const model = this.source.model();
    const z = Array.from(this.source.latent(), (value) => value.toPrecision(9)).join(',');
    const response = await request(`${modelAddress('picture', model.name)}&z=${z}`);
    const picture = await createImageBitmap(await response.blob());
    if (this.source.model() !== model) return; // another model was chosen meanwhile
    Object.assign(this.canvas, { width: picture.width, height: picture.height });
    context2d(this.canvas).drawImage(picture, 0, 0);
    this.source.shown();
  }
}
