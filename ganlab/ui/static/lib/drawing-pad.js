// The drawing pad: mouse, pen and finger; also upload, paste, drop and camera. While the person draws, pictures are sent
// at most every PACE ms.
import { CropPad } from './crop-pad.js';
import { context2d, el } from './elements.js';
import { decodeImage, readFile, takeFile } from './files.js';
import { fitToServer, scaleDown } from './sent-picture.js';

const MAX_HISTORY = 50;
const PACE = 60; // ms
const MAX_PIXELS = 2e6; // larger pictures are reduced before they are sent
const HINT = 'draw, or drop a picture';

/** @typedef {{ x: number, y: number }} Point in canvas pixels */

export class DrawingPad {
  /** @type {{ pixels: ImageData, blank: boolean, shown: import('./crop-pad.js').Kept | null }[]} */
  history = [];
  blank = true; // nothing was drawn: the next stroke begins on clean paper
  /** @type {Point | null} */
  last = null; // the pen's last point
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer;
  given = ''; // the picture from Python that is shown

  /**
   * @param {HTMLElement} root with the pad's elements in it
   * @param {(value: object) => void} send gets what `read_pad` in Python reads
   */
  constructor(root, send) {
    this.root = root;
    this.onsend = send;
    this.canvas = /** @type {HTMLCanvasElement} */ (root.querySelector('canvas'));
    this.hint = /** @type {HTMLElement} */ (root.querySelector('.gl-hint'));
    this.pen = /** @type {HTMLInputElement} */ (root.querySelector('.gl-pen input'));
    this.file = /** @type {HTMLInputElement} */ (root.querySelector('input[type=file]'));
    this.ink = context2d(this.canvas, { willReadFrequently: true });
    this.camera = new Camera(root);
    this.crop = new CropPad(/** @type {HTMLElement} */ (root.querySelector('.gl-pad')), {
      send: (value) => {
        this.given = '';
        send(value);
      },
      onchange: () => this.#remember(),
      onrefused: async (file) => this.send('upload', await readFile(file)),
    });
    this.#clear();
    this.#listenToPen();
    this.#listenToFiles();
    root.addEventListener('click', (event) => {
      const target = /** @type {Element} */ (event.target).closest('[data-do]');
      if (target instanceof HTMLElement) this.#act(target.dataset.do ?? '');
    });
  }

  /** @param {string} name of a button */
  #act(name) {
    if (name === 'undo') this.undo();
    if (name === 'clear') this.clear();
    if (name === 'upload') this.file.click();
    if (name === 'paste') this.paste();
    if (name === 'camera') this.useCamera();
  }

  /**
   * @param {'draw' | 'upload'} kind
   * @param {string} picture
   */
  send(kind, picture) {
    this.given = '';
    this.onsend({ kind, picture });
  }

  /** @param {string} text */
  say(text) {
    this.hint.textContent = text;
    this.hint.hidden = false;
  }

  // ---------------------------------------------------------------- drawing

  #clear() {
    this.ink.fillStyle = '#ffffff';
    this.ink.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.blank = true;
  }

  #remember() {
    const { width, height } = this.canvas;
    this.history.push({ pixels: this.ink.getImageData(0, 0, width, height), blank: this.blank, shown: this.crop.shown });
    if (this.history.length > MAX_HISTORY) this.history.shift();
  }

  #sendDrawing() {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.blank) return;
    this.crop.look(this.canvas);
    this.send('draw', this.canvas.toDataURL('image/png'));
  }

  #listenToPen() {
    const { canvas } = this;
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      canvas.setPointerCapture(event.pointerId);
      this.#remember();
      if (this.blank) this.#clear(); // a shown picture makes way for a drawing
      this.blank = false;
      this.hint.hidden = true;
      this.last = this.#point(event);
      this.#stroke(this.last); // a dot is a stroke too
    });
    canvas.addEventListener('pointermove', (event) => {
      if (this.last === null) return;
      for (const each of event.getCoalescedEvents?.() ?? [event]) this.#stroke(this.#point(each));
    });
    for (const name of ['pointerup', 'pointercancel']) {
      canvas.addEventListener(name, () => {
        if (this.last === null) return;
        this.last = null;
        this.#sendDrawing();
      });
    }
  }

  /**
   * @param {PointerEvent} event
   * @returns {Point}
   */
  #point(event) {
    const box = this.canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) / box.width) * this.canvas.width,
      y: ((event.clientY - box.top) / box.height) * this.canvas.height,
    };
  }

  /** @param {Point} to */
  #stroke(to) {
    const from = this.last ?? to;
    Object.assign(this.ink, { strokeStyle: '#000000', lineCap: 'round', lineJoin: 'round', lineWidth: Number(this.pen.value) });
    this.ink.beginPath();
    this.ink.moveTo(from.x, from.y);
    this.ink.lineTo(to.x, to.y);
    this.ink.stroke();
    this.last = to;
    this.timer ??= setTimeout(() => this.#sendDrawing(), PACE);
  }

  undo() {
    const last = this.history.pop();
    if (!last) return;
    this.ink.putImageData(last.pixels, 0, 0);
    this.blank = last.blank;
    this.crop.close();
    if (last.shown) this.crop.restore(last.shown, true);
    else this.#sendDrawing();
  }

  clear() {
    this.#remember();
    this.#clear();
    this.crop.close();
    this.say(HINT);
  }

  // ---------------------------------------------------------------- pictures

  /**
   * Show a picture, whole and centred.
   * @param {HTMLImageElement} image
   */
  #show(image) {
    const { width: side } = this.canvas;
    const scale = Math.min(side / image.width, side / image.height);
    const [width, height] = [image.width * scale, image.height * scale];
    this.ink.imageSmoothingEnabled = scale < 1;
    this.ink.fillStyle = '#e9e9ec';
    this.ink.fillRect(0, 0, side, side);
    this.ink.drawImage(image, (side - width) / 2, (side - height) / 2, width, height);
    this.blank = true;
    this.hint.hidden = true;
  }

  /**
   * Show a picture that Python sends: an example, a neighbour, what another tab made current.
   * @param {string | undefined} picture a data: URI
   */
  async showGiven(picture) {
    this.given = picture ?? '';
    if (!picture) return;
    const image = await decodeImage(picture);
    const file = this.crop.isOn ? await (await fetch(picture)).blob() : null;
    if (!image || this.given !== picture) return; // something newer is on the pad
    this.camera.stop();
    this.history = [];
    this.#show(image);
    if (file) this.crop.open('part', image, file);
  }

  /**
   * What Python sends: a picture with the view of the model, or what it says of a square.
   * @param {{ show?: string, view?: import('./lens.js').View } & import('./crop-pad.js').Refusal} [value]
   */
  receive(value) {
    if (value?.refused) return this.crop.take(value);
    if (value?.show) this.crop.configure(value.view ?? null);
    return this.showGiven(value?.show);
  }

  /** @param {Blob | null} file */
  async take(file) {
    if (!file) return;
    const picture = await readFile(file);
    this.#remember();
    this.given = '';
    const image = await decodeImage(picture);
    if (image) {
      this.#show(image);
    } else {
      this.#clear(); // a TIFF, say: the server reads it even so, or says what is wrong
      this.say(`${file instanceof File ? file.name : 'This file'}: no preview in this browser`);
    }
    if (image && this.crop.isOn) {
      const fitting = await fitToServer(image, file);
      return this.crop.open('upload', fitting.image, fitting.file);
    }
    this.crop.close();
    this.send('upload', image ? reduce(image, picture) : picture);
  }

  async paste() {
    try {
      for (const item of await navigator.clipboard.read()) {
        const type = item.types.find((each) => each.startsWith('image/'));
        if (type) return await this.take(await item.getType(type));
      }
      this.say('There is no picture in the clipboard.');
    } catch {
      this.say('Press Ctrl+V (or Cmd+V) to paste a picture here.');
    }
  }

  async useCamera() {
    if (this.camera.running) {
      await this.take(await this.camera.shoot());
    } else if (await this.camera.start()) {
      this.hint.hidden = true;
    } else {
      this.say('This page may not use a camera. Upload a picture instead.');
    }
  }

  #listenToFiles() {
    const { root, file } = this;
    file.addEventListener('change', () => this.take(takeFile(file)));
    root.addEventListener('dragover', (event) => event.preventDefault());
    root.addEventListener('drop', (event) => {
      event.preventDefault();
      this.take(event.dataTransfer?.files[0] ?? null);
    });
    document.addEventListener('paste', (event) => {
      const picture = [...(event.clipboardData?.files ?? [])].find((each) => each.type.startsWith('image/'));
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

/**
 * A smaller copy of a photograph that is larger than the server takes and a model needs.
 * @param {HTMLImageElement} image
 * @param {string} source returned as it is if it is small enough
 */
function reduce(image, source) {
  return image.width * image.height <= MAX_PIXELS ? source : scaleDown(image, MAX_PIXELS).toDataURL('image/png');
}
