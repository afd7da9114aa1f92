"""The command that measures what a history costs: that it runs, not what it measures."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from ganlab.gallery import Pictures
from tests.train.runs import settings
from train.watch import overhead, recorder


def test_both_shares_are_measured(
    tmp_path: Path, digits: Pictures, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder.Judge, "load", lambda *_: None)
    share, loss = overhead.measure("tiny", settings(tmp_path), digits, 1, 0.05)
    assert 0 <= share < math.inf
    assert loss < 1
    assert capsys.readouterr().out.startswith(f"tiny: its history took {share:.2%} of the time")


def test_a_system_that_there_is_not_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert overhead.main(["vae"]) == 2
    assert capsys.readouterr().err.startswith("error: System 'vae' not found; available =")
