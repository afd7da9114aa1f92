"""Latent maps that are not published: coupling flows, fitted by likelihood, and a velocity in Heun's steps.

Affine coupling is RealNVP (Dinh, Sohl-Dickstein and Bengio, arXiv 1605.08803), spline coupling a neural
spline flow (Durkan et al., arXiv 1906.04032); both are zuko's.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm  # type: ignore[import-untyped]

from ganlab.networks import LatentMap
from train.flow_matching import EMA, WARM_UP, FitConfig
from train.planning import derive_seed
from train.run_folder import TrainingError

# Coupling layers, and units of the two hidden layers of each: about a million multiplications a latent.
AFFINE_LAYERS, AFFINE_UNITS = 12, 256
SPLINE_LAYERS, SPLINE_UNITS, BINS = 6, 192, 8
MAX_GRADIENT = 5.0  # norm at which a step's gradient is cut


class HeunMap(LatentMap):
    """A LatentMap that follows its velocity by Heun's method: two evaluations a step."""

    def count_multiplications(self) -> int:
        return 2 * super().count_multiplications() - self.factor.numel()

    def _move(self, h: Tensor, step: int) -> Tensor:
        first = super()._move(h, step)
        return (first + super()._move(h + first, step + 1)) / 2


class CouplingMap(nn.Module):
    """u (N, D) ~ N(0, I) -> codes (N, D), and back: layers of coupling with random masks, then the affine map
    of a LatentMap. ModuleNotFoundError without zuko."""

    mean: Tensor  # (D,)
    factor: Tensor  # (D, D)

    def __init__(self, mean: Tensor, factor: Tensor, spline: bool, seed: int) -> None:
        import zuko  # of the extra "studies"; not needed by the other rows

        super().__init__()
        self.register_buffer("mean", mean.clone())
        self.register_buffer("factor", factor.clone())
        layers, units = (SPLINE_LAYERS, SPLINE_UNITS) if spline else (AFFINE_LAYERS, AFFINE_UNITS)
        settings: dict[str, Any] = {"hidden_features": (units, units), "activation": nn.SiLU}
        if spline:
            settings["univariate"] = zuko.transforms.MonotonicRQSTransform
            settings["shapes"] = ((BINS,), (BINS,), (BINS - 1,))
        with torch.random.fork_rng(devices=[]):  # zuko draws weights and masks from the global generator
            torch.manual_seed(seed)
            self.flow = zuko.flows.RealNVP(len(mean), transforms=layers, randmask=True, **settings)

    def forward(self, u: Tensor) -> Tensor:
        h: Tensor = self.flow().transform.inv(u.float())
        return h @ self.factor.T + self.mean

    @torch.no_grad()
    def invert(self, codes: Tensor) -> Tensor:
        """F^-1 of codes (N, D), without gradient."""
        u: Tensor = self.flow().transform(self.to_end(codes))
        return u

    def to_end(self, codes: Tensor) -> Tensor:
        """Codes before the affine map."""
        end: Tensor = torch.linalg.solve_triangular(self.factor, (codes.float() - self.mean).T, upper=False).T
        return end

    def log_density(self, codes: Tensor) -> Tensor:
        """log p(z) (N,), in nats, of codes (N, D) where u is N(0, I)."""
        logs: Tensor = self.flow().log_prob(self.to_end(codes))
        return logs - self.factor.diagonal().log().sum()

    def count_multiplications(self) -> int:
        """Of F for one latent, in the layers' matrices and the affine map's."""
        weights = [p.numel() for p in self.flow.parameters() if p.dim() == 2]
        return int(sum(weights)) + self.factor.numel()


def fit_by_likelihood(coupling: CouplingMap, codes: Tensor, config: FitConfig) -> None:
    """Fit a map to codes (N, D), in place, with the steps, batches, learning rates, noise on the whitened
    codes and moving average that a round of flow matching has."""
    ends, averaged = coupling.to_end(codes), copy.deepcopy(coupling).requires_grad_(False)
    optimiser = torch.optim.Adam(coupling.parameters(), fused=True)
    for step in tqdm(range(config.steps), unit=" steps", desc="likelihood"):
        rng = torch.Generator().manual_seed(derive_seed(config.seed, "likelihood", step))
        rows = torch.randint(len(ends), (config.batch_size,), generator=rng)
        h = ends[rows] + config.noise * torch.randn(config.batch_size, ends.shape[1], generator=rng)
        loss = -coupling.flow().log_prob(h).mean()
        if not math.isfinite(value := float(loss.detach())):
            raise TrainingError(f"The loss became {value} at step {step + 1}.")
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(coupling.parameters(), MAX_GRADIENT)
        cosine = (1 + math.cos(math.pi * step / config.steps)) / 2
        for group in optimiser.param_groups:
            group["lr"] = config.lr * min(1.0, (step + 1) / WARM_UP) * cosine
        optimiser.step()
        with torch.no_grad():
            torch._foreach_lerp_([*averaged.parameters()], [*coupling.parameters()], 1 - EMA)
    coupling.load_state_dict(averaged.state_dict())
