// What a pad does with pictures that nobody draws: upload, paste, drop, camera, and what Python puts there.
import { CropPad } from './crop-pad.js';
import { context2d, el } from './elements.js';
import { decodeImage, takeFile } from './files.js';
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
    try {
      for (const item of await navigator.clipboard.read()) {
        const type = item.types.find((each) => each.startsWith('image/'));
        if (type) return await this.take(await item.getType(type));
      }
      this.paper.say('There is no picture in the clipboard.');
    } catch {
      this.paper.say('Press Ctrl+V (or Cmd+V) to paste a picture here.');
    }
  }

  async useCamera() {
    if (this.camera.running) {
      await this.take(await this.camera.shoot());
    } else if (await this.camera.start()) {
      this.paper.hush();
    } else {
      this.paper.say('This page may not use a camera. Upload a picture instead.');
    }
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
    root.addEventListener('dragover', (event) => event.preventDefault());
    root.addEventListener('drop', (event) => {
      event.preventDefault();
      this.take(event.dataTransfer?.files[0] ?? null);
    });
    document.addEventListener('paste', (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      const picture = files.find((each) => each.type.startsWith('image/')) ?? files[0]; // whose type may be unknown here
      if (picture && root.offsetParent !== null) this.take(picture);
    });
  }
}

class Camera {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.video = /** @type {HTMLVideoElement} */ (root.querySelector('video'));
    this.button = /** @type {HTMLElement} */ (root.querySelector('[data-do=camera]'));
  }

  get running() {
    return !this.video.hidden;
  }

  /** @returns {Promise<boolean>} whether it runs now */
  async start() {
    try {
      this.video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
      await this.video.play();
    } catch {
      return false;
    }
    this.video.hidden = false;
    this.button.textContent = 'take picture';
    return true;
  }

  /** @returns {Promise<Blob | null>} */
  shoot() {
    const canvas = el('canvas');
    [canvas.width, canvas.height] = [this.video.videoWidth, this.video.videoHeight];
    context2d(canvas).drawImage(this.video, 0, 0);
    this.stop();
    return new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.92));
  }

  stop() {
    const stream = /** @type {MediaStream | null} */ (this.video.srcObject);
    for (const track of stream?.getTracks() ?? []) track.stop();
    this.video.srcObject = null;
    this.video.hidden = true;
    this.button.textContent = 'camera';
  }
}
