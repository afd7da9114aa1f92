// Parts of an answer reach Gradio whichever server computes them, and though it goes away in the middle.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Line } from '../../ganlab/ui/static/lib/line.js';

const JOIN = 'http://server/gradio_api/queue/join?';
const DATA = 'http://server/gradio_api/queue/data?session_hash=s';
const frame = (/** @type {object} */ message) => `data: ${JSON.stringify(message)}\n\n`;
const generating = (/** @type {string} */ id, /** @type {unknown[]} */ data) => frame({ msg: 'process_generating', event_id: id, output: { data } });
const completed = (/** @type {string} */ id) => frame({ msg: 'process_completed', event_id: id, output: {} });
const close = frame({ msg: 'close_stream' });

/**
 * A stream of these texts, which then ends or breaks.
 * @param {string[]} texts
 * @param {boolean} [breaks]
 */
function stream(texts, breaks = false) {
  const waiting = [...texts];
  const body = new ReadableStream({
    pull(controller) {
      const text = waiting.shift();
      if (text) controller.enqueue(new TextEncoder().encode(text));
      else if (breaks) controller.error(new TypeError('broken'));
      else controller.close();
    },
  });
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
}

/**
 * A line whose servers take events as e1, e2, ... and give these answers about them.
 * @param {(Response | null)[]} answers
 */
function connect(answers) {
  /** @type {string[]} */
  const sent = [];
  let joined = 0;
  const line = new Line({
    fetch: async (address) => {
      const name = String(new URL(String(address)).pathname.split('/').at(-1));
      sent.push(name);
      if (name === 'join') return new Response(JSON.stringify({ event_id: `e${++joined}` }), { headers: { 'content-type': 'application/json' } });
      const answer = answers.shift();
      if (!answer) throw new TypeError('Failed to fetch');
      return answer;
    },
    restore: () => {},
    say: () => {},
    reload: () => {},
    pause: async () => {},
  });
  return { line, sent };
}

/** @param {Line} line */
async function follow(line) {
  const { event_id: id } = await (await line.fetch(JOIN, { body: '{"session_hash":"s"}' })).json();
  assert.equal(id, 'e1');
  const text = await (await line.fetch(DATA)).text();
  return text.split('\n\n').filter(Boolean).map((part) => JSON.parse(part.slice(5)));
}

test('a stream passes as it is', async () => {
  const { line, sent } = connect([stream([generating('e1', ['a']).slice(0, 9), generating('e1', ['a']).slice(9) + completed('e1'), close])]);
  const parts = await follow(line);
  assert.deepEqual(parts.map(({ msg }) => msg), ['process_generating', 'process_completed', 'close_stream']);
  assert.deepEqual(parts[0].output.data, ['a']);
  assert.deepEqual(sent, ['join', 'data']);
});

test('the server that computes is looked for', async () => {
  const elsewhere = () => new Response('', { status: 421 });
  const { line, sent } = connect([elsewhere(), elsewhere(), stream([completed('e1') + close])]);
  assert.equal((await follow(line)).length, 2);
  assert.deepEqual(sent, ['join', 'data', 'data', 'data']);
});

test('what a server leaves unfinished is sent again, and heard under its first name', async () => {
  const first = stream([generating('e1', ['a', 1]), generating('e1', [[['append', [], 'b']], []])], true);
  const second = stream([generating('e2', ['x', 2]), generating('e2', [[['append', [], 'y']], []]), completed('e2') + close]);
  const { line, sent } = connect([first, null, second]);
  const parts = await follow(line);
  assert.deepEqual(parts.map(({ event_id: id }) => id), [...Array(5).fill('e1'), undefined]);
  assert.deepEqual(parts[2].output.data, [[['replace', [], 'x']], [['replace', [], 2]]]); // of what Gradio has by then
  assert.deepEqual(parts[3].output.data, [[['append', [], 'y']], []]);
  assert.deepEqual(sent, ['join', 'data', 'join', 'data', 'data']);
  const stopped = connect([stream([frame({ msg: 'unexpected_error', message: 'Server stopped unexpectedly.' })]), stream([completed('e2') + close])]);
  assert.deepEqual((await follow(stopped.line)).map(({ msg }) => msg), ['process_completed', 'close_stream']);
});

test('who stops listening is not answered any more', async () => {
  const { line, sent } = connect([]);
  await line.fetch(JOIN, { body: '{}' });
  await assert.rejects(line.fetch(DATA, { signal: AbortSignal.abort() }), /Failed to fetch/);
  assert.deepEqual(sent, ['join', 'data']);
});
