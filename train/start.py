"""G's first pictures: the mean picture of the data instead of grey, for the method bigan's lost runs.

Where batch norm takes real and generated pairs apart, D does not see the mean of G's pictures. G then stays
grey until its pictures differ enough, and leaps; see docs/training.md.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

MARGIN = 0.05  # of the mean picture to 0 and 1, where the sigmoid has hardly any slope
PICTURES = 10_000  # training pictures of which the mean is taken
SAMPLES = 1024  # latents whose hidden layer is averaged


@torch.no_grad()
def start_at_mean(generator: nn.Module, mean: Tensor, z: Tensor) -> None:
    """Change G's last layer, in place, so that its pictures of latents z (N, latent_dim) have the mean
    picture `mean` (C, H, W) in [0, 1], up to the margin; nothing else of them changes.

    The rows of the last layer get a multiple of the mean hidden layer h of z, which is far from 0 behind a
    ReLU: (W + d h' / |h|^2) h = W h + d. ValueError for a G whose last layer is not linear.
    """
    output = getattr(generator, "output", None)
    if not isinstance(output, nn.Linear):
        raise ValueError("--generator-start mean belongs to --family paper.")
    hidden, logits = _average_layers(generator, output, z)
    wanted = torch.logit(mean.flatten().clamp(MARGIN, 1 - MARGIN))
    output.weight += torch.outer(wanted - logits, hidden / hidden.square().sum())


def _average_layers(generator: nn.Module, output: nn.Linear, z: Tensor) -> tuple[Tensor, Tensor]:
    """The means over z of what the last layer gets and gives, (F,) and (pixels,); running statistics stay."""
    seen: list[Tensor] = []
    hook = output.register_forward_hook(lambda _, inputs, outputs: seen.extend([*inputs, outputs]))
    buffers = {name: buffer.clone() for name, buffer in generator.named_buffers()}
    try:
        generator(z)
    finally:
        hook.remove()
    for name, buffer in generator.named_buffers():
        buffer.copy_(buffers[name])
    return seen[0].mean(0), seen[1].mean(0)
