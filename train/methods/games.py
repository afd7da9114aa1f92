"""What a discriminator's logits are worth to it and to its opponents, and the penalty on its gradients."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import softplus

from ganlab.networks.base import widen

Game = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def play_logistic(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Losses of D and of its opponents for logits (N,): cross-entropies, the opponents' with swapped labels
    (the non-saturating game, Goodfellow et al., arXiv 1406.2661, section 3)."""
    return (
        (softplus(-real).mean() + softplus(fake).mean()) / 2,
        (softplus(real).mean() + softplus(-fake).mean()) / 2,
    )


def play_relativistic(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """D asks that each real logit is larger than a generated one, its opponents the reverse (R3GAN, Huang et
    al., arXiv 2501.05441, eq. 2)."""
    return softplus(fake - real).mean(), softplus(real - fake).mean()


GAMES: dict[str, Game] = {"logistic": play_logistic, "relativistic": play_relativistic}


def penalise_gradient(discriminator: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    """Mean squared length of the gradient of D's logit by its `inputs` (N, ...): R1 on real ones, R2 on
    generated ones (Mescheder et al., arXiv 1801.04406, eq. 9). A scalar, differentiable by D's weights alone.
    """
    inputs = tuple(widen(tensor.detach()).requires_grad_() for tensor in inputs)
    logits = discriminator(*inputs)
    gradients = torch.autograd.grad(widen(logits).sum(), inputs, create_graph=True)
    return torch.stack([widen(g).square().flatten(1).sum(1).mean() for g in gradients]).sum()
