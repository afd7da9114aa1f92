"""Recorder: writes a run's history while it trains, and does what somebody who watches wants of the run."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganlab import latent
from ganlab.files import describe
from ganlab.judge import Judge
from train.messages import warn
from train.run_folder import TrainingError
from train.trainer import Trainer, Watcher
from train.watch.budget import Budget
from train.watch.detection import PATIENCE, Detector
from train.watch.history import History
from train.watch.logs import Log, flatten, open_logs, read_names
from train.watch.observer import PAIRS, SAMPLES, Observer

PROBES = 2000  # pictures
LOOKS, MOMENTS = 200, 40  # of a run, where its budget allows as many
EARLY = 1.5  # moments lie the closer, the earlier: number k is at (k / MOMENTS) ** EARLY of the run
JUDGE_EVERY = 3  # moments
EVERY = 1.0  # seconds between two writings of the status
DEVIATIONS = {"uniform": 3**-0.5, "normal": 1.0}  # of the priors
DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Recorder(Watcher):
    """Writes RUN/history as `train.watch.history` describes it, within a share of the run's time.

    Where a file cannot be written the run goes on, and says so once. The first moment belongs to the start,
    as loading the pictures does, and is not counted.
    """

    def __init__(self, share: float, stop_when_lost: bool = False, log: str = "") -> None:
        """`share` of the run's time, 0 to 1; `log` names other programs, see `logs.read_names`."""
        self.share, self.stop_when_lost, self.log_names = share, stop_when_lost, read_names(log)
        self.lost = ""  # why the run was stopped, where it was for being lost
        self.budget = Budget(share)
        self.logs: list[Log] = []
        self._wish, self._state, self._error = "run", "running", ""
        self._ended, self._writing = threading.Event(), threading.Lock()
        self._reported = False

    # ------------------------------------------------------------------ the run

    def begin(self, run: Trainer) -> None:
        self.total = run.config.epochs * run.steps_per_epoch
        self.history, self._was_finished = History(run.run), run.step >= self.total
        decodes_prior = "prior" in getattr(run.method, "decodes", ("prior",))
        self.detector = Detector(decodes_prior, max(PATIENCE, run.steps_per_epoch))
        self._losses = LossMeter(run)
        self._positions: np.ndarray | None = None
        self._looks, self._moments, self._taken, self._moment_step = 0, 0, 0, 0
        self.logs = open_logs(self.log_names, run.run, run.step, run.settings["train"])
        self.observer = self._build_observer(run)
        self.judge = Judge.load(run.model_config.dataset, run.device)
        if self.judge is not None and self.judge.config.image_shape != run.source.shape:
            self.judge = None
        with self._tolerate():
            self._open(run)
        self._write_status(run)
        self._thread = threading.Thread(target=self._keep_status, args=(run,), daemon=True)
        self._thread.start()
        if run.step == 0:
            self._take_moment(run, full=True)
        self._skip_to(run.step)
        self.budget = Budget(self.share)

    def see_step(self, run: Trainer) -> None:
        self._losses.count(run)
        if self._wish == "stop":
            run.request_stop()
        elif self._wish == "pause" and run.step % run.steps_per_epoch:  # else after the epoch is logged
            self._wait(run)
        if run.step < self.total:
            self._look_if_due(run)

    def see_epoch(self, run: Trainer, row: dict[str, Any]) -> None:
        if self._wish == "pause" and run.step < self.total:
            self._wait(run)

    def end(self, run: Trainer, error: BaseException | None) -> None:
        if not hasattr(self, "_thread"):
            return
        if error is None and run.step > self._moment_step:
            self._take_moment(run, full=True)
        self._ended.set()
        self._thread.join()
        if isinstance(error, TrainingError) and not bool(torch.isfinite(run.updates.sums).all()):
            self._say(run, "nan", "A loss is no longer a number, so training cannot go on.")
        if error is not None:
            self._state, self._error = "failed", _describe_error(error)
        elif run.step >= self.total:
            self._state = "finished"
            if not self._was_finished:
                self._say(run, "finished", f"Finished after {run.step:,} steps.")
        else:
            self._state = "stopped"
            self._say(run, "stopped", f"Stopped and saved after step {run.step:,}.")
        self._write_status(run)
        for log in self.logs:
            log.close()

    # ------------------------------------------------------------------ its beginning

    def _open(self, run: Trainer) -> None:
        goes_on = run.step > 0 and self.history.resume(run.step)
        if not goes_on:
            self.history.start(self._describe(run))
            self.history.write_inputs(self.observer.pixels[:PAIRS].cpu().numpy())
        else:
            self._moment_step, self._positions = self.history.read_positions()
        if run.step > 0 and not self._was_finished:
            self._say(run, "resumed", f"Resumed at step {run.step:,}.")

    def _build_observer(self, run: Trainer) -> Observer:
        """Probes spread evenly over the data, which may be sorted by class."""
        count, config = min(PROBES, len(run.source)), run.config
        rows = torch.linspace(0, len(run.source) - 1, count, dtype=torch.float64).long()
        labels = run.source.labels[rows]
        labelled = bool(run.source.classes) or bool((labels != labels[:1]).any())
        z = latent.draw(config.prior, config.latent_dim, PROBES, config.seed)
        return Observer(
            run.nets,
            run.averaged,
            run.source.fetch(rows.to(run.device)),
            labels.cpu() if labelled else None,
            z.to(run.device),
            config.batch_size,
            DEVIATIONS[config.prior],
            DTYPES.get(config.precision),
        )

    def _describe(self, run: Trainer) -> dict[str, Any]:
        config, observer = run.config, self.observer
        return {
            "method": config.method,
            "title": run.method.title,
            "dataset": run.model_config.dataset,
            "seed": config.seed,
            "shape": list(run.source.shape),
            "batch_size": config.batch_size,
            "epochs": config.epochs,
            "steps_per_epoch": run.steps_per_epoch,
            "players": list(run.method.players),
            "samples": SAMPLES,
            "pairs": min(PAIRS, len(observer.pixels)),
            "probes": len(observer.pixels),
            "labels": None if observer.labels is None else observer.labels.tolist(),
            "classes": list(run.source.classes),
            "extent": observer.extent,
            "latent_dim": config.latent_dim,
            "prior": config.prior,
            "precision": config.precision,
            "device": run.settings["device"],
            "commit": run.settings["commit"],
            "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "command": ["python", "-m", "train", *sys.argv[1:]],
        }

    # ------------------------------------------------------------------ looks and moments

    def _skip_to(self, step: int) -> None:
        """Go on with the first look and moment after `step`."""
        self._looks = step * LOOKS // max(self.total, 1) + 1
        while self._get_moment_step() <= step:
            self._moments += 1

    def _get_moment_step(self) -> float:
        return float(self.total * (self._moments / MOMENTS) ** EARLY)

    def _look_if_due(self, run: Trainer) -> None:
        if run.step >= self._get_moment_step():
            for kind in ("moment", "small"):
                if self.budget.allows(kind):
                    with self.budget.spend(kind):
                        self._take_moment(run, full=kind == "moment")
                    self._skip_to(run.step)
                    return
        if run.step * LOOKS >= self._looks * self.total and self.budget.allows("look"):
            with self.budget.spend("look"), self._tolerate():
                self._add_scalars(run, {})
            self._skip_to(run.step)

    def _take_moment(self, run: Trainer, full: bool) -> None:
        """A moment; a `full` one shows the map and D's decisions too, and comes with all figures."""
        with self._tolerate():
            arrays, scale, figures = self.observer.capture(self._positions, full)
            self._positions = arrays.get("positions", self._positions)
            last = run.step >= self.total
            if full and self.judge is not None and (last or self._taken % JUDGE_EVERY == 0):
                figures["frechet"] = self.observer.measure_frechet(self.judge, self._features)
            self._taken, self._moment_step = self._taken + full, run.step
            row = {"step": run.step, "epoch": self._get_epoch(run), "full": full, "scale": scale}
            self.history.add_moment(row, arrays)
            if full:
                self._add_scalars(run, figures)

    @property
    def _features(self) -> Tensor:
        """The judge's features of the first probes, computed once."""
        if not hasattr(self, "_real"):
            assert self.judge is not None
            self._real = self.observer.read_features(self.judge)
        return self._real

    def _add_scalars(self, run: Trainer, figures: dict[str, Any]) -> None:
        """A look, with `figures` that it does not compute itself; and what the detector says to it."""
        look = self.observer.look()
        losses, speed, seconds = self._losses.read(run)
        row = {
            "step": run.step,
            "epoch": self._get_epoch(run),
            "seconds": seconds,
            "loss": losses,
            "one_nn": None,
            "frechet": None,
            **look,
            **figures,
            "images_per_second": speed,
        }
        row = {key: round(value, 6) if isinstance(value, float) else value for key, value in row.items()}
        with self._tolerate():
            self.history.add_scalars(row)
        for log in self.logs:
            log.add(run.step, flatten(row))
        for kind, text in self.detector.see(look, run.step):
            self._say(run, kind, text)
            if self.stop_when_lost:
                self.lost = self.lost or text
                run.request_stop()

    def _get_epoch(self, run: Trainer) -> float:
        return round(run.step / run.steps_per_epoch, 4)

    def _say(self, run: Trainer, kind: str, text: str) -> None:
        with self._tolerate():
            row = {"step": run.step, "epoch": self._get_epoch(run), "kind": kind, "text": text}
            self.history.add_event(row)

    # ------------------------------------------------------------------ wishes and status

    def _wait(self, run: Trainer) -> None:
        """Save, and wait until somebody wants something else."""
        run.save()
        self._state = "paused"
        self._say(run, "paused", f"Paused and saved after step {run.step:,}.")
        self._write_status(run)
        with self.budget.pause(), self._losses.pause():
            while self._wish == "pause" and not run.stop:
                time.sleep(0.05)
        run.restart_clock()
        self._state = "running"
        if self._wish == "stop":
            run.request_stop()
        if not run.stop:
            self._say(run, "resumed", f"Resumed at step {run.step:,}.")

    def _keep_status(self, run: Trainer) -> None:
        """Write the status and read the wish every second, beside the training."""
        while not self._ended.wait(EVERY):
            self._wish = self.history.read_wish()
            self._write_status(run)

    def _write_status(self, run: Trainer) -> None:
        status = {
            "state": self._state,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "step": run.step,
            "steps": self.total,
            "updated": round(time.time(), 2),
            "error": self._error or None,
        }
        with self._tolerate(), self._writing:
            self.history.write_status(status)

    @contextmanager
    def _tolerate(self) -> Iterator[None]:
        """Let the run go on where its history cannot be written, or its networks cannot be looked at for want
        of memory, or of numbers. Say so once."""
        try:
            yield
        except (OSError, RuntimeError) as error:
            if not self._reported:
                text = describe(error) if isinstance(error, OSError) else _describe_error(error)
                warn(f"{text.rstrip('.')}. Training goes on; its history has gaps.")
            self._reported = True


class LossMeter:
    """Mean losses and speed since the last look, of sums that begin anew with each epoch."""

    def __init__(self, run: Trainer) -> None:
        self.rows = torch.zeros_like(run.updates.sums)  # of epochs that ended since the last look
        self.before = run.updates.sums.clone()  # the part of the sums that a look has read
        self.step, self.read_at, self.base = run.step, time.perf_counter(), run.seconds
        self.started = self.read_at

    def count(self, run: Trainer) -> None:
        """After each step, before an epoch's sums are set to zero."""
        if run.step % run.steps_per_epoch == 0:
            self.rows += run.updates.sums - self.before
            self.before.zero_()

    def read(self, run: Trainer) -> tuple[dict[str, float | None], float | None, float]:
        """Mean loss of each player and images per second since the last time, None where no step was made;
        and the seconds of training so far."""
        now, steps = time.perf_counter(), run.step - self.step
        seconds = round(self.base + now - self.started, 2)
        if steps <= 0:
            return dict.fromkeys(run.method.players), None, seconds
        ended = run.step % run.steps_per_epoch == 0  # then `count` has read them
        sums = self.rows if ended else self.rows + run.updates.sums - self.before
        losses = dict(zip(run.method.players, (sums / steps).tolist(), strict=True))
        speed = steps * run.config.batch_size / max(now - self.read_at, 1e-9)
        self.rows.zero_()
        if not ended:
            self.before.copy_(run.updates.sums)
        self.step, self.read_at = run.step, now
        return {player: round(loss, 6) for player, loss in losses.items()}, round(speed, 1), seconds

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Time that does not count."""
        started = time.perf_counter()
        try:
            yield
        finally:
            passed = time.perf_counter() - started
            self.started, self.read_at = self.started + passed, self.read_at + passed


def _describe_error(error: BaseException) -> str:
    """What ended a run, in a sentence."""
    if isinstance(error, KeyboardInterrupt):
        return "It was interrupted."
    text = next(iter(str(error).strip().splitlines()), "")
    return text if isinstance(error, ValueError | OSError) and text else f"{type(error).__name__}: {text}"
