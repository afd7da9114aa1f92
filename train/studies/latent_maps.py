"""python -m train.latent_maps NAME: weigh kinds of latent map on a checkpoint's codes, a row for each.

All rows have one budget (--steps of --batch-size codes in each round). Rows that are measured already are
kept, so that the command continues where it was stopped. The checkpoint stays as it is, and a map that it has
is left out.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm  # type: ignore[import-untyped]

from ganlab import latent, model, networks
from ganlab.config import ModelConfig
from ganlab.gallery import Pictures
from ganlab.model import LatentModel
from ganlab.networks import LatentMap
from train import run_folder
from train.command import create_parser, report_errors
from train.data import datasets
from train.files import open_atomically
from train.flow_matching import FitConfig
from train.latent_map import ROUNDS, Fit, check, compute_codes, compute_nats
from train.measure import frechet
from train.measure.batches import map_batches
from train.measure.travel import list_pairs
from train.report import results
from train.report.text import format_markdown, format_percent
from train.studies.couplings import CouplingMap, HeunMap, fit_by_likelihood
from train.studies.row_files import IDENTITY, format_file_name, read_row, write_row
from train.studies.yardstick import Yardstick, hash_weights, remove_map

FOLDER = results.PAGES.parent / "latent-maps"
RUNS = Path("runs/latent-maps")
PAGE = "latent-maps"
COMMAND = "python -m train.latent_maps"
STEPS, PAIRS, BATCH = 1_000, 60_000, 1_024
UNLIKE_SAMPLES = 1_000  # that the gauge judges
PATHS = 200  # between test pictures of different classes, whose middles it judges
ERROR_CODES = 1_000  # test codes that go through F^-1 and F
WEAK_SHARE = 10  # steps of the first round for one of the weak velocity that guides it


@dataclass(frozen=True)
class Variant:
    """A row: how its map is fitted."""

    kind: str = "flow"  # or "affine", "spline": coupling layers
    last: str = "second round"  # of ROUNDS
    heun_steps: int = 0  # instead of Euler steps; of the first round's velocity
    width: int = FitConfig.width  # units of the map's velocity, in the second round
    noise: float = FitConfig.noise
    pairing: int = 0  # see FitConfig
    guidance: float = 0.0  # see FitConfig
    end_share: float = 1.0  # see FitConfig


FIRST = ROUNDS[0]
VARIANTS = {
    "affine coupling": Variant("affine"),
    "spline coupling": Variant("spline"),
    "one round, 6 Euler steps": Variant(last=FIRST),
    "one round, 20 Heun steps": Variant(last=FIRST, heun_steps=20),
    "one round of paired lines, 6 Euler steps": Variant(last=FIRST, pairing=256),
    "two rounds": Variant(),
    "two rounds, then ends": Variant(last="ends"),
    "two rounds, then ends, guided": Variant(last="ends", guidance=0.5),
    "two rounds, guided, then 0.6 of the way to ends": Variant(last="ends", guidance=0.5, end_share=0.6),
    "two rounds, paired lines": Variant(pairing=256),
    "two rounds, no noise": Variant(noise=0.0),
    "two rounds, noise 0.05": Variant(noise=0.05),
    "two rounds, noise 0.2": Variant(noise=0.2),
    "two rounds, 192 units": Variant(width=192),
    "two rounds, 320 units": Variant(width=320),
    "two rounds, 512 units": Variant(width=512),
}


@dataclass(frozen=True)
class Codes:
    """A checkpoint without its map, and the codes (N, D) of training and test pictures."""

    model: LatentModel
    train: Tensor
    test: Tensor
    labels: Tensor  # (N,) of the test pictures


def make_config(variant: Variant, steps: int, **budget: Any) -> FitConfig:
    """The settings of a row's fit: `steps` in each round, and what else --help calls common to all rows."""
    changes = {
        field: getattr(variant, field) for field in ("width", "noise", "pairing", "guidance", "end_share")
    }
    weak = max(1, steps // WEAK_SHARE)
    return FitConfig(steps=steps, teacher_steps=steps, weak_steps=weak, end_steps=steps, **budget, **changes)


def describe_map(config: ModelConfig, fit: FitConfig, width: int) -> ModelConfig:
    """What LatentMap is built from."""
    return dataclasses.replace(
        config,
        networks=(networks.LATENT_MAP,),
        trained_networks=(),
        map_width=width,
        map_blocks=fit.blocks,
        map_steps=fit.map_steps,
    )


# ---------------------------------------------------------------------- fits


def fit_map(
    variant: Variant, config: FitConfig, codes: Codes, runs: Path, identity: dict[str, Any]
) -> tuple[Any, float]:
    """The fitted map of a row, and the seconds of its fit. Rows that share a first round fit it once, in
    `runs`; its seconds count for each."""
    architecture = describe_map(codes.model.config, config, config.width)
    run = runs / "fit"
    run_folder.start(run, {"fit": dataclasses.asdict(config)})
    fit = Fit(config, architecture, codes.train, run)
    began = time.perf_counter()
    if variant.kind != "flow":
        coupling = CouplingMap(fit.map.mean, fit.map.factor, variant.kind == "spline", config.seed)
        fit_by_likelihood(coupling, codes.train, config)
        return coupling.eval().requires_grad_(False), time.perf_counter() - began
    seconds = fit_first_round(
        fit, runs / f"first-{config.noise}-{config.pairing}.pt", identity | {"width": config.teacher_width}
    )
    if variant.last == FIRST:
        kind = HeunMap if variant.heun_steps else LatentMap
        steps = variant.heun_steps or config.map_steps
        sizes = describe_map(codes.model.config, config, config.teacher_width)
        latent_map = kind(dataclasses.replace(sizes, map_steps=steps))
        latent_map.velocity.load_state_dict(fit.rounds["first round"].averaged.state_dict())
        latent_map.mean.copy_(fit.map.mean)
        latent_map.factor.copy_(fit.map.factor)
    else:
        began = time.perf_counter()
        fit.finish(variant.last)
        seconds += time.perf_counter() - began
        latent_map = fit.map
    return latent_map.half().float().eval().requires_grad_(False), seconds  # as it would be stored


def fit_first_round(fit: Fit, path: Path, identity: dict[str, Any]) -> float:
    """Fit the first round, or read it from `path` where it was fitted with the same `identity`; returns the
    seconds that it took."""
    first = fit.rounds["first round"]
    if run_folder.is_whole(path):
        stored = run_folder.read_sealed(path, "cpu")
        if stored["identity"] == identity:
            first.restore(stored["state"])
            return float(stored["seconds"])
    began = time.perf_counter()
    for _ in tqdm(range(first.steps), unit=" steps", desc="first round"):
        first.take_step()
    seconds = time.perf_counter() - began
    with open_atomically(path) as file:
        torch.save({"identity": identity, "state": first.state(), "seconds": seconds}, file)
        run_folder.seal(file)
    return seconds


# ---------------------------------------------------------------------- figures


@torch.no_grad()
def measure_map(latent_map: Any, codes: Codes, yardstick: Yardstick) -> dict[str, Any]:
    """The figures of a row, of samples of N(0, I), of paths between test pictures, and of codes."""
    G, dim = codes.model.generator, codes.train.shape[1]

    def decode(u: Tensor) -> Tensor:
        return map_batches(lambda part: G(latent_map(part)), u)

    dense = not isinstance(latent_map, HeunMap)  # the determinants of 40 evaluations would take minutes
    samples = decode(latent.draw("normal", dim, min(frechet.SAMPLES, len(codes.test)), frechet.SEED))
    pairs = list_pairs(codes.labels, PATHS)
    u = latent_map.invert(codes.test[: int(pairs.max()) + 1])
    middles = torch.stack([latent.interpolate(u[a], u[b], 3, "normal")[1] for a, b in pairs.tolist()])
    some = codes.test[:ERROR_CODES]
    return {
        "frechet": yardstick.measure_frechet(samples),
        "unlike_samples": yardstick.measure_unlike(samples[:UNLIKE_SAMPLES]),
        "unlike_middles": yardstick.measure_unlike(decode(middles)),
        "nats_train": compute_nats(latent_map, codes.train, 0.0) if dense else None,
        "nats_test": compute_nats(latent_map, codes.test, 0.0) if dense else None,
        "nearer": yardstick.measure_nearer(samples),
        "multiplications": latent_map.count_multiplications(),
        "spread": float(u.square().mean().sqrt()),
        "error": float((latent_map(latent_map.invert(some)) - some).abs().max()),
        "floor": yardstick.floor,
        "samples": len(samples),
    }


def format_nats(nats: float | None) -> str:
    return "–" if nats is None else f"{nats:.2f}"


def render(rows: dict[str, dict[str, Any]]) -> str:
    """The table of the measured rows, in their order; ValueError where they cannot be compared."""
    budgets = {tuple(row[IDENTITY].values()) for row in rows.values()}
    if len(budgets) != 1:
        raise ValueError(f"Rows of different budgets or checkpoints cannot be compared: {sorted(budgets)}.")
    heads = [
        "Latent map", "Fréchet, samples", "Unlike: samples", "Unlike: path middles", "Nats, training code",
        "Nats, test code", "Spread of latents", "Nearer to training", "Multiplications",
        "Error of F(F⁻¹(z))", "Seconds of fit",
    ]  # fmt: skip
    lines = [
        [
            name, f"{row['frechet']:.3f}", format_percent(row["unlike_samples"], digits=1),
            format_percent(row["unlike_middles"], digits=1), format_nats(row["nats_train"]),
            format_nats(row["nats_test"]), f"{row['spread']:.2f}", format_percent(row["nearer"], digits=1),
            f"{row['multiplications'] / 1e6:.1f} million", f"{row['error']:.0e}", f"{row['seconds']:.0f}",
        ]
        for name, row in rows.items()
    ]  # fmt: skip
    first = next(iter(rows.values()))
    budget = first[IDENTITY]
    return (
        f"{format_markdown(heads, lines)}\n\n"
        f"`{COMMAND} {budget['checkpoint']} --steps {budget['steps']}`: {budget['steps']:,} steps of"
        f" {budget['batch_size']:,} codes in each round of every row, and {budget['pairs']:,} pairs after the"
        " first round: a small budget, the same for all. Unless a row says otherwise, a map has"
        f" {Variant.width} units, 6 Euler steps and noise of {Variant.noise} on the whitened codes, its"
        f" teacher 512 units and no guide. Fréchet distance of {first['samples']:,} samples of N(0, I), judge"
        f" features; real pictures have {first['floor']:.3f}. The checkpoint's own gauge judges"
        f" {UNLIKE_SAMPLES:,} samples and the middles of {PATHS} paths. Nats are minus the log density of"
        " exact codes: less is better, and many more a test code than a training code is overfitting. The"
        " spread is the root of the mean squared latent of test pictures: 1 where they lie as N(0, I) does."
        " Nearer to training than to as many test pictures: 50 % without memorization."
    )


# ---------------------------------------------------------------------- command


def load_codes(name: str, test: Callable[[ModelConfig], Pictures]) -> tuple[Codes, Yardstick]:
    """A checkpoint's codes, and its own yardstick. ValueError for a checkpoint that can have no map."""
    stored = remove_map(model.load(name))
    check(stored)
    pictures = test(stored.config)
    yardstick = Yardstick(stored, pictures)
    train = compute_codes(stored, yardstick.pictures)
    return Codes(stored, train, compute_codes(stored, pictures), pictures.labels), yardstick


def read_rows(folder: Path, identity: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The rows that are measured already, by their names; ValueError for one of another budget."""
    rows = {name: read_row(folder / f"{format_file_name(name)}.json", identity) for name in VARIANTS}
    return {name: row for name, row in rows.items() if row is not None}


def check_library(names: Sequence[str]) -> None:
    """ValueError where a row needs zuko and it is not installed."""
    needy = [name for name in names if VARIANTS[name].kind != "flow"]
    if needy and importlib.util.find_spec("zuko") is None:
        raise ValueError(
            f'Rows that need the library zuko ({", ".join(needy)}): pip install -e ".[studies]", or name'
            " other rows with --rows."
        )


@report_errors
def main(arguments: Sequence[str] | None = None) -> int:
    parser = create_parser(__doc__)
    parser.add_argument("name", metavar="NAME", help="a checkpoint's name or folder")
    parser.add_argument(
        "--rows", nargs="+", default=list(VARIANTS), choices=list(VARIANTS), metavar="ROW",
        help="default: all",
    )  # fmt: skip
    parser.add_argument("--steps", type=int, default=STEPS, help="of each round (default: %(default)s)")
    parser.add_argument(
        "--pairs", type=int, default=PAIRS, help="that later rounds learn from (default: %(default)s)"
    )
    parser.add_argument("--batch-size", type=int, default=BATCH, help="default: %(default)s")
    parser.add_argument("--precision", default="auto", help="bf16, fp32 or auto, which measures")
    parser.add_argument("--minutes", type=float, help="after which no further row begins")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of the measured rows")
    parser.add_argument("--runs", type=Path, default=RUNS, help="of the fits (default: %(default)s)")
    datasets.add_root_flag(parser)
    options = parser.parse_args(arguments)
    began = time.monotonic()
    budget = {key: getattr(options, key) for key in ("steps", "pairs", "batch_size", "precision")}
    make_config(Variant(), **budget)  # before the work: one may be out of range
    stored = model.load(options.name)
    identity = {"checkpoint": stored.config.name, "weights": hash_weights(stored), **budget}
    rows = read_rows(options.folder, identity)
    left = [name for name in options.rows if name not in rows]
    check_library(left)
    if left:
        codes, yardstick = load_codes(
            options.name,
            lambda config: datasets.load(
                config.dataset, options.data_root, "test", size=config.size, channels=config.channels
            ),
        )
    for name in left:
        if options.minutes is not None and time.monotonic() - began > 60 * options.minutes:
            print(f"{options.minutes:g} minutes are over before {name!r}; the same command continues.")
            break
        variant = VARIANTS[name]
        latent_map, seconds = fit_map(variant, make_config(variant, **budget), codes, options.runs, identity)
        figures = {"row": name, **measure_map(latent_map, codes, yardstick), "seconds": seconds}
        target = options.folder / f"{format_file_name(name)}.json"
        write_row(target, identity, figures)
        print(f"{target} is measured", flush=True)
    rows = read_rows(options.folder, identity)
    if rows:
        page = render(rows)
        results.write_page(PAGE, page)
        print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
