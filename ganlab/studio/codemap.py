"""The map: the codes of the training pictures in two dimensions, in one or two layouts (KINDS).

- "tsne": t-SNE (van der Maaten and Hinton 2008), computed by `python -m train.map` and stored with the
  weights. Neighbours stay together; distances between islands, and their sizes, mean nothing.
- "principal": the plane of the codes' first two principal directions. It keeps distances as far as two
  dimensions can.

`pack` writes all that a page needs to draw the map and to decode any position of it without a request.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganlab import tensor_files
from ganlab.config import CheckpointError
from ganlab.explorer import Explorer
from ganlab.features import compress_codes
from ganlab.gallery import ATTRIBUTES_FILE, find_file
from ganlab.model import LatentModel

FILE = "map.safetensors"
KINDS = {"tsne": "t-SNE", "principal": "principal directions"}
MAX_POSITION = 32767  # positions are stored as int16 from -MAX_POSITION to MAX_POSITION


def explain_absence(explorer: Explorer) -> str:
    """Why a model has no map; empty where it has one."""
    if "encoder" not in explorer.model.networks:
        return "This GAN has no encoder, and so no codes of training pictures to map."
    if explorer.gallery is None:
        return "This model comes without training pictures, whose codes a map would show."
    return ""


def list_kinds(explorer: Explorer) -> tuple[str, ...]:
    """The KINDS of map that the model has, the best first."""
    if explain_absence(explorer):
        return ()
    return ("principal",) if _load_tsne(explorer.model) is None else ("tsne", "principal")


def compute_positions(explorer: Explorer, kind: str) -> Tensor:
    """(N, 2), the position of each of the gallery's codes. ValueError for a kind that the model does not
    have."""
    if kind not in list_kinds(explorer):
        reason = explain_absence(explorer) or f"available = {list(list_kinds(explorer))}"
        raise ValueError(f"{explorer.config.name} has no map {kind!r}: {reason}")
    if kind == "tsne":
        stored = _load_tsne(explorer.model)
        assert stored is not None
        return stored
    assert explorer.gallery is not None
    codes = explorer.gallery.codes
    return (codes - codes.mean(0)) @ explorer.directions.principal[0][:2].T


def quantise(positions: Tensor) -> tuple[Tensor, Tensor, float]:
    """Positions (N, 2) as int16, the furthest from the middle at MAX_POSITION; the middle (2,); and the
    scale: a position p becomes round((p - middle) * scale)."""
    middle = (positions.amax(0) + positions.amin(0)) / 2
    scale = MAX_POSITION / max(float((positions - middle).abs().max()), 1e-12)
    return ((positions - middle) * scale).round().to(torch.int16), middle, scale


def save_tsne(folder: Path, positions: Tensor, fingerprint: str) -> None:
    """Store t-SNE positions (N, 2) with the checkpoint of this fingerprint."""
    tensor_files.write(folder / FILE, {"tsne": quantise(positions)[0]}, {"fingerprint": fingerprint})


def _load_tsne(model: LatentModel) -> Tensor | None:
    """Stored t-SNE positions (N, 2) as float32; None where there are none, or only those of other weights."""
    path = model.folder / FILE if model.folder else None
    if path is None or not path.is_file():
        return None
    try:
        tensors, metadata = tensor_files.unpack(path.read_bytes())
        positions, fingerprint = tensors["tsne"], metadata["fingerprint"]
    except (KeyError, ValueError) as error:
        raise CheckpointError(f"{FILE} of {model.config.name} is damaged: {error}.") from None
    if positions.dim() != 2 or positions.shape[1] != 2 or positions.dtype != torch.int16:
        raise CheckpointError(f"{FILE} of {model.config.name} must hold int16 (N, 2).")
    return positions.float() if fingerprint == model.fingerprint else None


def pack(explorer: Explorer) -> bytes:
    """One safetensors file: "tsne" and "principal" (N, 2) int16, "codes" (N, D) uint8 with "level" and "low"
    (see `features.compress_codes`), "labels" and "indices" (N,), and "attributes" (N, A) uint8 where the
    gallery has them. The metadata's "ganlab" describes them. ValueError for a model without a map."""
    if reason := explain_absence(explorer):
        raise ValueError(reason)
    gallery = explorer.gallery
    assert gallery is not None
    layouts = {kind: compute_positions(explorer, kind) for kind in list_kinds(explorer)}
    if any(len(positions) != len(gallery) for positions in layouts.values()):
        raise CheckpointError(f"{FILE} of {explorer.config.name} does not fit its gallery.")
    tensors = {kind: quantise(positions)[0] for kind, positions in layouts.items()}
    tensors |= compress_codes(gallery.codes)
    tensors["labels"] = gallery.pictures.labels.to(torch.uint8)
    tensors["indices"] = gallery.pictures.indices.to(torch.int32)
    attributes = read_attributes(explorer.model)
    if attributes is not None:
        tensors["attributes"] = attributes[0]
    metadata = {
        "fingerprint": explorer.fingerprint,
        "prior": explorer.config.prior,
        "kinds": [
            {
                "id": kind,
                "title": KINDS[kind],
                "note": describe(explorer, kind),
                "projection": compute_projection(explorer, layouts[kind]) if kind == "principal" else None,
            }
            for kind in layouts
        ],
        "lacking": [
            {"title": KINDS[kind], "reason": f"python -m train.map {explorer.config.name} has not been run"}
            for kind in KINDS.keys() - layouts.keys()
        ],
        "attributes": attributes[1] if attributes is not None else [],
    }
    return tensor_files.pack(tensors, {"ganlab": json.dumps(metadata)})


def compute_projection(explorer: Explorer, positions: Tensor) -> dict[str, list[Any]]:
    """The quantised position of any latent z on the principal map with these positions (N, 2), as `matrix`
    (2, D) and `offset` (2,): matrix @ z + offset."""
    assert explorer.gallery is not None
    _, middle, scale = quantise(positions)
    axes, mean = explorer.directions.principal[0][:2], explorer.gallery.codes.mean(0)
    return {"matrix": (axes * scale).tolist(), "offset": (-(axes @ mean + middle) * scale).tolist()}


def describe(explorer: Explorer, kind: str) -> str:
    """How to read a map, with figures on its faithfulness where they were measured (`python -m
    train.map`)."""
    kept, one_nn, codes_nn = (
        explorer.get_figure("map", kind, key) for key in ("neighbours_kept", "one_nn", "one_nn_codes")
    )
    if kind == "tsne":
        summary = "Neighbours stay together; distances between islands, and their sizes, mean nothing."
    else:
        variance = explorer.directions.principal[1].square()
        summary = f"The plane holds {float(variance[:2].sum() / variance.sum()):.0%} of the codes' variance."
    if kept is None or one_nn is None or codes_nn is None:
        return summary
    k = explorer.get_figure("map", "k") or 0
    return (
        f"{summary} Of the {k:.0f} codes nearest to a code, {kept:.0%} are among its {k:.0f} nearest here."
        f" The nearest code here has the same class in {one_nn:.1%} of cases; with all dimensions, in"
        f" {codes_nn:.1%}."
    )


def read_attributes(model: LatentModel) -> tuple[Tensor, list[dict[str, object]]] | None:
    """The gallery's attributes (N, A) as uint8, and for each its name, unit and what 0 and 255 stand for;
    None where there are none."""
    path = find_file(model, ATTRIBUTES_FILE)
    if path is None:
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            values, names, units, lows, highs = (
                file[key] for key in ("values", "names", "units", "lows", "highs")
            )
    except (OSError, KeyError, ValueError) as error:
        raise CheckpointError(f"{ATTRIBUTES_FILE} of the gallery cannot be read: {error}.") from None
    descriptions = [
        {"name": str(name), "unit": str(unit), "low": float(low), "high": float(high)}
        for name, unit, low, high in zip(names, units, lows, highs, strict=True)
    ]
    return torch.from_numpy(values), descriptions
