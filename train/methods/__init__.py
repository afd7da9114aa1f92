"""The methods, one file each. A new method is a file here and a line in METHODS."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor, nn

from train.methods.ae_l1 import AutoencoderL1
from train.methods.ae_l2 import AutoencoderL2
from train.methods.bigan import BiGAN
from train.methods.bigan_plus import BiGANPlus
from train.methods.gan import GAN
from train.methods.jlr import JLR
from train.methods.lr import LR

Networks = Mapping[str, nn.Module]


class Method(Protocol):
    """What the trainer needs of a method.

    The parameters of its __init__, if it has any, are settings of TrainConfig, by name and default. Optional
    attributes: `zero_output`, networks whose output layer starts at zero; `training_only`, networks that no
    checkpoint holds; `decodes`, what G is given in training ("prior", "codes" or both in one batch; without
    it, "prior"), on which its batch norm is calibrated.
    """

    title: str
    networks: tuple[str, ...]  # keys of a family in ganlab.networks
    players: Mapping[str, tuple[str, ...]]  # player -> the networks it owns, in updating order

    def losses(self, nets: Networks, x: Tensor, z: Tensor) -> dict[str, Tensor]:
        """One scalar for each player, of x (N, C, H, W) in [0, 1] and z (N, latent_dim) from the prior."""


METHODS: dict[str, type[Method]] = {
    "bigan": BiGAN,
    "bigan-plus": BiGANPlus,
    "gan": GAN,
    "lr": LR,
    "jlr": JLR,
    "ae-l1": AutoencoderL1,
    "ae-l2": AutoencoderL2,
}


def list_settings(name: str) -> tuple[str, ...]:
    """The settings of TrainConfig that a method reads itself."""
    return tuple(inspect.signature(METHODS[name]).parameters)


def build_method(name: str, config: Any) -> Method:
    """The method, with its own settings taken from a TrainConfig."""
    method: Any = METHODS[name]
    built: Method = method(**{setting: getattr(config, setting) for setting in list_settings(name)})
    return built
