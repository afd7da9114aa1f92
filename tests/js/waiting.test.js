// How the page says that its requests wait for their turn.
import assert from 'node:assert';
import { test } from 'node:test';
import { Waiting, describePlace, describePreparing } from '../../ganlab/ui/static/lib/waiting.js';

test('a request that waits says how many are before it, and takes that away when it is answered', async () => {
  const places = [2, 1, 0];
  const said = /** @type {number[]} */ ([]);
  const tickets = /** @type {string[]} */ ([]);
  const asked = /** @type {string[]} */ ([]);
  /** @type {(answer: Response) => void} */
  let answer = () => {};
  const send = /** @type {typeof fetch} */ (
    async (address, options) => {
      if (String(address).includes('/turn?')) {
        asked.push(String(address));
        const before = places.shift() ?? 0;
        if (!places.length) setTimeout(() => answer(new Response('done')), 0);
        return Response.json({ before });
      }
      tickets.push(new Headers(options?.headers).get('x-ganlab-turn') ?? '');
      return String(address).includes('film') ? new Promise((resolve) => (answer = resolve)) : new Response('at once');
    }
  );
  const { fetch } = new Waiting(send, (before) => void said.push(before), 1);
  const film = fetch('ganlab/film', { method: 'POST' });
  assert.equal(await (await fetch('http://localhost/gradio_api/run/predict', { method: 'POST' })).text(), 'at once');
  assert.equal(await (await film).text(), 'done');
  assert.deepEqual(said.slice(0, 3), [2, 1, 0]);
  assert.equal(said.at(-1), 0);
  assert.match(tickets[0], /^\w+-1$/);
  assert.equal(asked[0], `ganlab/turn?ticket=${tickets[0]}`);
});

test('a request that waits for what the server computes once says how far that is', async () => {
  const stands = [{ done: 0, count: 60000 }, { done: 1024, count: 60000 }];
  const said = /** @type {object[]} */ ([]);
  /** @type {(answer: Response) => void} */
  let answer = () => {};
  const send = /** @type {typeof fetch} */ (
    async (address) => {
      if (!String(address).includes('/turn?')) return new Promise((resolve) => (answer = resolve));
      const preparing = stands.shift();
      if (!stands.length) setTimeout(() => answer(new Response('done')), 0);
      return Response.json({ before: 0, preparing });
    }
  );
  const { fetch } = new Waiting(send, (before, preparing) => void said.push(preparing ?? before), 1);
  await fetch('ganlab/view', { method: 'POST' });
  assert.deepEqual(said.slice(0, 2), [{ done: 0, count: 60000 }, { done: 1024, count: 60000 }]);
  assert.equal(said.at(-1), 0); // taken away
  assert.equal(
    describePreparing({ done: 1024, count: 60000 }),
    'The server looks at all training pictures for this, once: 1,024 of 60,000.',
  );
});

test('what costs nothing has no ticket', async () => {
  const headers = /** @type {Headers[]} */ ([]);
  const { fetch } = new Waiting(/** @type {typeof globalThis.fetch} */ (async (_, options) => (headers.push(new Headers(options?.headers)), new Response())), () => {});
  for (const path of ['gradio_api/queue/data', 'ganlab/static/lib/film.js', 'gradio_api/heartbeat/x']) await fetch(`http://localhost/${path}`);
  assert.deepEqual(headers.map((each) => each.get('x-ganlab-turn')), [null, null, null]);
});

test('an event in the queue is spoken of when it waits longer than a moment', async () => {
  const said = /** @type {number[]} */ ([]);
  /** @type {() => void} */
  let heard = () => {};
  const waiting = new Waiting(fetch, (before) => (said.push(before), heard()), 1);
  waiting.hear('short', 1);
  waiting.hear('short', 0); // it has its turn at once
  const spoken = /** @type {Promise<void>} */ (new Promise((resolve) => (heard = resolve)));
  waiting.hear('long', 3);
  await spoken;
  waiting.hear('long', 2);
  waiting.hear('long', 0);
  assert.deepEqual(said, [3, 2, 0]);
});

test('places in words', () => {
  assert.deepEqual([describePlace(0), describePlace(1), describePlace(7)], [
    '',
    'One request is before yours. Your turn comes by itself.',
    '7 requests are before yours. Your turn comes by itself.',
  ]);
});
