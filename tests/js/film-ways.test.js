// What the server says of the shortest way, line by line; codes that are computed once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readLines, readWhole, rememberCodes } from '../../ganlab/ui/static/lib/film-ways.js';

/** @param {string[]} pieces */
async function read(pieces) {
  const encoder = new TextEncoder();
  const stream = new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(encoder.encode(piece));
      controller.close();
    },
  });
  const lines = [];
  for await (const line of readLines(stream)) lines.push(line);
  return lines;
}

test('lines are read however they are cut', async () => {
  const lines = [{ done: 0.5 }, { done: 1, ways: [[[1, 2]]] }];
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  assert.deepEqual(await read([text]), lines);
  assert.deepEqual(await read([...text]), lines);
  assert.deepEqual(await read([text.trimEnd()]), lines); // the last one lacks its end
  assert.deepEqual(await read([]), []);
});

test('an answer that breaks off is asked for again', async () => {
  const encode = (/** @type {string} */ text) => new TextEncoder().encode(text);
  const broken = () => {
    const parts = [encode('{"done": 0.5}\n{"do')];
    return new ReadableStream({
      pull(controller) {
        const part = parts.shift();
        if (part) controller.enqueue(part);
        else controller.error(new TypeError('broken'));
      },
    });
  };
  const bodies = [broken(), '{"done": 0.5}\n{"do', '', '{"done": 1}\n'];
  const done = [];
  const ask = async () => new Response(bodies.shift());
  for await (const line of readWhole(ask, () => done.includes(1))) done.push(line.done);
  assert.deepEqual(done, [0.5, 0.5, 1]);
  await assert.rejects(async () => {
    for await (const line of readWhole(async () => new Response('{"done": 0.5}'), () => false)) done.push(line.done);
  }, /The server stopped/);
  assert.equal(done.length, 7);
});

test('the code of a latent is computed once', () => {
  let count = 0;
  const codec = rememberCodes({
    toCodes: (z) => {
      count += 1;
      return Array.from(z, (value) => 2 * value);
    },
    fromCodes: (code) => code,
  });
  const z = [1, 2];
  assert.deepEqual([codec.toCodes(z), codec.toCodes(z)], [[2, 4], [2, 4]]);
  assert.equal(count, 1);
  codec.toCodes([1, 2]);
  assert.equal(count, 2);
});
