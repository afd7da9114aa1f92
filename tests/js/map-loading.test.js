// The way of a map to the page: what the server computes, what travels, and the time that is left of both.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fetchMap } from '../../ganlab/ui/static/lib/map-loading.js';
import { TimeLeft, describeTime } from '../../ganlab/ui/static/lib/time-left.js';

test('the time left follows from how quickly it counts', () => {
  const left = new TimeLeft();
  assert.equal(left.estimate(8192, 68192, 1000), null); // another visitor began it: what it took so far is unknown
  assert.equal(left.estimate(8192, 68192, 4000), null);
  assert.equal(left.estimate(18192, 68192, 5000), 20);
  assert.equal(left.estimate(18192, 68192, 7000), 18); // between two steps it counts down
  assert.equal(left.estimate(18192, 68192, 99000), 0);
  assert.equal(left.estimate(0, 68192, 99100), null); // begun anew
});

test('it is said in plain words', () => {
  const texts = [null, 0.2, 1.2, 89, 90, 200].map(describeTime);
  assert.deepEqual(texts, ['', 'less than 1 s left', 'about 2 s left', 'about 89 s left', 'about 2 min left', 'about 4 min left']);
});

/**
 * A server that answers for the map once it was asked as often as it has answers about its progress.
 * @param {object[]} answers
 * @param {Uint8Array[]} parts of the map
 * @param {Record<string, string>} headers
 */
function serve(answers, parts, headers) {
  /** @type {() => void} */
  let finish;
  const finished = new Promise((resolve) => (finish = () => resolve(undefined)));
  globalThis.fetch = async (address) => {
    if (String(address).startsWith('ganlab/map_progress')) {
      const answer = answers.shift() ?? {};
      if (!answers.length) finish();
      return Response.json(answer);
    }
    await finished;
    const body = new ReadableStream({
      pull: (stream) => {
        const part = parts.shift();
        if (part) stream.enqueue(part);
        else stream.close();
      },
    });
    return new Response(body, { headers });
  };
}

test('what is computed is reported, then what has arrived', async () => {
  serve([{}, { done: 10, count: 40 }, { done: 30, count: 40 }, {}], [Uint8Array.of(1, 2), Uint8Array.of(3)], { 'content-length': '3' });
  /** @type {import('../../ganlab/ui/static/lib/map-loading.js').Stand[]} */
  const heard = [];
  const buffer = await fetchMap('a', (stand) => heard.push(stand), 1);
  assert.deepEqual([...new Uint8Array(buffer)], [1, 2, 3]);
  assert.deepEqual(heard, [
    { what: 'encoding', done: 10, count: 40 },
    { what: 'encoding', done: 30, count: 40 },
    { what: 'fetching', done: 2, count: 3 },
    { what: 'fetching', done: 3, count: 3 },
  ]);
});

test('without a length, or packed by a proxy, the file arrives all the same', async () => {
  for (const headers of [{}, { 'content-length': '2', 'content-encoding': 'br' }]) {
    serve([{}], [Uint8Array.of(1, 2), Uint8Array.of(3)], /** @type {Record<string, string>} */ (headers));
    const buffer = await fetchMap('a', () => assert.fail('nothing is known'), 1);
    assert.deepEqual([...new Uint8Array(buffer)], [1, 2, 3]);
  }
});

test('a refusal is the sentence of the server', async () => {
  globalThis.fetch = async () => new Response('No map.', { status: 404 });
  await assert.rejects(fetchMap('a', () => {}, 1), /^Error: No map\.$/);
});
