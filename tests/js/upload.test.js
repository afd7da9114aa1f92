// What people bring: what a file is, how large an SVG is, which digits there are, and how the server is asked about them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DigitOutlines, describeDigits } from '../../ganlab/ui/static/lib/digit-outlines.js';
import { detectKind } from '../../ganlab/ui/static/lib/picture-file.js';
import { SentPicture, encodeSent } from '../../ganlab/ui/static/lib/sent-picture.js';
import { ServedLens } from '../../ganlab/ui/static/lib/served-lens.js';
import { sortForReading, squareAround, surround, toBox, toNumbers } from '../../ganlab/ui/static/lib/square.js';
import { fitSides, measureSvg } from '../../ganlab/ui/static/lib/svg-picture.js';

const PICTURE = { width: 600, height: 400 };

test('a file is what its first bytes say', () => {
  const bytes = (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  const utf16 = [...'\ufeff<svg>'].flatMap((letter) => [letter.charCodeAt(0) & 255, letter.charCodeAt(0) >> 8]);
  for (const [head, kind] of [
    [bytes('\x89PNG\r\n\x1a\n'), 'png'],
    [bytes('\xff\xd8\xff\xe0'), 'jpeg'],
    [bytes('GIF89a'), 'gif'],
    [bytes('RIFF\0\0\0\0WEBPVP8X'), 'webp'],
    [bytes('\0\0\0\x1cftypavif'), 'heif'],
    [bytes('\0\0\0\x18ftypheic'), 'heif'],
    [bytes('<?xml version="1.0"?>\n<!-- a comment -->\n<SVG width="9">'), 'svg'],
    [Uint8Array.from(utf16), 'svg'],
    [bytes('II*\0'), ''],
    [bytes('%PDF-1.7 <svgx'), ''],
    [bytes(''), ''],
  ]) assert.equal(detectKind(head), kind, kind);
});

test('an SVG has the size that it says, or that of its viewBox, and is drawn large enough', () => {
  for (const [width, height, viewBox, expected] of [
    ['24', '12px', null, [24, 12]],
    ['1in', '2.54cm', null, [96, 96]],
    [null, null, '0 0 30 10', [30, 10]],
    ['100%', '100%', '-5,-5,10,20', [10, 20]],
    ['60', null, '0 0 30 10', [60, 20]],
    [null, '20', '0 0 30 10', [60, 20]],
    [null, null, null, [512, 512]],
    ['auto', '', '0 0 0 10', [512, 512]],
  ]) {
    const size = measureSvg(width, height, viewBox);
    assert.deepEqual([size.width, size.height], expected, `${width} ${height} ${viewBox}`);
  }
  assert.deepEqual(fitSides({ width: 24, height: 12 }), { width: 640, height: 320 });
  assert.deepEqual(fitSides({ width: 900, height: 700 }), { width: 900, height: 700 });
  assert.deepEqual(fitSides({ width: 9000, height: 1 }), { width: 1400, height: 1 });
});

test('digits are numbered as one reads them', () => {
  const boxes = [[300, 210, 50, 80], [10, 20, 60, 80], [110, 5, 60, 90], [20, 200, 50, 80], [210, 30, 50, 70]].map(toBox);
  assert.deepEqual(sortForReading(boxes), [1, 2, 4, 3, 0]);
  assert.deepEqual(sortForReading([]), []);
});

test('a digit is sent with paper around it, inside the picture', () => {
  assert.deepEqual(toNumbers(surround(toBox([100, 100, 80, 160]), PICTURE)), [60, 60, 160, 240]);
  assert.deepEqual(toNumbers(surround(toBox([0, 390, 4, 10]), PICTURE)), [0, 382, 12, 18]);
  assert.deepEqual(squareAround(toBox([60, 60, 160, 240]), PICTURE), { left: 20, top: 60, side: 240 });
  assert.deepEqual(squareAround(toBox([0, 0, 600, 100]), PICTURE), { left: 100, top: 0, side: 400 });
});

test('several digits are said in words', () => {
  const [small, large] = [toBox([0, 0, 10, 20]), toBox([30, 0, 20, 20])];
  assert.equal(describeDigits([], 0, false), '');
  assert.equal(describeDigits([small], 0, false), '');
  assert.equal(describeDigits([small, large], 1, false), '2 digits: the larger one is taken. Click another.');
  assert.equal(describeDigits([small, large, small], 1, false), '3 digits: the largest is taken. Click another.');
  assert.equal(describeDigits([small, large], 0, false), '2 digits: the marked one is taken. Click another.');
  assert.equal(describeDigits([small, large], 0, true), 'Digit 1 of 2 is taken. Click another.');
  assert.equal(describeDigits([small, large], 0, false, true), '2 digits: click another.');
});

/** As much of a page as these modules need. */
function fakePage() {
  const create = () => {
    const element = {
      children: [], style: {}, attributes: {}, listeners: {}, classes: new Set(), pictures: [],
      setAttribute: (name, value) => (element.attributes[name] = value),
      append: (...children) => element.children.push(...children),
      replaceChildren: (...children) => (element.children = children),
      addEventListener: (name, listener) => (element.listeners[name] = listener),
      closest: () => null,
      focus: () => (element.focused = true),
      classList: { add: (name) => element.classes.add(name), remove: (name) => element.classes.delete(name) },
      getContext: () => ({ clearRect: () => {}, drawImage: (image) => element.pictures.push(image.src) }),
    };
    return element;
  };
  globalThis.document = { createElement: create, querySelector: () => ({ dataset: { fingerprint: 'abc' } }) };
  globalThis.Image = class {
    async decode() {}
  };
}

test('a click or an arrow key takes another digit', () => {
  fakePage();
  const taken = [];
  const [four, two] = [toBox([0, 0, 10, 20]), toBox([30, 0, 20, 20])];
  const outlines = new DigitOutlines((box) => {
    taken.push(box);
    outlines.mark(box);
  });
  outlines.show([two, four], PICTURE); // the two is taken
  const checked = () => outlines.outlines.map(({ attributes }) => attributes['aria-checked']);
  assert.deepEqual(checked(), ['false', 'true']);
  outlines.element.listeners.click({ target: outlines.outlines[0] });
  const press = (key) => outlines.element.listeners.keydown({ key, preventDefault: () => {} });
  press('ArrowRight');
  press('ArrowDown'); // from the last to the first
  press('x');
  assert.deepEqual(taken, [four, two, four]);
  assert.deepEqual(checked(), ['true', 'false']);
  assert.ok(outlines.outlines[0].focused);
  outlines.show([two], PICTURE);
  assert.ok(outlines.element.hidden);
  outlines.show([two], PICTURE, true); // which may be the wrong one
  assert.ok(!outlines.element.hidden);
  assert.equal(outlines.element.attributes.role, 'presentation');
  outlines.mark(null);
  assert.ok(outlines.element.hidden);
});

test('the server is asked one part at a time, and the last one wins', async () => {
  fakePage();
  const [questions, answers] = [[], []];
  const look = (part, settings) => {
    questions.push([part, settings]);
    return new Promise((resolve, reject) => answers.push({ resolve, reject }));
  };
  const lens = new ServedLens({ size: 28, channels: 1, digits: true });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  lens.open({ look });
  for (const part of ['a', 'b', 'c']) lens.draw(part);
  assert.deepEqual(questions, [['a', { model: 'abc', polarity: 'auto', gauge: undefined }]]);
  answers[0].resolve({ picture: 'picture of a' });
  await settle();
  assert.deepEqual(questions.map(([part]) => part), ['a', 'c']); // b was overtaken
  assert.ok(lens.canvas.classes.has('gl-late'));
  const resting = lens.rest('d');
  answers[2].resolve({ picture: 'picture of d' });
  await resting;
  answers[1].resolve({ picture: 'picture of c' }); // late
  await settle();
  assert.equal(questions[2][1].gauge, true);
  assert.equal(lens.canvas.pictures.at(-1), 'picture of d');
  assert.ok(!lens.canvas.classes.has('gl-late'));
  lens.draw('e');
  answers[3].reject(new Error('There is no ink in this picture.'));
  await settle();
  lens.draw('f'); // it goes on
  assert.equal(questions.length, 5);
  lens.open({ look });
  answers[4].resolve({ picture: 'picture of another file' });
  await settle();
  assert.ok(!lens.canvas.pictures.includes('picture of another file'));
});

test('a picture that the server has lost is sent along, under its name', async () => {
  const posted = [];
  globalThis.fetch = async (address, { body }) => {
    posted.push(address);
    if (address.includes('upload')) return { ok: true, json: async () => ({ upload: 'name' }) };
    const { upload, crop, uploads } = JSON.parse(body);
    return { ok: true, json: async () => (uploads ? { picture: uploads[upload], crop } : { lost: true }) };
  };
  const picture = new SentPicture(new Blob(['file']));
  const seen = await picture.look(toBox([1, 2, 30, 40]), { model: 'abc', polarity: 'auto' });
  assert.deepEqual(seen, { picture: btoa('file'), crop: [1, 2, 30, 40] });
  assert.equal(posted.filter((address) => address.includes('upload')).length, 1);
  assert.deepEqual(await encodeSent(['name', 'other']), { name: btoa('file') });
  globalThis.fetch = async (address) => ({ ok: true, json: async () => (address.includes('upload') ? { upload: 'x' } : { lost: true }) });
  await assert.rejects(new SentPicture(new Blob(['file'])).look(null, { model: 'abc', polarity: 'auto' }), /Choose its file again/);
});
