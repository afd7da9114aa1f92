"""The methods, one file each. A new method is a file here and a line in METHODS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from torch import Tensor, nn

from train.methods.bigan import BiGAN

Networks = Mapping[str, nn.Module]


class Method(Protocol):
    """What the trainer asks of a method."""

    title: str
    networks: tuple[str, ...]  # keys of a family in ganlab.networks
    players: Mapping[str, tuple[str, ...]]  # player -> the networks it owns, in updating order

    def losses(self, nets: Networks, x: Tensor, z: Tensor) -> dict[str, Tensor]:
        """One scalar a player, from x (N, C, H, W) in [0, 1] and z (N, latent_dim) of the prior."""


METHODS: dict[str, type[Method]] = {
    "bigan": BiGAN,
}
