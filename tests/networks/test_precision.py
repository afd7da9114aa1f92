"""What half precision must leave alone, in every family."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from ganlab import networks
from tests.conftest import TINY

BLOCKS = {"residual": 1}


@pytest.mark.parametrize("family", list(networks.FAMILIES))
def test_a_nearly_white_pixel_can_still_move_under_bf16(family: str) -> None:
    """bf16 rounds sigmoid(6) and tanh(4) to 1 and their slopes to 0: a GAN of the paper's form whose
    pictures went through such a sigmoid fell onto one picture within two epochs."""
    config = dataclasses.replace(TINY, family=family, networks=("generator",), blocks=BLOCKS.get(family, 0))
    G = networks.build(config)["generator"]
    logits: list[torch.Tensor] = []

    def nearly_white(module: torch.nn.Module, inputs: object, output: torch.Tensor) -> torch.Tensor:
        logits.append(torch.full_like(output, 6.0).requires_grad_())
        return logits[-1]

    G.get_submodule("output").register_forward_hook(nearly_white)
    with torch.autocast("cpu", torch.bfloat16):
        x = G(torch.rand(3, config.latent_dim))
    assert x.dtype == torch.float32
    assert logits[0].dtype == torch.bfloat16
    (slope,) = torch.autograd.grad(x.sum(), logits)
    assert (slope > 0).all()


@pytest.mark.parametrize("family", list(networks.FAMILIES))
def test_a_code_near_the_edge_of_the_box_can_still_move_under_bf16(family: str) -> None:
    """So could E's: with its sigmoid in bf16, one of three seeds of the paper's BiGAN collapsed."""
    config = dataclasses.replace(
        TINY, family=family, networks=("encoder",), prior="uniform", blocks=BLOCKS.get(family, 0)
    )
    E = networks.build(config)["encoder"]
    assert isinstance(E, networks.Encoder)
    logits = torch.full((3, config.latent_dim), 6.0, dtype=torch.bfloat16, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        z = E.to_latents(logits)
    assert z.dtype == torch.float32
    assert (z < 1).all()
    (slope,) = torch.autograd.grad(z.sum(), logits)
    assert (slope > 0).all()
