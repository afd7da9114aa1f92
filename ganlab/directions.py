"""Directions in a latent space, each with a step length that has a meaning.

- principal: the axes along which the codes of the training pictures vary most. With a latent map latents vary
  alike in all directions: there it is what moves G's first activations along their principal components
  (GANSpace, arXiv 2004.02546);
- local: the changes of one latent to which its picture responds most;
- closed-form: the latent changes to which the generator's first layers respond most (SeFa, arXiv 2007.06600);
- classes: three steps lead from the mean latent of one class, or of all, to that of another;
- attributes: among steps as likely as one standard deviation of the latents, the step to which a measured
  attribute of G(z) responds most;
- raw: the axes of the latent itself.

Classes and attributes are measured by `python -m train.directions`, which writes them next to the weights. It
also measures what each kind does: one that does no more than random steps is not offered.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganlab import latent, sensitivity
from ganlab.code_statistics import FILE, RANKINGS, CodeStatistics, Ranking, load_statistics
from ganlab.config import CheckpointError
from ganlab.gallery import Gallery, explain_absence, name_label
from ganlab.model import LatentModel

__all__ = [
    "FILE",
    "KINDS",
    "RANKINGS",
    "CodeStatistics",
    "Direction",
    "Directions",
    "Ranking",
    "load_statistics",
]

KINDS = ("principal", "local", "closed-form", "classes", "attributes", "raw")
MAX_SHOWN = 10  # directions of a kind that ranks them
MAX_PAIRED = 12  # classes of which each leads to each other
MAX_STEPS = 3  # a slider's reach to each side
MIN_GAIN = 1e-12  # below which a picture does not change at all
PRINCIPAL_SAMPLES = 1024  # prior samples that replace the codes of a model without a gallery


@dataclass(frozen=True)
class Direction:
    """`vector` (D,) of length 1; `deviation`, the length of one step in latent units."""

    name: str
    vector: Tensor
    deviation: float
    note: str = ""

    @staticmethod
    def from_step(name: str, step: Tensor, note: str = "") -> Direction:
        """The direction in which one step is `step` (D,)."""
        length = step.norm()
        return Direction(name, step / length.clamp(min=1e-12), float(length), note)


class Directions:
    """The directions of one model: the kinds that it has, and why it lacks the others. Immutable."""

    def __init__(self, model: LatentModel, gallery: Gallery | None = None) -> None:
        self.model, self.gallery = model, gallery

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the labels; empty where a label is its own name."""
        own = self.gallery is not None and self.gallery.own
        return self.gallery.classes if self.gallery is not None and own else self.model.config.classes

    @property
    def kinds(self) -> tuple[str, ...]:
        """The KINDS that this model has. Principal ones need the codes of training pictures; classes and
        attributes need `python -m train.directions`."""
        return tuple(kind for kind in KINDS if not self.explain_absence(kind))

    def explain_absence(self, kind: str) -> str:
        """Why the model has no directions of one of KINDS; "" where it has them."""
        if kind == "raw":
            return ""
        if kind in ("local", "closed-form"):
            missing = "" if "generator" in self.model.networks else "this model has no generator"
        elif kind == "principal" and self.model.latent_map is not None:
            missing = ""
        else:
            missing = self._explain_missing_codes() or self._explain_missing_statistics(kind)
        if missing or self.exceeds_noise(kind):
            return missing
        return "moves along them do no more than moves in random directions"

    def _explain_missing_codes(self) -> str:
        if "encoder" not in self.model.networks:
            return "this GAN has no encoder, and so no codes of training pictures"
        if self.gallery is None and self._statistics is None:
            return f"no codes of training pictures ({explain_absence(self.model)})"
        return ""

    def _explain_missing_statistics(self, kind: str) -> str:
        if kind == "principal":
            return ""
        gallery = self.gallery if self.gallery is not None and self.gallery.own else None
        if gallery is not None and kind == "classes" and not gallery.pictures.are_labelled:
            return "these pictures have no classes"
        if self._statistics is None:
            measuring = f"python -m train.directions {self.model.config.name} has not measured them"
            return self._stored[1].removesuffix(".") or measuring
        if kind == "attributes" and not self._statistics.names:
            return "attributes are those of strokes, which grey pictures have"
        return ""

    def exceeds_noise(self, kind: str) -> bool:
        """Whether the measured effect of a kind, of at least one of the attributes, is larger than that of
        random steps. True where `python -m train.directions` has not measured it."""
        if kind != "attributes" or self._statistics is None:
            return self._exceeds_noise("sets", kind)
        return any(self._exceeds_noise("attributes", name) for name in self._statistics.names)

    def _exceeds_noise(self, *keys: str) -> bool:
        effect, noise = (self.model.get_figure("directions", *keys, part) for part in ("effect", "noise"))
        return effect is None or noise is None or effect > noise

    def get(self, kind: str, z: Tensor | None = None) -> list[Direction]:
        """All directions of a kind; the local ones are those of z (1, D). ValueError for a kind that the
        model lacks, and for local ones without a latent."""
        if kind not in self.kinds:
            reason = f" ({self.explain_absence(kind)})" if kind in KINDS else ""
            available = list(self.kinds)
            raise ValueError(
                f"{self.model.config.name} has no directions {kind!r}{reason}; available = {available}."
            )
        if kind == "raw":
            return list_raw(self.model.config.latent_dim)
        if kind == "local":
            if z is None:
                raise ValueError("Local directions are those of a latent: name one.")
            return list_local(self.model.generator, self.model.check_latents(z)[0], self.model.config.prior)
        if kind == "principal":
            if self.model.latent_map is not None:
                return list_components(*self.components, self.covariance)
            return list_principal(*self.principal)
        if kind == "closed-form":
            return list_closed_form(*self.closed_form, self.covariance)
        statistics = self._statistics
        assert statistics is not None
        if kind == "classes":
            return list_classes(statistics.classes, self.classes)
        return [
            Direction.from_step(name, step, self._describe_attribute(name))
            for name, step in zip(statistics.names, statistics.attributes, strict=True)
            if self._exceeds_noise("attributes", name)
        ]

    @functools.cached_property
    def covariance(self) -> Tensor:
        """The covariance (D, D), float64, of the gallery's codes: the mixture's, the stored one, or computed
        from the codes. Without codes it is that of samples from the prior."""
        if self.model.mixture is not None:
            return self.model.mixture.moments()[1]
        if self._statistics is not None:
            return self._statistics.covariance.double()
        if self.gallery is not None and "encoder" in self.model.networks:
            return torch.cov(self.gallery.shown.latents.double().T)
        config = self.model.config
        return torch.cov(latent.draw(config.prior, config.latent_dim, PRINCIPAL_SAMPLES, 0).double().T)

    @functools.cached_property
    def principal(self) -> Ranking:
        """All principal directions (D, D) of the codes, a unit vector a row, and the codes' standard
        deviations (D,) along them, largest first. Without a gallery they are arbitrary: those of prior
        samples."""
        return latent.principal_directions(self.covariance, self.model.config.latent_dim)

    @functools.cached_property
    def components(self) -> Ranking:
        """The shares (D,) of G's first activations' principal components, largest first, and the unit vectors
        (D, D) of latents that move along each, one a row: stored ones, or else computed in a second. For a
        model with a latent map."""
        assert self.model.latent_map is not None
        stored = self._statistics.components if self._statistics is not None else None
        return stored or sensitivity.compute_components(self.model.fold_generator(), self.model.latent_map)

    @functools.cached_property
    def closed_form(self) -> Ranking:
        """The gains (D,) of G's first layers, largest first, and their unit vectors (D, D), one a row: stored
        ones, or else computed, which takes long only with a latent map."""
        stored = self._statistics.closed_form if self._statistics is not None else None
        return stored or sensitivity.compute_closed_form(self.model.fold_generator(), self.model.latent_map)

    @functools.cached_property
    def _principal_steps(self) -> Tensor:
        """One step (D, D) along each principal direction."""
        if self.model.latent_map is None:
            vectors, deviations = self.principal
            return vectors * deviations.unsqueeze(1)
        vectors = self.components[1]
        deviations = torch.tensor([measure_deviation(vector, self.covariance) for vector in vectors])
        return vectors.float() * deviations.unsqueeze(1)

    def move(
        self,
        z: Tensor,
        principal: Sequence[float] = (),
        raw: Sequence[float] = (),
        local: Sequence[float] = (),
    ) -> Tensor:
        """z (1, D) plus `principal` steps along the first principal directions, in standard deviations of
        the codes, `raw` steps along the first axes, and `local` steps along the first local directions of z:
        (1, D), clamped to the box of a uniform prior.

        ValueError for more than D principal or raw amounts, more than MAX_SHOWN local ones, or amounts that
        are not finite.
        """
        z, dim = self.model.check_latents(z), self.model.config.latent_dim
        for name, values in (("principal", principal), ("raw", raw)):
            if len(values) > dim:
                raise ValueError(f"{name} has {len(values)} amounts, the latent {dim} dimensions.")
        around = self.get("local", z) if len(local) else []
        if len(local) > len(around):
            raise ValueError(f"local has {len(local)} amounts, a latent {len(around)} local directions.")
        amounts = torch.zeros(2 * dim + len(around))
        for start, values in ((0, principal), (dim, raw), (2 * dim, local)):
            amounts[start : start + len(values)] = torch.tensor(values)
        if not torch.isfinite(amounts).all():
            raise ValueError("Slider amounts are finite numbers.")
        own = [direction.deviation * direction.vector.unsqueeze(0) for direction in around]
        steps = torch.cat([self._principal_steps, torch.eye(dim), *own])
        return latent.move(z[0], steps, amounts, self.model.config.prior).unsqueeze(0)

    @functools.cached_property
    def _stored(self) -> tuple[CodeStatistics | None, str]:
        """What `load_statistics` gives; and what is wrong with a damaged file, without which the rest
        works."""
        try:
            return load_statistics(self.model), ""
        except CheckpointError as error:
            return None, str(error)

    @property
    def _statistics(self) -> CodeStatistics | None:
        return self._stored[0]

    def _describe_attribute(self, name: str) -> str:
        keys = ("r2", "effect", "effect_far")
        r2, near, far = (self.model.get_figure("directions", "attributes", name, key) for key in keys)
        if r2 is None or near is None or far is None:
            return ""
        return f"R² {r2:.2f} held out; +1 gives {near:.1f}σ of it, +3 {far:.1f}σ"


def list_local(generator: nn.Module, z: Tensor, prior: str) -> list[Direction]:
    """Orthogonal directions at z (D,) in which its picture changes most. A step is one standard deviation of
    the prior. Each says its share of the change that a small random move makes."""
    gains, vectors = sensitivity.compute_local(generator, z)
    return [
        Direction(f"local {i + 1}", n, latent.DEVIATIONS[prior], f"{share:.0f} % of the change")
        for i, (n, share) in enumerate(zip(vectors.float(), _to_percent(gains), strict=True))
        if i < MAX_SHOWN
    ]


def list_principal(vectors: Tensor, deviations: Tensor) -> list[Direction]:
    """The first MAX_SHOWN of the principal directions (D, D), each with its share of the variance."""
    shares = deviations.square() / deviations.square().sum()
    return [
        Direction(
            f"PC {i + 1}", vectors[i], float(deviations[i]), f"{100 * float(shares[i]):.1f} % of the variance"
        )
        for i in range(min(MAX_SHOWN, len(vectors)))
    ]


def list_components(shares: Tensor, vectors: Tensor, covariance: Tensor) -> list[Direction]:
    """The first MAX_SHOWN directions (D, D) of principal components of G's first activations. The
    `covariance` (D, D) of the latents gives each step its length."""
    return [
        Direction(f"PC {i + 1}", n, measure_deviation(n, covariance), f"{share:.1f} % of the activations")
        for i, (n, share) in enumerate(zip(vectors.float(), _to_percent(shares), strict=True))
        if i < MAX_SHOWN
    ]


def list_closed_form(gains: Tensor, vectors: Tensor, covariance: Tensor) -> list[Direction]:
    """The first MAX_SHOWN of the closed forms (D, D), each with its share of the gains (D,). The `covariance`
    (D, D) of the latents gives each step its length."""
    return [
        Direction(f"closed form {i + 1}", n, measure_deviation(n, covariance), f"{share:.1f} % of the gain")
        for i, (n, share) in enumerate(zip(vectors.float(), _to_percent(gains), strict=True))
        if i < MAX_SHOWN
    ]


def measure_deviation(vector: Tensor, covariance: Tensor) -> float:
    """The standard deviation, along a unit vector (D,), of latents with this covariance (D, D)."""
    n = vector.double()
    return float((n @ covariance.double() @ n).clamp(min=0).sqrt())


def _to_percent(parts: Tensor) -> list[float]:
    return (100 * parts / parts.sum().clamp(min=MIN_GAIN)).tolist()


def pair_classes(count: int) -> list[tuple[int | None, int]]:
    """Where directions begin and end: from each class to each other; of many, from all (None) to each."""
    if count > MAX_PAIRED:
        return [(None, b) for b in range(count)]
    return [(a, b) for a in range(count) for b in range(count) if a != b]


def list_classes(means: Tensor, classes: Sequence[str] = ()) -> list[Direction]:
    """The directions of `pair_classes`, of mean latents (K, D): MAX_STEPS steps lead from mean to mean.
    `classes` are the names of the labels.

    Where the classes' latents have one covariance S, the difference d of the means is, of all moves that
    change the evidence for one class over the other as much, the most likely: it is the move s with
    w^T s = w^T d and the least s^T S^-1 s, where w = S^-1 d is Fisher's discriminant.
    """
    names = [name_label(classes, label) for label in range(len(means))]
    centre = means.mean(0)
    return [
        Direction.from_step(f"to {names[b]}", (means[b] - centre) / MAX_STEPS)
        if a is None
        else Direction.from_step(f"from {names[a]} to {names[b]}", (means[b] - means[a]) / MAX_STEPS)
        for a, b in pair_classes(len(means))
    ]


def list_raw(latent_dim: int) -> list[Direction]:
    """The axes of the latent; a step is 1."""
    return [Direction(f"z{i}", row, 1.0) for i, row in enumerate(torch.eye(latent_dim))]


def fit_step(offsets: Tensor, changes: Tensor, covariance: Tensor) -> Tensor:
    """Among all steps as likely as one standard deviation of the codes, the step (D,) to which an attribute
    responds most.

    `offsets` (N, D) were added to codes, and the attribute changed by `changes` (N,). A regression gives its
    mean gradient w. Of the steps s with s^T covariance^-1 s = 1, covariance w / sqrt(w^T covariance w)
    maximises w^T s. (w itself would leave the cloud of codes; cov(code, attribute) follows the classes more
    than the attribute.) ValueError where the attribute does not change.
    """
    e, S = offsets.double(), covariance.double()
    w = torch.linalg.lstsq(e, changes.double().unsqueeze(1)).solution[:, 0]
    size = (w @ S @ w).clamp(min=0).sqrt()
    if size == 0:
        raise ValueError("What does not change with the codes has no direction.")
    step: Tensor = S @ w / size
    return step.float()
