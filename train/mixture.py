"""The mixture of Gaussians that is fitted to a model's codes, for `python -m train.publish --gaussians K`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganlab.gallery import Pictures
from ganlab.mixture import Mixture
from train.measure import figures

FLOOR = 1e-2  # variance added along every axis: what is less is no structure of the data
STRENGTH = 10  # codes that the shape common to all clusters counts for in each
SEED = 0


@torch.no_grad()
def fit_to_codes(encoder: nn.Module, pictures: Pictures, count: int) -> Mixture:
    """The mixture of `count` Gaussians for an encoder's codes of the pictures."""
    return fit(figures.in_batches(encoder, pictures), count)


def fit(codes: Tensor, count: int) -> Mixture:
    """One Gaussian for each of `count` clusters of codes (N, D); ValueError for fewer codes than that.

    k-means finds the clusters, so each code belongs to one of them whole (the classification form of
    expectation-maximisation: Celeux and Govaert, 1992). A cluster of fewer codes than dimensions says little
    of its own shape, so every covariance is drawn to the pooled one, as the mean under a Wishart prior is
    (Fraley and Raftery, 2007).
    """
    from sklearn.cluster import KMeans  # type: ignore[import-untyped]  # slow to import

    if not 1 <= count <= len(codes):
        raise ValueError(f"{len(codes):,} codes allow 1 to {len(codes):,} Gaussians, not {count:,}.")
    codes = codes.float().cpu()
    found = KMeans(count, n_init=1, random_state=SEED).fit(codes.numpy())
    belongs = torch.from_numpy(found.labels_).long()
    centres = torch.from_numpy(found.cluster_centers_)
    off = (codes - centres[belongs]).double()
    pooled = off.T @ off / len(codes)
    dim = codes.shape[1]
    row, column = torch.tril_indices(dim, dim)
    mixture = Mixture(count, dim)
    for k in range(count):
        own = off[belongs == k]  # none where codes are equal: such a Gaussian is never drawn
        mixture.weights[k] = len(own) / len(codes)
        mixture.means[k] = centres[k]
        covariance = (own.T @ own + STRENGTH * pooled) / (len(own) + STRENGTH)
        lower = torch.linalg.cholesky(covariance + FLOOR * torch.eye(dim, dtype=torch.float64))
        mixture.factors[k] = lower[row, column]
    return mixture
