"""python -m train.latent_map NAME: fit a latent map to a checkpoint's codes, so that its prior is N(0, I).

The checkpoint's other networks stay as they are. Its figures hold no longer and are dropped: measure them
again with `python -m train.evaluate`. A map that it has already is replaced; a mixture is dropped.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm  # type: ignore[import-untyped]

from ganlab import hub, model, networks
from ganlab.config import ModelConfig
from ganlab.gallery import Gallery, Pictures
from ganlab.latent import MAX_SEED
from ganlab.model import METRICS_FILE, LatentModel
from ganlab.networks import LatentMap
from train import run_folder
from train.command import create_parser, report_errors
from train.data import datasets
from train.files import replace_folder, write_json
from train.measure.batches import map_batches
from train.publish import draw_pictures
from train.report import card
from train.run_folder import TrainingError

EMA = 0.99  # decay of the weights' moving average, which is stored
WARM_UP = 100  # steps in which the learning rate grows
MAX_GRADIENT = 50.0  # norm to which a step's gradient is shortened
LOG_EVERY = 250  # steps between two lines of the log, and two saves


@dataclass(frozen=True)
class FitConfig:
    """Settings of a fit. ValueError names the one that cannot be."""

    layers: int = 12  # couplings
    width: int = 256  # units of a coupling's hidden layers
    steps: int = 6000
    batch_size: int = 512
    lr: float = 2e-3  # Adam's, falling to 0 along a cosine
    noise: float = 0.1  # standard deviation of what is added to the codes, against overfitting
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("layers", "width", "steps", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name.replace('_', '-')} is at least 1, not {getattr(self, name)}.")
        if not (0 < self.lr < math.inf and 0 <= self.noise < math.inf):
            raise ValueError("--lr is above 0, --noise at least 0, and both are finite.")
        if not 0 <= self.seed <= MAX_SEED:
            raise ValueError(f"--seed is a whole number from 0 to 2^63 - 1, not {self.seed}.")

    def learning_rate(self, step: int) -> float:
        """Of step 0, 1, ..."""
        return self.lr * min(1.0, (step + 1) / WARM_UP) * (1 + math.cos(math.pi * step / self.steps)) / 2


class Fit:
    """Maximum likelihood of codes (N, D) with noise, step by step; each step's randomness follows from
    (seed, step), so that a fit that goes on equals one that was not stopped."""

    def __init__(self, config: FitConfig, architecture: ModelConfig, codes: Tensor) -> None:
        self.config, self.codes = config, codes
        self.map, self.averaged = LatentMap(architecture), LatentMap(architecture)
        self.map.initialise(torch.Generator().manual_seed(config.seed))
        self.averaged.load_state_dict(self.map.state_dict())
        for network in (self.map, self.averaged):
            network.to(codes.device)
        self.optimiser = torch.optim.Adam(self.map.parameters(), betas=(0.9, 0.99), fused=True)
        self.step = 0

    def take_step(self) -> float:
        """Returns the loss, in nats a code."""
        rng = torch.Generator().manual_seed(self.config.seed + 1_000_003 * (self.step + 1))
        rows = torch.randint(len(self.codes), (self.config.batch_size,), generator=rng)
        noise = torch.randn(self.config.batch_size, self.codes.shape[1], generator=rng)
        batch = self.codes[rows.to(self.codes.device)] + self.config.noise * noise.to(self.codes.device)
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate(self.step)
        loss = -self.map.log_density(batch).mean()
        if not math.isfinite(value := float(loss.detach())):
            raise TrainingError(f"The loss became {value} at step {self.step + 1}: try a lower --lr.")
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.map.parameters(), MAX_GRADIENT)
        self.optimiser.step()
        with torch.no_grad():
            torch._foreach_lerp_([*self.averaged.parameters()], [*self.map.parameters()], 1 - EMA)
        self.step += 1
        return value

    def save(self, run: Path) -> None:
        """Write all that changes to the run's resume file."""
        nets = {"map": self.map.state_dict(), "averaged": self.averaged.state_dict()}
        state = {"step": self.step, "nets": nets, "optimiser": self.optimiser.state_dict()}
        run_folder.write_state(run, state)

    def restore(self, run: Path) -> None:
        """Go on from what `save` wrote."""
        state = run_folder.read_state(run, self.codes.device)
        self.step = state["step"]
        self.map.load_state_dict(state["nets"]["map"])
        self.averaged.load_state_dict(state["nets"]["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])


@torch.no_grad()
def compute_nats(latent_map: LatentMap, codes: Tensor, noise: float) -> float:
    """Mean negative log density of codes with noise, in nats a code."""
    rng = torch.Generator().manual_seed(0)
    noisy = codes + noise * torch.randn(codes.shape, generator=rng).to(codes.device)
    return -float(map_batches(latent_map.log_density, noisy).mean())


def run_fit(fit: Fit, run: Path, held_out: Tensor) -> None:
    """All steps that are left; the log has the density of training codes and of codes `held_out` (M, D)."""
    config = fit.config
    with tqdm(total=config.steps, initial=fit.step, unit=" steps", desc="latent map") as progress:
        while fit.step < config.steps:
            fit.take_step()
            progress.update()
            if fit.step % LOG_EVERY and fit.step < config.steps:
                continue
            nats = [
                compute_nats(fit.averaged, codes, config.noise)
                for codes in (fit.codes[: len(held_out)], held_out)
            ]
            row = dict(zip(("train", "test"), nats, strict=True))
            run_folder.append_to_log(run, {"step": fit.step, **row})
            progress.set_postfix({key: f"{value:.2f} nats" for key, value in row.items()})
            fit.save(run)


def check(stored: LatentModel) -> None:
    """ValueError for a model that can have no map."""
    if "encoder" not in stored.networks or "generator" not in stored.networks:
        raise ValueError(f"{stored.config.name} has no encoder, and so no codes to fit a latent map to.")
    if stored.config.prior != "normal":
        raise ValueError(
            f"{stored.config.name} keeps its codes in a box; a latent map leads to codes without bounds."
        )


@torch.no_grad()
def compute_codes(stored: LatentModel, pictures: Pictures) -> Tensor:
    """What the encoder itself makes of the pictures, before any latent map: (N, latent_dim)."""
    encoder = stored.networks["encoder"]
    return map_batches(lambda x: encoder(x.to(stored.device)), pictures)


def attach(stored: LatentModel, latent_map: LatentMap, folder: Path) -> None:
    """Write the checkpoint with this map to an empty folder, with the figures of its training alone."""
    layers, width = len(latent_map.couplings), latent_map.width
    names = tuple(name for name in stored.networks if name != networks.LATENT_MAP)
    config = dataclasses.replace(
        stored.config,
        networks=(*names, networks.LATENT_MAP),
        map_layers=layers,
        map_width=width,
        gaussians=0,
    )
    model.save(config, {**stored.networks, networks.LATENT_MAP: latent_map}, folder)
    training = stored.metrics.get("training")
    write_json(folder / METRICS_FILE, {"training": training} if training else {})
    draw_pictures(model.load(str(folder)), folder)
    card.write(folder)


def publish(stored: LatentModel, latent_map: LatentMap, target: Path) -> None:
    """Build the checkpoint beside `target`, then put it there; after an error `target` is as before."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".map-") as temporary:
        folder = Path(temporary) / target.name
        attach(stored, latent_map, folder)
        for path in folder.iterdir():
            path.chmod(0o644)
        replace_folder(target, folder, Path(temporary) / "before")


def build_parser() -> argparse.ArgumentParser:
    parser = create_parser(__doc__)
    parser.add_argument("name", metavar="NAME", help="a checkpoint's name or folder")
    parser.add_argument(
        "--out", type=Path, help="folder of the checkpoint with the map (default: NAME's own)"
    )
    parser.add_argument("--run", type=Path, help="folder of the fit itself (default: runs/latent-map-NAME)")
    parser.add_argument("--resume", action="store_true", help="continue the fit in --run where it stopped")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")
    for field in dataclasses.fields(FitConfig):
        flag = f"--{field.name.replace('_', '-')}"
        parser.add_argument(
            flag, type=type(field.default), default=field.default, help="default: %(default)s"
        )
    datasets.add_root_flag(parser)
    return parser


@report_errors
def main(arguments: list[str] | None = None) -> int:
    options = build_parser().parse_args(arguments)
    config = FitConfig(**{f.name: getattr(options, f.name) for f in dataclasses.fields(FitConfig)})
    folder = hub.resolve(options.name)
    stored = model.load(options.name, model.resolve_device(options.device))
    check(stored)
    gallery = Gallery.load(stored)
    if gallery is None:
        raise ValueError(f"{stored.config.name} has no gallery of training pictures.")
    test = datasets.load(
        stored.config.dataset,
        options.data_root,
        "test",
        size=stored.config.size,
        channels=stored.config.channels,
    )
    run = options.run or Path(f"runs/latent-map-{stored.config.name}")
    architecture = dataclasses.replace(
        stored.config,
        networks=(networks.LATENT_MAP,),
        trained_networks=(),
        map_layers=config.layers,
        map_width=config.width,
    )
    fit = Fit(config, architecture, compute_codes(stored, gallery.pictures))
    if options.resume:
        fit.restore(run)
    else:
        run_folder.start(run, {"fit": dataclasses.asdict(config), "checkpoint": stored.fingerprint})
    run_fit(fit, run, compute_codes(stored, test))
    publish(stored, fit.averaged.cpu(), options.out or folder)
    print(f"{options.out or folder}: with a latent map; measure it with python -m train.evaluate.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
