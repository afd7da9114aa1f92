"""The figures that say whether a latent space is worth exploring, in one short table for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from train.measure.measurement import name_likeness
from train.report.text import NONE, Table, format_percent

Metrics = Mapping[str, Any]


def _list_frechet(figures: Metrics) -> Iterator[tuple[str, str, str]]:
    floor = f"real pictures {figures['floor']:.3f}"
    for key, source in (("distance", "prior"), ("mixture", "mixture")):
        if key in figures:
            yield f"Fréchet of {figures['n']:,} samples, {source}", f"{figures[key]:.3f}", floor
    if "paths" in figures:
        paths, again = figures["paths"], f"reconstructions {figures['reconstructions']:.3f}"
        yield "Fréchet of paths, t = 0.25 / 0.5", f"{paths['quarter']:.3f} / {paths['middle']:.3f}", again


def _list_unlike(figures: Metrics) -> Iterator[tuple[str, str, str]]:
    def percent(*groups: Metrics) -> str:
        return " / ".join(f"{100 * group['share']:.1f}" for group in groups) + " %"

    noun = name_likeness(dict(figures))
    real = f"reconstructions {percent(figures['reconstructions'])}, real {percent(figures['real'])}"
    for source, group in figures["samples"].items():
        yield f"Unlike {noun}: samples, {source}", percent(group), real
    paths = figures["paths"]
    yield f"Unlike {noun}: paths, t = 0.25 / 0.5", percent(paths["quarter"], paths["middle"]), ""
    for kind, group in figures["sliders"].items():
        yield f"Unlike {noun}: slider ends, {kind}", percent(group), ""


def _list_rounds(figures: Metrics) -> Iterator[tuple[str, str, str]]:
    kept = figures["kept"]
    shares = " ".join(f"{100 * share:.1f}" for share in kept)
    yield f"Class kept after {len(kept)} rounds", format_percent(kept[-1]), f"by round {shares}"


def _list_identity(figures: Metrics) -> Iterator[tuple[str, str, str]]:
    yield "Identity", format_percent(figures["share"]), ""


def _list_reconstruction(figures: Metrics) -> Iterator[tuple[str, str, str]]:
    yield "MSE a pixel", f"{figures['mse']:.4f}", ""


def _list_one_nn(figures: Metrics) -> Iterator[tuple[str, str, str]]:
    if "features" in figures:
        yield "1NN of features", format_percent(figures["features"]["accuracy"]), ""


def _list_memorization(figures: Metrics) -> Iterator[tuple[str, str, str]]:
    for source in (figures, *figures.get("others", [])):
        share = format_percent(source["nearer_to_training"], source["nearer_to_training_error"])
        yield f"Nearer to training than to test, {source['source']}", share, "50 % is nothing"


def _list_outliers(figures: Metrics) -> Iterator[tuple[str, str, str]]:
    yield "AUROC of the gauge", f"{figures['auroc']:.3f}", ""


GROUPS: dict[str, Callable[[Metrics], Iterator[tuple[str, str, str]]]] = {
    "frechet": _list_frechet,
    "unlike": _list_unlike,
    "rounds": _list_rounds,
    "identity": _list_identity,
    "reconstruction": _list_reconstruction,
    "one_nn": _list_one_nn,
    "memorization": _list_memorization,
    "outliers": _list_outliers,
}


def list_figures(metrics: Metrics, reasons: Mapping[str, str]) -> Table:
    """Rows of what metrics.json holds of GROUPS; of what it lacks, why, by the group's key in `reasons`."""
    rows = []
    for key, describe in GROUPS.items():
        if key in metrics:
            rows += [list(row) for row in describe(metrics[key])]
        elif key in reasons:
            rows.append([key, NONE, reasons[key]])
    return ["Figure", "Here", "Beside"], rows
