"""The list of measurements, and the tables that compare models."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

import train
from ganlab.gallery import Gallery, Pictures
from ganlab.hub import CHECKPOINTS, list_models
from ganlab.judge import Judge
from ganlab.model import LatentModel, read_metrics
from tests.train.measure.models import create_model, measure_all
from train.measure import (
    EVALUATED,
    MEASUREMENTS,
    SEPARATE,
    code_map,
    inversion,
    memorization,
    rounds,
    unlike,
)
from train.measure.measurement import EVALUATE, Subject
from train.measure.outliers import measure as outliers
from train.measure.realworld import measure as realworld

pytestmark = pytest.mark.usefixtures("small")

ALWAYS = {"fingerprint", "evaluation", "training"}


def test_each_has_a_key_and_a_command_of_its_own() -> None:
    assert len({m.key for m in MEASUREMENTS}) == len(MEASUREMENTS)
    assert len(EVALUATED) + len(SEPARATE) == len(MEASUREMENTS)
    assert set(SEPARATE) == set(train.MEASUREMENTS)
    for name, m in SEPARATE.items():
        assert (m.description or "").startswith(f"python -m train.{name} NAME...: ")
        assert m.compare is not None
        assert m.title


def test_all_that_is_shown_is_declared_and_all_that_is_stored_is_shown() -> None:
    keys = {m.key for m in MEASUREMENTS}
    for name in list_models():
        metrics = read_metrics(CHECKPOINTS / name)
        assert set(metrics) - ALWAYS <= keys, name
        for m in MEASUREMENTS:
            if m.key in metrics and m.command != EVALUATE:
                figures = metrics[m.key]
                assert figures["command"] == f"python -m train.{m.command} {name}"
                assert figures["fingerprint"] == metrics["evaluation"]["fingerprint"], (name, m.key)


def test_real_world_has_a_column_for_each_model() -> None:
    def kinds(prepared: float, reconstructed: float) -> dict[str, object]:
        row = {"count": 40, "prepared": prepared, "reconstructed": reconstructed}
        return {"kinds": {"thin pen": row, "hollow": {**row, "prepared": prepared - 0.1}}}

    def figures(share: float) -> dict[str, object]:
        return {**kinds(0.975, share), "fresh": kinds(0.95, share)}

    heads, rows = realworld.compare({"one": figures(0.9), "two": figures(0.5)})
    assert heads[4:] == ["in G(E(x)), one", "in G(E(x)), two"]
    assert rows == [
        ["thin pen", "40", "97.5 %", "95.0 %", "90.0 %", "50.0 %"],
        ["hollow", "40", "87.5 %", "85.0 %", "90.0 %", "50.0 %"],
        ["a digit on a page", "40", "97.5 %", "95.0 %", "90.0 %", "50.0 %"],
        ["all", "80", "92.5 %", "90.0 %", "90.0 %", "50.0 %"],
    ]


def test_outliers_weigh_each_kind_by_its_number() -> None:
    sets = {
        "letters": {"count": 300, "auroc": 0.98, "caught": 0.5},
        "noise": {"count": 100, "auroc": 1.0, "caught": 0.9},
    }
    heads, rows = outliers.compare({"one": {"limit": 0.99, "auroc": 0.985, "sets": sets}})
    assert heads == ["Not a digit", "Number", "AUROC, one", "more unusual than 99 % of digits"]
    assert rows == [
        ["letters", "300", "0.980", "50.0 %"],
        ["noise", "100", "1.000", "90.0 %"],
        ["all", "400", "0.985", "60.0 %"],
    ]


def test_inversions_have_a_row_for_each_way() -> None:
    kept = {"share": 0.99, "standard_error": 0.01}
    ways = {
        "encoder": {"mse": 0.00412, "seconds": 0.004, "identity": kept},
        "hybrid": {"mse": 0.002, "seconds": 0.5, "identity": kept, "worse_than_encoder": 0.0},
    }
    alone = {"optimise": {"mse": 0.03, "seconds": 0.25}}
    _, rows = inversion.compare({"one": {"ways": ways}, "two": {"ways": alone}})
    assert rows == [
        ["one", "encoder", "0.0041", "99.00 ± 1.00 %", "–", "0.00"],
        ["one", "hybrid", "0.0020", "99.00 ± 1.00 %", "0.00 %", "0.50"],
        ["two", "optimise", "0.0300", "–", "–", "0.25"],
    ]


def test_memorization_has_a_row_for_each_source() -> None:
    figures = {
        "source": "mixture", "median": 5.123, "median_real": 6.0, "closer": 1234, "samples": 10_000,
        "nearer_to_training": 0.51, "nearer_to_training_error": 0.005,
    }  # fmt: skip
    _, rows = memorization.compare({"plus": figures})
    assert rows == [["plus, mixture", "5.12 (6.00)", "1,234 of 10,000", "51.00 ± 0.50 %"]]
    prior = {
        "source": "prior", "median": 7.5, "closer": 0, "nearer_to_training": 0.5,
        "nearer_to_training_error": 0.005,
    }  # fmt: skip
    _, rows = memorization.compare({"plus": {**figures, "others": [prior]}})
    assert rows[1] == ["plus, prior", "7.50 (6.00)", "0 of 10,000", "50.00 ± 0.50 %"]


def test_maps_have_a_row_for_each_kind() -> None:
    figures = {"neighbours_kept": 0.31, "one_nn": 0.95, "one_nn_codes": 0.97}
    heads, rows = code_map.compare(
        {"plus": {"k": 10, "tsne": figures, "principal": figures}, "ae": {"k": 10, "principal": figures}}
    )
    assert heads[1] == "Of 10 nearest codes, kept"
    assert [row[0] for row in rows] == [
        "plus, t-SNE",
        "plus, principal directions",
        "ae, principal directions",
    ]
    assert rows[0][1:] == ["31.00 %", "95.00 %", "97.00 %"]


def test_what_is_unlike_has_a_row_for_each_group_of_any_model() -> None:
    def figures(**sources: float) -> dict[str, Any]:
        groups = {name: {"count": 10, "share": share} for name, share in sources.items()}
        return {
            "real": {"count": 50, "share": 0.01}, "reconstructions": {"count": 10, "share": 0.09},
            "samples": groups,
            "paths": {"quarter": {"count": 5, "share": 0.2}, "middle": {"count": 5, "share": 0.7}},
            "sliders": {"principal": {"count": 20, "share": 0.15}},
        }  # fmt: skip

    models = {"plus": figures(mixture=0.21, prior=0.9), "gone": figures(prior=0.5)}
    heads, rows = unlike.compare(models)
    assert heads == ["Unlike digits, of", "plus", "gone"]
    table = {row[0]: row[1:] for row in rows}
    assert table["samples of the mixture"] == ["21.0 %", "–"]
    assert table["samples of the prior"] == ["90.0 %", "50.0 %"]
    assert table["paths between two digits, at t = 0.5"] == ["70.0 %", "70.0 %"]
    assert table["ends of the sliders, principal (±3)"] == ["15.0 %", "15.0 %"]
    (column,) = unlike.MEASUREMENT.columns.values()
    assert [column(model) for model in models.values()] == ["21 % / 70 %", "50 % / 70 %"]
    cells = [row.value for row in unlike.MEASUREMENT.rows(models["plus"])]
    assert cells == ["9.0 %", "21.0 %", "90.0 %", "20.0 %", "70.0 %", "15.0 %"]


def test_few_test_pictures_are_no_gauge(
    known: Pictures, test: Pictures, tiny_judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = create_model(known, "bigan")
    subject = Subject(model, Gallery(model, known), tiny_judge, lambda: test)
    assert unlike.MEASUREMENT.explain_absence(subject) == (
        "200 test pictures are too few for a gauge: 1,000 at least."
    )
    monkeypatch.setattr(unlike, "MIN_TEST", 200)
    assert unlike.MEASUREMENT.explain_absence(subject) == ""
    bare = Subject(model, None, tiny_judge, lambda: test)
    assert "no generator or no gallery" in unlike.MEASUREMENT.explain_absence(bare)


def test_repeated_reconstruction_has_a_column_for_each_round() -> None:
    heads, rows = rounds.compare({"plus": {"kept": [0.99, 0.5]}, "ae": {"kept": [1.0, 0.25]}})
    assert heads == ["Rounds", "1", "2"]
    assert rows == [["plus", "99.0 %", "50.0 %"], ["ae", "100.0 %", "25.0 %"]]


# ---------------------------------------------------------------------- what is measured of which model


def test_without_a_judge_neither_identity_nor_frechet(
    known: Pictures, test: Pictures, tiny_judge: Judge
) -> None:
    stored = create_model(known, "ae-l2")
    blind, judged = (measure_all(stored, known, test, judge) for judge in (None, tiny_judge))
    assert set(judged) - set(blind) == {"identity", "frechet", "paths", "rounds"}
    assert blind == {key: judged[key] for key in blind}
    assert set(blind) == {"one_nn", "reconstruction", "latent", "codes"}


def test_without_a_generator_only_neighbours(known: Pictures, test: Pictures, tiny_judge: Judge) -> None:
    whole = create_model(known, "ae-l2")
    config = dataclasses.replace(whole.config, networks=("encoder",))
    alone = LatentModel(config, {"encoder": whole.encoder}, "fingerprint")
    assert set(measure_all(alone, known, test, tiny_judge)) == {"one_nn"}
