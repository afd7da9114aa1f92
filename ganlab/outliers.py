"""How unlike a model's training pictures a picture is: the out-of-distribution gauge.

Up to five things are told of a picture x, each more the less x is like the training pictures: the error of
G(E(x)); the distance of its features from the nearest training picture's; how improbable its code is, by the
mixture fitted to the codes where there is one, else by the distance from the nearest code (errors and
distances as logarithms); where there is a discriminator of pairs, how much D takes (x, E(x)) for made; and,
where there is a judge, how little it sees any class in x: minus its largest logit (Hendrycks et al. 2022,
"Scaling out-of-distribution detection for real-world settings").
What is usual of them differs from class to class (a 1 is always near another 1), so each is compared with
the test pictures of the class of its nearest neighbour, in standard deviations z. The score is the sum of
softplus(z)^2, in which what lies below the mean counts little; its place among the test pictures' is what
people read. `python -m train.outliers` measures what is usual, and how well other things are told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from ganlab import metrics
from ganlab.explorer import Explorer

SMALLEST = 1e-9  # below which a distance is 0: its logarithm is taken
LIMIT = 0.99  # share of test pictures that are less unusual, from which a picture is called unlike them


def statistics_of(explorer: Explorer) -> tuple[str, ...]:
    """Names of what can be told with this model."""
    paired = ("discriminator",) if "joint_discriminator" in explorer.model.networks else ()
    judged = ("judge",) if explorer.judge is not None else ()
    return ("error", "neighbour", "code", *paired, *judged)


@torch.inference_mode()
def statistics(explorer: Explorer, x: Tensor) -> tuple[Tensor, Tensor]:
    """What `statistics_of` names (N, S) of x (N, C, H, W) in [0, 1], and its nearest neighbours' labels (N,).

    ValueError for a model without an encoder or a gallery.
    """
    if explorer.gallery is None or "encoder" not in explorer.model.networks:
        raise ValueError(f"{explorer.config.name} lacks an encoder or a gallery: nothing is known as usual.")
    z = explorer.encode(x)
    error = metrics.mse(x.cpu(), explorer.decode(z))
    near, rows = explorer.gallery.search(explorer.features(x), "features", 1)
    mixture, D = explorer.model.mixture, explorer.model.networks.get("joint_discriminator")
    if mixture is None:
        improbable = _log(explorer.gallery.search(z, "code", 1)[0][:, 0])
    else:
        improbable = -mixture.log_density(z).double()
    found = [_log(error), _log(near[:, 0]), improbable]
    if D is not None:
        found.append(-D(x.to(explorer.device), z.to(explorer.device)).cpu().double())
    if explorer.judge is not None:
        found.append(-explorer.judge.logits(x).amax(1).double())
    return torch.stack(found, 1), explorer.gallery.pictures.labels[rows[:, 0]]


def _log(distances: Tensor) -> Tensor:
    return distances.double().clamp(min=SMALLEST).log()


@dataclass(frozen=True)
class Usual:
    """What test pictures show: mean and standard deviation of each statistic for each class, (K, S)."""

    means: Tensor
    deviations: Tensor

    @staticmethod
    def of(found: Tensor, labels: Tensor) -> Usual:
        """From statistics (N, S) and the labels (N,) that go with them; ValueError for a class of fewer
        than two pictures."""
        classes = [found[labels == label] for label in range(int(labels.max()) + 1)]
        if min(map(len, classes)) < 2:
            raise ValueError("Of each class at least two pictures are needed to say what is usual.")
        return Usual(*(torch.stack([f(rows, 0) for rows in classes]) for f in (torch.mean, torch.std)))

    def deviating(self, found: Tensor, labels: Tensor) -> Tensor:
        """By how many standard deviations each statistic lies above what is usual of the class: (N, S)."""
        return (found - self.means[labels]) / self.deviations[labels].clamp(min=SMALLEST)

    def score(self, found: Tensor, labels: Tensor) -> Tensor:
        """(N,): near 0 for what is usual in every way, more for what is not."""
        return softplus(self.deviating(found, labels)).square().sum(1)


@dataclass(frozen=True)
class Reading:
    """Of one picture: the share of test pictures that are less unusual, and what its deviations are."""

    share: float
    deviating: dict[str, float]

    @property
    def unlike(self) -> bool:
        return self.share >= LIMIT


def read(explorer: Explorer, x: Tensor) -> Reading | None:
    """The gauge for x (1, C, H, W); None where the checkpoint does not tell what is usual of just these
    statistics."""
    told = explorer.get_metrics("outliers")
    if not isinstance(told, Mapping) or any(
        told.get(key) != one for key, one in _measured_by(explorer).items()
    ):
        return None
    usual = Usual(*(torch.tensor(told["usual"][key], dtype=torch.double) for key in ("means", "deviations")))
    found, labels = statistics(explorer, x[:1])
    score = float(usual.score(found, labels)[0])
    deviating = dict(zip(statistics_of(explorer), usual.deviating(found, labels)[0].tolist(), strict=True))
    return Reading(1 - metrics.percentile_of(score, told["quantiles"]), deviating)


def stored(explorer: Explorer, usual: Usual, scores: Tensor) -> dict[str, Any]:
    """What `read` needs, as JSON."""
    kept = {"means": usual.means.tolist(), "deviations": usual.deviations.tolist()}
    return {**_measured_by(explorer), "usual": kept, "quantiles": metrics.quantiles(scores)}


def _measured_by(explorer: Explorer) -> dict[str, Any]:
    """What the figures depend on: another model or judge has others."""
    return {
        "fingerprint": explorer.fingerprint,
        "judge": explorer.judge.fingerprint if explorer.judge is not None else None,
        "statistics": list(statistics_of(explorer)),
    }
