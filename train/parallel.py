"""Layers that treat the parts of a batch, which several processes have, as one batch."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from train import workers


class _SharedStatistics:
    """Batch norm by the mean and variance of the global batch, as one process would compute them.

    torch.nn.SyncBatchNorm needs GPUs and cannot be differentiated twice, which R1 and R2 need. Here each
    process computes the mean and variance of its part; they are gathered in one message and combined (Chan,
    Golub and LeVeque, 1979), and the rest is plain arithmetic.
    """

    def forward(self, input: Tensor) -> Tensor:
        assert isinstance(self, nn.BatchNorm1d | nn.BatchNorm2d)
        if workers.size() == 1 or not (self.training and self.track_running_stats):
            output: Tensor = super().forward(input)  # type: ignore[misc]
            return output
        axes = [axis for axis in range(input.dim()) if axis != 1]
        shape = [1, -1, *[1] * (input.dim() - 2)]
        wide = input.float() if input.dtype in (torch.bfloat16, torch.float16) else input
        mean = wide.mean(axes)
        variance = (wide - mean.view(shape)).square().mean(axes)
        means, variances = workers.gather(torch.stack([mean, variance])[None]).unbind(1)
        mean = means.mean(0)
        variance = variances.mean(0) + (means - mean).square().mean(0)
        _update_statistics(
            self, mean.detach(), variance.detach(), workers.size() * input.numel() // len(mean)
        )
        scale = torch.rsqrt(variance + self.eps)
        if self.weight is not None:
            scale = scale * self.weight
        result = (wide - mean.view(shape)) * scale.view(shape)
        if self.bias is not None:
            result = result + self.bias.view(shape)
        return result.to(input.dtype)


@torch.no_grad()
def _update_statistics(
    norm: nn.BatchNorm1d | nn.BatchNorm2d, mean: Tensor, variance: Tensor, count: int
) -> None:
    """Move the running statistics towards those of a batch of `count` values a channel."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.num_batches_tracked is not None
    assert norm.momentum is not None
    norm.num_batches_tracked += 1
    norm.running_mean.lerp_(mean, norm.momentum)
    norm.running_var.lerp_(variance * (count / max(1, count - 1)), norm.momentum)


class SharedBatchNorm1d(_SharedStatistics, nn.BatchNorm1d):
    """nn.BatchNorm1d of a batch in several processes."""


class SharedBatchNorm2d(_SharedStatistics, nn.BatchNorm2d):
    """nn.BatchNorm2d of a batch in several processes."""


class SharedDropout(nn.Dropout):
    """nn.Dropout that drops in the parts of a batch what one process would drop in the whole."""

    def forward(self, input: Tensor) -> Tensor:
        if workers.size() == 1 or not self.training:
            return super().forward(input)
        ones = torch.ones(
            len(input) * workers.size(), *input.shape[1:], dtype=input.dtype, device=input.device
        )
        return input * workers.take_part(F.dropout(ones, self.p, True))


SHARED: dict[type[nn.Module], type[nn.Module]] = {
    nn.BatchNorm1d: SharedBatchNorm1d,
    nn.BatchNorm2d: SharedBatchNorm2d,
    nn.Dropout: SharedDropout,
}


def share_batches(nets: Iterable[nn.Module], statistics: bool = True) -> None:
    """Let the layers of `nets` that look at a batch as a whole look at the global one, in place; without
    `statistics` batch norm keeps to the part of its process. Weights and their names stay."""
    for net in nets:
        for module in net.modules():
            kind = SHARED.get(type(module))
            if kind is not None and (statistics or kind is SharedDropout):
                module.__class__ = kind  # the same parameters and buffers, and another forward
