"""Rows of a study: what they are called, and that a row of another budget is not taken for this one's."""

from __future__ import annotations

from pathlib import Path

import pytest

from train.studies.row_files import format_file_name, read_row, write_row

BUDGET = {"steps": 3, "weights": "a"}


def test_a_row_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "rows" / "row.json"
    assert read_row(path, BUDGET) is None
    row = write_row(path, BUDGET, {"share": 0.123456789})
    assert row == {"computed_with": BUDGET, "share": 0.123457}
    assert read_row(path, BUDGET) == row


def test_a_row_made_with_something_else_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "row.json"
    write_row(path, BUDGET, {})
    with pytest.raises(ValueError, match=r"row\.json was computed with steps 3 and not 4: remove it"):
        read_row(path, {**BUDGET, "steps": 4})
    with pytest.raises(ValueError, match="pairs None and not 5"):
        read_row(path, {**BUDGET, "pairs": 5})


def test_file_names_hold_letters_and_digits_alone() -> None:
    assert format_file_name("Two rounds, noise 0.05") == "two-rounds-noise-0.05"
    assert format_file_name("../x") == "x"
    with pytest.raises(ValueError, match="has letters or digits"):
        format_file_name("..")


def test_a_damaged_row_is_named(tmp_path: Path) -> None:
    path = tmp_path / "row.json"
    for content in (b"", b'{"a": 1', b"[1]", b"\xff\xfe"):
        path.write_bytes(content)
        with pytest.raises(
            ValueError, match=r"row\.json is damaged: remove it, and its row is computed again\."
        ):
            read_row(path, BUDGET)
