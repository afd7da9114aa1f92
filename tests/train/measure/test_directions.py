"""The command that measures directions, on a trained autoencoder with few pictures."""

from __future__ import annotations

import dataclasses
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
from train.measure import directions as measured
from train.measure.directions import draw_steps, fit_r2, measure_change, measure_directions, measure_sets

NOTHING = {"principal": {"effect": 0.0, "noise": 1.0}}  # figures by which a kind is not offered


@pytest.fixture(autouse=True)
def few_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each moved picture takes a Jacobian."""
    monkeypatch.setattr(measured, "MOVED", 8)
    monkeypatch.setattr(measured, "RANDOM", 6)


def test_it_measures_what_a_model_holds(few_neighbours: Explorer) -> None:
    statistics, figures = measure_directions(few_neighbours)
    codes, labels = few_neighbours.gallery.codes, few_neighbours.gallery.pictures.labels  # type: ignore[union-attr]
    assert statistics.classes.shape == (10, 50)
    assert statistics.components is statistics.closed_form is None  # quick without a latent map
    torch.testing.assert_close(statistics.classes[4], codes[labels == 4].mean(0))
    torch.testing.assert_close(statistics.covariance, torch.cov(codes.T), atol=1e-6, rtol=1e-4)
    assert (figures["fitted"], figures["held_out"]) == (240, 60)
    slant = figures["attributes"]["slant"]
    assert slant["unit"] == "degrees"
    assert slant["r2"] > 0.5
    assert 0.2 < slant["effect"] < slant["effect_far"]
    assert 0 < slant["noise"] < slant["effect"]
    sets = figures["sets"]
    assert list(sets) == ["principal", "local", "closed-form", "classes"]
    assert sets["local"]["effect"] > sets["local"]["noise"] > 0
    assert sets["classes"]["effect"] > 0.3 > sets["classes"]["noise"]  # most moves reach the class
    left_out = dataclasses.replace(few_neighbours.model, metrics={"directions": {"sets": NOTHING}})
    explorer = Explorer(left_out, few_neighbours.gallery)
    assert "principal" not in explorer.directions.kinds
    again = measure_sets(explorer, codes[:3], draw_steps(statistics.covariance, 2))
    assert "principal" in again  # what an earlier measurement left out is measured anew


def test_with_a_latent_map_what_takes_long_is_stored_and_never_read_back(
    mapped: Explorer, digits: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measured, "ATTRIBUTES", {"grey": lambda x: x.flatten(1).mean(1)})
    few = Pictures(digits.pixels[:300], digits.labels[:300], digits.indices[:300])
    explorer = Explorer(mapped.model, Gallery(mapped.model, few))
    computed = {key: getattr(explorer.directions, key) for key in directions.RANKINGS}
    statistics, figures = measure_directions(explorer)
    for key, (sizes, vectors) in computed.items():
        torch.testing.assert_close(getattr(statistics, key), (sizes, vectors))
    others = {key: (sizes, vectors.flip(0)) for key, (sizes, vectors) in computed.items()}
    assert mapped.model.folder is not None
    dataclasses.replace(statistics, **others).save(mapped.model.folder, mapped.fingerprint)
    again, same = measure_directions(explorer)
    assert torch.equal(again.components[1], computed["components"][1])  # type: ignore[index]
    assert same["sets"] == figures["sets"]


def test_a_change_of_pictures_is_the_mean_over_both_ends(few_neighbours: Explorer) -> None:
    z = few_neighbours.sample(2, seed=1)
    steps = 0.1 * torch.eye(50)[:3]
    changes = [
        (few_neighbours.decode((row + sign * step).clamp(-1, 1)) - few_neighbours.decode(row))
        for row in z
        for step in steps
        for sign in (1, -1)
    ]
    expected = sum(float(change.square().mean().sqrt()) for change in changes) / len(changes)
    assert measure_change(few_neighbours, z, [steps, steps]) == pytest.approx(expected, rel=1e-4)


def test_random_steps_are_as_likely_as_one_deviation() -> None:
    covariance = torch.tensor([[1.0, 0.8, 0], [0.8, 1, 0], [0, 0, 4]])
    steps = draw_steps(covariance, 50)
    sizes = torch.einsum("nd,de,ne->n", steps, torch.linalg.inv(covariance), steps)
    torch.testing.assert_close(sizes, torch.ones(50), atol=1e-4, rtol=0)


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
    monkeypatch.setattr(Gallery, "load", lambda model, stand_ins=False: Gallery(model, few))
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
