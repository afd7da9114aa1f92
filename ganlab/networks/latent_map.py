"""The latent map F: an invertible network between N(0, I) and an encoder's codes.

An encoder's codes rarely fill the prior. F takes u ~ N(0, I) to codes, z = F(u), so that G(F(u)) is a
generator whose prior is N(0, I), and F^-1(E(x)) its encoder; G(F(F^-1(E(x)))) stays G(E(x)) (Generative
Latent Flow, Xiao, Yan and Amit, arXiv 1905.10485).

F is a sequence of affine couplings (RealNVP, Dinh, Sohl-Dickstein and Bengio, arXiv 1605.08803): each scales
and shifts one half of the latent by what a small network makes of the other half, which stays as it is, so
that the inverse is exact and the log determinant a sum.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn

from ganlab.config import ModelConfig
from ganlab.networks import base

MAX_LOG_SCALE = 2.0  # of one coupling: exp of it is the largest stretch
LEAK = 0.2


class Coupling(nn.Module):
    """(N, D) -> (N, D): the second half of the columns becomes b * exp(s) + t, with s and t of the first."""

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        self.kept = dim // 2
        self.hidden = nn.Sequential(
            nn.Linear(self.kept, width), nn.LeakyReLU(LEAK), nn.Linear(width, width), nn.LeakyReLU(LEAK)
        )
        self.output = nn.Linear(width, 2 * (dim - self.kept))

    def scale_and_shift(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        """s, the log of the scale, and t, (N, D - kept) each."""
        s, t = self.output(self.hidden(kept)).chunk(2, dim=1)
        return MAX_LOG_SCALE * torch.tanh(s / MAX_LOG_SCALE), t

    def forward(self, h: Tensor) -> Tensor:
        a, b = h[:, : self.kept], h[:, self.kept :]
        s, t = self.scale_and_shift(a)
        return torch.cat([a, b * s.exp() + t], 1)

    def linears(self) -> list[nn.Linear]:
        """The layers with weights, in their order."""
        return [*(layer for layer in self.hidden if isinstance(layer, nn.Linear)), self.output]

    def initialise(self, rng: torch.Generator) -> None:
        """The identity: the output layer is zero."""
        for layer in self.linears():
            nn.init.kaiming_normal_(layer.weight, LEAK, generator=rng)
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def invert(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """The input of which h (N, D) is the output, and the log determinant (N,) of the inverse."""
        a, b = h[:, : self.kept], h[:, self.kept :]
        s, t = self.scale_and_shift(a)
        return torch.cat([a, (b - t) * (-s).exp()], 1), -s.sum(1)


class LatentMap(nn.Module):
    """u (N, latent_dim) ~ N(0, I) -> codes (N, latent_dim), and back.

    `config.map_layers` couplings with hidden layers of `config.map_width` units; before each the columns
    change their order, which is drawn once and stored. Always in float32: half precision would not invert.
    """

    orders: Tensor  # (layers, D): the column that becomes column i of the coupling's input

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        dim, layers, self.width = config.latent_dim, config.map_layers, config.map_width
        self.couplings = nn.ModuleList(Coupling(dim, self.width) for _ in range(layers))
        self.register_buffer("orders", torch.arange(dim).repeat(layers, 1))

    def steps(self) -> list[tuple[Tensor, Coupling]]:
        """Each coupling with the order of the columns before it."""
        return [(order, cast(Coupling, c)) for order, c in zip(self.orders, self.couplings, strict=True)]

    def initialise(self, rng: torch.Generator, zero_output: bool = False) -> None:
        """The identity but for the order of the columns."""
        for order, coupling in self.steps():
            coupling.initialise(rng)
            order.copy_(torch.randperm(len(order), generator=rng))

    def forward(self, u: Tensor) -> Tensor:
        with torch.autocast(u.device.type, enabled=False):
            h = u.float()
            for order, coupling in self.steps():
                h = coupling(h[:, order])
            return h

    def invert(self, codes: Tensor) -> Tensor:
        """F^-1 of codes (N, latent_dim)."""
        return self.invert_with_log_det(codes)[0]

    def invert_with_log_det(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """F^-1 of codes, and the log determinant (N,) of its Jacobian."""
        with torch.autocast(codes.device.type, enabled=False):
            h = codes.float()
            log_det = h.new_zeros(len(h))
            for order, coupling in reversed(self.steps()):
                h, change = coupling.invert(h)
                h, log_det = h[:, order.argsort()], log_det + change
            return h, log_det

    def log_density(self, codes: Tensor) -> Tensor:
        """log p(z) (N,), in nats, of codes (N, latent_dim) where u is N(0, I)."""
        u, log_det = self.invert_with_log_det(codes)
        return log_det - u.square().sum(1) / 2 - u.shape[1] / 2 * math.log(2 * math.pi)


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
