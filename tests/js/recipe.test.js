// Recipes against ganlab/studio/recipe.py.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeRecipe, recipeFromQuery, recipeToQuery } from '../../ganlab/ui/static/lib/recipe.js';
import { readFixture } from './fixtures.js';

for (const { latents, json, query } of readFixture('recipe').cases) {
  test(`a recipe of ${json.model}, ${json.operation}`, () => {
    const { model: name, fingerprint, film } = json;
    const recipe = encodeRecipe({ name, fingerprint }, latents, film);
    assert.deepEqual(JSON.parse(recipe), json);
    assert.deepEqual(recipeFromQuery(query), json);
    assert.deepEqual(recipeFromQuery(recipeToQuery(recipe)), json);
    assert.match(recipeToQuery(recipe), /^[\w-]+$/);
  });
}

test('a permalink is the same text in both languages', () => {
  const { query } = readFixture('recipe').cases[1];
  const text = Buffer.from(query, 'base64url').toString('utf8');
  assert.equal(recipeToQuery(text), query);
});

test('a text that is no recipe gives null', () => {
  for (const text of ['', 'nonsense', 'bnVsbA', 'NQ', '%%%']) assert.equal(recipeFromQuery(text), null);
});
