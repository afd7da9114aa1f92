"""Figures of merit, pure functions on tensors.

Pictures x and reconstructions y are (N, C, H, W) in [0, 1]. The release is the code of the BiGAN paper
(github.com/jeffdonahue/bigan), whose `eval_and_disp` in train_gan.py prints EGr, EGr_b and NNC.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

CHUNK = 8192  # pictures turned into floats at a time


def l2(x: Tensor, y: Tensor) -> Tensor:
    """Euclidean norm of x - y, one a picture: (N,). Its mean over x and G(E(x)) is the release's EGr."""
    return (x - y).flatten(1).square().sum(dim=1).sqrt()


def mse(x: Tensor, y: Tensor) -> Tensor:
    """Mean squared error over the pixels, one a picture: (N,)."""
    return (x - y).flatten(1).square().mean(dim=1)


def pair_with_next(x: Tensor) -> Tensor:
    """Row i becomes row i + 1, the last one the first: partners that have nothing to do with each other.

    l2(next_one(x), G(E(x))).mean() is the release's EGr_b, which tells what a reconstruction has to
    beat. The release goes round within each batch of 128; here the whole set goes round once.
    """
    return torch.roll(x, -1, dims=0)


def mean_image(pixels: Tensor) -> Tensor:
    """Mean of uint8 pictures (N, C, H, W): (1, C, H, W) float32 in [0, 1], the best constant answer."""
    total = sum(
        pixels[start : start + CHUNK].sum(0, keepdim=True, dtype=torch.int64)
        for start in range(0, len(pixels), CHUNK)
    )
    return (torch.as_tensor(total).double() / (255.0 * len(pixels))).float()


def accuracy(found: Tensor, labels: Tensor) -> float:
    """Share of `found` (N,) that equals `labels` (N,); with the labels of the nearest neighbours, the 1NN.

    The release's NNC: Euclidean distance, one neighbour, features not normalised.
    """
    return float((found == labels).double().mean())


def standard_error(share: float, count: int) -> float:
    """Standard error of a share measured on `count` independent cases (binomial)."""
    return math.sqrt(share * (1.0 - share) / count)


def auroc(positives: Tensor, negatives: Tensor) -> float:
    """Area under the ROC curve: how often a positive (N,) scores above a negative (M,); a tie is half."""
    scores = torch.cat([positives, negatives]).double()
    _, place, counts = torch.unique(scores, return_inverse=True, return_counts=True)
    ranks = (counts.cumsum(0) - (counts - 1) / 2)[place]  # equal scores share the mean of their ranks
    n, m = len(positives), len(negatives)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def energy_test(a: Tensor, b: Tensor, permutations: int = 200, seed: int = 0) -> tuple[float, float, float]:
    """Whether rows a (N, D) and b (M, D) may be of one distribution (Székely and Rizzo 2004, InterStat 5).

    The energy distance 2 E|a - b| - E|a - a'| - E|b - b'|, which is 0 for one distribution; that of the
    same rows dealt out anew, which is exceeded by chance once in 20 times; and the permutation test's
    p-value, the share of all deals that are at least as far apart.
    """
    rows = torch.cat([a, b]).double()
    apart = torch.cdist(rows, rows)
    first = torch.arange(len(rows)) < len(a)

    def energy(chosen: Tensor) -> float:
        one, other = chosen.double(), (~chosen).double()
        n, m = one.sum(), other.sum()
        reach = apart @ torch.stack([one, other], 1)
        within = one @ reach[:, 0] / (n * (n - 1)) + other @ reach[:, 1] / (m * (m - 1))
        return float(2 * (one @ reach[:, 1]) / (n * m) - within)

    rng = torch.Generator().manual_seed(seed)
    dealt = [energy(first[torch.randperm(len(rows), generator=rng)]) for _ in range(permutations)]
    found = energy(first)
    p = (1 + sum(value >= found for value in dealt)) / (1 + permutations)
    return found, sorted(dealt)[math.ceil(0.95 * permutations) - 1], p


def quantiles(values: Tensor) -> list[float]:
    """The 0th, 1st, ..., 100th percentile of values (N,): 101 numbers, ascending."""
    at = torch.linspace(0.0, 1.0, 101, dtype=torch.float64)
    found: list[float] = torch.quantile(values.double(), at).tolist()
    return found


def share_above(value: float, quantiles: Sequence[float]) -> float:
    """Share in [0, 1] of the measured values that are larger than `value`, from their 101 quantiles.

    Straight lines between quantiles; 1 below the smallest value, 0 from the largest on.
    """
    last = len(quantiles) - 1
    if value < quantiles[0]:
        return 1.0
    if value >= quantiles[last]:
        return 0.0
    # The last quantile that is not above the value: where quantiles coincide, none of them is larger.
    below = max(index for index in range(last) if quantiles[index] <= value)
    step = quantiles[below + 1] - quantiles[below]
    return 1.0 - (below + (value - quantiles[below]) / step) / last


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """|m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)) of two sets of features, (N, F) and (M, F).

    The squared Fréchet distance of the two normal distributions with the sets' means m and covariances
    S (unbiased, so N and M are at least 2): Dowson and Landau 1982 (Journal of Multivariate Analysis
    12:450); for generated against real pictures, Heusel et al. 2017 (arXiv 1706.08500). At least 0;
    its unit is the features' squared, so only distances between the same features compare.

    It is biased upwards, the more the fewer the rows: two halves of one set are not 0 apart. So a
    distance is to be shown with N and M, beside that of real pictures from other real ones of the
    same numbers, which is the floor.
    """
    if a.dim() != 2 or b.dim() != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(
            "The Fréchet distance takes two sets of at least 2 rows of equally many features, not"
            f" {tuple(a.shape)} and {tuple(b.shape)}."
        )
    mean_a, root_a, trace_a = _moments(a.double())
    mean_b, root_b, trace_b = _moments(b.double())
    # S_a S_b is not symmetric, but its eigenvalues are the squared singular values of the product of
    # the symmetric roots, which are real and at least 0 whatever the rounding.
    shared = torch.linalg.svdvals(root_a @ root_b).sum()
    distance = (mean_a - mean_b).square().sum() + trace_a + trace_b - 2 * shared
    return max(float(distance), 0.0)


def _moments(rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (F,), symmetric root (F, F) of the covariance, and the covariance's trace, of rows (N, F)."""
    mean = rows.mean(dim=0)
    centred = rows - mean
    covariance = centred.T @ centred / (len(rows) - 1)
    values, vectors = torch.linalg.eigh(covariance)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T  # rounding puts values of 0 below 0
    return mean, root, covariance.trace()
