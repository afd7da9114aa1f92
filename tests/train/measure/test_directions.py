"""The command that measures directions, on a trained autoencoder with few pictures."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

import ganlab
from ganlab import directions
from ganlab.explorer import Explorer
from ganlab.gallery import Gallery, Pictures
from ganlab.hub import CHECKPOINTS
from train.measure import command
from train.measure.directions import fit_r2, measure_directions


def test_it_measures_what_a_model_holds(few_neighbours: Explorer) -> None:
    statistics, figures = measure_directions(few_neighbours)
    codes, labels = few_neighbours.gallery.codes, few_neighbours.gallery.pictures.labels  # type: ignore[union-attr]
    assert statistics.classes.shape == (10, 50)
    torch.testing.assert_close(statistics.classes[4], codes[labels == 4].mean(0))
    torch.testing.assert_close(statistics.covariance, torch.cov(codes.T), atol=1e-6, rtol=1e-4)
    assert (figures["fitted"], figures["held_out"]) == (240, 60)
    slant = figures["attributes"]["slant"]
    assert slant["unit"] == "degrees"
    assert slant["r2"] > 0.5
    assert 0.2 < slant["effect"] < slant["effect_far"]


def test_r2_is_1_for_a_linear_attribute_and_0_for_noise() -> None:
    rng = torch.Generator().manual_seed(0)
    codes, others = (torch.randn(4000, 5, generator=rng) for _ in range(2))
    linear = codes @ torch.ones(5)
    assert fit_r2(codes, linear, others, others @ torch.ones(5)) > 0.999
    unrelated = torch.randn(4000, generator=rng)
    assert abs(fit_r2(codes, unrelated, others, torch.randn(4000, generator=rng))) < 0.05


def test_the_command_writes_what_an_explorer_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], digits: Pictures
) -> None:
    folder = tmp_path / "mnist-ae-l1"
    shutil.copytree(CHECKPOINTS / "mnist-ae-l1", folder)
    few = Pictures(digits.pixels[:300], digits.labels[:300], digits.indices[:300])
    monkeypatch.setattr(Gallery, "load", lambda model: Gallery(model, few))
    assert command.main("directions", [str(folder)]) == 0
    assert "slant" in capsys.readouterr().out
    explorer = ganlab.load(str(folder))
    before = ganlab.load("mnist-ae-l1").metrics
    assert {**explorer.metrics, "directions": None} == {**before, "directions": None}
    assert {"classes", "attributes"} <= set(explorer.directions.kinds)
    notes = [direction.note for direction in explorer.directions.get("attributes")]
    assert all(note.startswith("R²") for note in notes)
    assert (folder / directions.FILE).stat().st_size < 20_000


def test_a_model_without_codes_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main("directions", ["mnist-gan"]) == 2
    assert "has no codes of training pictures" in capsys.readouterr().err
