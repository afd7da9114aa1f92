"""Shares of pictures unlike digits, one picture after the other."""

from __future__ import annotations

import json

import pytest
import torch
from torch import Tensor

from ganlab import outliers
from ganlab.explorer import Explorer
from ganlab.gallery import Gallery, Pictures
from tests.train.measure.models import create_model
from train.measure import travel, unlike

pytestmark = pytest.mark.usefixtures("small")


@pytest.fixture
def explorer(known: Pictures) -> Explorer:
    model = create_model(known, "bigan")
    return Explorer(model, Gallery(model, known))


def test_shares_are_those_of_single_pictures(explorer: Explorer, test: Pictures) -> None:
    figures = unlike.measure_unlike(explorer, test, samples=20, pairs=8, digits=3)
    statistics, labels = outliers.compute_statistics(explorer, test.inputs(slice(None)))
    gauge = outliers.Gauge.from_statistics(statistics, labels)

    def share(z: Tensor) -> float:
        singles = [outliers.score_pictures(explorer, explorer.decode(row[None]), gauge) for row in z]
        return sum(bool(single.are_outliers) for single in singles if single) / len(z)

    z = explorer.encode(test.inputs(slice(None)))
    assert figures["real"]["share"] == pytest.approx(0.01)
    assert figures["reconstructions"]["share"] == pytest.approx(share(z[:20]))
    assert figures["samples"]["prior"]["share"] == pytest.approx(
        share(explorer.sample(20, unlike.SEED, source="prior"))
    )
    pairs = travel.list_pairs(test.labels, 8)
    middles = torch.stack([explorer.interpolate(z[a], z[b], 3)[1] for a, b in pairs])
    assert figures["paths"]["middle"]["share"] == pytest.approx(share(middles))
    assert list(figures["sliders"]) == list(explorer.directions.kinds)
    ends = travel.list_slider_ends(explorer, z[:3], "principal").flatten(0, 1)
    assert figures["sliders"]["principal"] == {
        "count": len(ends),
        "share": pytest.approx(share(ends)),
        "standard_error": pytest.approx((share(ends) * (1 - share(ends)) / len(ends)) ** 0.5),
    }
    json.dumps(figures)
