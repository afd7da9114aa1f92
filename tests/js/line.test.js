// The line to the server: nothing is lost, doubled or shown as another state while it is gone, busy or forgetful.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Line } from '../../ganlab/ui/static/lib/line.js';
import { BUSY, DOWN, FAILED, SAVED, TOO_LARGE, explainRefusal } from '../../ganlab/ui/static/lib/sentences.js';

const RUN = 'http://server/app/gradio_api/run/predict?tab=map';
const JSON_TYPE = { 'content-type': 'application/json' };
let version = 0;
const ok = () => new Response('{}', { headers: { ...JSON_TYPE, 'x-ganlab-page': 'p1', 'x-ganlab-state': `v${++version}` } });
const lost = (page = 'p1') => new Response('', { status: 409, headers: { 'x-ganlab-visit': 'lost', 'x-ganlab-page': page } });
/** An answer whose connection breaks in the middle. */
const broken = () => new Response(new ReadableStream({ start: (controller) => controller.error(new TypeError('broken')) }));
const body = (/** @type {object} */ more = {}) => JSON.stringify({ fn_index: 1, session_hash: 's', ...more });

/**
 * A line whose server gives these answers, one after the other; null where it is not there.
 * @param {(Response | null)[]} answers
 */
function connect(answers) {
  /** @type {string[]} */
  const sent = [];
  /** @type {string[]} */
  const said = [];
  /** @type {Promise<Response>[]} */
  const restores = [];
  const line = new Line({
    fetch: async (address, options) => {
      const mark = new Headers(options?.headers).get('x-ganlab-visit') ?? '';
      sent.push([new URL(String(address), 'http://server/').pathname.split('/').at(-1), mark].join(' ').trim());
      const answer = answers.shift();
      if (!answer) throw new TypeError('Failed to fetch');
      return answer;
    },
    restore: () => void restores.push(line.fetch(RUN, { body: body({ event_data: { restoring: true } }) })),
    say: (sentence, lasting) => void said.push(lasting ? `${sentence} ...` : sentence),
    reload: () => void said.push('reload'),
    pause: async () => {},
  });
  return { line, sent, said, restores };
}

test('a request waits until the server is back', async () => {
  const { line, sent, said } = connect([null, null, new Response('', { status: 502 }), ok(), ok()]);
  assert.equal((await line.fetch(RUN, { body: body() })).status, 200);
  assert.deepEqual(sent, ['predict open 0', 'app_id', 'app_id', 'app_id', 'predict open 0']);
  assert.deepEqual(said, [`${DOWN} ...`, '', '']);
});

test('requests that wait together go on in their order', async () => {
  /** @type {string[]} */
  const order = [];
  let down = true;
  const line = new Line({
    fetch: async (address, options) => {
      if (String(address).includes('app_id')) down = false;
      else if (!down) order.push(JSON.parse(String(options?.body)).fn_index);
      if (down) throw new TypeError('Failed to fetch');
      return ok();
    },
    restore: () => {},
    say: () => {},
    reload: () => {},
    pause: async () => {},
  });
  await Promise.all([1, 2, 3].map((number) => line.fetch(RUN, { body: body({ fn_index: number }) })));
  assert.deepEqual(order, [1, 2, 3]);
});

test('a state that the server lacks is put back before anything else is done', async () => {
  version = 0;
  const { line, sent, restores } = connect([ok(), lost(), lost(), lost(), lost(), ok(), ok(), ok()]);
  await line.fetch(RUN, { body: body() });
  await Promise.all([line.fetch(RUN, { body: body() }), line.fetch(RUN, { body: body() })]);
  await Promise.all(restores);
  const marks = ['open 0', ...Array(4).fill('open v1'), 'new', 'open v2', 'open v3'];
  assert.deepEqual(sent, marks.map((mark) => `predict ${mark}`));
});

test('a state that another server has is looked for', async () => {
  version = 0;
  const { line, sent, restores } = connect([ok(), lost(), lost(), ok()]);
  await line.fetch(RUN, { body: body() });
  await line.fetch(RUN, { body: body() });
  assert.deepEqual(sent, ['predict open 0', ...Array(3).fill('predict open v1')]);
  assert.deepEqual(restores, []);
});

test('events that are made together are sent one after the other, each with the state that the one before left', async () => {
  /** @type {((response: Response) => void)[]} */
  const held = [];
  /** @type {(string | null)[]} */
  const marks = [];
  const line = new Line({
    fetch: (address, options) => {
      marks.push(new Headers(options?.headers).get('x-ganlab-visit'));
      return new Promise((resolve) => void held.push(resolve));
    },
    restore: () => {},
    say: () => {},
    reload: () => {},
  });
  version = 0;
  const events = [1, 2, 3].map((number) => line.fetch(RUN, { body: body({ fn_index: number }) }));
  assert.equal(line.underWay, 3);
  for (const event of events) {
    while (!held.length) await new Promise((resolve) => void setImmediate(resolve));
    assert.equal(held.length, 1);
    held.shift()?.(ok());
    await event;
  }
  assert.deepEqual(marks, ['open 0', 'open v1', 'open v2']);
});

test('a picture that the server lacks is sent along', async () => {
  /** @type {string[]} */
  const bodies = [];
  const answers = [new Response('', { status: 409, headers: { 'x-ganlab-visit': 'upload' } }), ok()];
  const line = new Line({
    fetch: async (_, options) => {
      bodies.push(String(options?.body));
      return answers.shift() ?? Response.error();
    },
    restore: () => {},
    say: () => {},
    reload: () => {},
    encode: async (names) => Object.fromEntries(names.map((name) => [name, 'abc'])),
  });
  const event = { data: [null, { upload: 'one' }], event_data: { upload: 'two' } };
  assert.equal((await line.fetch(RUN, { body: body(event) })).status, 200);
  assert.deepEqual(JSON.parse(bodies[1]), { ...JSON.parse(bodies[0]), uploads: { one: 'abc', two: 'abc' } });
});

test('a server with another page has it opened anew; so does a state that cannot be put back', async () => {
  for (const [answers, sentence] of /** @type {[Response[], string][]} */ ([
    [[ok(), ...Array.from({ length: 4 }, () => lost('p2'))], SAVED],
    [[ok(), ...Array.from({ length: 4 }, () => lost()), new Response('', { status: 500 })], FAILED],
  ])) {
    const { line, said } = connect(answers);
    await line.fetch(RUN, { body: body() });
    line.fetch(RUN, { body: body() }).then(() => assert.fail('no answer is shown'));
    while (!said.includes('reload')) await new Promise((resolve) => void setImmediate(resolve));
    assert.deepEqual(said, ['', `${sentence} ...`, 'reload']);
  }
});

test('a full queue is waited for, and a refusal is a sentence that changes nothing', async () => {
  const full = new Response('{"detail": "Queue is full."}', { status: 503, headers: JSON_TYPE });
  const busy = connect([full, ok()]);
  await busy.line.fetch('http://server/gradio_api/queue/join?', { body: body() });
  assert.deepEqual(busy.said, [`${BUSY} ...`, '']);
  Object.assign(globalThis, { gradio_config: { dependencies: [{ id: 1, queue: false, outputs: [5, 6] }] } });
  for (const [status, sentence] of /** @type {[number, string][]} */ ([[413, TOO_LARGE], [500, FAILED]])) {
    const { line, said } = connect([new Response('<html>', { status })]);
    const answer = await line.fetch(RUN, { body: body() });
    assert.equal(answer.status, 200);
    assert.deepEqual((await answer.json()).data, Array(2).fill({ __type__: 'update' }));
    assert.deepEqual(said, [sentence]);
  }
});

test('other requests are left alone, and so is what somebody stops', async () => {
  const { line, sent } = connect([new Response('', { status: 500 }), null]);
  assert.equal((await line.fetch('http://server/ganlab/generator')).status, 500);
  const signal = AbortSignal.abort();
  await assert.rejects(line.fetch(RUN, { body: body(), signal }), /Failed to fetch/);
  assert.deepEqual(sent, ['generator', 'predict open 0']);
});

test('a route is asked again while the server goes away, and its answer is whole', async () => {
  const { line, sent } = connect([null, new Response('<html>', { status: 502, headers: { 'content-type': 'text/html' } }), broken(), new Response('film')]);
  assert.equal(await (await line.fetch('ganlab/film', { method: 'POST', body: '{}' })).text(), 'film'); // as the page asks
  assert.deepEqual(sent, Array(4).fill('film'));
  const full = connect([new Response('The server is full.', { status: 503, headers: { 'content-type': 'text/plain' } })]);
  assert.equal((await full.line.fetch('http://server/ganlab/film')).status, 503); // the app's own word
  await assert.rejects(connect([]).line.fetch('http://server/ganlab/film'), /Failed to fetch/);
});

test('only the app\'s own sentences are read out', async () => {
  const refuse = (/** @type {string} */ text, /** @type {number} */ status, type = 'text/plain; charset=utf-8') =>
    explainRefusal(new Response(text, { status, headers: { 'content-type': type } }));
  assert.equal(await refuse('There is no example 9.', 404), 'There is no example 9.');
  assert.equal(await refuse('<html>nginx</html>', 413, 'text/html'), TOO_LARGE);
  for (const odd of ['', 'x'.repeat(9999), '<b>no</b>']) assert.equal(await refuse(odd, 500), FAILED);
});
