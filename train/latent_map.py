"""python -m train.latent_map NAME: fit a latent map to a checkpoint's codes, so that its prior is N(0, I).

The checkpoint's other networks stay as they are. Its figures hold no longer and are dropped: measure them
again with `python -m train.evaluate`. A map that it has already is replaced; a mixture is dropped.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import math
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from tqdm import tqdm  # type: ignore[import-untyped]

from ganlab import hub, model, networks
from ganlab.config import ModelConfig
from ganlab.gallery import Gallery, Pictures
from ganlab.latent import MAX_SEED
from ganlab.model import METRICS_FILE, LatentModel
from ganlab.networks import LatentMap
from ganlab.networks.latent_map import Velocity
from train import run_folder
from train.command import create_parser, report_errors
from train.data import datasets
from train.files import replace_folder, write_json
from train.measure.batches import map_batches
from train.precision import resolve_precision
from train.publish import draw_pictures
from train.report import card
from train.run_folder import TrainingError
from train.trainer import derive_seed

EMA = 0.995  # decay of the weights' moving average, which is stored
WARM_UP = 200  # steps in which the learning rate grows
LOG_EVERY = 500  # steps between two lines of the log, and two saves
MEASURED = 500  # codes whose likelihood is computed at the end
SOLVER_STEPS = 10  # of Heun's method, along the first velocity
CHUNK = 4096  # latents that it moves at a time


@dataclass(frozen=True)
class FitConfig:
    """Settings of a fit. ValueError names the one that cannot be."""

    width: int = 320  # units of the map's hidden layers
    blocks: int = 4  # residual blocks of its velocity
    map_steps: int = 6  # Euler steps of the map
    teacher_width: int = 512  # units of the first velocity, which is only its teacher
    teacher_steps: int = 16_000  # training steps of the first velocity
    steps: int = 8_000  # training steps of the map's
    pairs: int = 300_000  # latents that the first velocity takes to codes
    batch_size: int = 1024
    lr: float = 1e-3  # Adam's, falling to 0 along a cosine
    noise: float = 0.1  # standard deviation of what is added to the whitened codes, against overfitting
    pairing: int = 0  # rows of a batch in which lines of the first round are paired, see `pair`; 0: none
    seed: int = 0

    def __post_init__(self) -> None:
        whole = (
            "width",
            "blocks",
            "map_steps",
            "teacher_width",
            "teacher_steps",
            "steps",
            "pairs",
            "batch_size",
        )
        for name in whole:
            if getattr(self, name) < 1:
                raise ValueError(f"--{name.replace('_', '-')} is at least 1, not {getattr(self, name)}.")
        if not (0 < self.lr < math.inf and 0 <= self.noise < math.inf):
            raise ValueError("--lr is above 0, --noise at least 0, and both are finite.")
        if self.pairing < 0:
            raise ValueError(f"--pairing is at least 0, not {self.pairing}.")
        if not 0 <= self.seed < MAX_SEED // 2:
            raise ValueError(f"--seed is a whole number from 0 to 2^62 - 2, not {self.seed}.")


class Round:
    """One round of flow matching: a velocity learns the straight lines from latents to `ends` (arXiv
    2210.02747, eq. 23; arXiv 2209.03003, eq. 1).

    Without `starts` each line begins at a new latent of N(0, I), and its end has `noise`. With `starts` (N,
    D), row i leads to row i of `ends`: the second round, whose lines do not cross. A step's randomness
    follows from (seed, step), so that a fit that goes on equals one that was not stopped.
    """

    def __init__(
        self, config: FitConfig, steps: int, velocity: Velocity, ends: Tensor, starts: Tensor | None = None
    ) -> None:
        self.config, self.steps, self.ends, self.starts = config, steps, ends, starts
        self.velocity, self.averaged = velocity, copy.deepcopy(velocity).requires_grad_(False)
        self.optimiser = torch.optim.Adam(velocity.parameters(), fused=True)
        self.step = 0
        self.bf16 = resolve_precision("auto", ends.device) == "bf16"

    def take_step(self) -> float:
        """Returns the loss: mean squared error of the velocity."""
        config, device = self.config, self.ends.device
        rng = torch.Generator().manual_seed(derive_seed(config.seed, f"round of {self.steps}", self.step))
        rows = torch.randint(len(self.ends), (config.batch_size,), generator=rng).to(device)
        end = self.ends[rows]
        t = torch.rand(config.batch_size, generator=rng).to(device)
        if self.starts is None:
            start, noise = (torch.randn(end.shape, generator=rng).to(device) for _ in range(2))
            end = end + config.noise * noise
            if config.pairing:
                start = pair(start, end, config.pairing)
        else:
            start = self.starts[rows]
        progress = self.step / self.steps
        lr = config.lr * min(1.0, (self.step + 1) / WARM_UP) * (1 + math.cos(math.pi * progress)) / 2
        for group in self.optimiser.param_groups:
            group["lr"] = lr
        with torch.autocast(device.type, torch.bfloat16, enabled=self.bf16):
            predicted = self.velocity(start + t[:, None] * (end - start), t)
        loss = (predicted.float() - (end - start)).square().mean()
        if not math.isfinite(value := float(loss.detach())):
            raise TrainingError(f"The loss became {value} at step {self.step + 1}: try a lower --lr.")
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        with torch.no_grad():
            torch._foreach_lerp_([*self.averaged.parameters()], [*self.velocity.parameters()], 1 - EMA)
        self.step += 1
        return value

    def state(self) -> dict[str, Any]:
        """All that changes."""
        nets = {"velocity": self.velocity.state_dict(), "averaged": self.averaged.state_dict()}
        return {"step": self.step, **nets, "optimiser": self.optimiser.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.step = state["step"]
        self.velocity.load_state_dict(state["velocity"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])


class Fit:
    """Both rounds for codes (N, D), with a run folder for log and resume file."""

    def __init__(self, config: FitConfig, architecture: ModelConfig, codes: Tensor, run: Path) -> None:
        self.config, self.run = config, run
        self.map = LatentMap(architecture).to(codes.device)
        self.map.initialise(torch.Generator().manual_seed(config.seed))
        self.map.mean.copy_(codes.mean(0))
        covariance = torch.cov(codes.double().T)
        self.map.factor.copy_(torch.linalg.cholesky(covariance).half())  # as it is stored
        teacher = Velocity(codes.shape[1], config.teacher_width, config.blocks)
        teacher.initialise(torch.Generator().manual_seed(config.seed + 1))
        self.rounds = {
            "first round": Round(
                config, config.teacher_steps, teacher.to(codes.device), self.map.to_end(codes)
            )
        }

    def finish(self) -> None:
        """All steps that are left; the map is fitted after it."""
        self._run("first round")
        if "second round" not in self.rounds:
            self._begin_second_round()
        self._run("second round")
        self.map.velocity.load_state_dict(self.rounds["second round"].averaged.state_dict())

    def resume(self) -> None:
        """Go on from the run folder."""
        state = run_folder.read_state(self.run, self.map.mean.device)
        self.rounds["first round"].restore(state["first round"])
        if "second round" in state:
            self._begin_second_round()
            self.rounds["second round"].restore(state["second round"])

    def _begin_second_round(self) -> None:
        rng = torch.Generator().manual_seed(derive_seed(self.config.seed, "pairs", 0))
        starts = torch.randn(self.config.pairs, len(self.map.mean), generator=rng).to(self.map.mean.device)
        first = self.rounds["first round"]
        ends = torch.cat([follow(first.averaged, chunk, first.bf16) for chunk in torch.split(starts, CHUNK)])
        self.rounds["second round"] = Round(self.config, self.config.steps, self.map.velocity, ends, starts)

    def _run(self, name: str) -> None:
        current = self.rounds[name]
        total = 0.0
        with tqdm(total=current.steps, initial=current.step, unit=" steps", desc=name) as progress:
            while current.step < current.steps:
                total += current.take_step()
                progress.update()
                if current.step % LOG_EVERY == 0 or current.step == current.steps:
                    row = {"round": name, "step": current.step, "loss": total / LOG_EVERY}
                    run_folder.append_to_log(self.run, row)
                    progress.set_postfix(loss=f"{row['loss']:.4f}")
                    run_folder.write_state(
                        self.run, {key: value.state() for key, value in self.rounds.items()}
                    )
                    total = 0.0


def pair(starts: Tensor, ends: Tensor, size: int) -> Tensor:
    """The rows of `starts` (N, D), so ordered among each `size` in succession that the squared lengths of the
    lines to the rows of `ends` (N, D) have the least sum (minibatch optimal transport, arXiv 2302.00482)."""
    pairs = zip(torch.split(starts, size), torch.split(ends, size), strict=True)
    return torch.cat(
        [some[linear_sum_assignment(torch.cdist(end, some).square().cpu())[1]] for some, end in pairs]
    )


@torch.no_grad()
def follow(velocity: Velocity, starts: Tensor, bf16: bool) -> Tensor:
    """Where a velocity takes latents (N, D) from t = 0 to t = 1, by Heun's method."""
    h = starts
    with torch.autocast(h.device.type, torch.bfloat16, enabled=bf16):
        for step in range(SOLVER_STEPS):
            t = torch.full_like(h[:, 0], step / SOLVER_STEPS)
            v = velocity(h, t).float()
            after = velocity(h + v / SOLVER_STEPS, t + 1 / SOLVER_STEPS).float()
            h = h + (v + after) / (2 * SOLVER_STEPS)
    return h


@torch.no_grad()
def compute_nats(latent_map: LatentMap, codes: Tensor, noise: float) -> float:
    """Mean negative log density of the first codes with noise, in nats a code."""
    rng = torch.Generator().manual_seed(0)
    part = codes[:MEASURED]
    noisy = part + noise * torch.randn(part.shape, generator=rng).to(codes.device)
    return -float(latent_map.log_density(noisy).mean())


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


def attach(stored: LatentModel, latent_map: LatentMap, folder: Path, change: str = "") -> None:
    """Write the checkpoint with this map to an empty folder, with the figures of its training alone. `change`
    says what has changed since, see `ModelConfig.replaced`: latents of before mean nothing to the map."""
    change = change or ("it got its latent map" if stored.latent_map is None else "its map was fitted anew")
    earlier = (stored.fingerprint, *stored.config.aliases)
    names = tuple(name for name in stored.networks if name != networks.LATENT_MAP)
    config = dataclasses.replace(
        stored.config,
        networks=(*names, networks.LATENT_MAP),
        map_width=latent_map.velocity.input.out_features,
        map_blocks=len(latent_map.velocity.blocks),
        map_steps=latent_map.steps,
        gaussians=0,
        aliases=(),
        replaced={**stored.config.replaced, **dict.fromkeys(earlier, change)},
    )
    model.save(config, {**stored.networks, networks.LATENT_MAP: latent_map}, folder)
    training = stored.metrics.get("training")
    write_json(folder / METRICS_FILE, {"training": training} if training else {})
    draw_pictures(model.load(str(folder)), folder)
    card.write(folder)


def publish(stored: LatentModel, latent_map: LatentMap, target: Path, change: str = "") -> None:
    """Build the checkpoint beside `target`, then put it there; after an error `target` is as before. `change`
    is as for `attach`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".map-") as temporary:
        folder = Path(temporary) / target.name
        attach(stored, latent_map, folder, change)
        for path in folder.iterdir():
            path.chmod(0o644)
        replace_folder(target, folder, Path(temporary) / "before")


def build_parser() -> argparse.ArgumentParser:
    parser = create_parser(__doc__)
    parser.add_argument("name", metavar="NAME", help="a checkpoint's name or folder")
    parser.add_argument(
        "--out", type=Path, help="folder of the checkpoint with the map (default: NAME's own)"
    )
    parser.add_argument(
        "--change",
        default="",
        metavar="TEXT",
        help="what links, shelves and latents of before are refused with, as it follows the word before"
        " (default: it got its latent map)",
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
        map_width=config.width,
        map_blocks=config.blocks,
        map_steps=config.map_steps,
    )
    codes = compute_codes(stored, gallery.pictures)
    fit = Fit(config, architecture, codes, run)
    if options.resume:
        fit.resume()
    else:
        run_folder.start(run, {"fit": dataclasses.asdict(config), "checkpoint": stored.fingerprint})
    fit.finish()
    fitted = fit.map.half().float()  # as it is stored
    nats = [compute_nats(fitted, part, config.noise) for part in (codes, compute_codes(stored, test))]
    print(f"{nats[0]:.2f} nats a training code, {nats[1]:.2f} a test code, with noise {config.noise}")
    publish(stored, fitted.cpu(), options.out or folder, options.change)
    print(f"{options.out or folder}: with a latent map; measure it with python -m train.evaluate.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
