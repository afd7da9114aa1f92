"""Statistics of a gallery's codes, as directions.safetensors stores them with a checkpoint."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ganlab import tensor_files
from ganlab.config import MAX_CLASSES, CheckpointError
from ganlab.features import check_shapes
from ganlab.model import LatentModel

FILE = "directions.safetensors"
TENSORS = ("covariance", "classes", "attributes")
RANKINGS = ("components", "closed_form")  # stored for a model with a latent map, where they take a second
Ranking = tuple[Tensor, Tensor]  # sizes (D,), largest first, and their unit vectors (D, D), one a row


@dataclass(frozen=True)
class CodeStatistics:
    """Statistics of a gallery's codes: their `covariance` (D, D), the mean code of each class, `classes`
    (K, D), and the step for each of the attributes `names`, `attributes` (A, D). For a model with a latent
    map also the RANKINGS of `sensitivity`; None where they are to be computed."""

    covariance: Tensor
    classes: Tensor
    attributes: Tensor
    names: tuple[str, ...]
    components: Ranking | None = None
    closed_form: Ranking | None = None

    def save(self, folder: Path, fingerprint: str) -> None:
        """Write them to `folder` as FILE, for the checkpoint with this fingerprint. Unit vectors of RANKINGS
        are stored as float16, which is exact to 0.0005."""
        tensors = {key: getattr(self, key).float() for key in TENSORS}
        for key in RANKINGS:
            if (ranking := getattr(self, key)) is not None:
                tensors |= {f"{key}.sizes": ranking[0].float(), f"{key}.vectors": ranking[1].half()}
        metadata = {"fingerprint": fingerprint, "names": json.dumps(self.names)}
        tensor_files.write(folder / FILE, tensors, metadata)


def load_statistics(model: LatentModel) -> CodeStatistics | None:
    """The statistics stored with a checkpoint, or None where there are none for exactly these weights.

    CheckpointError for a damaged file, or tensors whose shapes do not fit the model.
    """
    if (stored := model.read_tensors(FILE)) is None:
        return None
    tensors, metadata = stored
    try:
        names = json.loads(metadata["names"])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError("names are a list of texts")
        if metadata["fingerprint"] != model.fingerprint:
            return None
    except (KeyError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{FILE} of {model.config.name} is damaged: {error}.") from None
    D, rankings = model.config.latent_dim, [key for key in RANKINGS if f"{key}.sizes" in tensors]
    classes = tensors["classes"].shape[0] if "classes" in tensors and tensors["classes"].dim() else 0
    shapes: dict[str, tuple[int, ...]] = {"covariance": (D, D), "attributes": (len(names), D)}
    shapes["classes"] = (min(classes, MAX_CLASSES), D)
    for key in rankings:
        shapes |= {f"{key}.sizes": (D,), f"{key}.vectors": (D, D)}
    try:
        check_shapes(tensors, shapes)
    except ValueError as error:
        raise CheckpointError(f"{FILE} of {model.config.name} does not fit its latents: {error}.") from None
    fields: dict[str, Any] = {key: tensors[key] for key in TENSORS}
    fields |= {key: _read_ranking(tensors, key) for key in rankings}
    return CodeStatistics(**fields, names=tuple(names))


def _read_ranking(tensors: Mapping[str, Tensor], key: str) -> Ranking:
    """One of RANKINGS as `sensitivity` gives it."""
    sizes, vectors = (tensors[f"{key}.{part}"].double() for part in ("sizes", "vectors"))
    return sizes, nn.functional.normalize(vectors, dim=-1)
