"""The one training loop, blind to the method: updates, schedule, precision, EMA, logging, resume."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import math
import pickle
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm  # type: ignore[import-untyped]

from ganlab import images, latent, networks
from ganlab.config import ModelConfig
from ganlab.gallery import GALLERIES, TRAIN_FILE, Pictures
from ganlab.model import resolve_device
from train.config import TrainConfig
from train.data import datasets
from train.files import open_atomically
from train.methods import METHODS, make

RESUME_FILE = "resume.pt"
GRID = 64  # pictures in a sample or reconstruction grid


class TrainingError(ValueError):
    """A run that cannot start or go on; the message says why and what to try."""


class Trainer:
    """Runs a TrainConfig in its run folder, from the start or from the folder's resume file.

    Data order, noise and dropout are functions of (seed, epoch, step), so a resumed run continues
    bit for bit without any random state being stored.
    """

    def __init__(self, config: TrainConfig, pictures: Pictures, resume: bool = False) -> None:
        if config.method not in METHODS:
            raise TrainingError(f"Method {config.method!r} not found; available = {list(METHODS)}.")
        # Border pixels are always 0, so their weights and Adam's averages decay into denormal numbers,
        # with which processors are slow: zero does as well. Set before torch starts its threads.
        torch.set_flush_denormal(True)
        self.device = resolve_device(config.device)
        self.run = Path(config.out or f"runs/{run_name(config)}")
        precision: Any = config.precision
        if resume and precision == "auto":  # a busy machine may measure otherwise than when the run began
            precision = self._saved_settings()["precision"]
        self.config = config = dataclasses.replace(
            config, precision=resolve_precision(precision, self.device)
        )
        self.pixels = pictures.pixels[: config.limit or None].to(self.device)
        if len(self.pixels) < config.batch_size:
            raise TrainingError(f"{len(self.pixels)} pictures do not fill one batch of {config.batch_size}.")
        self.steps_per_epoch = len(self.pixels) // config.batch_size
        self.method = make(config.method, config)
        self.model_config = model_config(config, self.pixels)
        self.nets = networks.build(
            dataclasses.replace(self.model_config, networks=tuple(self.method.networks))
        )
        networks.initialise(self.nets, config.seed, getattr(self.method, "zero", ()))
        for net in self.nets.values():
            net.to(self.device).train()
        self.averaged: dict[str, nn.Module] = {  # EMA copies of what the app will use
            name: copy.deepcopy(self.nets[name]).eval().requires_grad_(False)
            for name in ("generator", "encoder")
            if config.ema and name in self.nets
        }
        self.parameters = {
            player: [p for name in owned for p in self.nets[name].parameters()]
            for player, owned in self.method.players.items()
        }
        self.optimisers = {
            player: torch.optim.Adam(
                parameters,
                lr=config.lr,
                betas=(config.beta1, config.beta2),
                weight_decay=config.weight_decay,
                fused=True,
            )
            for player, parameters in self.parameters.items()
        }
        # fp16's range is too small for raw gradients; the scaler does nothing in other precisions.
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=config.precision == "fp16")
        self.step = 0
        self.seconds = 0.0
        self.sums: dict[str, float] = {}  # losses summed over this epoch's steps
        self.stop = False
        if resume:
            self._load()
        elif (self.run / RESUME_FILE).exists():
            raise TrainingError(
                f"{self.run} already holds a run. Go on with --resume, or name another folder with --out."
            )
        else:
            self._write_config()

    # ------------------------------------------------------------------ the loop

    def train(self) -> bool:
        """Run to the end: True. Stopped by Ctrl-C or SIGTERM: saved, and False."""
        cfg = self.config
        total = cfg.epochs * self.steps_per_epoch
        progress = tqdm(
            total=total * cfg.batch_size,
            initial=self.step * cfg.batch_size,
            unit=" images",
            unit_scale=True,
            smoothing=0.05,
            desc=f"{cfg.method} on {cfg.dataset}",
            mininterval=0.5,
        )
        if self.step == 0:
            self._pictures(0)
        with progress, self._stop_on_signal():
            while self.step < total and not self.stop:
                epoch, first = divmod(self.step, self.steps_per_epoch)
                order = self._order(epoch)
                self._set_learning_rate(epoch)
                started = time.perf_counter()
                for index in range(first, self.steps_per_epoch):
                    self._train_step(order[index])
                    progress.update(cfg.batch_size)
                    if self.stop:
                        break
                self.seconds += time.perf_counter() - started
                if self.step % self.steps_per_epoch == 0:
                    self._end_epoch(epoch + 1, progress)
        if self.stop or self.step == total:
            self.save()
        return self.step == total

    def _train_step(self, chosen: Tensor) -> None:
        torch.manual_seed(seed_of(self.config.seed, "step", self.step))
        x = datasets.to_input(self.pixels[chosen])
        z = self._prior(len(x))
        losses: dict[str, Tensor] = {}
        for players, fresh in self._turns():
            z = self._prior(len(x)) if fresh else z
            found = self._update(x, z, players)
            losses = {**found, **losses} | {player: found[player] for player in players}
        for player, loss in losses.items():
            value = float(loss)
            if not math.isfinite(value):
                raise TrainingError(
                    f"The loss of {player} became {value} at step {self.step + 1} (epoch"
                    f" {self.step // self.steps_per_epoch + 1}). Try a lower --lr or --precision fp32;"
                    f" {self.run / RESUME_FILE} holds the last state that was saved before."
                )
            self.sums[player] = self.sums.get(player, 0.0) + value
        self.step += 1

    def _turns(self) -> Iterator[tuple[tuple[str, ...], bool]]:
        """Who updates in this step, in order, and whether with fresh noise: all in a turn share theirs."""
        players, cfg = tuple(self.method.players), self.config
        if cfg.updates == "simultaneous":
            yield players, False
            return
        others = tuple(player for player in players if player != "discriminator")
        if "discriminator" in players:
            yield ("discriminator",), False
        if "discriminator" not in players or (self.step + 1) % cfg.d_steps == 0:
            for turn in range(cfg.g_steps):
                for player in others:
                    yield (player,), turn > 0 and player == others[0]

    def _update(self, x: Tensor, z: Tensor, players: tuple[str, ...]) -> dict[str, Tensor]:
        """One forward pass, then a step of each of `players`, all gradients taken before any step.

        Returns the losses of all players, for the log.
        """
        dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(self.config.precision)
        with torch.autocast(self.device.type, dtype=dtype, enabled=dtype is not None):
            losses = self.method.losses(self.nets, x, z)
        for player in players:
            gradients = torch.autograd.grad(
                self.scaler.scale(losses[player]),
                self.parameters[player],
                retain_graph=player != players[-1],
            )
            for parameter, gradient in zip(self.parameters[player], gradients, strict=True):
                parameter.grad = gradient
        for player in players:
            self.scaler.step(self.optimisers[player])
        self.scaler.update()
        moved = {name for player in players for name in self.method.players[player]}
        for name in moved & self.averaged.keys():
            self._average(self.averaged[name], self.nets[name])
        return {player: loss.detach() for player, loss in losses.items()}

    @torch.no_grad()
    def _average(self, averaged: nn.Module, net: nn.Module) -> None:
        kept: list[Tensor] = [*averaged.parameters()]
        torch._foreach_lerp_(kept, [*net.parameters()], 1 - self.config.ema)
        for statistic, current in zip(averaged.buffers(), net.buffers(), strict=True):
            statistic.copy_(current)  # batch norm's are averages already

    def _prior(self, count: int) -> Tensor:
        """Fresh noise (count, latent_dim) from torch's global stream, seeded anew each step."""
        shape = (count, self.config.latent_dim)
        if self.config.prior == "uniform":
            return torch.rand(shape, device=self.device) * 2 - 1
        return torch.randn(shape, device=self.device)

    def _order(self, epoch: int) -> Tensor:
        """This epoch's batches (steps, batch) of picture indices; an incomplete last batch is dropped."""
        rng = torch.Generator().manual_seed(seed_of(self.config.seed, "order", epoch))
        order = torch.randperm(len(self.pixels), generator=rng)
        used = self.steps_per_epoch * self.config.batch_size
        return order[:used].view(-1, self.config.batch_size).to(self.device)

    def _set_learning_rate(self, epoch: int) -> None:
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = self.config.learning_rate(epoch)

    # ------------------------------------------------------------------ what a run writes

    def _end_epoch(self, epoch: int, progress: Any) -> None:
        means = {player: total / self.steps_per_epoch for player, total in self.sums.items()}
        self.sums = {}
        row = {
            "epoch": epoch,
            "step": self.step,
            "learning_rate": self.config.learning_rate(epoch - 1),
            "seconds": round(self.seconds, 2),
            "images_per_second": round(self.step * self.config.batch_size / self.seconds, 1),
            "loss": means,
        }
        with (self.run / "metrics.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")
        progress.set_postfix(
            epoch=f"{epoch}/{self.config.epochs}", **{k: f"{v:.3f}" for k, v in means.items()}
        )
        if epoch % self.config.pictures_every == 0 or epoch == self.config.epochs:
            self._pictures(epoch)
        if epoch % self.config.save_every == 0:
            self.save()

    @torch.no_grad()
    def _pictures(self, epoch: int) -> None:
        """Grids of the same G(z) and of the same x beside G(E(x)), every time."""
        nets = {**self.nets, **self.averaged}
        z = latent.draw(self.config.prior, self.config.latent_dim, GRID, self.config.seed)
        x = datasets.to_input(self.pixels[: GRID // 2])
        G = nets["generator"].eval()
        images.grid(G(z.to(self.device)), 8).save(self._picture_path("samples", epoch))
        if "encoder" in nets:
            again = G(nets["encoder"].eval()(x))
            pairs = torch.stack([x, again], 1).flatten(0, 1)
            images.grid(pairs, 8).save(self._picture_path("reconstructions", epoch))
        for net in self.nets.values():
            net.train()

    def _picture_path(self, kind: str, epoch: int) -> Path:
        folder = self.run / kind
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"epoch_{epoch:04d}.png"

    def _write_config(self) -> None:
        self.run.mkdir(parents=True, exist_ok=True)
        settings = {
            "commit": current_commit(),
            "data": datasets.title(self.config.dataset, self.config.data_root),
            "train": dataclasses.asdict(self.config),
            "model": self.model_config.to_dict(),
        }
        (self.run / "config.json").write_text(json.dumps(settings, indent=2) + "\n")
        (self.run / "metrics.jsonl").unlink(missing_ok=True)

    # ------------------------------------------------------------------ resume

    def save(self) -> None:
        """Write the resume file whole or not at all."""
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "sums": self.sums,
            "nets": {name: net.state_dict() for name, net in self.nets.items()},
            "averaged": {name: net.state_dict() for name, net in self.averaged.items()},
            "optimisers": {name: o.state_dict() for name, o in self.optimisers.items()},
            "scaler": self.scaler.state_dict(),
        }
        with open_atomically(self.run / RESUME_FILE) as file:
            torch.save(state, file)

    def _load(self) -> None:
        differences = self.config.differences(self._saved_settings())
        if differences:
            raise TrainingError("A run goes on only with its own settings: " + "; ".join(differences) + ".")
        path = self.run / RESUME_FILE
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
        except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
            reason = next(iter(str(error).splitlines()), "it is empty")
            raise TrainingError(f"{path} is damaged ({reason}): start the run anew.") from None
        self.step, self.seconds, self.sums = state["step"], state["seconds"], state["sums"]
        for name, net in self.nets.items():
            net.load_state_dict(state["nets"][name])
        for name, net in self.averaged.items():
            net.load_state_dict(state["averaged"][name])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        self.scaler.load_state_dict(state["scaler"])
        self._drop_rows_after(self.step)

    def _saved_settings(self) -> dict[str, Any]:
        """The TrainConfig of the run that the folder holds."""
        if not (self.run / RESUME_FILE).is_file():
            raise TrainingError(f"{self.run} holds no {RESUME_FILE}: start it without --resume.")
        try:
            settings: dict[str, Any] = json.loads((self.run / "config.json").read_text())["train"]
        except (OSError, ValueError, KeyError) as error:
            raise TrainingError(f"{self.run / 'config.json'} cannot be read ({error!r}).") from None
        return settings

    def _drop_rows_after(self, step: int) -> None:
        """Epochs that were logged but not saved will be logged again, and so will a half-written last one."""
        log = self.run / "metrics.jsonl"
        if log.exists():
            rows = [row for row in log.read_text().splitlines(keepends=True) if row.endswith("\n")]
            log.write_text("".join(row for row in rows if json.loads(row)["step"] <= step))

    @contextmanager
    def _stop_on_signal(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM end the loop after the step in hand; the state is then saved."""

        def ask(signum: int, frame: object) -> None:
            self.stop = True

        before = {s: signal.signal(s, ask) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def model_config(config: TrainConfig, pixels: Tensor) -> ModelConfig:
    """The description that the published checkpoint will carry (its name is set on publishing)."""
    method = make(config.method, config)
    passing = getattr(method, "training_only", ())
    named = config.dataset in datasets.DATASETS  # else it is a folder, which shares nothing with others
    title = datasets.title(config.dataset, config.data_root)
    dataset = config.dataset if named else title
    return ModelConfig(
        name=f"{dataset}-{config.method}",
        method=config.method,
        dataset=dataset,
        family=config.family,
        networks=tuple(name for name in method.networks if name not in passing),
        channels=pixels.shape[1],
        size=pixels.shape[2],
        latent_dim=config.latent_dim,
        prior=config.prior,
        width=config.width,
        norm=config.norm,
        feature_dim=config.feature_dim,
        gallery=dataset if named and (GALLERIES / dataset / TRAIN_FILE).is_file() else None,
        preparation=datasets.preparation(config.dataset),
        title=f"{method.title} · {title}",
    )


def run_name(config: TrainConfig) -> str:
    """METHOD-DATASET-sSEED, with the family where it is not the paper's."""
    family = [] if config.family == "paper" else [config.family]
    return "-".join([config.method, *family, Path(config.dataset).resolve().name, f"s{config.seed}"])


def published_networks(run: Path, config: ModelConfig) -> dict[str, nn.Module]:
    """The networks of a run's resume file, EMA in place of the raw ones where the run kept it."""
    state = torch.load(run / RESUME_FILE, map_location="cpu", weights_only=True)
    nets = networks.build(config)
    for name, net in nets.items():
        net.load_state_dict(state["averaged"].get(name, state["nets"][name]))
    return nets


def current_commit() -> str | None:
    """git HEAD of this source, "-dirty" where ganlab/ or train/ differ from it; None outside git."""
    root = Path(__file__).resolve().parent.parent

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        if git("rev-parse", "--show-prefix"):  # installed inside another project's repository
            return None
        changed = git("status", "--porcelain", "--", "ganlab", "train")
        return git("rev-parse", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def seed_of(seed: int, purpose: str, index: int) -> int:
    """A seed for one use at one time: nothing random has to be stored to resume."""
    digest = hashlib.blake2b(f"{seed}/{purpose}/{index}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def resolve_precision(name: str, device: torch.device) -> Any:
    """What "auto" means on this device: asked of the GPU, measured on the processor."""
    if name != "auto":
        if name == "fp16" and device.type == "cpu":
            raise TrainingError("--precision fp16 is for GPUs; on a processor use bf16 or fp32.")
        return name
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    return "bf16" if _matmul_seconds(torch.bfloat16) < 0.6 * _matmul_seconds(torch.float32) else "fp32"


def _matmul_seconds(dtype: torch.dtype) -> float:
    a = torch.ones(512, 1024, dtype=dtype)
    b = torch.ones(1024, 1024, dtype=dtype)
    times = []
    for _ in range(5):
        started = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - started)
    return min(times)
