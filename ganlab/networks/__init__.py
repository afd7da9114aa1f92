"""Generators, encoders and discriminators, built from a ModelConfig alone: one file a family.

Shapes: x is (N, C, H, W) in [0, 1]; z is (N, latent_dim) in the prior's support.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import cast

import torch
from torch import Tensor, nn

from ganlab.config import ModelConfig
from ganlab.networks import conv, paper, residual, tutorial
from ganlab.networks.base import Discriminator, Encoder, Initialisable, JointDiscriminator
from ganlab.networks.latent_map import LatentMap, MappedEncoder, MappedGenerator

__all__ = [
    "FAMILIES",
    "LATENT_MAP",
    "Discriminator",
    "Encoder",
    "JointDiscriminator",
    "LatentMap",
    "build",
    "calibrate",
    "compose",
    "initialise",
]

LATENT_MAP = "latent_map"  # a network of any family


FAMILIES: dict[str, Mapping[str, Callable[[ModelConfig], nn.Module]]] = {
    "paper": paper.NETWORKS,
    "tutorial-gan": tutorial.list_networks(tutorial.GAN),
    "tutorial-gan-colour": tutorial.list_networks(tutorial.GAN_COLOUR),
    "tutorial-bigan": tutorial.list_networks(tutorial.BIGAN),
    "conv": conv.NETWORKS,
    "residual": residual.NETWORKS,
}


def build(config: ModelConfig) -> dict[str, nn.Module]:
    """The networks that `config.networks` names, with torch's default initialisation. ValueError for an
    unknown family or network."""
    if config.family not in FAMILIES:
        raise ValueError(f"Unknown network family {config.family!r}; available = {list(FAMILIES)}.")
    family = {**FAMILIES[config.family], LATENT_MAP: LatentMap}
    unknown = [name for name in config.networks if name not in family]
    if unknown:
        raise ValueError(f"Unknown networks {unknown}; {config.family!r} has {list(family)}.")
    return {name: family[name](config) for name in config.networks}


def compose(networks: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
    """The networks as the latent map F presents them, if there is one: "generator" is G(F(.)), "encoder"
    F^-1(E(.)), both with latents u ~ N(0, I). Without a map they are returned as they are."""
    composed = dict(networks)
    latent_map = networks.get(LATENT_MAP)
    if latent_map is None:
        return composed
    assert isinstance(latent_map, LatentMap)
    if "generator" in networks:
        composed["generator"] = MappedGenerator(networks["generator"], latent_map)
    if "encoder" in networks:
        composed["encoder"] = MappedEncoder(cast(Encoder, networks["encoder"]), latent_map)
    return composed


def initialise(networks: Mapping[str, nn.Module], seed: int, zero: Collection[str] = ()) -> None:
    """Set the initial weights of each network's family, in place; a seed gives the same on every machine.

    Networks are initialised in their order, so that appending one changes none before it. `zero` names
    networks whose output layer starts at zero, as that of the paper's discriminators always does.
    """
    rng = torch.Generator().manual_seed(seed)
    for name, network in networks.items():
        cast(Initialisable, network).initialise(rng, name in zero)


@torch.no_grad()
def calibrate(network: nn.Module, batches: Iterable[tuple[Tensor, ...]]) -> None:
    """Replace running batch-norm statistics, in place, by their averages over `batches` of the network's
    inputs (the "deploy" step of the BiGAN paper's release).

    The running averages that training leaves follow only the last few hundred batches.
    """
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    was_training = network.training
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch's switch for a cumulative average
    if norms:
        network.train()
        for batch in batches:
            network(*batch)
    network.train(was_training)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
