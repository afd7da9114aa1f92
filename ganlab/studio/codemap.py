"""The map: the codes of the training pictures in two dimensions.

- "tsne": t-SNE (van der Maaten and Hinton 2008), made by `python -m train.map`, beside the weights. It keeps
  neighbours together; distances between its islands, and their sizes, mean nothing.
- "principal": the plane of the codes' first two principal directions. It keeps distances as far as two of
  the dimensions can.

`packed` is all that a page needs to draw it and to decode any place of it without a request.
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
from ganlab.gallery import ATTRIBUTES_FILE, find_file
from ganlab.model import LatentModel

FILE = "map.safetensors"
KINDS = {"tsne": "t-SNE", "principal": "principal directions"}
STEPS = 32767  # of int16 to each side of the middle: places are stored as whole numbers of them


def explain_absence(explorer: Explorer) -> str:
    """Why a model has no map; empty where it has."""
    if "encoder" not in explorer.model.networks:
        return "This GAN has no encoder, and so no codes of training pictures to map."
    if explorer.gallery is None:
        return "This model comes without training pictures, whose codes a map would show."
    return ""


def kinds(explorer: Explorer) -> tuple[str, ...]:
    """Which of KINDS the model has, the best first."""
    if explain_absence(explorer):
        return ()
    return ("principal",) if _stored(explorer.model) is None else ("tsne", "principal")


def places(explorer: Explorer, kind: str) -> Tensor:
    """(N, 2), where each of the gallery's codes lies; ValueError for a map that the model has not."""
    if kind not in kinds(explorer):
        reason = explain_absence(explorer) or f"available = {list(kinds(explorer))}"
        raise ValueError(f"{explorer.config.name} has no map {kind!r}: {reason}")
    if kind == "tsne":
        stored = _stored(explorer.model)
        assert stored is not None
        return stored
    assert explorer.gallery is not None
    codes = explorer.gallery.codes
    return (codes - codes.mean(0)) @ explorer.directions.principal[0][:2].T


def whole(places: Tensor) -> tuple[Tensor, Tensor, float]:
    """Places (N, 2) as int16, the furthest from the middle at STEPS; the middle (2,); and how many to 1."""
    middle = (places.amax(0) + places.amin(0)) / 2
    scale = STEPS / max(float((places - middle).abs().max()), 1e-12)
    return ((places - middle) * scale).round().to(torch.int16), middle, scale


def save_places(folder: Path, places: Tensor, fingerprint: str) -> None:
    tensor_files.write(folder / FILE, {"tsne": whole(places)[0]}, {"fingerprint": fingerprint})


def _stored(model: LatentModel) -> Tensor | None:
    """The t-SNE of this checkpoint; None where there is none, or that of an earlier version of it."""
    path = model.folder / FILE if model.folder else None
    if path is None or not path.is_file():
        return None
    try:
        tensors, metadata = tensor_files.unpack(path.read_bytes())
        found, fingerprint = tensors["tsne"], metadata["fingerprint"]
    except (KeyError, ValueError) as error:
        raise CheckpointError(f"{FILE} of {model.config.name} is damaged: {error}.") from None
    if found.dim() != 2 or found.shape[1] != 2 or found.dtype != torch.int16:
        raise CheckpointError(f"{FILE} of {model.config.name} must hold int16 (N, 2).")
    return found.float() if fingerprint == model.fingerprint else None


def pack(explorer: Explorer) -> bytes:
    """One safetensors file: "tsne" and "principal" (N, 2) int16, "codes" (N, D) float16, "labels" and
    "indices" (N,), and "attributes" (N, A) uint8 where the gallery has them; the metadata's "ganlab" says
    what they are. ValueError for a model without a map."""
    if reason := explain_absence(explorer):
        raise ValueError(reason)
    gallery = explorer.gallery
    assert gallery is not None
    laid_out = {kind: places(explorer, kind) for kind in kinds(explorer)}
    if any(len(laid) != len(gallery) for laid in laid_out.values()):
        raise CheckpointError(f"{FILE} of {explorer.config.name} does not fit its gallery.")
    tensors = {kind: whole(laid)[0] for kind, laid in laid_out.items()}
    tensors["codes"] = gallery.codes.to(torch.float16)
    tensors["labels"] = gallery.pictures.labels.to(torch.uint8)
    tensors["indices"] = gallery.pictures.indices.to(torch.int32)
    attributes = read_attributes(explorer.model)
    if attributes is not None:
        tensors["attributes"] = attributes[0]
    told = {
        "fingerprint": explorer.fingerprint,
        "prior": explorer.config.prior,
        "kinds": [
            {
                "id": kind,
                "title": KINDS[kind],
                "note": note(explorer, kind),
                "projection": projection(explorer, laid_out[kind]) if kind == "principal" else None,
            }
            for kind in laid_out
        ],
        "lacking": [
            {"title": KINDS[kind], "reason": f"python -m train.map {explorer.config.name} has not made it"}
            for kind in KINDS.keys() - laid_out.keys()
        ],
        "attributes": attributes[1] if attributes is not None else [],
    }
    return tensor_files.pack(tensors, {"ganlab": json.dumps(told)})


def projection(explorer: Explorer, principal: Tensor) -> dict[str, list[Any]]:
    """Where any latent lies on the `principal` map (N, 2), in whole numbers: matrix (2, D) @ z + offset."""
    assert explorer.gallery is not None
    _, middle, scale = whole(principal)
    axes, mean = explorer.directions.principal[0][:2], explorer.gallery.codes.mean(0)
    return {"matrix": (axes * scale).tolist(), "offset": (-(axes @ mean + middle) * scale).tolist()}


def note(explorer: Explorer, kind: str) -> str:
    """What to make of a map, with its measured faithfulness."""
    kept, one_nn, codes_nn = (
        explorer.get_figure("map", kind, key) for key in ("neighbours_kept", "one_nn", "one_nn_codes")
    )
    if kind == "tsne":
        said = "Neighbours stay together; distances between islands, and their sizes, mean nothing."
    else:
        variance = explorer.directions.principal[1].square()
        said = f"The plane holds {float(variance[:2].sum() / variance.sum()):.0%} of the codes' variance."
    if kept is None or one_nn is None or codes_nn is None:
        return said
    k = explorer.get_figure("map", "k") or 0
    return (
        f"{said} Of a code's {k:.0f} nearest, {kept:.0%} are among its {k:.0f} nearest here; the nearest one"
        f" here is of its class in {one_nn:.1%}, by all dimensions in {codes_nn:.1%}."
    )


def read_attributes(model: LatentModel) -> tuple[Tensor, list[dict[str, object]]] | None:
    """The gallery's attributes (N, A) as uint8, and of each its name, unit and what 0 and 255 stand for."""
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
    told = [
        {"name": str(name), "unit": str(unit), "low": float(low), "high": float(high)}
        for name, unit, low, high in zip(names, units, lows, highs, strict=True)
    ]
    return torch.from_numpy(values), told
