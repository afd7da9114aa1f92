"""Rounds of a latent map's fit: flow matching, straight lines, and where its few steps end.

A velocity of many steps learns the codes by flow matching (Lipman et al., arXiv 2210.02747), and so, for a
short time, does a weaker one, whose errors show those of the first. The map's own velocity, smaller and with
few steps, then learns the straight lines between latents and where the first velocity takes them (rectified
flow, Liu, Gong and Liu, arXiv 2209.03003), at last to end there itself.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ganlab.latent import MAX_SEED
from ganlab.networks import LatentMap
from ganlab.networks.latent_map import Velocity
from train.capture import CapturedStep
from train.planning import derive_seed

EMA = 0.995  # decay of the weights' moving average, which is stored
WARM_UP = 200  # steps in which the learning rate grows
SOLVER_STEPS = 10  # of Heun's method, along the first velocity
CHUNK = 4096  # latents that it moves at a time
HUBER = 0.5  # distance from which an error of a map's end counts by its size rather than its square


@dataclass(frozen=True)
class FitConfig:
    """Settings of a fit. ValueError names the one that cannot be."""

    width: int = 384  # units of the map's hidden layers
    blocks: int = 4  # residual blocks of its velocity
    map_steps: int = 6  # Euler steps of the map
    teacher_width: int = 512  # units of the first velocity, which is only its teacher
    teacher_steps: int = 28_000  # training steps of the first velocity
    weak_steps: int = 1_500  # training steps of a velocity half as wide, of which the first is steered away
    guidance: float = 0.5  # how far, as a share of what the two differ by; 0: no weak velocity
    steps: int = 8_000  # training steps of the map's, along straight lines
    end_steps: int = 10_000  # training steps of the map's, on where it ends
    # Of what they change in its weights this share is kept (arXiv 2109.01903): all of it would give the best
    # samples, but take the latents of real pictures far from where N(0, I) has its mass.
    end_share: float = 0.6
    pairs: int = 600_000  # latents that the first velocity takes to codes
    batch_size: int = 1024
    lr: float = 1e-3  # Adam's, falling to 0 along a cosine; half of it on where the map ends
    noise: float = 0.1  # standard deviation of what is added to the whitened codes, against overfitting
    pairing: int = 0  # rows of a batch in which lines of the first round are paired, see `pair`; 0: none
    seed: int = 0
    precision: str = "auto"  # bf16 or fp32; auto measures the processor

    def __post_init__(self) -> None:
        whole = (
            "width",
            "blocks",
            "map_steps",
            "teacher_width",
            "teacher_steps",
            "weak_steps",
            "steps",
            "end_steps",
            "pairs",
            "batch_size",
        )
        for name in whole:
            if getattr(self, name) < 1:
                raise ValueError(f"--{name.replace('_', '-')} is at least 1, not {getattr(self, name)}.")
        if not (0 < self.lr < math.inf and 0 <= self.noise < math.inf and 0 <= self.guidance < math.inf):
            raise ValueError("--lr is above 0, --noise and --guidance are at least 0, and all are finite.")
        if self.pairing < 0:
            raise ValueError(f"--pairing is at least 0, not {self.pairing}.")
        if not 0 <= self.end_share <= 1:
            raise ValueError(f"--end-share lies between 0 and 1, not {self.end_share}.")
        if self.precision not in ("auto", "bf16", "fp32"):
            raise ValueError(f"--precision is auto, bf16 or fp32, not {self.precision!r}.")
        if not 0 <= self.seed < MAX_SEED // 2:
            raise ValueError(f"--seed is a whole number from 0 to 2^62 - 2, not {self.seed}.")


class Round:
    """One round of flow matching: `velocity` learns the straight lines from latents to `ends` (N, D) (arXiv
    2210.02747, eq. 23; arXiv 2209.03003, eq. 1).

    Without `starts` each line begins at a new latent of N(0, I), and its end has `noise`. With `starts` (N,
    D), row i leads to row i of `ends`: lines that do not cross. A step's randomness follows from (seed,
    step), so that a fit that goes on equals one that was not stopped.
    """

    share = 1.0  # of the learning rate

    def __init__(
        self,
        config: FitConfig,
        steps: int,
        velocity: Velocity,
        ends: Tensor,
        starts: Tensor | None = None,
    ) -> None:
        self.config, self.steps, self.ends, self.starts = config, steps, ends, starts
        self.velocity, self.averaged = velocity, copy.deepcopy(velocity).requires_grad_(False)
        device, self.step = ends.device, 0
        self.loss = torch.zeros((), device=device)  # of the last step
        on_gpu = device.type == "cuda"
        rate = torch.tensor(config.lr, device=device) if on_gpu else config.lr
        self.optimiser = torch.optim.Adam(velocity.parameters(), rate, fused=True, capturable=on_gpu)
        # Pairing is done by the processor, in the middle of a step.
        self._update = CapturedStep(self._learn, device) if on_gpu and not config.pairing else self._learn

    def take_step(self) -> Tensor:
        """Returns the loss, a scalar on the device."""
        config = self.config
        torch.manual_seed(derive_seed(config.seed, f"{type(self).__name__} of {self.steps}", self.step))
        progress = self.step / self.steps
        rate = self.share * min(1.0, (self.step + 1) / WARM_UP) * (1 + math.cos(math.pi * progress)) / 2
        for group in self.optimiser.param_groups:
            if isinstance(group["lr"], Tensor):  # part of the captured step
                group["lr"].fill_(config.lr * rate)
            else:
                group["lr"] = config.lr * rate
        self._update()
        self.step += 1
        return self.loss

    def _learn(self) -> None:
        device = self.ends.device
        with torch.autocast(device.type, torch.bfloat16, enabled=self.config.precision == "bf16"):
            loss = self.compute_loss()
        self.loss.copy_(loss.detach())
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        with torch.no_grad():
            torch._foreach_lerp_([*self.averaged.parameters()], [*self.velocity.parameters()], 1 - EMA)

    def compute_loss(self) -> Tensor:
        """Mean squared error of the velocity, on a batch drawn by torch's global random numbers."""
        device = self.ends.device
        rows = torch.randint(len(self.ends), (self.config.batch_size,), device=device)
        end = self.ends[rows]
        t = torch.rand(self.config.batch_size, device=device)
        if self.starts is None:
            start, noise = torch.randn_like(end), torch.randn_like(end)
            end = end + self.config.noise * noise
            if self.config.pairing:
                start = pair(start, end, self.config.pairing)
        else:
            start = self.starts[rows]
        predicted = self.velocity(start + t[:, None] * (end - start), t).float()
        loss: Tensor = (predicted - (end - start)).square().mean()
        return loss

    def state(self) -> dict[str, Any]:
        """All that changes."""
        nets = {"velocity": self.velocity.state_dict(), "averaged": self.averaged.state_dict()}
        return {"step": self.step, **nets, "optimiser": self.optimiser.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.step = state["step"]
        self.velocity.load_state_dict(state["velocity"])
        self.averaged.load_state_dict(state["averaged"])
        rates = [group["lr"] for group in self.optimiser.param_groups]
        self.optimiser.load_state_dict(state["optimiser"])
        for group, rate in zip(self.optimiser.param_groups, rates, strict=True):
            group["lr"] = rate  # set anew in each step, where it is


class EndRound(Round):
    """A round in which row i of `starts` is to end at row i of `ends` after the map's own steps, however it
    goes between: what straight lines in few steps miss.

    The error is the pseudo-Huber distance: where a small change of the latent leads to another cluster no
    map can be right, and a squared error would end between the clusters.
    """

    share = 0.5

    def __init__(
        self, config: FitConfig, latent_map: LatentMap, velocity: Velocity, ends: Tensor, starts: Tensor
    ) -> None:
        super().__init__(config, config.end_steps, velocity, ends, starts)
        self.count = latent_map.steps

    def compute_loss(self) -> Tensor:
        """Mean distance of the ends, on a batch."""
        assert self.starts is not None
        rows = torch.randint(len(self.ends), (self.config.batch_size,), device=self.ends.device)
        h = self.starts[rows]
        for step in range(self.count):
            h = h + self.velocity(h, torch.full_like(h[:, 0], step / self.count)).float() / self.count
        squared = (h - self.ends[rows]).square().sum(1)
        distance: Tensor = (squared + HUBER**2).sqrt() - HUBER
        return distance.mean()


@torch.no_grad()
def follow(
    velocity: Velocity, h: Tensor, bf16: bool, weak: Velocity | None = None, guidance: float = 0.0
) -> Tensor:
    """Where a velocity takes latents (N, D) from t = 0 to t = 1, by Heun's method.

    With a `weak` velocity, v + guidance (v - weak) is followed: what a weaker model of the same codes gets
    wrong, the better one gets wrong too, only less (autoguidance, Karras et al., arXiv 2406.02507).
    """

    def move(h: Tensor, t: float) -> Tensor:
        times = torch.full_like(h[:, 0], t)
        v: Tensor = velocity(h, times).float()
        return v if weak is None else v + guidance * (v - weak(h, times).float())

    times = torch.linspace(0, 1, SOLVER_STEPS + 1).tolist()
    with torch.autocast(h.device.type, torch.bfloat16, enabled=bf16):
        for now, then in pairwise(times):
            v = move(h, now)
            h = h + (then - now) * (v + move(h + (then - now) * v, then)) / 2
    return h


def pair(starts: Tensor, ends: Tensor, size: int) -> Tensor:
    """The rows of `starts` (N, D), so ordered among each `size` in succession that the squared lengths of the
    lines to the rows of `ends` (N, D) have the least sum (minibatch optimal transport, arXiv 2302.00482)."""
    pairs = zip(torch.split(starts, size), torch.split(ends, size), strict=True)
    return torch.cat(
        [some[linear_sum_assignment(torch.cdist(end, some).square().cpu())[1]] for some, end in pairs]
    )
