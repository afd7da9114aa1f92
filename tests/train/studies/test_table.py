"""The page of the table is a plain computation on the rows, and says no more than they show."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from train.report import results
from train.studies import table
from train.studies.table import METHODS, SYSTEMS, TableError

Row = dict[str, Any]
PAPER = {"bigan": 97.39, "d": 97.30, "lr": 97.44, "jlr": 97.13, "ae-l2": 97.58, "ae-l1": 97.63}  # Table 1


def row(method: str, seed: int, **changes: Any) -> Row:
    """A measured run with figures of its own."""
    rng = np.random.default_rng([METHODS.index(method), seed])

    def figure(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    def space(low: float, high: float, **more: float) -> dict[str, float]:
        return {"accuracy": figure(low, high), "standard_error": 0.002, **more}

    one_nn = {
        "features": space(0.95, 0.98, untrained=figure(0.95, 0.96)),
        "code": space(0.90, 0.95, untrained=figure(0.90, 0.92)),
        "logits": space(0.90, 0.95, untrained=figure(0.90, 0.92)),
        "pixels": {"accuracy": 0.9691, "standard_error": 0.0017},
    }
    if method in ("lr", "jlr", "bigan"):
        one_nn["discriminator"] = space(0.93, 0.97)
    return {
        "method": method,
        "seed": seed,
        "gallery": "MNIST train, 60,000",
        "test": "MNIST test, 10,000",
        "test_count": 10_000,
        "epochs": 30,
        "seconds": figure(500, 900),
        "precision": "bf16",
        "commit": "abc",
        "one_nn": one_nn,
        "frechet": {"distance": figure(0.5, 9), "floor": 0.037, "n": 10_000, "judge": "hash"},
        "reconstruction": {
            "l2": figure(5, 9), "l2_random_pair": figure(9, 10), "mse": figure(0.03, 0.1),
            "mse_mean_image": 0.0675,
        },
        "latent": {"mean_abs_error": figure(0.1, 0.6), "mean_abs_error_random_pair": 0.667},
        "identity": {"share": figure(0.2, 0.9), "standard_error": 0.004},
    } | changes  # fmt: skip


def store(folder: Path, rows: list[Row]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for one in rows:
        (folder / f"{one['method']}-s{one['seed']}.json").write_text(json.dumps(one))
    return folder


@pytest.fixture
def rows() -> list[Row]:
    return [row(method, seed) for method in METHODS for seed in (0, 1, 2)]


def by_hand(values: list[float]) -> dict[str, Any]:
    mean = sum(values) / len(values)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return {"value": pytest.approx(mean), "error": pytest.approx(deviation / len(values) ** 0.5), "count": 3}


# ---------------------------------------------------------------------- means


def test_means_and_standard_errors_over_seeds(rows: list[Row]) -> None:
    systems = table.summarise(rows)["systems"]
    assert list(systems) == ["bigan", "d", "lr", "jlr", "ae-l2", "ae-l1"]
    figures: dict[str, Callable[[Row], float]] = {
        "code": lambda r: r["one_nn"]["code"]["accuracy"],
        "l2": lambda r: r["reconstruction"]["l2"],
        "l2_random_pair": lambda r: r["reconstruction"]["l2_random_pair"],
        "mse": lambda r: r["reconstruction"]["mse"],
        "identity": lambda r: r["identity"]["share"],
        "latent": lambda r: r["latent"]["mean_abs_error"],
        "seconds": lambda r: r["seconds"],
    }
    for key, system in systems.items():
        own = [r for r in rows if r["method"] == ("lr" if key == "d" else key)]
        space = "discriminator" if key == "d" else "features"
        assert system["hidden"] == by_hand([r["one_nn"][space]["accuracy"] for r in own]), key
        assert system["frechet"] == by_hand([r["frechet"]["distance"] for r in own])
        assert system["published"] == PAPER[key]
        assert system["seeds"] == [0, 1, 2]
        for name, figure in figures.items():
            if key == "d":  # has no encoder
                assert name not in system
            else:
                assert system[name] == by_hand([figure(r) for r in own]), (key, name)


def test_random_weights_are_those_of_the_bigan_runs(rows: list[Row]) -> None:
    summary = table.summarise(rows)["random"]
    own = [r["one_nn"] for r in rows if r["method"] == "bigan"]
    assert summary["published"] == 96.84
    assert summary["hidden"] == by_hand([r["features"]["untrained"] for r in own])
    assert summary["code"] == by_hand([r["code"]["untrained"] for r in own])


def test_a_single_seed_has_no_standard_error() -> None:
    summary = table.summarise([row("bigan", 4)])
    assert summary["systems"]["bigan"]["hidden"]["error"] is None
    assert "±" not in table.render(summary).split("\n\n")[0]


def test_a_system_that_lost_seeds_has_a_row_without_them(rows: list[Row]) -> None:
    lost = row("jlr", 1, identity={"share": 0.1, "standard_error": 0.003})
    summary = table.summarise([lost if (one["method"], one["seed"]) == ("jlr", 1) else one for one in rows])
    assert list(summary["systems"]) == ["bigan", "d", "lr", "jlr", "jlr-kept", "ae-l2", "ae-l1"]
    whole, kept = summary["systems"]["jlr"], summary["systems"]["jlr-kept"]
    assert (whole["seeds"], kept["seeds"], kept["lost"]) == ([0, 1, 2], [0, 2], [1])
    both = [one["reconstruction"]["mse"] for one in rows if one["method"] == "jlr" and one["seed"] != 1]
    assert kept["mse"]["value"] == pytest.approx(sum(both) / 2)
    page = table.render(summary)
    assert "| JLR (2 of 3 seeds) | 97.13 |" in page
    assert "JLR (2 of 3 seeds) is without seed 1, which collapsed" in page
    assert "`. 3 training seeds a system" in page


def test_systems_without_rows_are_left_out(rows: list[Row]) -> None:
    some = [r for r in rows if r["method"] in ("ae-l1", "jlr")]
    summary = table.summarise(some)
    assert list(summary["systems"]) == ["jlr", "ae-l1"]
    assert summary["random"]["hidden"]["count"] == 6  # of all there are, where BiGAN is not among them
    page = table.render(summary)
    assert "JLR" in page
    for absent in ("BiGAN", "D of the GAN", "AE l2"):
        assert f"| {absent} |" not in page
        assert absent not in table.read_differences(summary)


def test_one_system_alone_is_compared_with_no_other() -> None:
    page = table.render(table.summarise([row("bigan", 0), row("bigan", 1)]))
    assert "best system" not in page
    assert "in the codes" in page.lower()


# ---------------------------------------------------------------------- which rows


def test_rows_are_read_in_the_order_of_methods_and_seeds(rows: list[Row], tmp_path: Path) -> None:
    folder = store(tmp_path / "table", rows[::-1])
    (folder / "table.json").write_text("{}")
    (folder / "bigan-s9.partial").write_text("{")
    assert table.read_rows(folder) == rows


def test_no_rows_are_named_in_a_sentence(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(
            TableError, match=r"holds no measured runs: make them with python -m train\.rows\.$"
        ):
            table.read_rows(folder)


@pytest.mark.parametrize(
    "change", [{"epochs": 31}, {"gallery": "MNIST train, 50,000"}, {"test": "MNIST test, 500"}]
)
def test_rows_of_different_budgets_are_refused(rows: list[Row], change: Row, tmp_path: Path) -> None:
    folder = store(tmp_path, [*rows, row("bigan", 7, **change)])
    with pytest.raises(TableError, match=r"^The rows differ in epochs, pictures or judge") as error:
        table.read_rows(folder)
    assert str(next(iter(change.values()))) in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_rows_of_different_judges_are_refused(rows: list[Row], tmp_path: Path) -> None:
    other = row("bigan", 7)
    other["frechet"] = other["frechet"] | {"judge": "another judge"}
    with pytest.raises(TableError, match="another judge"):
        table.read_rows(store(tmp_path, [*rows, other]))


# ---------------------------------------------------------------------- text


def cells(page: str) -> dict[str, dict[str, str]]:
    """The Markdown table as texts by row and column."""
    lines = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("|")]
    heads, _, *body = lines
    return {line[0]: dict(zip(heads, line, strict=True)) for line in body}


def test_the_markdown_shows_the_figures_of_the_json(
    rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "README", tmp_path / "no README.md")
    monkeypatch.setattr(results, "RESULTS", tmp_path / "docs" / "results.md")
    folder = store(tmp_path / "table", rows)
    page = table.write(folder)
    assert (folder / "table.md").read_text() == page
    summary = json.loads((folder / "table.json").read_text())
    shown = cells(page)
    assert len(shown) == len(SYSTEMS) + 2

    def text(mean: dict[str, Any], digits: int, scale: int = 1) -> str:
        return f"{scale * mean['value']:.{digits}f} ± {scale * mean['error']:.{digits}f}"

    for key, system in summary["systems"].items():
        line = shown[system["name"]]
        assert line["1NN, the paper (%)"] == f"{PAPER[key]:.2f}"
        assert line["1NN, hidden layer (%)"] == text(system["hidden"], 2, 100)
        assert line["Fréchet distance (judge)"] == text(system["frechet"], 2)
        if key == "d":
            assert list(line.values()).count("–") == 6
            continue
        assert line["1NN, codes (%)"] == text(system["code"], 2, 100)
        pair = system["l2_random_pair"]["value"]
        assert line["EGr (L2)"] == f"{text(system['l2'], 2)} ({pair:.2f})"
        assert line["error a pixel (MSE)"] == text(system["mse"], 4)
        assert line["identity (%)"] == text(system["identity"], 1, 100)
        assert line["abs(E(G(z)) − z) (mean)"] == text(system["latent"], 3)
        assert line["training (s)"] == text(system["seconds"], 0)
    assert shown["random encoder"]["1NN, hidden layer (%)"] == text(summary["random"]["hidden"], 2, 100)
    assert shown["random encoder"]["1NN, codes (%)"] == text(summary["random"]["code"], 2, 100)
    assert shown["raw pixels"]["1NN, hidden layer (%)"] == "96.91"
    for said in (
        "3 training seeds",
        "30 epochs each (bf16)",
        "MNIST test, 10,000",
        "(hash hash)",
        "0.037",
        "0.0675",
    ):
        assert said in page


# ---------------------------------------------------------------------- reading


def system(name: str, hidden: float, error: float | None = 0.0, code: float | None = None) -> Row:
    system: Row = {"name": name, "published": 97.0, "hidden": {"value": hidden, "error": error, "count": 3}}
    if code is not None:
        system["code"] = {"value": code, "error": error, "count": 3}
    return system


def sentences(systems: list[Row], random: Row, count: int = 10_000) -> list[str]:
    summary = {"systems": dict(enumerate(systems)), "random": random, "test_count": count}
    return table.read_differences(summary).replace("l2.", "l2").split(". ")


RANDOM = {
    "hidden": {"value": 0.96, "error": 0.0003, "count": 3},
    "code": {"value": 0.92, "error": 0.0, "count": 3},
}


def at(times: float, base: float, base_error: float, error: float, count: int) -> float:
    """The accuracy that lies `times` standard errors of the difference from `base`."""
    value = base
    for _ in range(100):  # its own share of the noise depends on it
        sampling = (value * (1 - value) + base * (1 - base)) / count
        value = base + times * math.sqrt(base_error**2 + error**2 + sampling)
    return value


@pytest.mark.parametrize("count", [500, 10_000])
@pytest.mark.parametrize("error", [0.0, 0.002])
def test_more_than_the_noise_is_more_than_two_standard_errors(error: float, count: int) -> None:
    systems = [
        system(name, at(times, 0.96, 0.0003, error, count), error, at(-times, 0.92, 0, error, count))
        for name, times in (("A", 2.02), ("B", 1.98), ("C", 0), ("D", -1.98), ("E", -2.02))
    ]
    hidden, best, codes, _ = sentences(systems, RANDOM, count)
    said = "within the noise: B, C, D; below random weights: "
    assert hidden == (
        "Training helps the hidden layer beyond random weights by more than twice the standard error of the"
        f" difference in A; {said}E"
    )
    assert codes == f"In the codes it does so in E; {said}A"
    assert best.startswith("Between the best system (A) and the worst (E) lie")


def test_where_all_help_nothing_else_is_said() -> None:
    hidden, _, codes, _ = sentences([system("A", 0.98, code=0.95), system("B", 0.99)], RANDOM)
    assert hidden.endswith("difference in A, B")
    assert codes == "In the codes it does so in A"  # B has none
    hidden, *_ = sentences([system("A", 0.96), system("B", 0.9601)], RANDOM)
    assert hidden.endswith("difference in none; within the noise: A, B")


@pytest.mark.parametrize(("times", "verdict"), [(2.02, "more than"), (1.98, "no more than")])
def test_the_best_and_the_worst(times: float, verdict: str) -> None:
    top = at(times, 0.95, 0.001, 0.002, 10_000)
    systems = [system("A", 0.952, 0.5), system("B", top, 0.002), system("C", 0.95, 0.001)]
    noise = math.sqrt(0.001**2 + 0.002**2 + (top * (1 - top) + 0.95 * 0.05) / 10_000)
    assert sentences(systems, RANDOM)[1] == (
        f"Between the best system (B) and the worst (C) lie {100 * (top - 0.95):.2f} points, {verdict} twice"
        f" the standard error of that difference ({200 * noise:.2f})"
    )


def test_near_the_paper_is_within_04_points() -> None:
    systems = [system("A", 0.9739), system("B", 0.9741), system("C", 0.9661), system("D", 0.9659)]
    assert sentences(systems, RANDOM)[-1] == "Within 0.4 points of the paper's 1NN: A, C; not: B, D."
    assert sentences(systems[:1], RANDOM)[-1] == "Within 0.4 points of the paper's 1NN: A."


def test_the_noise_of_real_rows_counts_seeds_and_digits(rows: list[Row]) -> None:
    summary = table.summarise(rows)
    own = [r["one_nn"]["features"]["accuracy"] for r in rows if r["method"] == "jlr"]
    other = [r["one_nn"]["features"]["accuracy"] for r in rows if r["method"] == "ae-l1"]
    means = [table.Mean(**summary["systems"][key]["hidden"]) for key in ("jlr", "ae-l1")]
    expected = sum(
        statistics.variance(some) / 3 + statistics.mean(some) * (1 - statistics.mean(some)) / 10_000
        for some in (own, other)
    )
    assert table.compute_noise(*means, summary) == pytest.approx(expected**0.5)


def test_a_longer_run_is_told_apart_from_the_means(
    rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "README", tmp_path / "no README.md")
    monkeypatch.setattr(results, "RESULTS", tmp_path / "docs" / "results.md")
    folder = store(tmp_path / "table", rows)
    without = table.write(folder)
    longer = row("bigan", 0, epochs=100)
    longer["one_nn"]["features"] = {"accuracy": 0.9712, "standard_error": 0.0017, "untrained": 0.9656}
    longer["one_nn"]["code"] = {"accuracy": 0.944, "standard_error": 0.0023, "untrained": 0.9184}
    store(folder / "longer", [longer])
    added = table.write(folder).replace(without.rstrip(), "")
    assert added == (
        " At 100 epochs, seed 0, BiGAN has 97.12 ± 0.17 % (untrained 96.56 %) in the hidden layer and"
        " 94.40 ± 0.23 % (untrained 91.84 %) in the codes; here ± is that of the test digits.\n"
    )
