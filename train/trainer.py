"""The training loop of all methods: order, schedule, precision, logging, resume. A step is in updates.py."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm  # type: ignore[import-untyped]

from ganlab import latent, networks
from ganlab.gallery import Pictures
from ganlab.model import LatentModel, resolve_device
from train import planning, run_folder, start, workers
from train.capture import CapturedStep
from train.config import TrainConfig
from train.data import datasets
from train.data.source import MemorySource, Source
from train.messages import STDERR
from train.methods import METHODS, build_method
from train.parallel import share_batches
from train.precision import resolve_precision, set_up_cuda
from train.run_folder import RESUME_FILE, TrainingError
from train.saving import Saver, call_on_signal
from train.updates import Updates

CHECK_EVERY = 200  # steps on a GPU between two looks at the losses, for which it has to wait
AGREE_EVERY = 20  # steps on GPUs after which the processes look whether one was asked to stop
GRID = 64  # pictures in a sample or reconstruction grid


class Watcher:
    """Looks at a run as it trains; this one does nothing.

    No method may draw from torch's global random numbers or leave a network in another mode.
    """

    def begin(self, run: Trainer) -> None:
        """Before the first step of this process; `run.step` is not 0 where the run is resumed."""

    def see_step(self, run: Trainer) -> None:
        """After each step; `run.step` counts it."""

    def see_epoch(self, run: Trainer, row: dict[str, Any]) -> None:
        """After each epoch; `row` is its line of the log."""

    def end(self, run: Trainer, error: BaseException | None) -> None:
        """After the last step, once the state is saved; or with the error that ended the run."""


class Trainer:
    """Runs a TrainConfig in its run folder, from the start or from the folder's resume file.

    Data order, noise and dropout depend on (seed, epoch, step) alone, so that a resumed run continues bit
    for bit although no random state is stored.
    """

    def __init__(self, config: TrainConfig, pictures: Pictures | Source, resume: bool = False) -> None:
        """`pictures` are the training pictures. TrainingError or ValueError for a run that cannot begin."""
        if config.method not in METHODS:
            raise TrainingError(f"Method {config.method!r} not found; available = {list(METHODS)}.")
        if config.batch_size % workers.size():
            raise TrainingError(
                f"--batch-size {config.batch_size} cannot be dealt out to {workers.size()} processes in equal"
                " parts."
            )
        # Border pixels are always 0, so their weights and Adam's averages decay to denormal numbers, which
        # are slow on processors; zero serves as well. Must be set before torch starts its threads.
        torch.set_flush_denormal(True)
        self.device = resolve_device(config.device)
        self.on_gpu = self.device.type == "cuda"
        self.run = Path(config.out or f"runs/{planning.name_run(config)}")
        self.writes = workers.is_writer()
        saved: dict[str, Any] = {}
        self.settings: dict[str, Any] = {}
        if resume:
            saved = workers.share(lambda: run_folder.read_state(self.run, self.device))
            self.settings = workers.share(lambda: run_folder.read_settings(self.run, saved))
        self.config = config = self._choose_precision(config)
        self.source: Source = (
            MemorySource(pictures, config.limit, self.device) if isinstance(pictures, Pictures) else pictures
        )
        if len(self.source) < config.batch_size:
            raise TrainingError(f"{len(self.source)} pictures do not fill one batch of {config.batch_size}.")
        self.steps_per_epoch = len(self.source) // config.batch_size
        self.method = build_method(config.method, config)
        first = planning.load_first(config)
        self.model_config = planning.describe_model(config, self.source.shape, first, self.source.classes)
        self.nets = self._build_networks(first)
        if workers.size() > 1:
            share_batches(self.nets.values(), config.norm_batch == "global")
        self.updates = Updates(config, self.method, self.nets, self.device)
        self.averaged = self.updates.averaged
        self.watcher = Watcher()  # may be replaced before `train`
        self.step, self.seconds, self._counted_to = 0, 0.0, 0.0
        self.saver = Saver(self.run, config.save_minutes if self.writes else 0)
        shape = (config.batch_size // workers.size(), *self.source.shape)
        self.batch = torch.zeros(shape, dtype=torch.uint8, device=self.device)  # pictures of this step
        self.take_step: Callable[[], None] = self._take_turns
        alone = workers.size() == 1  # a capture would hold messages to the others
        if alone and self.on_gpu and config.precision != "fp16" and config.d_steps == 1:
            self.take_step = CapturedStep(self._take_turns, self.device)
        self.stop = False
        if resume:
            self._load(saved)
        elif workers.share(lambda: run_folder.has_state(self.run)):
            raise TrainingError(
                f"{self.run} already holds a run. Continue it with --resume, or choose another --out."
            )
        else:
            self.settings = planning.describe_run(config, self.model_config, self.device)
            if self.writes:
                run_folder.start(self.run, self.settings)

    def _choose_precision(self, config: TrainConfig) -> TrainConfig:
        precision: Any = config.precision
        if self.settings and precision == "auto":  # a busy machine could measure another one now
            precision = self.settings["train"]["precision"]
        precision = workers.share(lambda: resolve_precision(precision, self.device))
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
        if self.config.generator_start == "mean" and first is None:
            self._start_at_mean(nets["generator"])
        return nets

    def _start_at_mean(self, generator: nn.Module) -> None:
        """Let G begin at the mean of the first training pictures."""
        cfg = self.config
        pixels = self.source.fetch(torch.arange(min(len(self.source), start.PICTURES)))
        z = latent.draw(cfg.prior, cfg.latent_dim, start.SAMPLES, cfg.seed)
        start.start_at_mean(generator, datasets.to_input(pixels).mean(0), z.to(self.device))

    # ------------------------------------------------------------------ the loop

    def train(self) -> bool:
        """Train to the last epoch: True; or until Ctrl-C or SIGTERM, then save: False."""
        try:
            self.watcher.begin(self)
            done = self._train()
        except BaseException as error:
            self.watcher.end(self, error)
            raise
        finally:
            self.source.close()
        self.watcher.end(self, None)
        return done

    def _train(self) -> bool:
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
            disable=not self.writes,
        )
        if self.step == 0:
            self._write_pictures(0)
        with progress, call_on_signal(self.request_stop):
            stopping = workers.agree(self.stop)
            while self.step < total and not stopping:
                epoch, first = divmod(self.step, self.steps_per_epoch)
                order = self.shuffle(epoch)
                self.updates.set_learning_rate(cfg.learning_rate(epoch))
                self.source.prepare(order[first:, workers.rank() :: workers.size()])
                self._counted_to = time.perf_counter()
                for index in range(first, self.steps_per_epoch):
                    self.train_step(order[index])
                    progress.update(cfg.batch_size)
                    self.watcher.see_step(self)
                    stopping = self._agree_to_stop()
                    if stopping:
                        break
                    if self.saver.is_due() and self.step % self.steps_per_epoch:
                        self._check_losses()
                        self.save()
                self._count_seconds()
                if self.step % self.steps_per_epoch == 0:
                    self._end_epoch(epoch + 1, progress)
        if stopping or self.step == total:
            self.save(last=True)
        return self.step == total

    def request_stop(self) -> None:
        """End the loop after the step in hand, so that its state can be saved."""
        self.stop = True

    def restart_clock(self) -> None:
        """Leave out what has passed since the last save: a pause is no time of training."""
        self._counted_to = time.perf_counter()

    def _agree_to_stop(self) -> bool:
        """Whether all processes stop now because one was asked to; on a GPU they talk of it now and then."""
        now = not self.on_gpu or self.step % AGREE_EVERY == 0 or self.step % self.steps_per_epoch == 0
        return workers.agree(self.stop) if workers.size() == 1 or now else False

    def _count_seconds(self) -> None:
        """Add what has passed since the last count to the time that training took."""
        now = time.perf_counter()
        self.seconds, self._counted_to = self.seconds + now - self._counted_to, now

    def train_step(self, rows: Tensor) -> None:
        """Update the players on the pictures of indices `rows` (batch,), of which each process takes its
        part; TrainingError if a loss diverges."""
        torch.manual_seed(planning.derive_seed(self.config.seed, "step", self.step))
        self.updates.progress.fill_(self.step / (self.config.epochs * self.steps_per_epoch))
        self.batch.copy_(self.source.fetch(workers.take_part(rows)))
        self.take_step()
        self.step += 1
        if not self.on_gpu or self.step % CHECK_EVERY == 0 or self.step % self.steps_per_epoch == 0:
            self._check_losses()

    def _take_turns(self) -> None:
        """A step on the pictures `self.batch`, without its count."""
        self.updates.take_turns(self.batch, self.step)

    def _check_losses(self) -> None:
        for player, total in zip(self.method.players, self.updates.sums.tolist(), strict=True):
            if not math.isfinite(total):
                since = f"within {CHECK_EVERY} steps before step" if self.on_gpu else "at step"
                raise TrainingError(
                    f"The loss of {player} became {total} {since} {self.step} (epoch"
                    f" {(self.step - 1) // self.steps_per_epoch + 1}). Try a lower --lr or --precision fp32;"
                    f" {self.run / RESUME_FILE} holds the last state that was saved before."
                )

    def shuffle(self, epoch: int) -> Tensor:
        """The epoch's batches of picture indices, (steps, batch); an incomplete last batch is dropped."""
        order = self.source.shuffle(self.config.seed, epoch)
        used = self.steps_per_epoch * self.config.batch_size
        return order[:used].view(-1, self.config.batch_size)

    # ------------------------------------------------------------------ what a run writes

    def _end_epoch(self, epoch: int, progress: Any) -> None:
        means = {
            player: total / self.steps_per_epoch
            for player, total in zip(self.method.players, self.updates.sums.tolist(), strict=True)
        }
        self.updates.sums.zero_()
        row = {
            "epoch": epoch,
            "step": self.step,
            "learning_rate": self.config.learning_rate(epoch - 1),
            "seconds": round(self.seconds, 2),
            "images_per_second": round(self.step * self.config.batch_size / self.seconds, 1),
            "loss": means,
        }
        if not self.writes:
            return
        self.saver.log(row)
        self.watcher.see_epoch(self, row)
        progress.set_postfix(
            epoch=f"{epoch}/{self.config.epochs}", **{k: f"{v:.3f}" for k, v in means.items()}
        )
        if epoch % self.config.pictures_every == 0 or epoch == self.config.epochs:
            self._write_pictures(epoch)
        if epoch % self.config.save_every == 0 or self.saver.is_due():
            self.save()

    def _write_pictures(self, epoch: int) -> None:
        if not self.writes:
            return
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
        rows = torch.arange(min(GRID // 2, len(self.source)), device=self.device)
        x = datasets.to_input(self.source.fetch(rows))
        G = nets["generator"].eval()
        run_folder.write_grid(self.run, "samples", epoch, G(z.to(self.device)))
        if "encoder" in nets:
            reconstructed = G(nets["encoder"].eval()(x))
            pairs = torch.stack([x, reconstructed], 1).flatten(0, 1)
            run_folder.write_grid(self.run, "reconstructions", epoch, pairs)

    # ------------------------------------------------------------------ resume

    def save(self, last: bool = False) -> None:
        """Write all that training changes to the resume file; `last`: TrainingError where it cannot be."""
        if not self.writes:
            return
        if not last:
            self._count_seconds()
        state = {
            "settings": json.dumps(self.settings),
            "step": self.step,
            "seconds": self.seconds,
            **self.updates.list_state(),
        }
        self.saver.save(state, last)
        self._counted_to = time.perf_counter()

    def _load(self, state: dict[str, Any]) -> None:
        differences = self.config.list_differences(self.settings["train"])
        if differences:
            raise TrainingError("A run continues only with its own settings: " + "; ".join(differences) + ".")
        try:
            self.step, self.seconds = state["step"], state["seconds"]
            self.updates.restore(state)
        except (RuntimeError, KeyError, TypeError, ValueError, AttributeError):
            raise TrainingError(
                f"{self.run / RESUME_FILE} is of another run: its networks are not those of these settings."
            ) from None
        if self.writes:
            run_folder.sweep(self.run)
            self.saver.resume(state)
