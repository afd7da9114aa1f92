"""Fits a mixture of Gaussians to a model's codes, for `python -m train.publish --gaussians K`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganlab.gallery import Pictures
from ganlab.mixture import Mixture
from train.measure.batches import map_batches

MIN_VARIANCE = 1e-2  # added along every axis, since less is no structure of the data
PRIOR_COUNT = 10  # codes that the pooled covariance counts as in each cluster's own
SEED = 0


@torch.no_grad()
def fit_to_codes(encoder: nn.Module, pictures: Pictures, count: int) -> Mixture:
    """The mixture of `count` Gaussians for an encoder's codes of the pictures."""
    return fit(map_batches(encoder, pictures), count)


def fit(codes: Tensor, count: int) -> Mixture:
    """One Gaussian for each of `count` clusters of codes (N, D); ValueError for fewer codes than clusters.

    k-means assigns every code to one cluster (classification EM: Celeux and Govaert, 1992). A cluster of
    fewer codes than dimensions says little about its covariance, so each covariance is shrunk towards the
    pooled one, like the posterior mean under a Wishart prior (Fraley and Raftery, 2007).
    """
    from sklearn.cluster import KMeans  # type: ignore[import-untyped]  # slow to import

    if not 1 <= count <= len(codes):
        raise ValueError(f"{len(codes):,} codes allow 1 to {len(codes):,} Gaussians, not {count:,}.")
    codes = codes.float().cpu()
    clusters = KMeans(count, n_init=1, random_state=SEED).fit(codes.numpy())
    assigned = torch.from_numpy(clusters.labels_).long()
    centres = torch.from_numpy(clusters.cluster_centers_)
    deviations = (codes - centres[assigned]).double()
    pooled = deviations.T @ deviations / len(codes)
    dim = codes.shape[1]
    row, column = torch.tril_indices(dim, dim)
    mixture = Mixture(count, dim)
    for k in range(count):
        own = deviations[assigned == k]  # empty where codes are equal; such a Gaussian is never drawn
        mixture.weights[k] = len(own) / len(codes)
        mixture.means[k] = centres[k]
        covariance = (own.T @ own + PRIOR_COUNT * pooled) / (len(own) + PRIOR_COUNT)
        lower = torch.linalg.cholesky(covariance + MIN_VARIANCE * torch.eye(dim, dtype=torch.float64))
        mixture.factors[k] = lower[row, column]
    return mixture
