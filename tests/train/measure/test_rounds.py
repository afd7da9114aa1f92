"""Repeated reconstruction, round by round."""

from __future__ import annotations

import pytest

from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.judge import Judge
from tests.train.measure.models import create_model
from train.measure import rounds

pytestmark = pytest.mark.usefixtures("small")


def test_every_round_is_compared_with_the_test_picture(
    known: Pictures, test: Pictures, tiny_judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "ROUNDS", 3)
    model, x = create_model(known, "bigan"), test.inputs(slice(None))
    figures = rounds.measure_rounds(model, x, tiny_judge)
    path = Explorer(model).repeat_reconstruction(x, 3)
    labels = [tiny_judge.labels(y) for y in path]
    expected = [float((after == labels[0]).double().mean()) for after in labels[1:]]
    assert figures["kept"] == pytest.approx(expected)
    assert figures["standard_error"] == pytest.approx((expected[-1] * (1 - expected[-1]) / 200) ** 0.5)
