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
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm  # type: ignore[import-untyped]

from ganlab import hub, model, networks
from ganlab.config import ModelConfig
from ganlab.gallery import Pictures
from ganlab.model import METRICS_FILE, LatentModel
from ganlab.networks import LatentMap
from ganlab.networks.latent_map import Velocity
from train import run_folder, sums
from train.command import create_parser, report_errors
from train.data import datasets
from train.files import BACKUP, replace_folder, scratch, write_json
from train.flow_matching import CHUNK, EndRound, FitConfig, Round, follow
from train.measure.batches import map_batches
from train.measure.evaluate import load_split, resolve_source
from train.planning import derive_seed
from train.precision import resolve_precision
from train.publish import draw_pictures
from train.report import card
from train.run_folder import TrainingError

ROUNDS = ("first round", "weak round", "second round", "ends")
LOG_EVERY = 500  # steps between two lines of the log, and two saves
MEASURED = 500  # codes whose likelihood is computed at the end


class Fit:
    """All rounds for codes (N, D), with a run folder for log and resume file."""

    def __init__(self, config: FitConfig, architecture: ModelConfig, codes: Tensor, run: Path) -> None:
        """With the precision "auto" the faster one is measured here, and kept when the fit goes on: a busy
        machine could measure another one then."""
        precision = resolve_precision(config.precision, codes.device)
        self.config, self.run = dataclasses.replace(config, precision=precision), run
        self.map = LatentMap(architecture)
        self.map.initialise(torch.Generator().manual_seed(config.seed))
        self.map.to(codes.device)
        self.map.mean.copy_(codes.mean(0))
        covariance = torch.cov(codes.double().T)
        self.map.factor.copy_(torch.linalg.cholesky(covariance).half())  # as it is stored
        self.codes = codes
        self.rounds: dict[str, Round] = {}
        self._begin("first round")

    def finish(self, last: str = ROUNDS[-1]) -> None:
        """All steps that are left, up to the round `last`; the map is fitted after it."""
        for name in ROUNDS[: ROUNDS.index(last) + 1]:
            if name == "weak round" and not self.config.guidance:
                continue
            if name not in self.rounds:
                self._begin(name)
            self._run(name)
        weights = self.rounds[last].averaged.state_dict()
        if last == "ends":
            before = self.rounds["second round"].averaged.state_dict()
            weights = {key: before[key].lerp(weights[key], self.config.end_share) for key in weights}
        self.map.velocity.load_state_dict(weights)

    def resume(self) -> None:
        """Go on from the run folder."""
        state = run_folder.read_state(self.run, self.map.mean.device)
        self.config = dataclasses.replace(self.config, precision=state["precision"])
        self.rounds = {}
        for name in ROUNDS:
            if name in state:
                self._begin(name)
                self.rounds[name].restore(state[name])

    def _begin(self, name: str) -> None:
        config = self.config
        if name == "first round":
            self.rounds[name] = self._teach(config.teacher_width, config.teacher_steps)
        elif name == "weak round":
            self.rounds[name] = self._teach((config.teacher_width + 1) // 2, config.weak_steps)
        elif name == "second round":
            starts, ends = self._draw_pairs()
            self.rounds[name] = Round(config, config.steps, self.map.velocity, ends, starts)
        else:
            before = self.rounds["second round"]
            velocity = copy.deepcopy(before.averaged).requires_grad_(True)
            assert before.starts is not None
            self.rounds[name] = EndRound(config, self.map, velocity, before.ends, before.starts)

    def _teach(self, width: int, steps: int) -> Round:
        """Flow matching of the codes by a new velocity."""
        velocity = Velocity(self.codes.shape[1], width, self.config.blocks)
        velocity.initialise(torch.Generator().manual_seed(self.config.seed + 1))
        return Round(self.config, steps, velocity.to(self.codes.device), self.map.to_end(self.codes))

    def _draw_pairs(self) -> tuple[Tensor, Tensor]:
        """Latents (pairs, D) and where the first velocity takes them."""
        config = self.config
        rng = torch.Generator().manual_seed(derive_seed(config.seed, "pairs", 0))
        starts = torch.randn(config.pairs, len(self.map.mean), generator=rng).to(self.map.mean.device)
        nets = {name: current.averaged for name, current in self.rounds.items()}
        first, weak = nets["first round"], nets.get("weak round")
        bf16, chunks = config.precision == "bf16", tqdm(torch.split(starts, CHUNK), desc="pairs")
        return starts, torch.cat([follow(first, chunk, bf16, weak, config.guidance) for chunk in chunks])

    def _run(self, name: str) -> None:
        current = self.rounds[name]
        total = torch.zeros((), device=self.codes.device)
        with tqdm(total=current.steps, initial=current.step, unit=" steps", desc=name) as progress:
            while current.step < current.steps:
                total += current.take_step()
                progress.update()
                if current.step % LOG_EVERY == 0 or current.step == current.steps:
                    loss = float(total) / LOG_EVERY
                    if not math.isfinite(loss):
                        raise TrainingError(f"The loss became {loss} by step {current.step}: lower --lr.")
                    run_folder.append_to_log(self.run, {"round": name, "step": current.step, "loss": loss})
                    progress.set_postfix(loss=f"{loss:.4f}")
                    states = {key: value.state() for key, value in self.rounds.items()}
                    run_folder.write_state(self.run, {"precision": self.config.precision, **states})
                    total.zero_()


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
    names, trained = (
        tuple(name for name in some if name != networks.LATENT_MAP)
        for some in (stored.networks, stored.config.trained_networks)
    )
    config = dataclasses.replace(
        stored.config,
        networks=(*names, networks.LATENT_MAP),
        trained_networks=(*trained, networks.LATENT_MAP) if trained else (),
        map_width=latent_map.velocity.input.out_features,
        map_blocks=len(latent_map.velocity.blocks),
        map_steps=latent_map.steps,
        gaussians=0,
        aliases=(),
        replaced={**stored.config.replaced, **dict.fromkeys(earlier, change)},
    )
    model.save(config, {**stored.networks, networks.LATENT_MAP: latent_map}, folder)
    training = stored.metrics.get("training")
    mapped = model.load(str(folder))
    write_json(
        folder / METRICS_FILE,
        {"fingerprint": mapped.fingerprint, **({"training": training} if training else {})},
    )
    draw_pictures(mapped, folder)
    card.write(folder)
    sums.write(folder)


def publish(stored: LatentModel, latent_map: LatentMap, target: Path, change: str = "") -> None:
    """Build the checkpoint beside `target`, then put it there; after an error `target` is as before. `change`
    is as for `attach`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with scratch(target.parent, "map") as room:
        folder = room / target.name
        attach(stored, latent_map, folder, change)
        for path in folder.iterdir():
            path.chmod(0o644)
        replace_folder(target, folder, room / BACKUP)


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
    parser.add_argument("--dataset", metavar="FOLDER", help="where a model's own folder of pictures lies")
    parser.add_argument(
        "--mirror", action="store_true", help="fit it to the codes of the mirrored pictures too"
    )
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
    source = resolve_source(stored.config, options.dataset)
    pictures, test = (load_split(stored.config, source, options.data_root, s) for s in ("train", "test"))
    run = options.run or Path(f"runs/latent-map-{stored.config.name}")
    architecture = dataclasses.replace(
        stored.config,
        networks=(networks.LATENT_MAP,),
        trained_networks=(),
        map_width=config.width,
        map_blocks=config.blocks,
        map_steps=config.map_steps,
    )
    codes = compute_codes(stored, pictures)
    if options.mirror:
        mirrored = dataclasses.replace(pictures, pixels=pictures.pixels.flip(3))
        codes = torch.cat([codes, compute_codes(stored, mirrored)])
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
