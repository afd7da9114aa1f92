"""The latent map F: an invertible network between N(0, I) and an encoder's codes.

An encoder's codes rarely fill the prior. F takes u ~ N(0, I) to codes, z = F(u), so that G(F(u)) is a
generator whose prior is N(0, I), and F^-1(E(x)) its encoder; G(F(F^-1(E(x)))) stays G(E(x)) (Generative
Latent Flow, Xiao, Yan and Amit, arXiv 1905.10485).

F follows a velocity v(h, t) from t = 0 to t = 1 in a few Euler steps, h + v(h, t) / steps, and ends with an
affine map. The velocity is learned by flow matching (Lipman et al., arXiv 2210.02747) and straightened by a
second round (rectified flow, Liu, Gong and Liu, arXiv 2209.03003), so that few steps are enough; see
`python -m train.latent_map`. Each step is undone by Broyden's method.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from ganlab.config import ModelConfig
from ganlab.networks import base

FREQUENCIES = 16  # of the sines and cosines that stand for the time
MIN_FREQUENCY, MAX_FREQUENCY = 0.25, 8.0  # periods in [0, 1]
MAX_ITERATIONS = 60  # in the inverse of a step; about ten are enough
TOLERANCE = 2e-6  # of a step's inverse, in each coordinate, where the iteration ends
MAX_ERROR = 1e-4  # of F(F^-1(z)), in each coordinate
CHUNK = 1024  # codes that are inverted at a time, each with a (D, D) matrix


class Velocity(nn.Module):
    """v(h, t): (N, D) and a time (N,) in [0, 1] -> (N, D): an MLP with residual `blocks`."""

    def __init__(self, dim: int, width: int, blocks: int) -> None:
        super().__init__()
        self.input = nn.Linear(dim, width)
        self.time = nn.Linear(2 * FREQUENCIES, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width)) for _ in range(blocks)
        )
        self.output = nn.Linear(width, dim)

    def initialise(self, rng: torch.Generator) -> None:
        """Blocks and output start at zero, so that v is 0 at first."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.kaiming_uniform_(module.weight, math.sqrt(5), generator=rng)
                nn.init.zeros_(module.bias)
        for last in (*(second for _, second in self.list_blocks()), self.output):
            nn.init.zeros_(last.weight)

    def list_blocks(self) -> list[tuple[nn.Linear, nn.Linear]]:
        """The two linear layers of each block."""
        return [cast("tuple[nn.Linear, nn.Linear]", (block[0], block[2])) for block in self.blocks]  # type: ignore[index]

    def embed_time(self, t: Tensor) -> Tensor:
        """(N,) -> (N, width)."""
        steps = torch.linspace(math.log(MIN_FREQUENCY), math.log(MAX_FREQUENCY), FREQUENCIES, device=t.device)
        angles = 2 * math.pi * t[:, None] * steps.exp()
        embedded: Tensor = self.time(torch.cat([angles.sin(), angles.cos()], 1))
        return embedded

    def forward(self, h: Tensor, t: Tensor) -> Tensor:
        e = self.embed_time(t)
        h = self.input(h) + e
        for block in self.blocks:
            h = h + block(silu(h + e))
        v: Tensor = self.output(silu(h))
        return v


class LatentMap(nn.Module):
    """u (N, latent_dim) ~ N(0, I) -> codes (N, latent_dim), and back.

    `config.map_steps` Euler steps of a Velocity with `config.map_blocks` blocks of `config.map_width` units,
    then `mean` + `factor` h with a lower triangular factor. Always in float32: half precision would not
    invert.
    """

    mean: Tensor  # (D,)
    factor: Tensor  # (D, D)

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        dim, self.steps = config.latent_dim, config.map_steps
        self.velocity = Velocity(dim, config.map_width, config.map_blocks)
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("factor", torch.eye(dim))

    def initialise(self, rng: torch.Generator, zero_output: bool = False) -> None:
        """The identity."""
        self.velocity.initialise(rng)
        nn.init.zeros_(self.mean)
        nn.init.eye_(self.factor)

    def forward(self, u: Tensor) -> Tensor:
        with torch.autocast(u.device.type, enabled=False):
            h = u.float()
            for step in range(self.steps):
                h = h + self._move(h, step)
            codes: Tensor = h @ self.factor.tril().T + self.mean
            return codes

    @torch.no_grad()
    def invert(self, codes: Tensor) -> Tensor:
        """F^-1 of codes (N, latent_dim), without gradient: exact to MAX_ERROR, but for codes far from all
        that the map was fitted to, whose latents may be less exact."""
        with torch.autocast(codes.device.type, enabled=False):
            chunks = []
            for h in torch.split(self.to_end(codes), CHUNK):
                for step in reversed(range(self.steps)):
                    h = self._undo(h, step)
                chunks.append(h)
            return torch.cat(chunks)

    def count_multiplications(self) -> int:
        """Of F for one latent, without the embedding of the times, which are few."""
        layers = [self.velocity.input, self.velocity.output]
        layers += [layer for block in self.velocity.list_blocks() for layer in block]
        return self.steps * sum(layer.weight.numel() for layer in layers) + self.factor.numel()

    def to_end(self, codes: Tensor) -> Tensor:
        """Codes before the affine map: where the last step ends."""
        offsets = (codes.float() - self.mean).T
        end: Tensor = torch.linalg.solve_triangular(self.factor, offsets, upper=False).T
        return end

    def log_density(self, codes: Tensor) -> Tensor:
        """log p(z) (N,), in nats, of codes (N, latent_dim) where u is N(0, I): exact, by the determinant of
        each step's Jacobian, which takes D forward passes."""
        u = self.invert(codes)
        logs, h = -u.square().sum(1) / 2 - u.shape[1] / 2 * math.log(2 * math.pi), u
        for step in range(self.steps):

            def take(row: Tensor, step: int = step) -> Tensor:
                return row + self._move(row[None], step)[0]

            jacobian = torch.func.vmap(torch.func.jacfwd(take))(h)
            logs = logs - torch.linalg.slogdet(jacobian).logabsdet
            h = h + self._move(h, step)
        return logs - self.factor.diagonal().abs().log().sum()

    def _move(self, h: Tensor, step: int) -> Tensor:
        """The change of h (N, D) in a step."""
        v: Tensor = self.velocity(h, torch.full_like(h[:, 0], step / self.steps)) / self.steps
        return v

    def _undo(self, end: Tensor, step: int) -> Tensor:
        """The h (N, D) from which a step leads to `end`, by Broyden's first method (Mathematics of
        Computation 19, 1965), which begins with the identity as inverse Jacobian; the best of its iterates
        where they do not arrive."""
        h = end.clone()
        rows = torch.arange(len(end), device=end.device)  # those that are not there yet
        current, rest = end, -self._move(end, step)
        inverse = torch.eye(end.shape[1], device=end.device).repeat(len(end), 1, 1)
        least = rest.abs().amax(1)
        for _ in range(MAX_ITERATIONS):
            left = least > TOLERANCE
            if not left.all():
                rows, current, rest, inverse = rows[left], current[left], rest[left], inverse[left]
                least = least[left]
            if not len(rows):
                break
            way = (inverse @ rest[:, :, None])[:, :, 0]
            current = current + way
            rest_then, rest = rest, end[rows] - current - self._move(current, step)
            expected = (inverse @ (rest_then - rest)[:, :, None])[:, :, 0]
            projected = way[:, None, :] @ inverse
            scale = (way * expected).sum(1)[:, None]
            inverse = inverse + ((way - expected) / scale)[:, :, None] * projected
            size = rest.abs().amax(1)
            better = size <= least  # not where it is not a number
            h[rows[better]] = current[better]
            least = torch.where(better, size, least)
        return h


class MappedGenerator(nn.Module):
    """G(F(u)): latents u (N, latent_dim) -> x (N, C, H, W) in [0, 1]."""

    def __init__(self, generator: nn.Module, latent_map: LatentMap) -> None:
        super().__init__()
        self.generator, self.latent_map = generator, latent_map

    def forward(self, u: Tensor) -> Tensor:
        x: Tensor = self.generator(self.latent_map(u))
        return x


class MappedEncoder(base.Encoder):
    """F^-1(E(x)): x (N, C, H, W) in [0, 1] -> u (N, latent_dim). Features and logits are E's."""

    def __init__(self, encoder: base.Encoder, latent_map: LatentMap) -> None:
        super().__init__()
        self.encoder, self.latent_map, self.prior = encoder, latent_map, "normal"

    def hidden(self, x: Tensor) -> Tensor:
        return self.encoder.hidden(x)

    def logits(self, x: Tensor) -> Tensor:
        return self.encoder.logits(x)

    def to_latents(self, logits: Tensor) -> Tensor:
        return self.latent_map.invert(self.encoder.to_latents(logits))

    def encode_with_features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        codes, features = self.encoder.encode_with_features(x)
        return self.latent_map.invert(codes), features
