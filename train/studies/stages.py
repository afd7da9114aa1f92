"""python -m train.stages NAME=CHECKPOINT...: what the latent map and the second stage add, a row each.

One gauge judges the pictures of all rows. With --with-map a latent map is fitted first to the codes of the
checkpoint, which stays as it is; codes that a prior keeps in a box are mapped before they are put there. Rows
that are measured already are kept, so that the command continues where it was stopped.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from ganlab import model, networks
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.model import LatentModel
from ganlab.networks import Encoder
from train import run_folder
from train.command import create_parser, report_errors
from train.data import datasets
from train.flow_matching import FitConfig
from train.latent_map import Fit, compute_codes
from train.measure import frechet, rounds, unlike
from train.measure.batches import map_batches
from train.measure.identity import measure_identity
from train.measure.one_nn import nearest_accuracy
from train.measure.reconstruction import measure_reconstruction
from train.measure.travel import compute_paths, list_pairs
from train.report import results
from train.report.text import format_markdown, format_percent
from train.studies.latent_maps import describe_map
from train.studies.row_files import IDENTITY, format_file_name, read_row, write_row
from train.studies.yardstick import Yardstick, remove_map

FOLDER = results.PAGES.parent / "stages"
RUNS = Path("runs/stages")
PAGE = "stages"
COMMAND = "python -m train.stages"


class Unboxed(Encoder):
    """E's logits: codes without bounds."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder, self.output, self.prior = encoder, encoder.output, "normal"

    def hidden(self, x: Tensor) -> Tensor:
        return self.encoder.hidden(x)

    def logits(self, x: Tensor) -> Tensor:
        return self.encoder.logits(x)


class Boxing(nn.Module):
    """G(2 sigmoid(.) - 1) of logits (N, D)."""

    def __init__(self, generator: nn.Module, encoder: Encoder) -> None:
        super().__init__()
        self.generator, self.encoder = generator, encoder

    def forward(self, logits: Tensor) -> Tensor:
        x: Tensor = self.generator(self.encoder.to_latents(logits))
        return x


def unbox(stored: LatentModel) -> LatentModel:
    """G and E of the model with codes without bounds, to which a map can lead: for a uniform prior the
    encoder's logits. G(E(x)) stays as it is."""
    G, E = stored.networks["generator"], cast("Encoder", stored.networks["encoder"])
    nets: dict[str, nn.Module] = {"generator": G, "encoder": E}
    if stored.config.prior == "uniform":
        nets = {"generator": Boxing(G, E), "encoder": Unboxed(E)}
    config = dataclasses.replace(
        stored.config, networks=tuple(nets), trained_networks=(), prior="normal", gaussians=0
    )
    return dataclasses.replace(stored, config=config, networks=nets, mixture=None)


def add_map(stored: LatentModel, pictures: Pictures, fit_config: FitConfig, run: Path) -> LatentModel:
    """The model with a latent map that is fitted to the codes of training pictures."""
    bare = unbox(remove_map(stored))
    run_folder.start(run, {"fit": dataclasses.asdict(fit_config)})
    architecture = describe_map(bare.config, fit_config, fit_config.width)
    fit = Fit(fit_config, architecture, compute_codes(bare, pictures), run)
    fit.finish()
    names = (*bare.config.networks, networks.LATENT_MAP)
    config = dataclasses.replace(architecture, networks=names)
    return dataclasses.replace(
        bare, config=config, networks={**bare.networks, networks.LATENT_MAP: fit.map.half().float()}
    )


@torch.inference_mode()
def measure_stage(stored: LatentModel, test: Pictures, yardstick: Yardstick) -> dict[str, Any]:
    """The figures of a row: of samples of the prior, of the model's own paths, and of reconstructions."""
    explorer, bare = Explorer(stored), remove_map(stored)
    G, E = bare.networks["generator"], cast("Encoder", bare.networks["encoder"])
    x, count = test.inputs(slice(None)), min(frechet.SAMPLES, len(test))
    samples = map_batches(explorer.decode, explorer.sample(count, frechet.SEED, source="prior"))
    pairs = list_pairs(test.labels, unlike.PAIRS)
    z = map_batches(explorer.encode, x[: int(pairs.max()) + 1])
    middles = map_batches(explorer.decode, compute_paths(explorer, z, pairs)["middle"])
    y = map_batches(lambda part: G(E(part)), x)
    return {
        "frechet": yardstick.measure_frechet(samples),
        "unlike_samples": yardstick.measure_unlike(samples),
        "unlike_middles": yardstick.measure_unlike(middles),
        "kept": rounds.measure_rounds(bare, x, yardstick.judge)["last"],
        "identity": measure_identity(x, y, test.labels, yardstick.judge)["share"],
        "mse": measure_reconstruction(x, y, x.mean(0))["mse"],
        "one_nn": nearest_accuracy(E.hidden, yardstick.pictures, x, test.labels),
        "nearer": yardstick.measure_nearer(samples),
        "floor": yardstick.floor,
        "samples": count,
        "paths": len(pairs),
    }


def render(rows: dict[str, dict[str, Any]]) -> str:
    """The table of the rows, in their order."""
    heads = [
        "Model", "Fréchet, samples of the prior", "Unlike: samples", "Unlike: path middles",
        f"Class kept, {rounds.ROUNDS} rounds", "Identity", "MSE a pixel", "1NN, features",
        "Nearer to training",
    ]  # fmt: skip
    lines = [
        [
            name, f"{row['frechet']:.3f}", format_percent(row["unlike_samples"], digits=1),
            format_percent(row["unlike_middles"], digits=1), format_percent(row["kept"], digits=1),
            format_percent(row["identity"]), f"{row['mse']:.4f}", format_percent(row["one_nn"]),
            format_percent(row["nearer"], digits=1),
        ]
        for name, row in rows.items()
    ]  # fmt: skip
    first = next(iter(rows.values()))
    models = "; ".join(
        f"{name}: `{row[IDENTITY]['checkpoint']}` {row[IDENTITY]['fingerprint']}"
        + (f" with a map of {row[IDENTITY]['steps']:,} steps a round" if row[IDENTITY]["steps"] else "")
        for name, row in rows.items()
    )
    return (
        f"{format_markdown(heads, lines)}\n\n`{COMMAND}`: {first['samples']:,} samples of each prior and the"
        f" middles of {first['paths']} of each model's own paths, all judged by the gauge of"
        f" {first[IDENTITY]['gauge']}, so that shares unlike digits compare between rows, but not with those"
        " of a model's own gauge. Judge features; real pictures have a Fréchet distance of"
        f" {first['floor']:.3f}. {models}."
    )


# ---------------------------------------------------------------------- command


def parse_pair(text: str) -> tuple[str, str]:
    """NAME=CHECKPOINT. ValueError for another text."""
    name, sign, checkpoint = text.partition("=")
    if not (sign and name.strip() and checkpoint):
        raise ValueError(f"A row is written NAME=CHECKPOINT, not {text!r}.")
    return name.strip(), checkpoint


def build_parser() -> argparse.ArgumentParser:
    parser = create_parser(__doc__)
    parser.add_argument("rows", nargs="+", metavar="NAME=CHECKPOINT", help="a row's name, and its model")
    parser.add_argument("--with-map", nargs="+", default=[], metavar="NAME", help="rows that get a map first")
    parser.add_argument("--gauge", metavar="CHECKPOINT", help="which judges all (default: the first row's)")
    parser.add_argument("--steps", type=int, default=8_000, help="of each round of a map's fit")
    parser.add_argument("--pairs", type=int, default=300_000, help="of a map's fit")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of the measured rows")
    parser.add_argument("--runs", type=Path, default=RUNS, help="of the fits (default: %(default)s)")
    datasets.add_root_flag(parser)
    return parser


@report_errors
def main(arguments: Sequence[str] | None = None) -> int:
    options = build_parser().parse_args(arguments)
    names = dict(map(parse_pair, options.rows))
    if unknown := sorted(set(options.with_map) - names.keys()):
        raise ValueError(f"--with-map names rows; {unknown} are none of {list(names)}.")
    fit_config = FitConfig(
        teacher_steps=options.steps, steps=options.steps, end_steps=options.steps, pairs=options.pairs
    )
    judging = model.load(options.gauge or next(iter(names.values())))
    loaded = {name: model.load(checkpoint) for name, checkpoint in names.items()}
    targets = {name: options.folder / f"{format_file_name(name)}.json" for name in names}
    identities = {
        name: {
            "checkpoint": stored.config.name,
            "fingerprint": stored.fingerprint,
            "gauge": f"{judging.config.name} {judging.fingerprint}",
            "steps": options.steps if name in options.with_map else 0,
            "pairs": options.pairs if name in options.with_map else 0,
        }
        for name, stored in loaded.items()
    }
    rows = {name: read_row(targets[name], identities[name]) for name in names}
    if None in rows.values():
        config = judging.config
        test = datasets.load(
            config.dataset, options.data_root, "test", size=config.size, channels=config.channels
        )
        yardstick = Yardstick(judging, test)
    for name, stored in loaded.items():
        if rows[name] is not None:
            continue
        if name in options.with_map:
            stored = add_map(stored, yardstick.pictures, fit_config, options.runs / targets[name].stem)
        rows[name] = write_row(targets[name], identities[name], measure_stage(stored, test, yardstick))
        print(f"{targets[name]} is measured", flush=True)
    page = render({name: row for name, row in rows.items() if row is not None})
    results.write_page(PAGE, page)
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
