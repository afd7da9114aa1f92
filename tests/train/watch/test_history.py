"""The files of a history: strict JSON, whole lines, and what a resume drops."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganlab.files import WriteError
from train.watch.history import History, make_strict, write_wish


@pytest.fixture
def history(tmp_path: Path) -> History:
    history = History(tmp_path)
    history.start({"method": "bigan"})
    return history


def read(history: History, name: str) -> list[Any]:
    def refuse(text: str) -> None:
        raise AssertionError(f"{text} is no JSON")

    lines = (history.folder / name).read_text().splitlines()
    return [json.loads(line, parse_constant=refuse) for line in lines]


def add_moment(history: History, step: int, **arrays: np.ndarray) -> None:
    history.add_moment({"step": step, "scale": None}, {"samples": np.full((2, 1, 4, 4), step), **arrays})


def test_numbers_that_json_cannot_hold_are_null(history: History) -> None:
    history.add_scalars({"step": 1, "loss": {"discriminator": math.nan}, "d_real": math.inf, "d_made": -1.5})
    expected = {"step": 1, "loss": {"discriminator": None}, "d_real": None, "d_made": -1.5}
    assert read(history, "scalars.jsonl") == [expected]
    assert make_strict({"a": (1, -math.inf, [math.nan])}) == {"a": [1, None, [None]]}


def test_a_moment_names_its_arrays_by_the_step(history: History) -> None:
    add_moment(history, 7)
    assert read(history, "moments.jsonl") == [{"step": 7, "scale": None}]
    with np.load(history.folder / "moments" / "000007.npz", allow_pickle=False) as arrays:
        assert arrays["samples"].shape == (2, 1, 4, 4)


def test_a_resume_drops_what_came_after_the_state(history: History) -> None:
    for step in (0, 5, 10):
        history.add_scalars({"step": step})
        history.add_event({"step": step, "kind": "resumed"})
        add_moment(history, step, positions=np.full((3, 2), step, np.uint16))
    with (history.folder / "scalars.jsonl").open("a") as file:
        file.write('{"step": 5, "lo')  # as a killed process leaves it
    write_wish(history.folder.parent, "stop")
    assert history.resume(5)
    history.add_scalars({"step": 6})
    assert [row["step"] for row in read(history, "scalars.jsonl")] == [0, 5, 6]
    assert [row["step"] for row in read(history, "events.jsonl")] == [0, 5]
    assert [row["step"] for row in read(history, "moments.jsonl")] == [0, 5]
    assert sorted(path.name for path in (history.folder / "moments").iterdir()) == [
        "000000.npz",
        "000005.npz",
    ]
    assert history.read_wish() == "run"
    step, positions = history.read_positions()
    assert step == 5
    assert positions is not None
    assert positions.tolist() == [[5, 5]] * 3


def test_positions_are_those_of_the_last_moment_that_has_some(history: History) -> None:
    assert history.read_positions() == (-1, None)
    add_moment(history, 1, positions=np.zeros((3, 2), np.uint16))
    add_moment(history, 2)
    step, positions = history.read_positions()
    assert step == 2
    assert positions is not None
    (history.folder / "moments" / "000001.npz").write_bytes(b"PK\3\4 cut short")
    assert history.read_positions() == (2, None)


def test_without_a_history_there_is_nothing_to_resume(tmp_path: Path) -> None:
    assert not History(tmp_path).resume(3)


def test_a_new_run_begins_with_an_empty_history(history: History) -> None:
    add_moment(history, 3)
    history.add_scalars({"step": 3})
    history.start({"method": "gan"})
    assert read(history, "scalars.jsonl") == []
    assert list((history.folder / "moments").iterdir()) == []
    assert json.loads((history.folder / "about.json").read_text())["method"] == "gan"


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"wish": "explode"}', '{"wish": ["stop"]}', "[" * 900, "\xff", '"stop"']
)
def test_a_wish_that_is_none_changes_nothing(content: str, history: History) -> None:
    (history.folder / "control.json").write_text(content)
    assert history.read_wish() == "run"


def test_wishes_are_read(history: History) -> None:
    assert history.read_wish() == "run"
    for wish in ("pause", "stop", "run"):
        write_wish(history.folder.parent, wish)
        assert history.read_wish() == wish
    with pytest.raises(ValueError, match="explode"):
        write_wish(history.folder.parent, "explode")


def test_a_folder_that_takes_no_files_is_an_error_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "history").write_text("a file")
    history = History(tmp_path)
    with pytest.raises(WriteError, match=r"status.json could not be written"):
        history.write_status({"state": "running"})
    with pytest.raises(WriteError, match=r"scalars.jsonl could not be written"):
        history.add_scalars({"step": 1})
