"""Codes are compared with the prior."""

from __future__ import annotations

import pytest

from ganlab import latent
from ganlab.gallery import Pictures
from ganlab.judge import Judge
from tests.train.measure.models import (
    create_model,
)
from train.measure import codes

pytestmark = pytest.mark.usefixtures("small")


@pytest.mark.parametrize("prior", ["uniform", "normal"])
def test_codes_are_compared_with_the_prior(
    prior: str, known: Pictures, test: Pictures, tiny_judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codes, "TESTED", 60)
    stored = create_model(known, "bigan", prior=prior)
    x = test.inputs(slice(None))
    figures = codes.measure_codes(stored, x)
    z = stored.encoder(x)
    assert figures["mean_abs"] == pytest.approx(float(z.mean(0).abs().mean()), rel=1e-4)
    spread = z.double().std(0)
    assert figures["deviation"] == pytest.approx(float(spread.mean()), rel=1e-4)
    assert (figures["deviation_least"], figures["deviation_most"]) == pytest.approx(
        (float(spread.min()), float(spread.max())), rel=1e-4
    )
    drawn = latent.draw(prior, 4, 1000, 0)
    assert figures["deviation_prior"] == pytest.approx(float(drawn.std()), abs=0.03)
    assert figures["energy"] > figures["energy_by_chance"]  # an untrained encoder knows of no prior
    assert figures["p"] < 0.05
