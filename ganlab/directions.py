"""Directions through a latent space, each with a length that means something.

- principal: along which the codes of the training pictures vary most (GANSpace, arXiv 2004.02546);
- closed form: what the generator's first layers pass on most strongly (SeFa, arXiv 2007.06600);
- classes: from one class's mean code to another's;
- attributes: of steps as likely as one deviation of the codes, that to which a measured attribute of G(z)
  responds most;
- raw: each of the latent's numbers.

Classes and attributes are measured by `python -m train.directions`, which writes them beside the weights.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import safetensors
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save_file
from torch import Tensor

from ganlab.config import CheckpointError
from ganlab.model import LatentModel
from ganlab.networks.folded import Layer

FILE = "directions.safetensors"
KINDS = ("principal", "closed-form", "classes", "attributes", "raw")
TENSORS = ("covariance", "classes", "attributes")
SHOWN = 10  # of the principal and of the closed-form directions, the first


@dataclass(frozen=True)
class Direction:
    """`vector` (D,) of length 1, and `deviation`, what one step along it is in latent units."""

    name: str
    vector: Tensor
    deviation: float
    note: str = ""

    @staticmethod
    def of(name: str, way: Tensor, note: str = "") -> Direction:
        """One step of which is the whole `way` (D,)."""
        length = way.norm()
        return Direction(name, way / length.clamp(min=1e-12), float(length), note)


@dataclass(frozen=True)
class Measured:
    """What only the training pictures tell: the `covariance` (D, D) of their codes, `classes` (K, D), each
    class's mean code, and `attributes` (A, D), the step for the attribute of that name."""

    covariance: Tensor
    classes: Tensor
    attributes: Tensor
    names: tuple[str, ...]

    def save(self, folder: Path, fingerprint: str) -> None:
        tensors = {key: getattr(self, key).float().contiguous() for key in TENSORS}
        save_file(tensors, folder / FILE, {"fingerprint": fingerprint, "names": json.dumps(self.names)})


def load(model: LatentModel) -> Measured | None:
    """What was measured of this checkpoint; None where nothing was, or of an earlier version of it."""
    path = model.folder / FILE if model.folder else None
    if path is None or not path.is_file():
        return None
    blob = path.read_bytes()
    try:
        tensors = load_tensors(blob)
        told = json.loads(blob[8 : 8 + int.from_bytes(blob[:8], "little")])["__metadata__"]
        found = Measured(**{key: tensors[key] for key in TENSORS}, names=tuple(json.loads(told["names"])))
        fingerprint = told["fingerprint"]
    except (safetensors.SafetensorError, KeyError, ValueError, TypeError) as error:
        raise CheckpointError(f"{FILE} of {model.config.name} is damaged: {error}.") from None
    if fingerprint != model.fingerprint:
        return None
    D = model.config.latent_dim
    rows = {"covariance": D, "classes": len(found.classes), "attributes": len(found.names)}
    if any(
        (tensor := getattr(found, key)).shape != (count, D) or not torch.isfinite(tensor).all()
        for key, count in rows.items()
    ):
        raise CheckpointError(f"{FILE} of {model.config.name} does not fit its latents.")
    return found


def principal(vectors: Tensor, deviations: Tensor) -> list[Direction]:
    """The first of them, with each one's share of the variance."""
    shares = deviations.square() / deviations.square().sum()
    return [
        Direction(
            f"PC {i + 1}", vectors[i], float(deviations[i]), f"{100 * float(shares[i]):.1f} % of the variance"
        )
        for i in range(min(SHOWN, len(vectors)))
    ]


def closed_form(layers: Sequence[Layer], covariance: Tensor) -> list[Direction]:
    """Unit directions n, each orthogonal to those before, that change what z's layers give the most:
    |A n| is largest, for the eigenvectors n of A^T A (SeFa, equation 6).

    A joins all layers that z enters, a skip too. Batch norm behind a layer scales its rows, and so the
    length of a change; it is part of A here. `covariance` (D, D) of the codes gives a step's length.
    """
    A = torch.cat([layers[0].weight, *(layer.skip for layer in layers if layer.skip is not None)], 1).double()
    gains, vectors = torch.linalg.eigh(A @ A.T)
    order = gains.argsort(descending=True)[:SHOWN]
    found = []
    for rank, (gain, n) in enumerate(zip(gains[order], vectors.T[order], strict=True), 1):
        n = n * n[n.abs().argmax()].sign()  # so that a slider turns the same way on every machine
        deviation = float((n @ covariance.double() @ n).clamp(min=0).sqrt())
        share = 100 * float(gain / gains.sum())
        found.append(Direction(f"closed form {rank}", n.float(), deviation, f"{share:.1f} % of the gain"))
    return found


def classes(means: Tensor) -> list[Direction]:
    """From each class's mean code to each other's; one step is the whole way."""
    return [
        Direction.of(f"from {a} to {b}", means[b] - means[a])
        for a in range(len(means))
        for b in range(len(means))
        if a != b
    ]


def raw(latent_dim: int) -> list[Direction]:
    return [Direction(f"z{i}", row, 1.0) for i, row in enumerate(torch.eye(latent_dim))]


def responding(offsets: Tensor, changes: Tensor, covariance: Tensor) -> Tensor:
    """Of all steps as likely as one deviation of the codes, the one to which something responds the most.

    Codes were moved by `offsets` (N, D), and the thing changed by `changes` (N,): a regression gives its mean
    gradient w. Of the steps s with s^T covariance^-1 s = 1, covariance w / sqrt(w^T covariance w) makes
    w^T s largest. (w itself would leave the codes' cloud; cov(code, attribute) follows the classes more than
    the attribute.) ValueError where nothing responds.
    """
    e, S = offsets.double(), covariance.double()
    w = torch.linalg.lstsq(e, changes.double().unsqueeze(1)).solution[:, 0]
    size = (w @ S @ w).clamp(min=0).sqrt()
    if size == 0:
        raise ValueError("What does not change with the codes has no direction.")
    way: Tensor = S @ w / size
    return way.float()
