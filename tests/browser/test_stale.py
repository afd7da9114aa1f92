"""Results of a model that is no longer chosen are marked until they agree with the header again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.test_tabs import Open

pytestmark = pytest.mark.browser

# A page of its own inside the app's: a header, two results and one without a fingerprint.
SCENE = """
async () => {
  const { watchStale } = await import(new URL('ganlab/static/lib/stale.js', document.baseURI));
  const root = document.createElement('div');
  root.innerHTML = `
    <div class="gl-header"><p data-fingerprint="a"></p></div>
    <div id="tabs"><p data-fingerprint="a"></p><p data-fingerprint=""></p><p><span>text</span></p></div>
    <div class="gl-kept" data-fingerprint="b"></div>`;
  window.scene = root;
  watchStale(root);
}
"""
MARKS = """
() => [...window.scene.querySelectorAll('p, .gl-kept')].map(
  (element) => element.classList.contains('gl-stale') && element.getAttribute('aria-busy') === 'true')
"""


def marks_after(page: Any, change: str) -> list[bool]:
    page.evaluate(f"() => {{ const root = window.scene; {change} }}")
    return list(page.evaluate(MARKS))


def test_results_of_another_model_are_marked_until_they_agree(open_page: Open) -> None:
    page = open_page()
    page.evaluate(SCENE)
    header, result, empty, plain, outside = (False, True, False, False, False)
    assert page.evaluate(MARKS) == [False] * 5
    switch = "root.querySelector('.gl-header p').dataset.fingerprint = 'b';"
    assert marks_after(page, switch) == [header, result, empty, plain, outside]
    assert marks_after(page, "root.querySelector('#tabs p').dataset.fingerprint = 'b';") == [False] * 5
    late = "root.querySelector('#tabs').innerHTML = '<div><p data-fingerprint=\"a\"></p></div>';"
    assert marks_after(page, late) == [False, True, False]
    back = "root.querySelector('.gl-header').innerHTML = '<p data-fingerprint=\"a\"></p>';"
    assert marks_after(page, back) == [False] * 3
