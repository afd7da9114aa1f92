// The ways by which pictures come to a pad beside the file dialog: camera, clipboard, drop. Each says what it wants.
import { context2d, el } from './elements.js';

export const CAMERA_ASKS = 'Allow the camera when the browser asks.';
export const NO_PICTURE = 'There is no picture in the clipboard. Copy one first, then paste it here.';
export const NO_FILE = 'That is no file. Save the picture first, then drop the file here.';

const CAMERA_FAILS = /** @type {Record<string, string>} */ ({
  NotAllowedError: 'The camera is not allowed here. Allow it beside the page’s address, or upload a picture.',
  NotFoundError: 'This device shows no camera. Upload a picture instead.',
  NotReadableError: 'Another program holds the camera. Close it there, or upload a picture.',
});

/**
 * Why a camera does not start, and what to do.
 * @param {unknown} error
 * @param {boolean} secure whether the page came by https, or from this device
 */
export function explainCamera(error, secure) {
  if (!secure) return 'A camera needs a page that came by https. Upload a picture instead.';
  return CAMERA_FAILS[/** @type {Error} */ (error)?.name] ?? 'The camera does not start. Upload a picture instead.';
}

/**
 * How to paste where a page may not read the clipboard by itself.
 * @param {string} platform as in navigator.platform
 * @param {boolean} touch whether fingers are all there is
 */
export function explainPaste(platform, touch) {
  if (touch) return 'This browser lets a page paste by keys only. Upload the picture instead.';
  return `Press ${/^(Mac|iP)/.test(platform) ? 'Cmd' : 'Ctrl'}+V to paste a picture here.`;
}

/** The picture in the clipboard, or a sentence. */
export async function readClipboard() {
  try {
    for (const item of await navigator.clipboard.read()) {
      const type = item.types.find((each) => each.startsWith('image/'));
      if (type) return await item.getType(type);
    }
    return NO_PICTURE;
  } catch {
    return explainPaste(navigator.platform, matchMedia('(hover: none)').matches);
  }
}

/**
 * Hear of pictures that are pasted by keys while `root` is in sight, and of those that are dropped on it.
 * @param {HTMLElement} root
 * @param {(file: File) => void} take
 * @param {(text: string) => void} say
 */
export function watchArrivals(root, take, say) {
  document.addEventListener('paste', (event) => {
    const target = /** @type {Element} */ (event.target);
    if (root.offsetParent === null) return;
    const files = [...(event.clipboardData?.files ?? [])];
    const picture = files.find((each) => each.type.startsWith('image/')) ?? files[0]; // whose type may be unknown here
    if (picture) take(picture);
    else if (!target.closest?.('input, textarea, select, [contenteditable]')) say(NO_PICTURE);
  });
  const paper = /** @type {HTMLElement} */ (root.querySelector('.gl-paper'));
  const sign = el('p', { class: 'gl-drop-here', hidden: true }, 'drop a picture here');
  paper.append(sign);
  root.addEventListener('dragover', (event) => {
    event.preventDefault();
    sign.hidden = false;
  });
  root.addEventListener('dragleave', (event) => {
    if (!root.contains(/** @type {Node | null} */ (event.relatedTarget))) sign.hidden = true;
  });
  root.addEventListener('drop', (event) => {
    event.preventDefault();
    sign.hidden = true;
    const file = event.dataTransfer?.files[0];
    if (file) take(file);
    else say(NO_FILE);
  });
}

export class Camera {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.video = /** @type {HTMLVideoElement} */ (root.querySelector('video'));
    this.button = /** @type {HTMLElement} */ (root.querySelector('[data-do=camera]'));
  }

  get running() {
    return !this.video.hidden;
  }

  /** @returns {Promise<string>} why it does not run; empty once it does */
  async start() {
    try {
      this.video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
      await this.video.play();
    } catch (error) {
      return explainCamera(error, isSecureContext);
    }
    this.video.hidden = false;
    this.button.textContent = 'take picture';
    return '';
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
