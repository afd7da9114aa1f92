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
    """Mean squared error per pixel between pictures x and y, (N, C, H, W) each: (N,)."""
    return (x - y).flatten(1).square().mean(dim=1)


def pair_with_next(x: Tensor) -> Tensor:
    """Rows (N, ...) shifted by one, so that row i is paired with the unrelated row i + 1, the last with the
    first.

    l2(pair_with_next(x), G(E(x))).mean() is EGr_b in the BiGAN paper's release, the baseline for
    reconstructions. The release shifts within each batch of 128; this shifts the whole set.
    """
    return torch.roll(x, -1, dims=0)


def mean_image(pixels: Tensor) -> Tensor:
    """Mean of uint8 pictures (N, C, H, W): float32 (1, C, H, W) in [0, 1], the best constant
    reconstruction."""
    total = sum(
        pixels[start : start + CHUNK].sum(0, keepdim=True, dtype=torch.int64)
        for start in range(0, len(pixels), CHUNK)
    )
    return (torch.as_tensor(total).double() / (255.0 * len(pixels))).float()


def accuracy(predictions: Tensor, labels: Tensor) -> float:
    """Share in [0, 1] of `predictions` (N,) that equal `labels` (N,).

    With the labels of nearest neighbours it is the 1NN accuracy, NNC in the BiGAN paper's release: Euclidean
    distance, one neighbour, features not normalised.
    """
    return float((predictions == labels).double().mean())


def standard_error(share: float, count: int) -> float:
    """Standard error of a share measured on `count` independent cases (binomial)."""
    return math.sqrt(share * (1.0 - share) / count)


def auroc(positives: Tensor, negatives: Tensor) -> float:
    """Area under the ROC curve: how often a score of `positives` (N,) is above one of `negatives` (M,); a tie
    counts half."""
    scores = torch.cat([positives, negatives]).double()
    _, positions, counts = torch.unique(scores, return_inverse=True, return_counts=True)
    ranks = (counts.cumsum(0) - (counts - 1) / 2)[positions]  # equal scores share the mean of their ranks
    n, m = len(positives), len(negatives)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def energy_test(a: Tensor, b: Tensor, permutations: int = 200, seed: int = 0) -> tuple[float, float, float]:
    """Test whether rows a (N, D) and b (M, D) have the same distribution (Székely and Rizzo 2004, InterStat
    5).

    Returns the energy distance 2 E|a - b| - E|a - a'| - E|b - b'|, which is 0 for equal distributions; the
    95th percentile of the same distance after random permutations of all rows; and the permutation test's
    p-value, the share of permutations with a distance at least as large.
    """
    rows = torch.cat([a, b]).double()
    distances = torch.cdist(rows, rows)
    is_a = torch.arange(len(rows)) < len(a)

    def energy(chosen: Tensor) -> float:
        first, second = chosen.double(), (~chosen).double()
        n, m = first.sum(), second.sum()
        sums = distances @ torch.stack([first, second], 1)
        within = first @ sums[:, 0] / (n * (n - 1)) + second @ sums[:, 1] / (m * (m - 1))
        return float(2 * (first @ sums[:, 1]) / (n * m) - within)

    rng = torch.Generator().manual_seed(seed)
    permuted = [energy(is_a[torch.randperm(len(rows), generator=rng)]) for _ in range(permutations)]
    measured = energy(is_a)
    p = (1 + sum(value >= measured for value in permuted)) / (1 + permutations)
    return measured, sorted(permuted)[math.ceil(0.95 * permutations) - 1], p


def quantiles(values: Tensor) -> list[float]:
    """The 0th, 1st, ..., 100th percentile of values (N,): 101 numbers, ascending."""
    shares = torch.linspace(0.0, 1.0, 101, dtype=torch.float64)
    percentiles: list[float] = torch.quantile(values.double(), shares).tolist()
    return percentiles


def share_above(value: float, quantiles: Sequence[float]) -> float:
    """Share in [0, 1] of a sample that is larger than `value`, from the sample's `quantiles`, ascending and
    evenly spaced.

    Linear between quantiles; 1 below the smallest, 0 from the largest on.
    """
    last = len(quantiles) - 1
    if value < quantiles[0]:
        return 1.0
    if value >= quantiles[last]:
        return 0.0
    # The last quantile that is not above the value: of equal quantiles, none is larger.
    below = max(index for index in range(last) if quantiles[index] <= value)
    step = quantiles[below + 1] - quantiles[below]
    return 1.0 - (below + (value - quantiles[below]) / step) / last


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """|m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)) of two sets of features, (N, F) and (M, F).

    The squared Fréchet distance of the two normal distributions with the sets' means m and covariances
    S (unbiased, so N and M are at least 2): Dowson and Landau 1982 (Journal of Multivariate Analysis
    12:450); for generated against real pictures, Heusel et al. 2017 (arXiv 1706.08500). At least 0;
    its unit is the features' squared, so only distances between the same features compare.

    It is biased upwards, the more the fewer the rows: the distance between two halves of a set is not 0. So
    show it with N and M, next to the distance between two sets of real pictures of these sizes, the lowest to
    expect. ValueError for sets of other shapes.
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
    """Mean (F,), symmetric square root (F, F) of the covariance, and trace of the covariance, of rows (N,
    F)."""
    mean = rows.mean(dim=0)
    centred = rows - mean
    covariance = centred.T @ centred / (len(rows) - 1)
    values, vectors = torch.linalg.eigh(covariance)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T  # rounding puts values of 0 below 0
    return mean, root, covariance.trace()
