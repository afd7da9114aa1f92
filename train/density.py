"""The mixture of Gaussians that is fitted to a model's codes, for `python -m train.publish --gaussians K`."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn

from ganlab.density import Mixture
from ganlab.gallery import Pictures
from train import figures

FLOOR = 1e-2  # variance added along every axis: what is less is no structure of the data
ROUNDS = 30  # of expectation and maximisation, at most
SEED = 0


@torch.no_grad()
def of_codes(encoder: nn.Module, pictures: Pictures, count: int) -> Mixture:
    """The mixture of `count` Gaussians for an encoder's codes of the pictures."""
    return fit(figures.in_batches(encoder, pictures), count)


def fit(codes: Tensor, count: int) -> Mixture:
    """Expectation-maximisation on codes (N, D), full covariances; ValueError for fewer codes than that."""
    from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-untyped]
    from sklearn.mixture import GaussianMixture  # type: ignore[import-untyped]  # slow to import

    if not 1 <= count <= len(codes):
        raise ValueError(f"{len(codes):,} codes allow 1 to {len(codes):,} Gaussians, not {count:,}.")
    found = GaussianMixture(
        count, reg_covar=FLOOR, max_iter=ROUNDS, init_params="k-means++", random_state=SEED
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the last rounds change little
        found.fit(codes.float().numpy())
    dim = codes.shape[1]
    row, column = torch.tril_indices(dim, dim)
    mixture = Mixture(count, dim)
    mixture.weights = torch.from_numpy(found.weights_).float()
    mixture.means = torch.from_numpy(found.means_).float()
    mixture.factors = torch.linalg.cholesky(torch.from_numpy(found.covariances_))[:, row, column].float()
    return mixture
