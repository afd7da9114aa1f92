// What a pad does with pictures that nobody draws: upload, paste, drop, camera, and what Python puts there.
import { CropPad } from './crop-pad.js';
import { decodeImage, takeFile } from './files.js';
import { CAMERA_ASKS, Camera, readClipboard, watchArrivals } from './pad-ways.js';
import { openPicture } from './picture-file.js';
import { SentPicture } from './sent-picture.js';

/**
 * @typedef {{ kind: string, picture?: string, key?: string }} Sent what Python gets; the same again for the same picture
 *
 * @typedef {{ show?: string, item?: object, view?: import('./lens.js').View } & import('./crop-pad.js').Refusal} Received
 *
 * @typedef {object} Paper what lies under the pictures; DrawingPad is one
 * @property {HTMLCanvasElement} canvas a square
 * @property {CanvasRenderingContext2D} ink of the canvas
 * @property {boolean} blank whether the next stroke begins on clean paper
 * @property {Sent | null} source what the picture on the paper is for Python
 * @property {boolean} isEmpty
 * @property {() => void} remember keep what the paper shows for undo
 * @property {() => void} forget what was kept for undo
 * @property {(source: Sent) => void} accept a picture that Python has put there
 * @property {(sentence: string) => void} refuse a file, which leaves the paper as it is
 * @property {(sentence: string) => void} takeBack a picture that cannot be used: what was there before comes back
 * @property {(text: string) => void} say
 * @property {() => void} hush take away what was said
 * @property {(value: Sent) => void} send to Python
 */

export class PadPictures {
  given = ''; // the picture from Python that is shown
  count = 0; // of pictures that were brought

  /**
   * @param {HTMLElement} root with the pad's elements in it
   * @param {Paper} paper
   */
  constructor(root, paper) {
    this.root = root;
    this.paper = paper;
    this.file = /** @type {HTMLInputElement} */ (root.querySelector('input[type=file]'));
    this.camera = new Camera(root);
    this.crop = new CropPad(/** @type {HTMLElement} */ (root.querySelector('.gl-pad')), {
      send: (value) => paper.send(/** @type {Sent} */ (value)),
      onchange: () => {
        paper.remember();
        paper.hush();
      },
      onrefused: (sentence) => paper.takeBack(sentence),
    });
    this.#listen();
  }

  /** The picture with a square that is on the paper; null for none. */
  get shown() {
    return this.crop.shown;
  }

  /** The paper is for drawing. */
  close() {
    this.crop.close();
  }

  /**
   * Show again what `shown` was.
   * @param {import('./crop-pad.js').Kept} shown
   * @param {boolean} send
   */
  restore(shown, send) {
    this.crop.restore(shown, send);
  }

  /**
   * Show what the model sees of a drawing, where it takes pictures as they are.
   * @param {HTMLCanvasElement} drawing
   */
  look(drawing) {
    this.crop.look(drawing);
  }

  /**
   * Show a picture, whole and centred.
   * @param {import('./sent-picture.js').Shown} image
   */
  #show(image) {
    const { ink, canvas } = this.paper;
    const { width: side } = canvas;
    const scale = Math.min(side / image.width, side / image.height);
    const [width, height] = [image.width * scale, image.height * scale];
    ink.imageSmoothingEnabled = scale < 1;
    ink.fillStyle = '#e9e9ec';
    ink.fillRect(0, 0, side, side);
    ink.drawImage(image, (side - width) / 2, (side - height) / 2, width, height);
    this.paper.blank = true;
    this.paper.hush();
  }

  /**
   * Show a picture that Python sends: an example, a neighbour, what another tab made current.
   * @param {string | undefined} picture a data: URI
   * @param {object} [item] what Python knows it by
   */
  async showGiven(picture, item) {
    this.given = picture ?? '';
    if (!picture) return;
    const image = await decodeImage(picture);
    const file = this.crop.takesSquares ? await (await fetch(picture)).blob() : null;
    if (!image || this.given !== picture) return; // something newer is on the pad
    this.camera.stop();
    if (!this.paper.isEmpty && this.paper.source?.picture !== picture) this.paper.remember();
    this.#show(image);
    this.paper.accept(/** @type {Sent} */ ({ kind: 'given', picture, item }));
    if (file) this.crop.open('part', image, new SentPicture(file));
    else this.crop.close();
  }

  /**
   * What Python sends: a picture with the view of the model, or what it says of a square.
   * @param {Received} [value]
   */
  receive(value) {
    if (value?.refused) return this.crop.take(value);
    const { name } = this.crop;
    if (value?.show) this.crop.configure(value.view ?? null);
    if (name && name !== this.crop.name) this.paper.forget(); // what was on the paper may not suit the model
    return this.showGiven(value?.show, value?.item);
  }

  /**
   * A picture that the person brings. A file that cannot be used leaves what is there.
   * @param {Blob | null} file
   */
  async take(file) {
    if (!file) return;
    const count = ++this.count;
    const opened = await openPicture(file, this.crop.view).catch((error) => this.#refuse(file, error, count));
    if (!opened || count !== this.count) return; // another was brought meanwhile
    this.paper.remember();
    this.given = '';
    this.#show(opened.image);
    this.crop.open('upload', opened.image, opened.sent);
  }

  /**
   * @param {Blob} file
   * @param {Error} error
   * @param {number} count
   */
  #refuse(file, { message }, count) {
    if (count === this.count) this.paper.refuse(file instanceof File ? `${file.name}: ${message}` : message);
    return null;
  }

  async paste() {
    const pasted = await readClipboard();
    if (typeof pasted === 'string') this.paper.say(pasted);
    else await this.take(pasted);
  }

  async useCamera() {
    if (this.camera.running) return this.take(await this.camera.shoot());
    this.paper.say(CAMERA_ASKS);
    const reason = await this.camera.start();
    if (reason) this.paper.say(reason);
    else this.paper.hush();
  }

  #listen() {
    const { root, file } = this;
    root.addEventListener('click', (event) => {
      const target = /** @type {Element} */ (event.target).closest('[data-do]');
      const name = target instanceof HTMLElement ? target.dataset.do : '';
      if (name === 'upload') file.click();
      if (name === 'paste') this.paste();
      if (name === 'camera') this.useCamera();
    });
    file.addEventListener('change', () => this.take(takeFile(file)));
    watchArrivals(
      root,
      (picture) => this.take(picture),
      (text) => this.paper.say(text),
    );
  }
}
