"""The list of measurements, and the tables that compare models."""

from __future__ import annotations

import dataclasses

import pytest

import train
from ganlab.gallery import Pictures
from ganlab.hub import CHECKPOINTS, list_models
from ganlab.judge import Judge
from ganlab.model import LatentModel, read_metrics
from tests.train.measure.models import create_model, measure_all
from train.measure import EVALUATED, MEASUREMENTS, SEPARATE, code_map, inversion, memorization
from train.measure.measurement import EVALUATE
from train.measure.outliers import measure as outliers
from train.measure.realworld import measure as realworld

pytestmark = pytest.mark.usefixtures("small")

ALWAYS = {"evaluation", "training"}


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
    def figures(share: float) -> dict[str, object]:
        kinds = {"thin": {"count": 40, "prepared": 0.975, "reconstructed": share}}
        return {"count": 40, "prepared": 0.975, "reconstructed": share, "kinds": kinds}

    heads, rows = realworld.compare({"one": figures(0.9), "two": figures(0.5)})
    assert heads[3:] == ["in G(E(x)), one", "in G(E(x)), two"]
    assert rows == [[kind, "40", "97.5 %", "90.0 %", "50.0 %"] for kind in ("thin", "all")]


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


def test_memorization_has_a_row_for_each_model() -> None:
    figures = {
        "source": "mixture", "median": 5.123, "median_real": 6.0, "closer": 1234, "samples": 10_000,
        "nearer_to_training": 0.51, "nearer_to_training_error": 0.005,
    }  # fmt: skip
    _, rows = memorization.compare({"plus": figures})
    assert rows == [["plus, mixture", "5.12 (6.00)", "1,234 of 10,000", "51.00 ± 0.50 %"]]


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


# ---------------------------------------------------------------------- what is measured of which model


def test_without_a_judge_neither_identity_nor_frechet(
    known: Pictures, test: Pictures, tiny_judge: Judge
) -> None:
    stored = create_model(known, "ae-l2")
    blind, judged = (measure_all(stored, known, test, judge) for judge in (None, tiny_judge))
    assert set(judged) - set(blind) == {"identity", "frechet", "paths"}
    assert blind == {key: judged[key] for key in blind}
    assert set(blind) == {"one_nn", "reconstruction", "latent", "codes"}


def test_without_a_generator_only_neighbours(known: Pictures, test: Pictures, tiny_judge: Judge) -> None:
    whole = create_model(known, "ae-l2")
    config = dataclasses.replace(whole.config, networks=("encoder",))
    alone = LatentModel(config, {"encoder": whole.encoder}, "fingerprint")
    assert set(measure_all(alone, known, test, tiny_judge)) == {"one_nn"}
