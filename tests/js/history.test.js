import assert from 'node:assert/strict';
import { test } from 'node:test';
import { History } from '../../ganlab/ui/static/lib/history.js';

test('the last 500 entries are kept, and what was undone is lost', () => {
  const history = new History(0);
  for (let entry = 1; entry <= 600; entry++) history.push(entry);
  const undone = [];
  while (history.canUndo) undone.push(history.undo());
  assert.deepEqual([undone.length, undone[0], undone.at(-1)], [499, 599, 101]);
  assert.deepEqual([history.redo(), history.redo()], [102, 103]);
  history.push(-1);
  assert.deepEqual([history.current, history.canRedo, history.undo()], [-1, false, 103]);
});
