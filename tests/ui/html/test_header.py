"""The header shows what was measured, and only that, whatever metrics.json holds."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ganlab.explorer import Explorer
from ganlab.ui.html import header, markup
from tests.ui.parsed import HOSTILE, elements

FULL: dict[str, Any] = {
    "evaluation": {"command": "python -m train.evaluate tiny", "date": "2030-01-02", "test": "some test, 10"},
    "training": {"epochs": 7, "seed": 3, "updates": "alternating", "precision": "fp32", "seconds": 90.4},
    "identity": {
        "share": 0.9863,
        "standard_error": 0.0012,
        "label_agreement": 0.9,
        "judge": "abc",
        "judge_accuracy": 0.9951,
    },
    "one_nn": {
        "features": {"accuracy": 0.97051, "standard_error": 0.0017, "untrained": 0.9656},
        "discriminator": {"accuracy": 0.9612, "standard_error": 0.0019, "untrained": 0.95},
        "pixels": {"accuracy": 0.9691, "standard_error": 0.0017},
    },
    "frechet": {"distance": 12.345, "floor": 1.5, "n": 10000, "judge": "abc"},
    "reconstruction": {"l2": 5.86, "l2_random_pair": 9.51, "mse": 0.0493, "mse_mean_image": 0.0675},
}


def explorer_with(explorer: Explorer, metrics: dict[str, Any]) -> Explorer:
    return Explorer(dataclasses.replace(explorer.model, metrics=metrics), explorer.gallery)


@pytest.mark.slow
def test_every_figure_stands_beside_its_comparison(bundled: Explorer) -> None:
    explorer = explorer_with(bundled, FULL)
    facts = header.header_html(explorer).split("<details")[0]
    assert "keeps the digit 98.6 %" in facts
    assert "1NN 97.05 %" in facts
    figures = dict(header.list_figures(explorer))
    assert figures["training"] == "7 epochs, seed 3, alternating, fp32, 90 s"
    assert figures["keeps the class"] == "98.63 % ± 0.12 %; class by a separate classifier, right on 99.51 %"
    assert figures["1NN, hidden layer"] == "97.05 % ± 0.17 %; untrained 96.56 %"
    assert figures["1NN, raw pixels"] == "96.91 % ± 0.17 %"
    assert figures["Fréchet distance, classifier features"] == (
        "prior samples 12.345 (10,000 samples); real pictures 1.500"
    )
    assert figures["reconstruction error |x − G(E(x))|"] == "5.86; of another picture 9.51"
    assert "mean squared error per pixel" not in figures  # one of its three figures is missing
    assert figures["measured by"] == "python -m train.evaluate tiny (2030-01-02)"


def test_samples_like_digits_stand_where_they_were_measured(bundled: Explorer) -> None:
    unlike = {
        "real": {"share": 0.01},
        "reconstructions": {"share": 0.09},
        "samples": {"prior": {"share": 0.875}, "mixture": {"share": 0.21}},
        "paths": {"quarter": {"share": 0.25}, "middle": {"share": 0.7}},
        "sliders": {"principal": {"share": 0.6}},
    }
    kept = {"kept": [0.99, 0.63], "last": 0.63, "standard_error": 0.005}
    explorer = explorer_with(bundled, {**FULL, "unlike": unlike, "rounds": kept})
    assert explorer.sources[0] == "prior"
    facts = header.header_html(explorer).split("<details")[0]
    assert "samples like digits 12.5 %" in facts
    assert "1NN" not in facts
    figures = dict(header.list_figures(explorer))
    assert figures["unlike digits, by the gauge"] == (
        "samples of the prior 87.5 %; samples of the mixture 21.0 %; middles of paths 70.0 %;"
        " ends of principal sliders 60.0 %; reconstructions 9.0 %; real digits 1.0 %"
    )
    assert figures["keeps it after 8 reconstructions in a row"] == "63.00 % ± 0.50 %"


def test_without_an_encoder_the_discriminator_speaks(bundled: Explorer) -> None:
    figures = {"one_nn": {"discriminator": {"accuracy": 0.9612, "standard_error": 0.0019}}}
    explorer = explorer_with(bundled, figures)
    assert "1NN 96.12 %" in header.header_html(explorer)
    assert dict(header.list_figures(explorer))["1NN, discriminator"] == "96.12 % ± 0.19 %"


@pytest.mark.parametrize(
    "metrics",
    [
        {},
        {"training": {}},
        {"training": None, "one_nn": [], "identity": 3, "evaluation": "x", "frechet": {"distance": "12"}},
        {"one_nn": {"features": 0.9}, "reconstruction": {"l2": None}, "identity": {"label_kept": 0.7}},
    ],
)
def test_missing_and_odd_figures_are_left_out(bundled: Explorer, metrics: dict[str, Any]) -> None:
    explorer = explorer_with(bundled, metrics)
    assert [name for name, _ in header.list_figures(explorer)] == [
        "latent prior",
        "fingerprint",
        "measured by",
    ]
    assert "%" not in header.header_html(explorer)


def test_the_bundled_figures_are_shown(bundled: Explorer) -> None:
    figures = dict(header.list_figures(bundled))
    assert figures["1NN, codes"].startswith(f"{100 * bundled.metrics['one_nn']['code']['accuracy']:.2f} %")
    assert bundled.metrics["evaluation"]["command"] in figures["measured by"]


def test_the_header_and_a_stage_name_their_checkpoint(bundled: Explorer) -> None:
    hostile = dataclasses.replace(bundled.config, name=HOSTILE)
    explorer = Explorer(dataclasses.replace(bundled.model, config=hostile), bundled.gallery)
    for html in (header.header_html(explorer), markup.stage(explorer, "<p>body</p>", "gl-cards")):
        root = elements(html, "div")[0]
        assert root.get("data-fingerprint") == explorer.fingerprint
        assert root.get("data-model") == HOSTILE
    assert root.get("class") == "gl-from-model gl-cards"
    assert [child.text for child in root] == ["body"]
