"""The training loop of all methods: updates, schedule, precision, moving average, logging, resume."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from tqdm import tqdm  # type: ignore[import-untyped]

from ganlab import latent, networks
from ganlab.gallery import Pictures
from ganlab.model import LatentModel, resolve_device
from train import planning, run_folder
from train.capture import CapturedStep
from train.config import TrainConfig
from train.data import datasets
from train.data.augment_colour import mirror
from train.messages import STDERR
from train.methods import METHODS, build_method
from train.precision import resolve_precision, set_up_cuda
from train.run_folder import RESUME_FILE, TrainingError
from train.saving import Saver, call_on_signal

STRETCH = 3.0  # how far a slider goes, in deviations of the prior
CHECK_EVERY = 200  # steps on a GPU between two looks at the losses, for which it has to wait
GRID = 64  # pictures in a sample or reconstruction grid


class Trainer:
    """Runs a TrainConfig in its run folder, from the start or from the folder's resume file.

    Data order, noise and dropout depend on (seed, epoch, step) alone, so that a resumed run continues bit
    for bit although no random state is stored.
    """

    def __init__(self, config: TrainConfig, pictures: Pictures, resume: bool = False) -> None:
        """`pictures` are the training pictures. TrainingError or ValueError for a run that cannot begin."""
        if config.method not in METHODS:
            raise TrainingError(f"Method {config.method!r} not found; available = {list(METHODS)}.")
        # Border pixels are always 0, so their weights and Adam's averages decay to denormal numbers, which
        # are slow on processors; zero serves as well. Must be set before torch starts its threads.
        torch.set_flush_denormal(True)
        self.device = resolve_device(config.device)
        self.on_gpu = self.device.type == "cuda"
        self.run = Path(config.out or f"runs/{planning.name_run(config)}")
        saved = run_folder.read_state(self.run, self.device) if resume else {}
        self.settings = run_folder.read_settings(self.run, saved) if resume else {}
        self.config = config = self._choose_precision(config)
        self.pixels = pictures.pixels[: config.limit or None].to(self.device)
        if len(self.pixels) < config.batch_size:
            raise TrainingError(f"{len(self.pixels)} pictures do not fill one batch of {config.batch_size}.")
        self.steps_per_epoch = len(self.pixels) // config.batch_size
        self.method = build_method(config.method, config)
        first = planning.load_first(config)
        self.model_config = planning.describe_model(config, self.pixels, first, pictures.classes)
        self.nets = self._build_networks(first)
        self.seen = {**self.nets, **self._copy_first_encoder()}  # what the method sees
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
            player: self._build_optimiser(parameters) for player, parameters in self.parameters.items()
        }
        # fp16's range is too small for raw gradients; the scaler does nothing in other precisions.
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=config.precision == "fp16")
        self.step, self.seconds, self._counted_to = 0, 0.0, 0.0
        self.saver = Saver(self.run, config.save_minutes)
        # Losses summed over this epoch, and the share of the run that is done, where no step waits for them.
        self.sums = torch.zeros(len(self.method.players), dtype=torch.float64, device=self.device)
        self.progress = torch.zeros((), device=self.device)
        if hasattr(self.method, "progress"):
            self.method.progress = self.progress
        self.rows = torch.zeros(config.batch_size, dtype=torch.long, device=self.device)  # of this step
        self.take_step: Callable[[], None] = self._take_turns
        if self.on_gpu and config.precision != "fp16" and config.d_steps == 1:
            self.take_step = CapturedStep(self._take_turns, self.device)
        self.stop = False
        if resume:
            self._load(saved)
        elif run_folder.has_state(self.run):
            raise TrainingError(
                f"{self.run} already holds a run. Continue it with --resume, or choose another --out."
            )
        else:
            self.settings = planning.describe_run(config, self.model_config, self.device)
            run_folder.start(self.run, self.settings)

    def _choose_precision(self, config: TrainConfig) -> TrainConfig:
        precision: Any = config.precision
        if self.settings and precision == "auto":  # a busy machine could measure another one now
            precision = self.settings["train"]["precision"]
        precision = resolve_precision(precision, self.device)
        if self.on_gpu:
            set_up_cuda(precision)
        return dataclasses.replace(config, precision=precision)

    def _build_networks(self, first: LatentModel | None) -> dict[str, nn.Module]:
        """All networks of the method with their first weights, in training mode on the device."""
        names = planning.list_networks(self.method, first)
        nets = networks.build(dataclasses.replace(self.model_config, networks=names))
        networks.initialise(nets, self.config.seed, getattr(self.method, "zero_output", ()))
        if first is not None:
            planning.copy_weights(first, nets)
        for net in nets.values():
            net.to(self.device).train()
            if self.on_gpu:
                net.to(memory_format=torch.channels_last)
        return nets

    def _copy_first_encoder(self) -> dict[str, nn.Module]:
        """A frozen copy of the encoder that a second stage begins with, where the method holds on to it."""
        if not self.config.anchor_weight:
            return {}
        return {"first_encoder": copy.deepcopy(self.nets["encoder"]).eval().requires_grad_(False)}

    def _build_optimiser(self, parameters: list[nn.Parameter]) -> torch.optim.Adam:
        cfg = self.config
        return torch.optim.Adam(
            parameters,
            lr=torch.tensor(cfg.lr, device=self.device) if self.on_gpu else cfg.lr,
            betas=(cfg.beta1, cfg.beta2),
            weight_decay=cfg.weight_decay,
            fused=True,
            capturable=self.on_gpu,
        )

    # ------------------------------------------------------------------ the loop

    def train(self) -> bool:
        """Train to the last epoch: True; or until Ctrl-C or SIGTERM, then save: False."""
        cfg = self.config
        total = cfg.epochs * self.steps_per_epoch
        progress = tqdm(
            total=total * cfg.batch_size,
            initial=self.step * cfg.batch_size,
            file=STDERR,
            unit=" images",
            unit_scale=True,
            smoothing=0.05,
            desc=f"{cfg.method} on {cfg.dataset}",
            mininterval=0.5,
        )
        if self.step == 0:
            self._write_pictures(0)
        with progress, call_on_signal(self.request_stop):
            while self.step < total and not self.stop:
                epoch, first = divmod(self.step, self.steps_per_epoch)
                order = self.shuffle(epoch)
                self._set_learning_rate(epoch)
                self._counted_to = time.perf_counter()
                for index in range(first, self.steps_per_epoch):
                    self.train_step(order[index])
                    progress.update(cfg.batch_size)
                    if self.stop:
                        break
                    if self.saver.is_due() and self.step % self.steps_per_epoch:
                        self._check_losses()
                        self.save()
                self._count_seconds()
                if self.step % self.steps_per_epoch == 0:
                    self._end_epoch(epoch + 1, progress)
        if self.stop or self.step == total:
            self.save(last=True)
        return self.step == total

    def request_stop(self) -> None:
        """End the loop after the step in hand, so that its state can be saved."""
        self.stop = True

    def _count_seconds(self) -> None:
        """Add what has passed since the last count to the time that training took."""
        now = time.perf_counter()
        self.seconds, self._counted_to = self.seconds + now - self._counted_to, now

    def train_step(self, rows: Tensor) -> None:
        """Update the players on the pictures of indices `rows` (batch,); TrainingError if a loss diverges."""
        torch.manual_seed(planning.derive_seed(self.config.seed, "step", self.step))
        self.progress.fill_(self.step / (self.config.epochs * self.steps_per_epoch))
        self.rows.copy_(rows)
        self.take_step()
        self.step += 1
        if not self.on_gpu or self.step % CHECK_EVERY == 0 or self.step % self.steps_per_epoch == 0:
            self._check_losses()

    def _take_turns(self) -> None:
        """A step on the pictures `self.rows`, without its count: nothing in it waits for the device."""
        x = datasets.to_input(self.pixels[self.rows])
        x = mirror(x) if self.config.mirror else x
        z = self._sample_prior(len(x))
        losses: dict[str, Tensor] = {}
        for players, fresh in self._plan_turns():
            z = self._sample_prior(len(x)) if fresh else z
            updated = self._update(x, z, players)
            # The log has the loss that a player's step used, or else the first of this step.
            losses = {**updated, **losses} | {player: updated[player] for player in players}
        self.sums += torch.stack([losses[player].detach().double() for player in self.method.players])

    def _check_losses(self) -> None:
        for player, total in zip(self.method.players, self.sums.tolist(), strict=True):
            if not math.isfinite(total):
                since = f"within {CHECK_EVERY} steps before step" if self.on_gpu else "at step"
                raise TrainingError(
                    f"The loss of {player} became {total} {since} {self.step} (epoch"
                    f" {(self.step - 1) // self.steps_per_epoch + 1}). Try a lower --lr or --precision fp32;"
                    f" {self.run / RESUME_FILE} holds the last state that was saved before."
                )

    def _plan_turns(self) -> Iterator[tuple[tuple[str, ...], bool]]:
        """Yield the players that step together, in order, and whether they get fresh noise.

        Alternating: D; then, every `d_steps` steps, `g_steps` turns in which all other players share a noise.
        """
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
        """One forward pass, then a step of each of `players`; all gradients are taken before any step.

        z are latents of the prior; a latent map makes them the codes that the method sees. Returns the losses
        of all players.
        """
        dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(self.config.precision)
        with torch.autocast(self.device.type, dtype=dtype, enabled=dtype is not None):
            latent_map = self.nets.get(networks.LATENT_MAP)
            codes = z if latent_map is None else latent_map(z)
            losses = self.method.losses(self.seen, x, codes)
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
        stepped = {name for player in players for name in self.method.players[player]}
        for name in stepped & self.averaged.keys():
            self._average(self.averaged[name], self.nets[name])
        return {player: loss.detach() for player, loss in losses.items()}

    @torch.no_grad()
    def _average(self, averaged: nn.Module, net: nn.Module) -> None:
        """Move the average towards the current weights; (1 - ema) is the share of the way."""
        averages: list[Tensor] = [*averaged.parameters()]
        torch._foreach_lerp_(averages, [*net.parameters()], 1 - self.config.ema)
        for statistic, current in zip(averaged.buffers(), net.buffers(), strict=True):
            statistic.copy_(current)  # batch norm's are averages already

    def _sample_prior(self, count: int) -> Tensor:
        """Noise (count, latent_dim) of the prior, from torch's global generator, which each step seeds."""
        shape = (count, self.config.latent_dim)
        if self.config.prior == "uniform":
            return torch.rand(shape, device=self.device) * 2 - 1
        z = torch.randn(shape, device=self.device)
        if stretched := round(self.config.stretch_share * count):
            z[:stretched] += STRETCH * normalize(torch.randn_like(z[:stretched]), dim=1)
        return z

    def shuffle(self, epoch: int) -> Tensor:
        """The epoch's batches of picture indices, (steps, batch); an incomplete last batch is dropped."""
        rng = torch.Generator().manual_seed(planning.derive_seed(self.config.seed, "order", epoch))
        order = torch.randperm(len(self.pixels), generator=rng)
        used = self.steps_per_epoch * self.config.batch_size
        return order[:used].view(-1, self.config.batch_size).to(self.device)

    def _set_learning_rate(self, epoch: int) -> None:
        rate = self.config.learning_rate(epoch)
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                if isinstance(group["lr"], Tensor):  # part of the captured step
                    group["lr"].fill_(rate)
                else:
                    group["lr"] = rate

    # ------------------------------------------------------------------ what a run writes

    def _end_epoch(self, epoch: int, progress: Any) -> None:
        means = {
            player: total / self.steps_per_epoch
            for player, total in zip(self.method.players, self.sums.tolist(), strict=True)
        }
        self.sums.zero_()
        row = {
            "epoch": epoch,
            "step": self.step,
            "learning_rate": self.config.learning_rate(epoch - 1),
            "seconds": round(self.seconds, 2),
            "images_per_second": round(self.step * self.config.batch_size / self.seconds, 1),
            "loss": means,
        }
        self.saver.log(row)
        progress.set_postfix(
            epoch=f"{epoch}/{self.config.epochs}", **{k: f"{v:.3f}" for k, v in means.items()}
        )
        if epoch % self.config.pictures_every == 0 or epoch == self.config.epochs:
            self._write_pictures(epoch)
        if epoch % self.config.save_every == 0 or self.saver.is_due():
            self.save()

    def _write_pictures(self, epoch: int) -> None:
        try:
            with self.saver.tolerate():
                self._draw_pictures(epoch)
        finally:
            for net in self.nets.values():
                net.train()

    @torch.no_grad()
    def _draw_pictures(self, epoch: int) -> None:
        """Grids of G(z), and of x beside G(E(x)), for the same z and x in every epoch."""
        nets = networks.compose({**self.nets, **self.averaged})
        z = latent.draw(self.config.prior, self.config.latent_dim, GRID, self.config.seed)
        x = datasets.to_input(self.pixels[: GRID // 2])
        G = nets["generator"].eval()
        run_folder.write_grid(self.run, "samples", epoch, G(z.to(self.device)))
        if "encoder" in nets:
            reconstructed = G(nets["encoder"].eval()(x))
            pairs = torch.stack([x, reconstructed], 1).flatten(0, 1)
            run_folder.write_grid(self.run, "reconstructions", epoch, pairs)

    # ------------------------------------------------------------------ resume

    def save(self, last: bool = False) -> None:
        """Write all that training changes to the resume file; `last`: TrainingError where it cannot be."""
        if not last:
            self._count_seconds()
        state = {
            "settings": json.dumps(self.settings),
            "step": self.step,
            "seconds": self.seconds,
            "sums": dict(zip(self.method.players, self.sums.tolist(), strict=True)),
            "nets": {name: net.state_dict() for name, net in self.nets.items()},
            "averaged": {name: net.state_dict() for name, net in self.averaged.items()},
            "optimisers": {name: o.state_dict() for name, o in self.optimisers.items()},
            "scaler": self.scaler.state_dict(),
        }
        self.saver.save(state, last)
        self._counted_to = time.perf_counter()

    def _load(self, state: dict[str, Any]) -> None:
        differences = self.config.list_differences(self.settings["train"])
        if differences:
            raise TrainingError("A run continues only with its own settings: " + "; ".join(differences) + ".")
        try:
            self._restore(state)
        except (RuntimeError, KeyError, TypeError, ValueError, AttributeError):
            raise TrainingError(
                f"{self.run / RESUME_FILE} is of another run: its networks are not those of these settings."
            ) from None
        run_folder.sweep(self.run)
        self.saver.resume(state)

    def _restore(self, state: dict[str, Any]) -> None:
        """Put a state's numbers in place."""
        self.step, self.seconds = state["step"], state["seconds"]
        # Empty where the epoch had just begun, in runs saved by earlier versions.
        sums = [state["sums"].get(player, 0.0) for player in self.method.players]
        self.sums.copy_(torch.tensor(sums, dtype=torch.float64))
        for name, net in self.nets.items():
            net.load_state_dict(state["nets"][name])
        for name, net in self.averaged.items():
            net.load_state_dict(state["averaged"][name])
        for name, optimiser in self.optimisers.items():
            rates = [group["lr"] for group in optimiser.param_groups]
            optimiser.load_state_dict(state["optimisers"][name])
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                if isinstance(rate, Tensor):  # the tensor itself is part of the captured step
                    group["lr"] = rate.copy_(group["lr"])
        self.scaler.load_state_dict(state["scaler"])
