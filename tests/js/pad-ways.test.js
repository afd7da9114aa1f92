// What camera and clipboard say when they cannot give a picture.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainCamera, explainPaste } from '../../ganlab/ui/static/lib/pad-ways.js';

test('a camera that does not start says what it wants', () => {
  const named = (/** @type {string} */ name) => Object.assign(new Error('internal'), { name });
  assert.match(explainCamera(new TypeError('undefined'), false), /https/);
  assert.match(explainCamera(named('NotAllowedError'), true), /Allow it/);
  assert.match(explainCamera(named('NotFoundError'), true), /no camera/);
  assert.match(explainCamera(named('NotReadableError'), true), /Another program/);
  assert.match(explainCamera(named('AbortError'), true), /does not start\. Upload a picture instead\./);
});

test('pasting names the keys of this keyboard, if there is one', () => {
  assert.match(explainPaste('MacIntel', false), /Cmd\+V/);
  assert.match(explainPaste('Linux x86_64', false), /Ctrl\+V/);
  assert.match(explainPaste('Win32', false), /Ctrl\+V/);
  assert.match(explainPaste('Linux armv8l', true), /Upload the picture instead/);
});
