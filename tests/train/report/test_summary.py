"""The short table of a latent space's figures."""

from __future__ import annotations

from typing import Any

from train.report import summary

METRICS: dict[str, Any] = {
    "frechet": {
        "n": 10_000, "distance": 8.681, "mixture": 0.1059, "floor": 0.0371, "reconstructions": 0.05,
        "paths": {"count": 9_000, "quarter": 0.4, "middle": 1.25},
    },
    "unlike": {
        "real": {"share": 0.01}, "reconstructions": {"share": 0.09},
        "samples": {"mixture": {"share": 0.21}, "prior": {"share": 0.9}},
        "paths": {"quarter": {"share": 0.25}, "middle": {"share": 0.7}},
        "sliders": {"principal": {"share": 0.61}, "attributes": {"share": 0.5}},
    },
    "rounds": {"kept": [0.991, 0.631]},
    "identity": {"share": 0.9967},
    "reconstruction": {"mse": 0.0037},
    "one_nn": {"features": {"accuracy": 0.9887}, "pixels": {"accuracy": 0.9691}},
    "memorization": {
        "source": "mixture", "nearer_to_training": 0.595, "nearer_to_training_error": 0.005,
        "others": [{"source": "prior", "nearer_to_training": 0.5, "nearer_to_training_error": 0.005}],
    },
    "outliers": {"auroc": 0.9951},
}  # fmt: skip


def test_every_figure_has_its_row() -> None:
    heads, rows = summary.list_figures(METRICS, {})
    values = {row[0]: row[1] for row in rows}
    assert len(heads) == 3
    assert values == {
        "Fréchet of 10,000 samples, prior": "8.681",
        "Fréchet of 10,000 samples, mixture": "0.106",
        "Fréchet of paths, t = 0.25 / 0.5": "0.400 / 1.250",
        "Unlike digits: samples, mixture": "21.0 %",
        "Unlike digits: samples, prior": "90.0 %",
        "Unlike digits: paths, t = 0.25 / 0.5": "25.0 / 70.0 %",
        "Unlike digits: slider ends, principal": "61.0 %",
        "Unlike digits: slider ends, attributes": "50.0 %",
        "Class kept after 2 rounds": "63.10 %",
        "Identity": "99.67 %",
        "MSE a pixel": "0.0037",
        "1NN of features": "98.87 %",
        "Nearer to training than to test, mixture": "59.50 ± 0.50 %",
        "Nearer to training than to test, prior": "50.00 ± 0.50 %",
        "AUROC of the gauge": "0.995",
    }


def test_what_is_absent_says_why() -> None:
    _, rows = summary.list_figures({"one_nn": {"pixels": {"accuracy": 0.9}}}, {"outliers": "not measured."})
    assert rows == [["outliers", "–", "not measured."]]
