"""A tiny run to publish, and a small shared gallery in place of the bundled one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ganlab import gallery, model, networks
from ganlab.gallery import Pictures
from tests.conftest import TINY
from tests.train.runs import take
from train import precision, sums
from train.config import TrainConfig
from train.measure import frechet, latent_error
from train.trainer import Trainer


@pytest.fixture(autouse=True)
def one_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every machine, busy or idle, finds fp32 as fast as bf16: the precision "auto" is fp32."""
    monkeypatch.setattr(precision, "_time_matmul", lambda dtype: 1.0)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, digits: Pictures) -> Path:
    """The folder of two steps of a narrow model on real digits; not to be changed."""
    out = tmp_path_factory.mktemp("runs") / "tiny"
    config = TrainConfig(width=16, limit=256, epochs=1, precision="fp32", seed=3, out=str(out), device="cpu")
    assert Trainer(config, digits).train()
    return out


@pytest.fixture
def small_gallery(tmp_path: Path, digits: Pictures, monkeypatch: pytest.MonkeyPatch) -> Path:
    """300 digits as the shared gallery, 20 held out."""
    folder = tmp_path / "galleries" / "mnist"
    folder.mkdir(parents=True)
    gallery.save_pictures(folder / gallery.TRAIN_FILE, take(digits, 300))
    gallery.save_pictures(folder / gallery.TEST_FILE, take(digits, 20))
    monkeypatch.setattr(gallery, "GALLERIES", tmp_path / "galleries")
    return folder


@pytest.fixture
def few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures of samples from 100 samples."""
    monkeypatch.setattr(frechet, "SAMPLES", 100)
    monkeypatch.setattr(latent_error, "SAMPLES", 100)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty folder of checkpoints."""
    return tmp_path / "checkpoints"


@pytest.fixture
def small_model(small_gallery: Path, tmp_path: Path) -> Path:
    """A checkpoint of tiny networks that has a shared gallery and a judge."""
    nets = networks.build(TINY)
    networks.initialise(nets, seed=0)
    model.save(dataclasses.replace(TINY, gallery="mnist"), nets, tmp_path / "tiny")
    sums.write(tmp_path / "tiny")
    return tmp_path / "tiny"
