"""Few digits, narrow models and a random judge."""

from __future__ import annotations

import pytest
import torch

from ganlab import judge as judges
from ganlab.gallery import Pictures
from ganlab.judge import Judge
from ganlab.networks import paper
from tests.train.measure.models import part
from train.measure import batches, frechet, latent_error


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    # Weights as large as a narrow network needs for codes and samples that differ as a wide one's do.
    monkeypatch.setattr(paper, "INIT_STD", 0.5)
    monkeypatch.setattr(frechet, "SAMPLES", 120)
    monkeypatch.setattr(latent_error, "SAMPLES", 120)
    monkeypatch.setattr(batches, "BATCH", 64)  # several batches, the last one incomplete


@pytest.fixture
def known(digits: Pictures) -> Pictures:
    return part(digits, 0, 300)


@pytest.fixture
def test(digits: Pictures) -> Pictures:
    return part(digits, 300, 500)


@pytest.fixture
def tiny_judge() -> Judge:
    """A narrow random judge."""
    torch.manual_seed(3)
    config = judges.JudgeConfig("mnist", 1, 28, 10, (2, 3, 4), 8, 0.5, 0.1, 10)
    return Judge(config, judges.Network(config), "hash")
