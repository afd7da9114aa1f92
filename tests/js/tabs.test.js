// The row of tabs: which tab a key leads to, and how far the row scrolls for a tab.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { findNext, findScroll } from '../../ganlab/ui/static/lib/tabs.js';

test('arrows lead round, Home and End to the ends, other keys nowhere', () => {
  assert.equal(findNext('ArrowRight', 2, 8), 3);
  assert.equal(findNext('ArrowRight', 7, 8), 0);
  assert.equal(findNext('ArrowLeft', 0, 8), 7);
  assert.equal(findNext('Home', 5, 8), 0);
  assert.equal(findNext('End', 5, 8), 7);
  assert.equal(findNext('ArrowDown', 5, 8), null); // scrolls the page
  assert.equal(findNext('a', 5, 8), null);
});

test('a tab beyond an edge is scrolled into sight with a margin, one in sight is left', () => {
  assert.equal(findScroll(0, 300, 100, 180, 20), 0);
  assert.equal(findScroll(0, 300, 290, 360, 20), 80);
  assert.equal(findScroll(250, 300, 200, 260, 20), 180);
  assert.equal(findScroll(250, 300, 0, 60, 20), 0);
});
