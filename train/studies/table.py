"""The paper's Table 1 beside ours, from the measured rows in checkpoints/table.

`python -m train.rows` trains and measures the rows; `python -m train.evaluate --table` writes table.json,
which the app's Methods tab shows, and the page in docs/results.md.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from train.files import write_json
from train.report import results
from train.report.text import NONE, format_markdown
from train.studies import row_files

FOLDER = results.PAGES
TABLE_FILE, PAGE = "table.json", "table"
LONGER = "longer"  # subfolder with rows of more epochs
COMMAND = "python -m train.evaluate --table"
MIN_IDENTITY = 0.2  # where chance gives 0.1: a run below it has collapsed
WITHIN = 0.4  # points from the paper's figure that count as the same


@dataclass(frozen=True)
class System:
    """A row: its name, the method whose runs it is read from, and the space of 1NN that Table 1 reports, with
    its figure there in percent."""

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


Row = dict[str, Any]  # a measured run, or an object of table.json


class TableError(ValueError):
    """Rows that cannot be put side by side; the message says which."""


@dataclass(frozen=True)
class Mean:
    """Mean of one figure over seeds, and its standard error where there are several seeds."""

    value: float
    error: float | None
    count: int

    @staticmethod
    def from_values(values: Sequence[float]) -> Mean:
        """Of at least one value."""
        error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
        return Mean(statistics.fmean(values), error, len(values))

    def format(self, digits: int, scale: float = 1.0) -> str:
        """ "95.57 ± 0.51": the mean and its error, times `scale`."""
        text = f"{scale * self.value:.{digits}f}"
        return text if self.error is None else f"{text} ± {scale * self.error:.{digits}f}"


class Column(NamedTuple):
    """A figure of a system: its key in table.json, head and unit, how it is shown, what it is."""

    key: str
    head: str
    unit: str
    digits: int
    scale: float
    meaning: str


SYSTEM = ("system", "", "what was trained, or what stands in for it")
PAPER = ("1NN, the paper", "%", "accuracy of nearest neighbours in Table 1 of the paper")
COLUMNS = (
    Column("hidden", "1NN, hidden layer", "%", 2, 100, "accuracy of nearest neighbours in the hidden layer"),
    Column("code", "1NN, codes", "%", 2, 100, "accuracy of nearest neighbours among the codes E(x)"),
    Column("l2", "EGr", "L2", 2, 1, "mean of the norm of x − G(E(x)); in brackets, of a random pair"),
    Column("mse", "error a pixel", "MSE", 4, 1, "mean squared error of G(E(x)), pixels from 0 to 1"),
    Column("identity", "identity", "%", 1, 100, "pictures in whose G(E(x)) the judge sees the same class"),
    Column("latent", "abs(E(G(z)) − z)", "mean", 3, 1, "how far E is from the latent of a generated picture"),
    Column("frechet", "Fréchet distance", "judge", 2, 1, "of samples from test pictures; lower is better"),
    Column("seconds", "training", "s", 0, 1, "seconds of one run"),
)  # fmt: skip


def read_rows(folder: Path = FOLDER) -> list[Row]:
    """All measured runs, in the order of their methods and seeds."""
    rows = [row_files.load(path) for path in folder.glob("*-s*.json")]
    if not rows:
        raise TableError(f"{folder} holds no measured runs: make them with python -m train.rows.")
    budgets = {(row["epochs"], row["gallery"], row["test"], row["frechet"]["judge"]) for row in rows}
    if len(budgets) > 1:
        raise TableError(
            f"The rows differ in epochs, pictures or judge, and cannot be compared: {sorted(budgets)}."
        )
    return sorted(rows, key=lambda row: (METHODS.index(row["method"]), row["seed"]))


def summarise(rows: list[Row], longer: Sequence[Row] = ()) -> dict[str, Any]:
    """table.json: the means over seeds of all systems that have rows, what the rows have in common, runs of
    more epochs, and the table as texts."""
    systems: dict[str, Any] = {}
    for key, system in SYSTEMS.items():
        own = [row for row in rows if row["method"] == system.method]
        if not own:
            continue
        systems[key] = _average_system(key, system, own)
        kept = [row for row in own if row["identity"]["share"] >= MIN_IDENTITY]
        if 0 < len(kept) < len(own):
            name = f"{system.name} ({len(kept)} of {len(own)} seeds)"
            lost = [row["seed"] for row in own if row not in kept]
            systems[f"{key}-kept"] = _average_system(key, system, kept) | {"name": name, "lost": lost}
    first = rows[0]
    bare = [row for row in rows if row["method"] == "bigan"] or rows
    table = {
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
            "hidden": _average(bare, lambda row: row["one_nn"]["features"]["untrained"]),
            "code": _average(bare, lambda row: row["one_nn"]["code"]["untrained"]),
        },
        "pixels": first["one_nn"]["pixels"],
        "systems": systems,
        "longer": [
            {"name": SYSTEMS[row["method"]].name, **{key: row[key] for key in ("epochs", "seed")}}
            | {space: row["one_nn"][space] for space in ("features", "code")}
            for row in longer
        ],
    }
    table["reading"] = read_differences(table)
    return table | {"heads": list_heads(), "rows": list_rows(table), "legend": list_legend(table)}


def _average(rows: Sequence[Row], figure: Callable[[Row], float]) -> dict[str, Any]:
    return asdict(Mean.from_values([figure(row) for row in rows]))


def _average_system(key: str, system: System, rows: Sequence[Row]) -> dict[str, Any]:
    """The means of a system's rows; of D, without what needs an encoder or the seconds, which are LR's."""
    figures: dict[str, Callable[[Row], float]] = {
        "hidden": lambda row: row["one_nn"][system.space]["accuracy"],
        "frechet": lambda row: row["frechet"]["distance"],
    }
    if key != "d":
        figures |= {
            "code": lambda row: row["one_nn"]["code"]["accuracy"],
            "l2": lambda row: row["reconstruction"]["l2"],
            "l2_random_pair": lambda row: row["reconstruction"]["l2_random_pair"],
            "mse": lambda row: row["reconstruction"]["mse"],
            "identity": lambda row: row["identity"]["share"],
            "latent": lambda row: row["latent"]["mean_abs_error"],
            "seconds": lambda row: row["seconds"],
        }
    return {
        "name": system.name,
        "published": system.published,
        "space": system.space,
        "seeds": [row["seed"] for row in rows],
        **{name: _average(rows, figure) for name, figure in figures.items()},
    }


# ---------------------------------------------------------------------- as text


def list_heads() -> list[list[str]]:
    """Head, unit and meaning of each column."""
    return [[*SYSTEM], [*PAPER], *([column.head, column.unit, column.meaning] for column in COLUMNS)]


def list_rows(table: Row) -> list[list[str]]:
    """The cells of all systems, of random encoders and of raw pixels."""

    def cells(name: str, published: float | None, means: Mapping[str, Any]) -> list[str]:
        paper = NONE if published is None else f"{published:.2f}"
        return [name, paper, *(_format_cell(means, column) for column in COLUMNS)]

    random, pixels = table["random"], {"hidden": asdict(Mean(table["pixels"]["accuracy"], None, 1))}
    return [
        *(cells(system["name"], system["published"], system) for system in table["systems"].values()),
        cells("random encoder", random["published"], random),
        cells("raw pixels", None, pixels),
    ]


def _format_cell(means: Mapping[str, Any], column: Column) -> str:
    if column.key not in means:
        return NONE
    text = Mean(**means[column.key]).format(column.digits, column.scale)
    return f"{text} ({means['l2_random_pair']['value']:.{column.digits}f})" if column.key == "l2" else text


def list_legend(table: Row) -> list[str]:
    """How to read the figures, in sentences."""
    systems = table["systems"].values()
    seeds = sorted({len(system["seeds"]) for system in systems if "lost" not in system})
    lost = [system for system in systems if "lost" in system]
    return [
        f"{' or '.join(map(str, seeds))} training seeds a system, {table['epochs']} epochs each"
        f" ({' and '.join(table['precision'])}); the paper trained one for 400 epochs.",
        "± is the standard error over the seeds; accuracies and identity are in percent.",
        f"Test set: {table['test']}; neighbours among {table['gallery']} (the paper: 50,000). The hidden"
        " layer is that of E; of D, its own.",
        f"Identity: the judge (hash {', '.join(table['judge'])}) sees the same class in x and G(E(x))."
        f" Fréchet distance of {table['frechet_n']:,} samples of the prior from the test set, in the"
        f" judge's features; that of as many real training digits is {table['frechet_floor']:.3f}.",
        f"Two independent latents are {table['latent_random_pair']:.3f} apart. The mean picture has an"
        f" error of {table['mse_mean_image']:.4f} a pixel.",
        "D is that of the LR runs: nothing of their E reaches G or D, so that it is the D of a plain GAN.",
        "The paper's release scores training digits that it set aside; the test set is harder, and python -m"
        " train.split measures by how much.",
        "Seconds are those of the clock, whatever else the machine did.",
        *(
            f"{system['name']} is without seed {', '.join(map(str, system['lost']))}, which collapsed"
            f" (identity below {100 * MIN_IDENTITY:.0f} %, where chance gives 10 %)."
            for system in lost
        ),
    ]


def render(table: Row) -> str:
    """The page in Markdown."""
    heads = [f"{head} ({unit})" if unit else head for head, unit, _ in table["heads"]]
    text = f"`{table['command']}`. {' '.join(table['legend'])}\n\n{table['reading']}"
    return f"{format_markdown(heads, table['rows'])}\n\n{text}"


def read_differences(table: Row) -> str:
    """In words, which differences exceed the noise."""
    random = Mean(**table["random"]["hidden"])
    hidden = {s["name"]: Mean(**s["hidden"]) for s in table["systems"].values()}
    sentences = [
        _against("Training helps the hidden layer beyond random weights by more than twice the standard error"
                 " of the difference in", hidden, random, table),
        *([_best(hidden, table)] if len(hidden) > 1 else []),
    ]  # fmt: skip
    codes = {s["name"]: Mean(**s["code"]) for s in table["systems"].values() if "code" in s}
    sentences.append(_against("In the codes it does so in", codes, Mean(**table["random"]["code"]), table))
    near = [s["name"] for s in table["systems"].values() if is_near(s["hidden"]["value"], s["published"])]
    far = [s["name"] for s in table["systems"].values() if s["name"] not in near]
    sentences.append(
        f"Within {WITHIN} points of the paper's 1NN: {_names(near)}"
        + (f"; not: {_names(far)}." if far else ".")
    )
    return " ".join([*sentences, *map(_longer, table.get("longer", ()))])


def _longer(run: Row) -> str:
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


def compute_noise(a: Mean, b: Mean, table: Row) -> float:
    """Standard error of the difference of two accuracies: over seeds, and over which digits were tested.

    The same digits test both, so their share of the noise partly cancels: this errs on the large side.
    """
    n = table["test_count"]
    sampling = a.value * (1 - a.value) / n + b.value * (1 - b.value) / n
    return math.sqrt((a.error or 0) ** 2 + (b.error or 0) ** 2 + sampling)


def _against(text: str, means: dict[str, Mean], base: Mean, table: Row) -> str:
    beyond = [
        name for name, mean in means.items() if mean.value - base.value > 2 * compute_noise(mean, base, table)
    ]
    below = [
        name for name, mean in means.items() if base.value - mean.value > 2 * compute_noise(mean, base, table)
    ]
    within = [name for name in means if name not in beyond and name not in below]
    said = f"{text} {_names(beyond)}"
    if within:
        said += f"; within the noise: {_names(within)}"
    if below:
        said += f"; below random weights: {_names(below)}"
    return said + "."


def _best(means: dict[str, Mean], table: Row) -> str:
    ranked = sorted(means.items(), key=lambda pair: pair[1].value)
    (worst, low), (best, top) = ranked[0], ranked[-1]
    apart, limit = 100 * (top.value - low.value), 200 * compute_noise(top, low, table)
    verdict = "more than" if apart > limit else "no more than"
    return (
        f"Between the best system ({best}) and the worst ({worst}) lie {apart:.2f} points, {verdict} twice"
        f" the standard error of that difference ({limit:.2f})."
    )


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "none"


# ---------------------------------------------------------------------- files


def write(folder: Path = FOLDER) -> str:
    """Write table.json, its page and docs/results.md from the rows in `folder`; returns the page."""
    longer = [row_files.load(path) for path in sorted((folder / LONGER).glob("*.json"))]
    table = summarise(read_rows(folder), longer)
    page = render(table) + "\n"
    write_json(folder / TABLE_FILE, table)
    results.write_page(PAGE, page, folder)
    return page
