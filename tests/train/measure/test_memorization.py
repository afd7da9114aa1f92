"""Memorization: a generator that returns training pictures is detected."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import ganlab
from ganlab.explorer import Explorer
from ganlab.gallery import Gallery, Pictures
from ganlab.hub import CHECKPOINTS
from ganlab.mixture import Mixture
from train.data import datasets
from train.measure import command
from train.measure.memorization import MEASUREMENT, measure_memorization


class Shows(nn.Module):
    """A generator that knows pictures by heart: the first numbers of z choose one."""

    def __init__(self, pictures: Tensor) -> None:
        super().__init__()
        self.register_buffer("pictures", pictures)
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, z: Tensor) -> Tensor:
        chosen = ((z[:, 0] + 1) / 2 * len(self.pictures)).long().clamp(0, len(self.pictures) - 1)
        return self.pictures[chosen]


def part(digits: Pictures, rows: slice) -> Pictures:
    return Pictures(digits.pixels[rows], digits.labels[rows], digits.indices[rows])


def explorer_that_shows(shown: Pictures, gallery: Pictures) -> Explorer:
    model = ganlab.load("mnist-ae-l1").model
    model = dataclasses.replace(
        model, networks={**model.networks, "generator": Shows(shown.inputs(slice(None)))}
    )
    return Explorer(model, Gallery(model, gallery))


def test_memorized_samples_lie_on_training_pictures(digits: Pictures) -> None:
    train, test = part(digits, slice(0, 250)), part(digits, slice(250, 500))
    figures = measure_memorization(explorer_that_shows(train, train), test, count=400)
    assert (figures["samples"], figures["closer"]) == (400, 400)
    assert figures["median"] == 0
    assert figures["nearer_to_training"] == 1


def test_new_pictures_are_as_near_to_both(digits: Pictures) -> None:
    """Shown are real pictures that lie in neither set."""
    train, test, new = (part(digits, slice(start, start + 160)) for start in (0, 160, 320))
    figures = measure_memorization(explorer_that_shows(new, train), test, count=1000)
    assert figures["closer"] < 40
    assert 0.4 < figures["nearer_to_training"] < 0.6
    assert figures["median"] == pytest.approx(figures["median_real"], rel=0.1)
    assert figures["quantiles_real"] == sorted(figures["quantiles_real"])


def test_every_source_is_measured(digits: Pictures) -> None:
    train, test = part(digits, slice(0, 250)), part(digits, slice(250, 500))
    alone = explorer_that_shows(train, train)
    mixture = Mixture(1, alone.config.latent_dim)
    mixture.weights.fill_(1)
    mixture.means[:, 0] = 2.0  # beyond the box: the last picture alone
    mixed = Explorer(dataclasses.replace(alone.model, mixture=mixture), alone.gallery)
    figures = measure_memorization(mixed, test, count=40)
    assert (figures["source"], figures["closer"]) == ("mixture", 40)
    (other,) = figures["others"]
    expected = measure_memorization(alone, test, count=40)
    assert expected["others"] == []
    assert other == {key: expected[key] for key in other}
    sentence = MEASUREMENT.sentence({**figures, "command": "that"})  # type: ignore[misc]
    assert sentence.endswith("Of samples of the prior it is for 100.00 ± 0.00 %.")


def test_the_command_writes_what_the_explorer_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], digits: Pictures
) -> None:
    folder = tmp_path / "mnist-ae-l1"
    shutil.copytree(CHECKPOINTS / "mnist-ae-l1", folder)
    train, test = part(digits, slice(0, 250)), part(digits, slice(250, 500))
    monkeypatch.setattr(Gallery, "load", lambda model, stand_ins=False: Gallery(model, train))
    monkeypatch.setattr(datasets, "load", lambda *_, **__: test)
    monkeypatch.setattr("train.measure.memorization.SAMPLES", 50)
    assert command.main("memorization", [str(folder), "--data-root", "there"]) == 0
    said = capsys.readouterr().out
    assert "samples of the prior" in said
    assert said.splitlines()[-1] in (folder / "README.md").read_text(encoding="utf-8")
    explorer = ganlab.load(str(folder))
    (near, share), (far, none) = explorer.find_memorized(
        torch.cat([train.inputs(slice(3, 4)), torch.ones(1, 1, 28, 28)])
    )
    assert (near.index, near.distance, share) == (int(train.indices[3]), 0, 1)
    assert far.distance > 20
    assert none == 0


def test_a_model_without_a_gallery_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main("memorization", ["cifar10-gan"]) == 2
    assert "no gallery of training pictures" in capsys.readouterr().err
