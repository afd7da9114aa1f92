// The drawing pad: mouse, pen and finger; also upload, paste, drop and camera. What it holds goes to
// Python as a data URI; while drawing, at most every 60 ms, and Gradio drops what became stale.
const canvas = element.querySelector('canvas');
const video = element.querySelector('video');
const hint = element.querySelector('.gl-hint');
const fileInput = element.querySelector('input[type=file]');
const pen = element.querySelector('.gl-pen input');
const ink = canvas.getContext('2d', { willReadFrequently: true });
const SIZE = canvas.width;
const HISTORY = 50;
const PACE = 60; // ms between two pictures sent while the pen moves
const LARGE = 2e6; // pixels; larger pictures are reduced before they are sent
let history = [];
let blank = true; // nothing drawn: the next stroke starts on clean paper
let last = null; // the pen's last point
let timer = null;

function paper() {
  ink.fillStyle = '#ffffff';
  ink.fillRect(0, 0, SIZE, SIZE);
}

function remember() {
  history.push({ pixels: ink.getImageData(0, 0, SIZE, SIZE), blank });
  if (history.length > HISTORY) history.shift();
}

function send(kind, picture) {
  props.value = { kind, picture };
  trigger('picture');
}

function sendDrawing() {
  timer = null;
  if (!blank) send('draw', canvas.toDataURL('image/png'));
}

function soon() {
  if (timer === null) timer = setTimeout(sendDrawing, PACE);
}

// The picture as the browser decodes it, upright; null when it cannot.
async function decoded(source) {
  const image = new Image();
  image.src = source;
  try {
    await image.decode();
    return image;
  } catch {
    return null;
  }
}

// A phone's photograph is larger than the server takes and than a model needs.
function reduced(image, source) {
  if (image.width * image.height <= LARGE) return source;
  const scale = Math.sqrt(LARGE / (image.width * image.height));
  const small = document.createElement('canvas');
  [small.width, small.height] = [Math.round(image.width * scale), Math.round(image.height * scale)];
  small.getContext('2d').drawImage(image, 0, 0, small.width, small.height);
  return small.toDataURL('image/png');
}

// Show a picture, whole and centred.
function show(image) {
  const scale = Math.min(SIZE / image.width, SIZE / image.height);
  ink.imageSmoothingEnabled = scale < 1;
  ink.fillStyle = '#e9e9ec';
  ink.fillRect(0, 0, SIZE, SIZE);
  const [w, h] = [image.width * scale, image.height * scale];
  ink.drawImage(image, (SIZE - w) / 2, (SIZE - h) / 2, w, h);
  blank = true;
  hint.hidden = true;
}

async function take(file) {
  if (!file) return;
  const uri = await new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => resolve('');
    reader.readAsDataURL(file);
  });
  remember();
  const image = await decoded(uri);
  if (image) {
    show(image);
  } else {
    paper(); // a TIFF, say: the server reads it even so, or tells what is wrong
    blank = true;
    say(`${file.name || 'This file'}: no preview in this browser`);
  }
  send('upload', image ? reduced(image, uri) : uri);
}

function point(event) {
  const box = canvas.getBoundingClientRect();
  return {
    x: ((event.clientX - box.left) / box.width) * SIZE,
    y: ((event.clientY - box.top) / box.height) * SIZE,
  };
}

canvas.addEventListener('pointerdown', (event) => {
  if (event.button !== 0) return;
  event.preventDefault();
  canvas.setPointerCapture(event.pointerId);
  remember();
  if (blank) paper(); // a shown picture makes way for a drawing
  blank = false;
  hint.hidden = true;
  last = point(event);
  stroke(last); // a dot is a stroke too
});

canvas.addEventListener('pointermove', (event) => {
  if (last === null) return;
  for (const each of event.getCoalescedEvents?.() ?? [event]) stroke(point(each));
});

for (const name of ['pointerup', 'pointercancel']) {
  canvas.addEventListener(name, () => {
    if (last === null) return;
    last = null;
    clearTimeout(timer);
    sendDrawing();
  });
}

function stroke(to) {
  ink.strokeStyle = '#000000';
  ink.lineCap = ink.lineJoin = 'round';
  ink.lineWidth = Number(pen.value);
  ink.beginPath();
  ink.moveTo(last.x, last.y);
  ink.lineTo(to.x, to.y);
  ink.stroke();
  last = to;
  soon();
}

async function camera() {
  const button = element.querySelector('[data-do=camera]');
  if (!video.hidden) {
    const shot = document.createElement('canvas');
    [shot.width, shot.height] = [video.videoWidth, video.videoHeight];
    shot.getContext('2d').drawImage(video, 0, 0);
    stopCamera();
    shot.toBlob((blob) => take(blob), 'image/jpeg', 0.92);
    return;
  }
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: 'environment' },
    });
    await video.play();
    video.hidden = false;
    hint.hidden = true;
    button.textContent = 'take picture';
  } catch {
    say('No camera that this page may use; upload a picture instead.');
  }
}

function stopCamera() {
  for (const track of video.srcObject?.getTracks() ?? []) track.stop();
  video.srcObject = null;
  video.hidden = true;
  element.querySelector('[data-do=camera]').textContent = 'camera';
}

async function paste() {
  try {
    for (const item of await navigator.clipboard.read()) {
      const type = item.types.find((each) => each.startsWith('image/'));
      if (type) return take(await item.getType(type));
    }
    say('The clipboard holds no picture.');
  } catch {
    say('Press Ctrl+V (or Cmd+V) to paste a picture here.');
  }
}

function say(text) {
  hint.textContent = text;
  hint.hidden = false;
}

const actions = {
  undo() {
    const before = history.pop();
    if (!before) return;
    ink.putImageData(before.pixels, 0, 0);
    blank = before.blank;
    sendDrawing();
  },
  clear() {
    remember();
    paper();
    blank = true;
    say('draw, or drop a picture');
  },
  upload: () => fileInput.click(),
  paste,
  camera,
};

element.addEventListener('click', (event) => {
  const name = event.target.closest('[data-do]')?.dataset.do;
  if (name) actions[name]();
});
fileInput.addEventListener('change', () => {
  take(fileInput.files[0]);
  fileInput.value = ''; // the same file can be chosen again
});
element.addEventListener('dragover', (event) => event.preventDefault());
element.addEventListener('drop', (event) => {
  event.preventDefault();
  take(event.dataTransfer.files[0]);
});
document.addEventListener('paste', (event) => {
  const file = [...event.clipboardData.files].find((each) => each.type.startsWith('image/'));
  if (file && element.offsetParent !== null) take(file);
});

// Python shows a picture here: an example, a neighbour, what another tab made current.
async function showGiven() {
  const given = props.value?.show;
  if (!given) return;
  const image = await decoded(given);
  if (!image || props.value?.show !== given) return; // something newer is on the pad
  stopCamera();
  history = [];
  show(image);
}
watch('value', showGiven);
paper();
showGiven();
