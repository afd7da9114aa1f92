"""Paths between test pictures of different classes, as the judge sees them."""

from __future__ import annotations

import numpy as np
import pytest

from ganlab.gallery import Pictures
from ganlab.judge import Judge
from tests.train.measure.models import (
    create_model,
)
from train.measure import paths

pytestmark = pytest.mark.usefixtures("small")


def test_paths_are_between_different_classes_and_judged_between_their_ends(
    known: Pictures, test: Pictures, tiny_judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "PATHS", 6)
    monkeypatch.setattr(paths, "STEPS", 3)
    stored, x = create_model(known, "bigan"), test.inputs(slice(None))
    labels = test.labels.clone()
    labels[1] = labels[0]  # no path between these
    figures = paths.measure_paths(stored, x, labels, tiny_judge)
    pairs = [i for i in range(len(x) - 1) if labels[i] != labels[i + 1]][:6]
    assert pairs[0] > 0
    ways, fades = [], []
    for i in pairs:
        a, b = stored.encoder(x[i : i + 1])[0], stored.encoder(x[i + 1 : i + 2])[0]
        steps = [stored.generator((a + t * (b - a))[None]) for t in (0.25, 0.5, 0.75)]
        ways.append([float(tiny_judge.probabilities(step).max()) for step in steps])
        faded = [x[i] + t * (x[i + 1] - x[i]) for t in (0.25, 0.5, 0.75)]
        fades.append([float(tiny_judge.probabilities(step[None]).max()) for step in faded])
    assert figures["count"] == 6
    assert figures["confidence"] == pytest.approx(np.mean(ways), rel=1e-4)
    assert figures["lowest"] == pytest.approx(np.mean([min(way) for way in ways]), rel=1e-4)
    assert figures["cross_fade"] == pytest.approx(np.mean(fades), rel=1e-4)
    assert figures["cross_fade_lowest"] == pytest.approx(np.mean([min(fade) for fade in fades]), rel=1e-4)
