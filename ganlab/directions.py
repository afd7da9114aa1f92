"""Directions in a latent space, each with a step length that has a meaning.

- local: the changes of one latent to which its picture responds most;
- principal: the axes along which the codes of the training pictures vary most (GANSpace, arXiv 2004.02546);
- closed-form: the latent changes to which the generator's first layers respond most (SeFa, arXiv 2007.06600);
- classes: from the mean code of one class to that of another;
- attributes: among steps as likely as one standard deviation of the codes, the step to which a measured
  attribute of G(z) responds most;
- raw: the axes of the latent itself.

Classes and attributes are measured by `python -m train.directions`, which writes them next to the weights.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ganlab import latent, tensor_files
from ganlab.config import CheckpointError
from ganlab.gallery import Gallery
from ganlab.model import LatentModel
from ganlab.networks.folding import Layer

FILE = "directions.safetensors"
KINDS = ("principal", "local", "closed-form", "classes", "attributes", "raw")
TENSORS = ("covariance", "classes", "attributes")
MAX_SHOWN = 10  # directions of a kind that ranks them
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


@dataclass(frozen=True)
class CodeStatistics:
    """Statistics of a gallery's codes: their `covariance` (D, D), the mean code of each class, `classes`
    (K, D), and the step for each of the attributes `names`, `attributes` (A, D)."""

    covariance: Tensor
    classes: Tensor
    attributes: Tensor
    names: tuple[str, ...]

    def save(self, folder: Path, fingerprint: str) -> None:
        """Write them to `folder` as FILE, for the checkpoint with this fingerprint."""
        tensors = {key: getattr(self, key).float() for key in TENSORS}
        metadata = {"fingerprint": fingerprint, "names": json.dumps(self.names)}
        tensor_files.write(folder / FILE, tensors, metadata)


def load_statistics(model: LatentModel) -> CodeStatistics | None:
    """The statistics stored with a checkpoint, or None where there are none for exactly these weights.

    CheckpointError for a damaged file, or tensors whose shapes do not fit the model.
    """
    path = model.folder / FILE if model.folder else None
    if path is None or not path.is_file():
        return None
    try:
        tensors, metadata = tensor_files.unpack(path.read_bytes())
        names = tuple(json.loads(metadata["names"]))
        statistics = CodeStatistics(**{key: tensors[key] for key in TENSORS}, names=names)
        fingerprint = metadata["fingerprint"]
    except (KeyError, ValueError, TypeError) as error:
        raise CheckpointError(f"{FILE} of {model.config.name} is damaged: {error}.") from None
    if fingerprint != model.fingerprint:
        return None
    D = model.config.latent_dim
    rows = {"covariance": D, "classes": len(statistics.classes), "attributes": len(names)}
    if any(
        (tensor := getattr(statistics, key)).shape != (count, D) or not torch.isfinite(tensor).all()
        for key, count in rows.items()
    ):
        raise CheckpointError(f"{FILE} of {model.config.name} does not fit its latents.")
    return statistics


class Directions:
    """The directions of one model: the kinds that it has, and why it lacks the others. Immutable."""

    def __init__(self, model: LatentModel, gallery: Gallery | None = None) -> None:
        self.model, self.gallery = model, gallery

    @property
    def kinds(self) -> tuple[str, ...]:
        """The KINDS that this model has. Principal ones need the codes of training pictures; classes and
        attributes need `python -m train.directions`."""
        has_codes = self.gallery is not None and "encoder" in self.model.networks
        available = {"raw": True, "principal": has_codes}
        available |= dict.fromkeys(("local", "closed-form"), "generator" in self.model.networks)
        available |= dict.fromkeys(("classes", "attributes"), self._statistics is not None)
        return tuple(kind for kind in KINDS if available[kind])

    def explain_absence(self, kind: str) -> str:
        """Why the model has no directions of one of KINDS; "" where it has them."""
        if kind in self.kinds:
            return ""
        if "encoder" not in self.model.networks:
            return "this GAN has no encoder, and so no codes of training pictures"
        if self.gallery is None:
            return "this model has no gallery of training pictures, and so no codes of them"
        return f"python -m train.directions {self.model.config.name} has not measured them"

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
            return list_principal(*self.principal)
        if kind == "closed-form":
            return list_closed_form(self.model.fold_generator(), self.covariance)
        statistics = self._statistics
        assert statistics is not None
        if kind == "classes":
            return list_classes(statistics.classes)
        return [
            Direction.from_step(name, step, self._describe_attribute(name))
            for name, step in zip(statistics.names, statistics.attributes, strict=True)
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
            return torch.cov(self.gallery.codes.double().T)
        config = self.model.config
        return torch.cov(latent.draw(config.prior, config.latent_dim, PRINCIPAL_SAMPLES, 0).double().T)

    @functools.cached_property
    def principal(self) -> tuple[Tensor, Tensor]:
        """All principal directions (D, D) of the codes, a unit vector a row, and the codes' standard
        deviations (D,) along them, largest first. Without a gallery they are arbitrary: those of prior
        samples."""
        return latent.principal_directions(self.covariance, self.model.config.latent_dim)

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
        for name, amounts in (("principal", principal), ("raw", raw)):
            if len(amounts) > dim:
                raise ValueError(f"{name} has {len(amounts)} amounts, the latent {dim} dimensions.")
        around = self.get("local", z) if len(local) else []
        if len(local) > len(around):
            raise ValueError(f"local has {len(local)} amounts, a latent {len(around)} local directions.")
        vectors, deviations = self.principal
        steps = torch.zeros(2 * dim + len(around))
        steps[: len(principal)] = torch.tensor(principal) * deviations[: len(principal)]
        steps[dim : dim + len(raw)] = torch.tensor(raw)
        for i, (amount, direction) in enumerate(zip(local, around, strict=False), 2 * dim):
            steps[i] = amount * direction.deviation
        if not torch.isfinite(steps).all():
            raise ValueError("Slider amounts are finite numbers.")
        axes = torch.cat([vectors, torch.eye(dim), *(direction.vector[None] for direction in around)])
        return latent.move(z[0], axes, steps, self.model.config.prior).unsqueeze(0)

    @functools.cached_property
    def _statistics(self) -> CodeStatistics | None:
        return load_statistics(self.model)

    def _describe_attribute(self, name: str) -> str:
        keys = ("r2", "effect", "effect_far")
        r2, near, far = (self.model.get_figure("directions", "attributes", name, key) for key in keys)
        if r2 is None or near is None or far is None:
            return ""
        return f"R² {r2:.2f} held out; +1 gives {near:.1f}σ of it, +3 {far:.1f}σ"


def list_local(generator: nn.Module, z: Tensor, prior: str) -> list[Direction]:
    """Orthogonal directions at z (D,) in which its picture changes most. A step is one standard deviation of
    the prior. Each says its share of the change that a small random move makes."""
    gains, vectors = compute_local(generator, z)
    shares = 100 * gains / gains.sum().clamp(min=MIN_GAIN)
    return [
        Direction(
            f"local {i + 1}", vectors[i].float(), latent.DEVIATIONS[prior], f"{share:.0f} % of the change"
        )
        for i, share in enumerate(shares[:MAX_SHOWN].tolist())
    ]


def compute_local(generator: nn.Module, z: Tensor) -> tuple[Tensor, Tensor]:
    """The squared singular values (D,) of the generator's Jacobian at z (D,), largest first, and its right
    singular vectors (D, D), one a row. ganlab/ui/static/lib/jacobian.js computes the same in the page."""
    device = next(generator.parameters()).device
    with torch.inference_mode(False):  # whose tensors have no derivative
        J = torch.func.jacrev(lambda z: generator(z.unsqueeze(0))[0].flatten())(z.clone().to(device))
    gains, vectors = torch.linalg.eigh((J.double().T @ J.double()).cpu())
    return gains.flip(0).clamp(min=0), torch.stack([fix_sign(n) for n in vectors.T.flip(0)])


def fix_sign(vector: Tensor) -> Tensor:
    """The vector (D,) or its opposite: its largest entry is positive, so that a slider turns the same way on
    every machine."""
    return vector * vector[vector.abs().argmax()].sign()


def list_principal(vectors: Tensor, deviations: Tensor) -> list[Direction]:
    """The first MAX_SHOWN of the principal directions (D, D), each with its share of the variance."""
    shares = deviations.square() / deviations.square().sum()
    return [
        Direction(
            f"PC {i + 1}", vectors[i], float(deviations[i]), f"{100 * float(shares[i]):.1f} % of the variance"
        )
        for i in range(min(MAX_SHOWN, len(vectors)))
    ]


def list_closed_form(layers: Sequence[Layer], covariance: Tensor) -> list[Direction]:
    """Orthogonal unit directions n that change the output of the layers which z enters the most: those with
    the largest |A n|, the first eigenvectors of A^T A (SeFa, equation 6).

    A joins the weights of all layers that z enters, a skip connection too, with the scale of a following
    batch norm, which SeFa leaves out. The `covariance` (D, D) of the codes gives each step its length.
    """
    A = torch.cat([layers[0].weight, *(layer.skip for layer in layers if layer.skip is not None)], 1).double()
    gains, vectors = torch.linalg.eigh(A @ A.T)
    order = gains.argsort(descending=True)[:MAX_SHOWN]
    directions = []
    for rank, (gain, n) in enumerate(zip(gains[order], vectors.T[order], strict=True), 1):
        n = fix_sign(n)
        deviation = float((n @ covariance.double() @ n).clamp(min=0).sqrt())
        share = 100 * float(gain / gains.sum())
        directions.append(
            Direction(f"closed form {rank}", n.float(), deviation, f"{share:.1f} % of the gain")
        )
    return directions


def list_classes(means: Tensor) -> list[Direction]:
    """From the mean code of each class to that of each other, of means (K, D); one step leads all the way."""
    return [
        Direction.from_step(f"from {a} to {b}", means[b] - means[a])
        for a in range(len(means))
        for b in range(len(means))
        if a != b
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
