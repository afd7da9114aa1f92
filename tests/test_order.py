"""Each worker begins with its share of what takes long."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests import order


def item(name: str, *marks: pytest.Mark) -> Any:
    by_name = {mark.name: mark for mark in marks}
    return SimpleNamespace(nodeid=name, get_closest_marker=by_name.get)


def test_long_tests_are_dealt_by_their_files_and_lead() -> None:
    browser, slow = pytest.mark.browser.mark, pytest.mark.slow.mark
    items = [
        *(item(f"fast.py::{number}") for number in range(13)),
        item("a.py::1", slow),
        item("a.py::2"),
        item("b.py::1", browser),
        item("a.py::3", slow),
        item("c.py::1", browser, pytest.mark.slow(9).mark),
    ]
    dealt = [each.nodeid for each in order.deal(items, 3)]
    assert sorted(dealt) == sorted(each.nodeid for each in items)
    assert [dealt[0:1], dealt[6:7], dealt[12:14]] == [["c.py::1"], ["b.py::1"], ["a.py::1", "a.py::3"]]
    assert [each.nodeid for each in order.deal(items, 1)][:4] == ["c.py::1", "b.py::1", "a.py::1", "a.py::3"]


def test_fewer_tests_than_workers_are_all_dealt() -> None:
    slow = pytest.mark.slow.mark
    items = [item("a.py::1", slow), item("a.py::2", slow), item("b.py::1")]
    assert len(order.deal(items, 4)) == 3
    assert order.deal([], 2) == []
