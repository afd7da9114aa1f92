"""Tiny networks in double precision that have an opinion, and what formulas are written out with."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ganlab import networks
from tests.conftest import TINY


def opinionated(names: Sequence[str], seed: int = 0, prior: str = "uniform") -> dict[str, nn.Module]:
    """Networks whose D and E answer differently to each picture; new, D's and a regressor's output is 0."""
    nets = networks.build(dataclasses.replace(TINY, networks=tuple(names), prior=prior))
    networks.initialise(nets, seed)
    give_opinions(nets, seed + 1)
    return {name: net.double() for name, net in nets.items()}


@torch.no_grad()
def give_opinions(nets: dict[str, nn.Module], seed: int = 1) -> None:
    """Output layers of D and E from N(0, 0.5)."""
    rng = torch.Generator().manual_seed(seed)
    for name, net in nets.items():
        if name != "generator":
            net.get_parameter("output.weight").normal_(std=0.5, generator=rng)


def batch(count: int = 8, seed: int = 5) -> tuple[Tensor, Tensor]:
    """Pictures (count, 1, 28, 28) in [0, 1] and latents (count, 4) in [-1, 1], of noise."""
    rng = torch.Generator().manual_seed(seed)
    x = torch.rand(count, 1, 28, 28, generator=rng, dtype=torch.double)
    return x, torch.rand(count, 4, generator=rng, dtype=torch.double) * 2 - 1


def sigmoid(logit: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-logit))


def minus_log_sigmoid(logit: Tensor) -> Tensor:
    return -torch.log(sigmoid(logit))


def gradients(loss: Tensor, net: nn.Module) -> dict[str, Tensor | None]:
    """d loss / d parameter by name; None for a parameter that the loss does not depend on."""
    if not loss.requires_grad:
        return {key: None for key, _ in net.named_parameters()}
    result = torch.autograd.grad(loss, list(net.parameters()), retain_graph=True, allow_unused=True)
    return {key: gradient for (key, _), gradient in zip(net.named_parameters(), result, strict=True)}


def assert_close(
    first: dict[str, Tensor | None], other: dict[str, Tensor | None], rtol: float = 1e-5
) -> None:
    """Gradients that agree but for rounding: the methods take logits to single precision."""
    assert first.keys() == other.keys()
    for key, expected in other.items():
        result = first[key]
        assert result is not None, key
        assert expected is not None, key
        scale = float(expected.abs().max())
        assert scale > 0, key
        torch.testing.assert_close(result, expected, rtol=0, atol=rtol * scale, msg=key)


class Fixed(nn.Module):
    """A network with fixed outputs, in turn."""

    def __init__(self, *answers: Tensor) -> None:
        super().__init__()
        self.answers, self.calls = list(answers), 0

    def forward(self, *inputs: Tensor, **settings: object) -> Tensor:
        self.calls += 1
        return self.answers[(self.calls - 1) % len(self.answers)]
