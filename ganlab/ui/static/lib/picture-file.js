// A person's file as a picture that the page shows and the server takes.
import { decodeImage, readFile } from './files.js';
import { fitToServer, MAX_FILE, MAX_LOSSLESS, MAX_PIXELS, SentPicture } from './sent-picture.js';
import { drawSvg } from './svg-picture.js';

/** @typedef {{ image: import('./sent-picture.js').Shown, sent: SentPicture }} Opened */

const HEAD = 16384; // bytes by which a file's type is told: an SVG's first element may follow a long comment
const EMPTY = 'The file is empty.';
const TOO_LARGE = 'This file is over 10 MB, and this browser cannot show it. Save it as a PNG or JPEG and send that.';
const NO_PREVIEW = 'This browser cannot show this file. Save it as a PNG or JPEG and send that.';
const AS_IS = ['png', 'jpeg']; // types that the server reads as browsers do

/**
 * Any picture that this browser can show, or else that the server can read. Rejects with a sentence for the person if
 * neither can.
 * @param {Blob} file
 * @param {import('./lens.js').View | null} view of the model that it is for
 * @returns {Promise<Opened>}
 */
export async function openPicture(file, view) {
  if (!file.size) throw new Error(EMPTY);
  const head = new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
  const kind = detectKind(head);
  const image = kind === 'svg' ? await drawSvg(await file.text()) : await decodeImage(await readFile(file));
  if (!image) return await askServer(file);
  const pixels = view?.digits ? MAX_LOSSLESS : MAX_PIXELS; // a digit needs no more, and is prepared the sooner
  const isPhoto = kind === 'jpeg' || kind === 'heif';
  const fitting = await fitToServer(image, file, { asIs: AS_IS.includes(kind), isPhoto, pixels });
  return { image: fitting.image, sent: new SentPicture(fitting.file) };
}

/**
 * A file that this browser cannot show: the server may read it, or says what is wrong with it.
 * @param {Blob} file
 * @returns {Promise<Opened>}
 */
async function askServer(file) {
  if (file.size > MAX_FILE) throw new Error(TOO_LARGE);
  const sent = new SentPicture(file);
  const image = await decodeImage(await sent.sendForPreview());
  if (!image) throw new Error(NO_PREVIEW);
  return { image, sent };
}

/**
 * What a file is, by its first bytes; its name may say anything. "" for what is none of these.
 * @param {Uint8Array} head
 * @returns {'png' | 'jpeg' | 'gif' | 'webp' | 'heif' | 'svg' | ''} heif: HEIC or AVIF
 */
export function detectKind(head) {
  const text = new TextDecoder('latin1').decode(head);
  if (text.startsWith('PNG\r\n', 1)) return 'png';
  if (head[0] === 0xff && head[1] === 0xd8) return 'jpeg';
  if (text.startsWith('GIF8')) return 'gif';
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WEBP') return 'webp';
  if (text.slice(4, 8) === 'ftyp') return 'heif';
  return /<svg[\s>]/i.test(text.replaceAll('\0', '')) ? 'svg' : ''; // UTF-16 has zeros between its letters
}
