// The line to the server: nothing is lost, doubled or shown as another state while it is gone, busy or forgetful.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Line } from '../../ganlab/ui/static/lib/line.js';
import { BUSY, DOWN, FAILED, SAVED, TOO_LARGE, explainRefusal } from '../../ganlab/ui/static/lib/sentences.js';

const RUN = 'http://server/app/gradio_api/run/predict?tab=map';
const JSON_TYPE = { 'content-type': 'application/json' };
const ok = () => new Response('{}', { headers: { ...JSON_TYPE, 'x-ganlab-page': 'p1' } });
const lost = (page = 'p1') => new Response('', { status: 409, headers: { 'x-ganlab-visit': 'lost', 'x-ganlab-page': page } });
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
      sent.push([new URL(String(address)).pathname.split('/').at(-1), mark].join(' ').trim());
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
  assert.deepEqual(sent, ['predict', 'app_id', 'app_id', 'app_id', 'predict']);
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

test('a visit that the server has lost is put back once, before anything else is done', async () => {
  const { line, sent, restores } = connect([ok(), lost(), lost(), ok(), ok(), ok()]);
  await line.fetch(RUN, { body: body() });
  await Promise.all([line.fetch(RUN, { body: body() }), line.fetch(RUN, { body: body() })]);
  await Promise.all(restores);
  assert.deepEqual(sent, ['predict', ...Array(2).fill('predict open s'), 'predict new s', ...Array(2).fill('predict open s')]);
});

test('a server with another page has it opened anew; so does a state that cannot be put back', async () => {
  for (const [answers, sentence] of /** @type {[Response[], string][]} */ ([
    [[ok(), lost('p2')], SAVED],
    [[ok(), lost(), new Response('', { status: 500 })], FAILED],
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
  assert.deepEqual(sent, ['generator', 'predict']);
});

test('only the app\'s own sentences are read out', async () => {
  const refuse = (/** @type {string} */ text, /** @type {number} */ status, type = 'text/plain; charset=utf-8') =>
    explainRefusal(new Response(text, { status, headers: { 'content-type': type } }));
  assert.equal(await refuse('There is no example 9.', 404), 'There is no example 9.');
  assert.equal(await refuse('<html>nginx</html>', 413, 'text/html'), TOO_LARGE);
  for (const odd of ['', 'x'.repeat(9999), '<b>no</b>']) assert.equal(await refuse(odd, 500), FAILED);
});
