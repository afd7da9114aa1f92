"""Outlier detection: how unlike a model's training pictures a picture is.

Up to five statistics describe a picture x, each the larger the less x resembles the training pictures:

- "error": log of the mean squared error of G(E(x));
- "neighbour": log of the distance from its features to the nearest training picture's;
- "code": how improbable the latent of E(x) is, by one of CODE_STATISTICS;
- "discriminator", with a joint discriminator: minus its logit for (x, E(x)), how sure it is that the pair is
  generated;
- "judge", with a classifier: minus its largest logit (Hendrycks et al. 2022, "Scaling out-of-distribution
  detection for real-world settings").

Their usual values differ between classes (a 1 is always near another 1), so each is compared with the test
pictures of the class of x's nearest neighbour, as a z-score. The score of x is the sum of softplus(z)^2, to
which values below the mean add little; people see its rank among the scores of test pictures.
`python -m train.outliers` calibrates a checkpoint, and measures how well outliers are detected;
`python -m train.evaluate` measures how often samples, paths and sliders leave what is usual.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn.functional import softplus

from ganlab import metrics
from ganlab.explorer import Explorer
from ganlab.networks import Encoder

BATCH, COLOUR_BATCH = 1000, 64  # pictures at a time
MIN_VALUE = 1e-9  # smallest error or distance whose logarithm is taken, and smallest standard deviation
MIN_CLASS = 30  # test pictures of a class that have statistics of their own where there are many classes
MIN_SHARE = 0.99  # share of test pictures with a smaller score from which on a picture is an outlier


def _measure_distance(explorer: Explorer, codes: Tensor) -> Tensor:
    assert explorer.gallery is not None
    return _log(explorer.gallery.search(codes, "code", 1)[0][:, 0])


def _measure_mixture(explorer: Explorer, codes: Tensor) -> Tensor:
    assert explorer.model.mixture is not None
    return -explorer.model.mixture.log_density(codes).double()


def _measure_norm(explorer: Explorer, codes: Tensor) -> Tensor:
    half: Tensor = explorer.from_codes(codes).double().square().sum(1) / 2
    return half


def _measure_shell(explorer: Explorer, codes: Tensor) -> Tensor:
    lengths: Tensor = torch.linalg.vector_norm(explorer.from_codes(codes).double(), dim=1)
    return (lengths - math.sqrt(codes.shape[1])).abs()


def _measure_map(explorer: Explorer, codes: Tensor) -> Tensor:
    assert explorer.model.latent_map is not None
    return -explorer.model.latent_map.log_density(codes.to(explorer.device)).cpu().double()


# What "code" may be, of codes E(x) (N, D): the log of the distance to the nearest training code; minus the
# log density under the mixture; that of the latents under N(0, I), less a constant; the distance of their
# length from its typical one, the square root of D; minus the log density of the codes under the latent map.
CODE_STATISTICS: dict[str, Callable[[Explorer, Tensor], Tensor]] = {
    "distance": _measure_distance,
    "mixture": _measure_mixture,
    "norm": _measure_norm,
    "shell": _measure_shell,
    "map": _measure_map,
}


def choose_code_statistic(explorer: Explorer) -> str:
    """Which of CODE_STATISTICS this model's "code" is; with a latent map and no mixture the distance, which
    separates as well as the map's own density does and costs much less."""
    return "distance" if explorer.model.mixture is None else "mixture"


def list_statistics(explorer: Explorer) -> tuple[str, ...]:
    """Names of the statistics that this model allows, in the order of `compute_statistics`."""
    joint = ("discriminator",) if "joint_discriminator" in explorer.model.networks else ()
    judge = ("judge",) if explorer.judge is not None else ()
    return ("error", "neighbour", "code", *joint, *judge)


def count_classes(explorer: Explorer) -> int | None:
    """How many classes a calibration distinguishes where their pictures may be few; None for digits, each of
    which has enough."""
    if explorer.config.preparation == "digit" or explorer.gallery is None:
        return None
    return int(explorer.gallery.pictures.labels.max()) + 1


@torch.inference_mode()
def compute_statistics(explorer: Explorer, x: Tensor) -> tuple[Tensor, Tensor]:
    """The statistics (N, S), float64, of pictures x (N, C, H, W) in [0, 1], and the labels (N,) of their
    nearest neighbours.

    ValueError for a model without an encoder or a gallery.
    """
    if explorer.gallery is None or "encoder" not in explorer.model.networks:
        raise ValueError(
            f"{explorer.config.name} lacks an encoder or a gallery, which outlier detection needs."
        )
    size = BATCH if explorer.config.channels == 1 else COLOUR_BATCH
    parts = [_compute_batch(explorer, batch) for batch in torch.split(x, size)]
    return torch.cat([values for values, _ in parts]), torch.cat([labels for _, labels in parts])


def _compute_batch(explorer: Explorer, x: Tensor) -> tuple[Tensor, Tensor]:
    assert explorer.gallery is not None
    # Codes rather than latents: the inverse of a latent map takes longer than all else here.
    G, E = (explorer.model.networks[name] for name in ("generator", "encoder"))
    given = explorer.model.check_pictures(x).to(explorer.device)
    codes, features = cast("Encoder", E).encode_with_features(given)
    error = metrics.mse(x.cpu(), G(codes).cpu())
    distances, rows = explorer.gallery.search(features.cpu(), "features", 1)
    code = CODE_STATISTICS[choose_code_statistic(explorer)](explorer, codes.cpu())
    columns = [_log(error), _log(distances[:, 0]), code]
    D = explorer.model.networks.get("joint_discriminator")
    if D is not None:
        columns.append(-D(given, codes).cpu().double())
    if explorer.judge is not None:
        columns.append(-explorer.judge.logits(x).amax(1).double())
    return torch.stack(columns, 1), explorer.gallery.pictures.labels[rows[:, 0]]


def _log(values: Tensor) -> Tensor:
    return values.double().clamp(min=MIN_VALUE).log()


@dataclass(frozen=True)
class Calibration:
    """Mean and standard deviation of each statistic over the test pictures of each class, (K, S)."""

    means: Tensor
    deviations: Tensor

    @staticmethod
    def from_statistics(statistics: Tensor, labels: Tensor, count: int | None = None) -> Calibration:
        """From the statistics (N, S) of test pictures and the labels (N,) that came with them. ValueError
        for a class of fewer than two pictures; with a `count` of classes, those of fewer than MIN_CLASS have
        the statistics of all pictures."""
        classes = [statistics[labels == label] for label in range(count or int(labels.max()) + 1)]
        if count is not None:
            classes = [rows if len(rows) >= MIN_CLASS else statistics for rows in classes]
        if min(map(len, classes)) < 2:
            raise ValueError("Calibration needs at least two pictures of each class.")
        means, deviations = (torch.stack([f(rows, 0) for rows in classes]) for f in (torch.mean, torch.std))
        return Calibration(means, deviations)

    def z_scores(self, statistics: Tensor, labels: Tensor) -> Tensor:
        """How many standard deviations each statistic (N, S) is above the mean of its class: (N, S)."""
        return (statistics - self.means[labels]) / self.deviations[labels].clamp(min=MIN_VALUE)

    def score(self, statistics: Tensor, labels: Tensor) -> Tensor:
        """(N,), at least 0: near 0 for usual pictures, larger for unusual ones."""
        return softplus(self.z_scores(statistics, labels)).square().sum(1)


@dataclass(frozen=True)
class Gauge:
    """A model's calibration, and the quantiles (101, ascending) of the scores of test pictures that it did
    not see."""

    calibration: Calibration
    quantiles: tuple[float, ...]

    @staticmethod
    def from_statistics(statistics: Tensor, labels: Tensor, count: int | None = None) -> Gauge:
        """Calibrated on the first half of the test pictures, with the scores of the other half. ValueError
        and `count` as for `Calibration.from_statistics`."""
        half = len(labels) // 2
        calibration = Calibration.from_statistics(statistics[:half], labels[:half], count)
        return Gauge(
            calibration, tuple(metrics.quantiles(calibration.score(statistics[half:], labels[half:])))
        )

    @staticmethod
    def load(explorer: Explorer) -> Gauge | None:
        """The one in metrics.json; None for a checkpoint that was not calibrated with exactly these weights,
        this judge and these statistics."""
        stored = explorer.get_metrics("outliers")
        if not isinstance(stored, Mapping) or any(
            stored.get(key) != value for key, value in _describe_dependencies(explorer).items()
        ):
            return None
        calibration = _read_calibration(stored.get("usual"), len(stored["statistics"]))
        quantiles = explorer.model.get_quantiles("outliers", "quantiles")
        if calibration is None or quantiles is None:
            return None
        gallery = explorer.gallery
        if gallery is not None and int(gallery.pictures.labels.max()) >= len(calibration.means):
            return None
        return Gauge(calibration, quantiles)

    def rank(self, statistics: Tensor, labels: Tensor) -> OutlierScores:
        """The scores of pictures with the statistics (N, S) and neighbours' labels (N,)."""
        scores = self.calibration.score(statistics, labels).tolist()
        shares = [1 - metrics.share_above(score, self.quantiles) for score in scores]
        z_scores = self.calibration.z_scores(statistics, labels)
        return OutlierScores(torch.tensor(shares, dtype=torch.double), z_scores)


def _read_calibration(usual: object, statistics: int) -> Calibration | None:
    """The calibration in "usual" of metrics.json for so many statistics; None for anything else."""
    try:
        means, deviations = (
            torch.tensor(usual[key], dtype=torch.double)  # type: ignore[index]
            for key in ("means", "deviations")
        )
    except (KeyError, TypeError, ValueError, RuntimeError, OverflowError):
        return None
    fits = means.dim() == 2 and means.shape == deviations.shape and means.shape[1] == statistics
    return Calibration(means, deviations) if fits and len(means) else None


@dataclass(frozen=True)
class OutlierScores:
    """How unusual pictures are: the `shares` (N,) in [0, 1] of test pictures that are less unusual, and the
    `z_scores` (N, S) of the statistics."""

    shares: Tensor
    z_scores: Tensor

    @property
    def are_outliers(self) -> Tensor:
        """(N,), whether the share is at least MIN_SHARE."""
        return self.shares >= MIN_SHARE


@dataclass(frozen=True)
class OutlierScore:
    """How unusual one picture is."""

    share: float  # in [0, 1], of test pictures that are less unusual
    z_scores: dict[str, float]  # by statistic

    @property
    def is_outlier(self) -> bool:
        """Whether the share is at least MIN_SHARE."""
        return self.share >= MIN_SHARE


def score_pictures(explorer: Explorer, x: Tensor, gauge: Gauge | None = None) -> OutlierScores | None:
    """How unusual pictures x (N, C, H, W) in [0, 1] are, by `gauge` or the stored one; None without either.
    ValueError as for `compute_statistics`."""
    gauge = gauge or Gauge.load(explorer)
    return None if gauge is None else gauge.rank(*compute_statistics(explorer, x))


def score_picture(explorer: Explorer, x: Tensor) -> OutlierScore | None:
    """`score_pictures` of the first of x, by the stored gauge."""
    scores = score_pictures(explorer, x[:1])
    if scores is None:
        return None
    z_scores = zip(list_statistics(explorer), scores.z_scores[0].tolist(), strict=True)
    return OutlierScore(float(scores.shares[0]), dict(z_scores))


def export_calibration(explorer: Explorer, calibration: Calibration, scores: Tensor) -> dict[str, Any]:
    """What `Gauge.load` reads, for metrics.json; `scores` (N,) are those of test pictures that the
    calibration did not see."""
    tables = {"means": calibration.means.tolist(), "deviations": calibration.deviations.tolist()}
    return {**_describe_dependencies(explorer), "usual": tables, "quantiles": metrics.quantiles(scores)}


def _describe_dependencies(explorer: Explorer) -> dict[str, Any]:
    """What a calibration holds for: other weights or another judge give other statistics."""
    return {
        "fingerprint": explorer.fingerprint,
        "judge": explorer.judge.fingerprint if explorer.judge is not None else None,
        "statistics": list(list_statistics(explorer)),
        "gallery": None if explorer.gallery is None or explorer.gallery.own else "another",
    }
