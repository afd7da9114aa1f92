"""A density of codes: a mixture of Gaussians fitted to the encoder's codes of the training pictures.

Codes of real pictures rarely fill the prior, so that samples of the prior may fall between them. Samples of a
density that was fitted to the codes after training do not (2-Stage VAE, Dai and Wipf, arXiv 1903.05789; RAE,
Ghosh et al., arXiv 1903.12436). `python -m train.publish --gaussians K` fits it; the checkpoint stores it as
density.safetensors.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ganlab import latent

MIXTURE_FILE = "density.safetensors"
SAMPLE_CHUNK = 1024  # latents drawn at a time: each needs a matrix (D, D)
DENSITY_CHUNK = (
    128  # latents whose density is computed at a time: each needs a vector (D,) for every Gaussian
)


class Mixture(nn.Module):
    """K Gaussians in D dimensions: `weights` (K,) with the sum 1, `means` (K, D), and `factors`
    (K, D (D + 1) / 2), the rows of lower triangles L of the covariances L L^T."""

    weights: Tensor
    means: Tensor
    factors: Tensor

    def __init__(self, count: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("weights", torch.zeros(count))
        self.register_buffer("means", torch.zeros(count, dim))
        self.register_buffer("factors", torch.zeros(count, dim * (dim + 1) // 2))

    def find_fault(self) -> str:
        """What is wrong with numbers that are no mixture, after the name of their file; else empty."""
        if not bool((self.weights > 0).any()) or bool((self.weights < 0).any()):
            return "gives no Gaussian any weight, or one less than none"
        dim = self.means.shape[1]
        row, column = torch.tril_indices(dim, dim)
        if not bool((self.factors[:, row == column] > 0).all()):
            return "has a Gaussian without extent"
        return ""

    def draw(self, count: int, seed: int, truncation: float = 1.0, first: int = 0) -> Tensor:
        """Samples `first` to `first + count - 1` (count, D) on the CPU. As with `latent.draw`, a seed gives
        the same on every machine, none before `first` is drawn, and arguments out of range raise ValueError.

        `truncation` in [0, 1] shrinks each latent towards the mean of its Gaussian.
        """
        if not 0.0 <= truncation <= 1.0:
            raise ValueError(f"Truncation is a number from 0 to 1, not {truncation}.")
        dim = self.means.shape[1]
        noise = latent.draw("normal", dim + 1, count, seed, first=first)
        # The first number of each row selects the Gaussian, the others are the sample's in it.
        bounds = self.weights.cpu().double().cumsum(0)
        chosen = torch.searchsorted(bounds, torch.special.ndtr(noise[:, 0].double()) * bounds[-1])
        return torch.cat(
            [
                self.means[k].cpu() + truncation * (self._lower(k) @ e[:, 1:, None])[:, :, 0]
                for k, e in zip(
                    torch.split(chosen, SAMPLE_CHUNK), torch.split(noise, SAMPLE_CHUNK), strict=True
                )
            ]
        )

    def log_density(self, z: Tensor) -> Tensor:
        """log p(z) (N,), in nats, of latents (N, D) on the CPU."""
        lower = self._lower(torch.arange(len(self.means)))
        weights = (self.weights / self.weights.sum()).cpu()
        scale = weights.log() - lower.diagonal(dim1=1, dim2=2).log().sum(1)
        parts = []
        for part in torch.split(z, DENSITY_CHUNK):
            offsets = part.T - self.means.cpu()[:, :, None]
            squared = torch.linalg.solve_triangular(lower, offsets, upper=False).square().sum(1)
            parts.append(torch.logsumexp(scale[:, None] - squared / 2, 0))
        return torch.cat(parts) - z.shape[1] / 2 * math.log(2 * math.pi)

    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean (D,) and covariance (D, D) of the mixture, float64."""
        weights = (self.weights / self.weights.sum()).cpu().double()
        means, lower = self.means.cpu().double(), self._lower(torch.arange(len(self.means))).double()
        mean = weights @ means
        offsets = means - mean
        within = torch.einsum("k,kij,klj->il", weights, lower, lower)
        return mean, within + torch.einsum("k,ki,kj->ij", weights, offsets, offsets)

    def _lower(self, chosen: Tensor) -> Tensor:
        """The lower triangles (N, D, D) of the Gaussians `chosen` (N,)."""
        dim = self.means.shape[1]
        lower = torch.zeros(len(chosen), dim, dim)
        row, column = torch.tril_indices(dim, dim)
        lower[:, row, column] = self.factors[chosen].cpu()
        return lower
