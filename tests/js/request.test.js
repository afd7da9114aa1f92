// What a person reads when a request fails: the app's own sentence, never a page of the proxy before it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from '../../ganlab/ui/static/lib/request.js';
import { FAILED, UNREACHABLE } from '../../ganlab/ui/static/lib/sentences.js';

const NGINX = '<html><head><title>413 Request Entity Too Large</title></head></html>';

/**
 * @param {string} body
 * @param {number} status
 * @param {string} type
 */
function answer(body, status, type) {
  globalThis.fetch = async () => new Response(body, { status, headers: { 'content-type': type } });
  return request('ganlab/upload');
}

test('a refusal of the app is its own sentence', async () => {
  await assert.rejects(answer('This file is empty.', 400, 'text/plain; charset=utf-8'), { message: 'This file is empty.' });
  assert.equal(await (await answer('{}', 200, 'application/json')).text(), '{}');
});

test('a page of a proxy becomes a sentence', async () => {
  await assert.rejects(answer(NGINX, 413, 'text/html'), { message: 'The server takes no file this large; try a smaller one.' });
  await assert.rejects(answer('{"error": "..."}', 413, 'application/json'), { message: /takes no file this large/ });
  await assert.rejects(answer('<html>', 502, 'text/html'), { message: UNREACHABLE });
  await assert.rejects(answer('', 401, 'text/html'), { message: FAILED });
  await assert.rejects(answer('x'.repeat(9999), 400, 'text/plain'), { message: FAILED });
});

test('a server that is not there is named', async () => {
  globalThis.fetch = async () => {
    throw new TypeError('Failed to fetch');
  };
  await assert.rejects(request('ganlab/upload'), { message: UNREACHABLE });
});
