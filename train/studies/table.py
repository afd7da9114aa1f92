"""The paper's Table 1 beside ours: from the measured rows in checkpoints/table to Markdown and JSON.

`train.rows` makes the rows, `python -m train.evaluate --table` this page of them.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from train.files import write_atomically, write_json
from train.report import results
from train.report.card import NONE, markdown

FOLDER = results.TABLE
TABLE_FILE, TEXT_FILE = "table.json", "table.md"
LONGER = "longer"  # subfolder with rows of more epochs
COMMAND = "python -m train.evaluate --table"
LOST = 0.2  # of identity, of which chance gives 0.1: a run below it has learnt to give nothing back
WITHIN = 0.4  # points from the paper's figure that count as the same


@dataclass(frozen=True)
class System:
    """A row: its name, the method whose runs it is read from, the space that Table 1 reports and what it
    found there, in percent."""

    name: str
    method: str
    space: str
    published: float | None


# D is read from the LR runs: nothing of their E reaches G or D, which are those of a plain GAN.
SYSTEMS = {
    "bigan": System("BiGAN", "bigan", "features", 97.39),
    "d": System("D of the GAN", "lr", "discriminator", 97.30),
    "lr": System("LR", "lr", "features", 97.44),
    "jlr": System("JLR", "jlr", "features", 97.13),
    "ae-l2": System("AE l2", "ae-l2", "features", 97.58),
    "ae-l1": System("AE l1", "ae-l1", "features", 97.63),
}
METHODS = tuple(dict.fromkeys(system.method for system in SYSTEMS.values()))
RANDOM_PUBLISHED = 96.84  # the release's log before its first epoch


class TableError(ValueError):
    """Rows that cannot be put side by side; the message says which."""


@dataclass(frozen=True)
class Mean:
    """Mean of one figure over seeds, and its standard error where there are several seeds."""

    value: float
    error: float | None
    count: int

    @staticmethod
    def of(values: Sequence[float]) -> Mean:
        error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
        return Mean(statistics.fmean(values), error, len(values))

    def show(self, digits: int, scale: float = 1.0) -> str:
        text = f"{scale * self.value:.{digits}f}"
        return text if self.error is None else f"{text} ± {scale * self.error:.{digits}f}"


def read_rows(folder: Path = FOLDER) -> list[dict[str, Any]]:
    """All measured runs, in the order of their methods and seeds."""
    rows = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*-s*.json")]
    if not rows:
        raise TableError(f"{folder} holds no measured runs: make them with python -m train.rows.")
    budgets = {(row["epochs"], row["gallery"], row["test"], row["frechet"]["judge"]) for row in rows}
    if len(budgets) > 1:
        raise TableError(
            f"The rows differ in epochs, pictures or judge, and cannot be compared: {sorted(budgets)}."
        )
    return sorted(rows, key=lambda row: (METHODS.index(row["method"]), row["seed"]))


def summary(rows: list[dict[str, Any]], longer: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """Means over seeds of all systems that have rows, with what they share; runs of more epochs apart."""

    def mean(of: list[dict[str, Any]], figure: Callable[[dict[str, Any]], float]) -> dict[str, Any]:
        return asdict(Mean.of([figure(row) for row in of]))

    def means(key: str, system: System, own: list[dict[str, Any]]) -> dict[str, Any]:
        made: dict[str, Any] = {
            "name": system.name,
            "published": system.published,
            "space": system.space,
            "seeds": [row["seed"] for row in own],
            "hidden": mean(own, lambda row: row["one_nn"][system.space]["accuracy"]),
            "frechet": mean(own, lambda row: row["frechet"]["distance"]),
        }
        if key == "d":  # what needs an encoder is left out; the seconds of its runs are LR's
            return made
        return made | {
            "code": mean(own, lambda row: row["one_nn"]["code"]["accuracy"]),
            "l2": mean(own, lambda row: row["reconstruction"]["l2"]),
            "l2_random_pair": mean(own, lambda row: row["reconstruction"]["l2_random_pair"]),
            "mse": mean(own, lambda row: row["reconstruction"]["mse"]),
            "identity": mean(own, lambda row: row["identity"]["share"]),
            "latent": mean(own, lambda row: row["latent"]["mean_abs_error"]),
            "seconds": mean(own, lambda row: row["seconds"]),
        }

    systems: dict[str, Any] = {}
    for key, system in SYSTEMS.items():
        own = [row for row in rows if row["method"] == system.method]
        if not own:
            continue
        systems[key] = means(key, system, own)
        kept = [row for row in own if row["identity"]["share"] >= LOST]
        if 0 < len(kept) < len(own):
            name = f"{system.name} ({len(kept)} of {len(own)} seeds)"
            lost = [row["seed"] for row in own if row not in kept]
            systems[f"{key}-kept"] = means(key, system, kept) | {"name": name, "lost": lost}
    first = rows[0]
    bare = [row for row in rows if row["method"] == "bigan"] or rows
    found = {
        "command": COMMAND,
        "epochs": first["epochs"],
        "gallery": first["gallery"],
        "test": first["test"],
        "test_count": first["test_count"],
        "precision": sorted({row["precision"] for row in rows}),
        "judge": sorted({row["frechet"]["judge"] for row in rows}),
        "frechet_n": first["frechet"]["n"],
        "frechet_floor": first["frechet"]["floor"],
        "latent_random_pair": first["latent"]["mean_abs_error_random_pair"],
        "mse_mean_image": first["reconstruction"]["mse_mean_image"],
        "random": {
            "published": RANDOM_PUBLISHED,
            "hidden": mean(bare, lambda row: row["one_nn"]["features"]["untrained"]),
            "code": mean(bare, lambda row: row["one_nn"]["code"]["untrained"]),
        },
        "pixels": first["one_nn"]["pixels"],
        "systems": systems,
        "longer": [
            {"name": SYSTEMS[row["method"]].name, **{key: row[key] for key in ("epochs", "seed")}}
            | {space: row["one_nn"][space] for space in ("features", "code")}
            for row in longer
        ],
    }
    return found | {"reading": reading(found)}


# ---------------------------------------------------------------------- as text


def render(found: dict[str, Any]) -> str:
    heads = [
        "System", "1NN, paper", "1NN, hidden layer", "1NN, codes", "EGr (random pair)", "MSE a pixel",
        "Identity", "abs(E(G(z)) − z)", "Fréchet, judge features", "Seconds",
    ]  # fmt: skip
    rows: list[list[str]] = []
    for system in found["systems"].values():

        def shown(key: str, digits: int, scale: float = 1.0, system: dict[str, Any] = system) -> str:
            return Mean(**system[key]).show(digits, scale) if key in system else NONE

        pair = f" ({Mean(**system['l2_random_pair']).value:.2f})" if "l2" in system else ""
        rows.append(
            [
                system["name"], f"{system['published']:.2f}", shown("hidden", 2, 100), shown("code", 2, 100),
                shown("l2", 2) + pair, shown("mse", 4), shown("identity", 1, 100), shown("latent", 3),
                shown("frechet", 2), shown("seconds", 0),
            ]
        )  # fmt: skip
    random, pixels = found["random"], found["pixels"]
    blank = [NONE] * 6
    hidden, code = (Mean(**random[key]).show(2, 100) for key in ("hidden", "code"))
    rows.append(["random encoder", f"{random['published']:.2f}", hidden, code, *blank])
    rows.append(["raw pixels", NONE, f"{100 * pixels['accuracy']:.2f}", NONE, *blank])
    return f"{markdown(heads, rows)}\n\n{legend(found)}\n\n{found['reading']}"


def legend(found: dict[str, Any]) -> str:
    seeds = sorted({len(system["seeds"]) for system in found["systems"].values() if "lost" not in system})
    count = " or ".join(map(str, seeds))
    return (
        f"`{found['command']}`. {count} training seeds a system, {found['epochs']} epochs each"
        f" ({' and '.join(found['precision'])}); the paper trained one for 400. ± is the standard error over"
        f" seeds. Test set: {found['test']}; 1NN gallery: {found['gallery']} (the paper's: 50,000). 1NN,"
        " identity in percent. The hidden layer is E's, for D its own. Identity: the judge"
        f" `{', '.join(found['judge'])}` sees the same class in x and G(E(x)). Fréchet distance of"
        f" {found['frechet_n']:,} samples of the prior from the test set, in the judge's features; floor (as"
        f" many real training digits): {found['frechet_floor']:.3f}. Independent latents are"
        f" {found['latent_random_pair']:.3f} apart; the mean picture has an MSE of"
        f" {found['mse_mean_image']:.4f}. D is that of the LR runs: nothing of their E reaches G or D. The"
        " release scores training digits that it set aside; the test set is harder (`python -m train.split`)."
        " Seconds are those of the clock, whatever else the machine did." + _lost(found)
    )


def _lost(found: dict[str, Any]) -> str:
    """Which runs the rows of fewer seeds are without."""
    return "".join(
        f" {system['name']}: without seed {', '.join(map(str, system['lost']))}, which was lost (identity"
        f" below {100 * LOST:.0f} %, where chance gives 10 %)."
        for system in found["systems"].values()
        if "lost" in system
    )


def reading(found: dict[str, Any]) -> str:
    """Which differences exceed the noise, said from the figures."""
    random = Mean(**found["random"]["hidden"])
    hidden = {s["name"]: Mean(**s["hidden"]) for s in found["systems"].values()}
    sentences = [
        _against("Training helps the hidden layer beyond random weights by more than twice the standard error"
                 " of the difference in", hidden, random, found),
        *([_best(hidden, found)] if len(hidden) > 1 else []),
    ]  # fmt: skip
    codes = {s["name"]: Mean(**s["code"]) for s in found["systems"].values() if "code" in s}
    sentences.append(_against("In the codes it does so in", codes, Mean(**found["random"]["code"]), found))
    near = [s["name"] for s in found["systems"].values() if is_near(s["hidden"]["value"], s["published"])]
    far = [s["name"] for s in found["systems"].values() if s["name"] not in near]
    sentences.append(
        f"Within {WITHIN} points of the paper's 1NN: {_names(near)}"
        + (f"; not: {_names(far)}." if far else ".")
    )
    return " ".join([*sentences, *map(_longer, found.get("longer", ()))])


def _longer(run: dict[str, Any]) -> str:
    """What a run of more epochs reached, beside its own start."""

    def against(space: dict[str, float]) -> str:
        shown = f"{100 * space['accuracy']:.2f} ± {100 * space['standard_error']:.2f} % (untrained"
        return f"{shown} {100 * space['untrained']:.2f} %)"

    return (
        f"At {run['epochs']} epochs, seed {run['seed']}, {run['name']} has {against(run['features'])} in the"
        f" hidden layer and {against(run['code'])} in the codes; here ± is that of the test digits."
    )


def is_near(share: float, published: float) -> bool:
    """Whether a share, as it is shown in percent, lies within WITHIN points of a published figure."""
    return round(abs(round(100 * share, 2) - published), 2) <= WITHIN


def noise(a: Mean, b: Mean, found: dict[str, Any]) -> float:
    """Standard error of the difference of two accuracies: over seeds, and over which digits were tested.

    The same digits test both, so their share of the noise partly cancels: this errs on the large side.
    """
    n = found["test_count"]
    sampling = a.value * (1 - a.value) / n + b.value * (1 - b.value) / n
    return math.sqrt((a.error or 0) ** 2 + (b.error or 0) ** 2 + sampling)


def _against(text: str, means: dict[str, Mean], base: Mean, found: dict[str, Any]) -> str:
    beyond = [name for name, mean in means.items() if mean.value - base.value > 2 * noise(mean, base, found)]
    below = [name for name, mean in means.items() if base.value - mean.value > 2 * noise(mean, base, found)]
    within = [name for name in means if name not in beyond and name not in below]
    said = f"{text} {_names(beyond)}"
    if within:
        said += f"; within the noise: {_names(within)}"
    if below:
        said += f"; below random weights: {_names(below)}"
    return said + "."


def _best(means: dict[str, Mean], found: dict[str, Any]) -> str:
    ranked = sorted(means.items(), key=lambda pair: pair[1].value)
    (worst, low), (best, top) = ranked[0], ranked[-1]
    apart, limit = 100 * (top.value - low.value), 200 * noise(top, low, found)
    verdict = "more than" if apart > limit else "no more than"
    return (
        f"Between the best system ({best}) and the worst ({worst}) lie {apart:.2f} points, {verdict} twice"
        f" the standard error of that difference ({limit:.2f})."
    )


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "none"


# ---------------------------------------------------------------------- files


def write(folder: Path = FOLDER) -> str:
    """Write table.json, table.md and the project's README from the rows; the page as text."""
    longer = [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted((folder / LONGER).glob("*.json"))
    ]
    found = summary(read_rows(folder), longer)
    page = render(found) + "\n"
    write_json(folder / TABLE_FILE, found)
    write_atomically(folder / TEXT_FILE, page)
    results.write()
    return page
