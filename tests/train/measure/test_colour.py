"""Figures of models in colour: what is measured, of how much, and that it is what its words say."""

from __future__ import annotations

import dataclasses
import json
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ganlab import judge as judges
from ganlab import metrics, networks, outliers
from ganlab.config import ModelConfig
from ganlab.explorer import Explorer
from ganlab.gallery import Gallery, Pictures
from ganlab.judge import Judge, JudgeConfig
from ganlab.model import LatentModel
from train.data import datasets
from train.measure import (
    agreement,
    attributes_colour,
    directions,
    latent_error,
    measurement,
    memorization,
    unlike,
)
from train.measure.evaluate import measure
from train.measure.identity import measure_identity
from train.measure.measurement import Subject
from train.measure.outliers import colour
from train.measure.outliers import measure as measured_outliers
from train.report import card

CLASSES = 7
CONFIG = ModelConfig(
    name="tiny-colour",
    method="bigan-plus",
    dataset="colours",
    family="residual",
    networks=("generator", "encoder", "joint_discriminator"),
    channels=3,
    size=32,
    latent_dim=6,
    prior="normal",
    width=4,
    blocks=1,
    preparation="picture",
)


def draw(count: int, seed: int) -> Pictures:
    """Noisy pictures sorted by class, each class with a colour of its own."""
    rng = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) * CLASSES // count
    centres = torch.rand(CLASSES, 3, generator=torch.Generator().manual_seed(9))
    x = centres[labels][:, :, None, None] / 2 + torch.rand(count, 3, 32, 32, generator=rng) / 2
    return Pictures((255 * x).to(torch.uint8), labels, torch.arange(count))


@pytest.fixture(scope="module")
def model() -> LatentModel:
    nets = networks.build(CONFIG)
    networks.initialise(nets, 1)
    for net in nets.values():
        net.eval().requires_grad_(False)
    return LatentModel(CONFIG, nets, "fingerprint")


@pytest.fixture(scope="module")
def judge() -> Judge:
    config = JudgeConfig("colours", 3, 32, CLASSES, (4, 4, 8), 8, 0.5, 0.1, 100, grid=2)
    torch.manual_seed(0)
    return Judge(config, judges.Network(config), "j" * 16)


@pytest.fixture
def subject(model: LatentModel, judge: Judge, monkeypatch: pytest.MonkeyPatch) -> Subject:
    monkeypatch.setattr(unlike, "MIN_TEST", 100)
    monkeypatch.setattr(unlike, "SAMPLES", 100)
    monkeypatch.setattr(unlike, "COLOUR_PAIRS", 5)
    monkeypatch.setattr(unlike, "COLOUR_DIGITS", 2)
    monkeypatch.setattr(unlike, "COLOUR_ENDS", 20)
    monkeypatch.setattr(memorization, "SAMPLES", 200)
    monkeypatch.setattr(latent_error, "SAMPLES", 200)
    gallery = Gallery(model, draw(140, 0))
    subject = Subject(model, gallery, judge, lambda: draw(120, 1), options=Namespace(data_root="there"))
    subject.explorer.judge = judge
    return subject


def test_all_figures_of_a_model_in_colour_and_their_rows(subject: Subject) -> None:
    figures = measure(subject)
    assert set(figures) == {
        "one_nn", "reconstruction", "perceptual", "latent", "codes", "identity", "rounds", "frechet",
        "unlike", "paths",
    }  # fmt: skip
    text = card.format_figures(CONFIG, json.loads(json.dumps(figures)))
    assert "digit" not in text
    for row in (
        "1NN, histograms of colours (no model)",
        "Of the five nearest, share of its class, features (hidden layer)",
        "1NN, a random training picture",
        "The same as a share of the random pair's",
        "Perceptual distance of x and G(E(x)), judge's layers",
        "Top 5: the judge's class of x is among its five most probable of G(E(x))",
        "The same of two halves of the test pictures; the judge's accuracy",
        "Unlike real pictures, of 20 samples of the prior",
        "Unlike real pictures, of 20 ends of the sliders, raw",
        "Between two pictures, how certain the judge is",
    ):
        assert row in text
    sentence = unlike.MEASUREMENT.sentence
    assert sentence is not None
    assert "digit" not in sentence(figures["unlike"])
    assert "paths between two pictures" in sentence(figures["unlike"])


def test_without_a_judge_its_figures_are_left_out(subject: Subject) -> None:
    blind = dataclasses.replace(subject, judge=None)
    blind.explorer.judge = None
    assert set(measure(blind)) == {"one_nn", "reconstruction", "latent", "codes", "unlike"}


def test_sorted_test_pictures_are_mixed_and_others_left(model: LatentModel) -> None:
    test = draw(120, 1)
    mixed = Subject(model, None, None, lambda: test).test
    assert sorted(mixed.indices.tolist()) == list(range(120))
    assert len(set(mixed.labels[:30].tolist())) == CLASSES
    assert torch.equal(mixed.pixels, test.pixels[mixed.indices])
    again = Subject(model, None, None, lambda: mixed).test
    assert again is mixed


def test_a_model_in_colour_is_measured_on_the_first_test_pictures(
    model: LatentModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Subject(model, None, None, lambda: draw(120, 1)).test
    monkeypatch.setattr(measurement, "MAX_COLOUR", 50)
    assert torch.equal(Subject(model, None, None, lambda: draw(120, 1)).test.indices, whole.indices[:50])


# ---------------------------------------------------------------------- neighbours


def test_agreement_is_that_of_all_distances() -> None:
    rng = torch.Generator().manual_seed(3)
    rows, points = torch.randn(60, 4, generator=rng), torch.randn(40, 4, generator=rng)
    row_labels, labels = torch.arange(60) % 3, torch.arange(40) % 3
    figures = agreement.compare_classes(rows, points, row_labels, labels)
    order = np.linalg.norm(points.numpy()[:, None] - rows.numpy()[None], axis=2).argsort(1)
    right = row_labels.numpy()[order[:, :5]] == labels.numpy()[:, None]
    assert figures["accuracy"] == pytest.approx(right[:, 0].mean())
    assert figures["five"] == pytest.approx(right.mean())
    assert figures["five_error"] == pytest.approx(right.mean(1).std(ddof=1) / 40**0.5)


def test_spaces_are_those_of_the_networks(subject: Subject) -> None:
    figures = agreement.measure_agreement(subject.model, subject.require_gallery(), subject.test, 0)
    assert list(figures) == ["features", "code", "discriminator", "pixels", "histograms", "chance"]
    assert figures["histograms"]["accuracy"] > 0.9  # a class is a colour
    assert figures["chance"]["accuracy"] == pytest.approx(1 / CLASSES, abs=0.01)
    gallery, x = subject.require_gallery(), subject.x
    for space in ("features", "discriminator", "pixels"):
        rows = gallery.search(gallery.embed(x, space), space, 5)[1]
        right = (gallery.pictures.labels[rows] == subject.test.labels[:, None]).double()
        assert figures[space]["five"] == pytest.approx(float(right.mean()), abs=0.02), space
    rows = gallery.search(gallery.embed(x, "untrained"), "untrained", 1)[1][:, 0]
    expected = metrics.accuracy(gallery.pictures.labels[rows], subject.test.labels)
    assert figures["features"]["untrained"] == pytest.approx(expected, abs=0.02)


def test_histograms_hold_shares_of_pixels() -> None:
    pixels = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    pixels[1, 0] = 255  # red
    pixels[1, 0, 0] = 31  # a quarter of it is as dark as black
    histograms = agreement.compute_histograms(Pictures(pixels, torch.zeros(2), torch.arange(2)))
    assert histograms[0].nonzero().flatten().tolist() == [0]
    assert histograms[1].square().tolist()[0] == pytest.approx(0.25)
    assert histograms[1].square()[7 * 64] == pytest.approx(0.75)


# ---------------------------------------------------------------------- the judge's figures


def test_the_perceptual_distance_is_that_of_features_of_length_1(judge: Judge) -> None:
    rng = torch.Generator().manual_seed(4)
    x, y = torch.rand(2, 6, 3, 32, 32, generator=rng).unbind()
    layers: list[list[Tensor]] = [[], []]
    for pictures, kept in zip((x, y), layers, strict=True):
        h = pictures
        for module in judge.network.hidden:
            h = module(h)
            if isinstance(module, torch.nn.ReLU) and h.dim() == 4:
                kept.append(h)
    assert len(layers[0]) == 5
    expected = 0.0
    for a, b in zip(*layers, strict=True):
        a, b = (h / h.norm(dim=1, keepdim=True).clamp(min=1e-6) for h in (a, b))
        expected = expected + (a - b).square().sum(1).mean((1, 2)) / 5
    torch.testing.assert_close(judge.compute_distance(x, y), expected, rtol=1e-4, atol=1e-6)
    assert judge.compute_distance(x, x).abs().max() == 0
    with pytest.raises(ValueError, match="judge takes floats"):
        judge.compute_distance(x, y[:, :1])


def test_top_five_is_counted_among_the_judges_classes(judge: Judge) -> None:
    x, y = draw(40, 5).inputs(slice(None)), draw(40, 6).inputs(slice(None)).flip(0)
    labels = torch.arange(40) % CLASSES
    figures = measure_identity(x, y, labels, judge)
    best = judge.logits(y).argsort(1, descending=True)[:, :5]
    seen = judge.labels(x)
    assert figures["share_five"] == np.mean(
        [int(a) in row.tolist() for a, row in zip(seen, best, strict=True)]
    )
    agreed = [int(a) in row.tolist() for a, row in zip(labels, best, strict=True)]
    assert figures["label_agreement_five"] == np.mean(agreed)
    assert figures["share_five"] >= figures["share"]


# ---------------------------------------------------------------------- attributes and directions


def test_attributes_of_plain_pictures() -> None:
    red = torch.zeros(1, 3, 32, 32)
    red[:, 0] = 1
    values = {name: float(f(red)) for name, f in attributes_colour.ATTRIBUTES.items()}
    assert values["brightness"] == pytest.approx(0.299)
    assert values["contrast"] == pytest.approx(0, abs=1e-6)
    assert values["saturation"] == 1
    assert values["warmth"] == 1
    assert values["green"] == -0.5
    assert values["edges"] == 0
    assert values["bright centre"] == pytest.approx(0, abs=1e-6)
    spot = torch.zeros(1, 3, 32, 32)
    spot[:, :, 8:24, 8:24] = 1
    assert float(attributes_colour.centre(spot)) == pytest.approx(1)
    assert float(attributes_colour.edges(spot)) > 0
    assert float(attributes_colour.contrast(spot)) > 0.4


def test_directions_of_colours_are_measured(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directions, "MOVED", 10)
    monkeypatch.setattr(directions, "SHIFTED", 50)
    statistics, figures = directions.measure_directions(subject.explorer)
    assert statistics.names == tuple(attributes_colour.ATTRIBUTES)
    assert statistics.classes.shape == (CLASSES, 6)
    assert set(figures["sets"]) == {"principal", "local", "closed-form", "classes"}
    assert figures["attributes"]["warmth"]["unit"] == "of full range"
    assert np.isfinite([row["effect"] for row in figures["attributes"].values()]).all()


def test_memorization_in_colour_has_fewer_samples(subject: Subject) -> None:
    figures = memorization.MEASUREMENT.measure(subject)
    assert figures["samples"] == 40


# ---------------------------------------------------------------------- what is unlike


def test_sets_of_what_is_unlike(monkeypatch: pytest.MonkeyPatch) -> None:
    others = draw(70, 7)
    monkeypatch.setattr(datasets, "load", lambda name, root, split: others)
    test = draw(60, 8)
    one, again = (colour.create_sets(CONFIG, test, "there", seed=0, each=20) for _ in range(2))
    kinds = ["noise", "shuffled patches", "cross-fades", "digits in colour", "photographs of CIFAR-10"]
    assert list(one) == kinds
    for kind, x in one.items():
        assert x.shape == (20, 3, 32, 32), kind
        assert torch.equal(x, again[kind])
        assert x.min() >= 0
        assert x.max() <= 1
    last = test.inputs(slice(40, None))
    patches = one["shuffled patches"]
    assert torch.equal(patches.flatten(1).sort(1).values, last.flatten(1).sort(1).values)
    assert not torch.equal(patches, last)
    labels = test.labels[40:]
    for x, a in zip(one["cross-fades"], range(20), strict=True):
        b = next(b for b in [*range(a + 1, 20), *range(a)] if labels[b] != labels[a])
        torch.testing.assert_close(x, (last[a] + last[b]) / 2)


def test_without_the_other_data_set_its_photographs_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Pictures:
        raise ValueError("not there")

    monkeypatch.setattr(datasets, "load", refuse)
    sets = colour.create_sets(dataclasses.replace(CONFIG, size=64), draw_large(), "there", seed=0, each=4)
    assert list(sets) == ["noise", "shuffled patches", "cross-fades", "digits in colour"]
    assert all(x.shape == (4, 3, 64, 64) for x in sets.values())


def draw_large() -> Pictures:
    small = draw(14, 1)
    pixels = small.pixels.repeat_interleave(2, 2).repeat_interleave(2, 3)
    return Pictures(pixels, small.labels, small.indices)


def test_outliers_of_colour_calibrate_a_gauge(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "load", lambda name, root, split: draw(70, 7))
    assert measured_outliers.MEASUREMENT.explain_absence(subject) == ""
    figures = {**measured_outliers.MEASUREMENT.measure(subject), "command": "c"}
    assert figures["noun"] == "pictures"
    assert len(figures["usual"]["means"]) == CLASSES
    stored = dataclasses.replace(subject.model, metrics={"outliers": figures})
    explorer = Explorer(stored, subject.gallery)
    explorer.judge = subject.judge
    gauge = outliers.Gauge.load(explorer)
    assert gauge is not None
    assert len(gauge.quantiles) == 101
    sentence = measured_outliers.MEASUREMENT.sentence
    assert sentence is not None
    assert "unlike real pictures separates other things from test pictures" in sentence(figures)
    digits = {"limit": 0.99, "auroc": 0.9, "sets": {"letters": {"count": 3, "auroc": 0.9, "caught": 0.5}}}
    heads, rows = measured_outliers.compare({"colour": figures, "digits": digits})
    assert heads[0] == "Unlike the training pictures"
    assert {row[0]: row[2] for row in rows}["letters"] == "–"
    assert {row[0]: row[4] for row in rows}["noise"] == "–"
    assert all(len(row) == len(heads) for row in rows)


def test_classes_with_few_pictures_share_their_calibration() -> None:
    statistics = torch.randn(100, 3, generator=torch.Generator().manual_seed(0)).double()
    labels = torch.tensor([0] * 60 + [1] * 39 + [2])
    table = outliers.Calibration.from_statistics(statistics, labels, 4)
    torch.testing.assert_close(table.means[0], statistics[:60].mean(0))
    for label in (2, 3):
        torch.testing.assert_close(table.means[label], statistics.mean(0))
        torch.testing.assert_close(table.deviations[label], statistics.std(0))


def test_attributes_of_a_gallery_in_colour_are_stored(tmp_path: Path) -> None:
    from train.measure.code_map import write_attributes

    write_attributes(draw(50, 0), tmp_path / "attributes.npz")
    with np.load(tmp_path / "attributes.npz") as file:
        assert list(file["names"]) == list(attributes_colour.ATTRIBUTES)
        assert set(file["units"]) == {"of full range"}
        assert file["values"].shape == (50, 7)
