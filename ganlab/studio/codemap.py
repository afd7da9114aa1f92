"""The map: the codes of the training pictures in two dimensions, in one or two layouts (KINDS).

- "tsne": t-SNE (van der Maaten and Hinton 2008), computed by `python -m train.map` and stored with the
  weights. Neighbours stay together; distances between islands, and their sizes, mean nothing.
- "principal": the plane of the codes' first two principal directions. It keeps distances as far as two
  dimensions can. Where a latent map makes all directions of the latents alike, the plane is that of the codes
  behind the map, stored beside the t-SNE.

`pack` writes all that a page needs to draw the map and to decode any position of it without a request.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ganlab import gallery as galleries
from ganlab import latent, sums, tensor_files
from ganlab.arrays import read_arrays
from ganlab.config import CheckpointError
from ganlab.explorer import Explorer
from ganlab.features import check_shapes, compress_codes
from ganlab.gallery import ATTRIBUTES_FILE, find_file
from ganlab.hub import list_models, resolve
from ganlab.model import LatentModel, read_config
from ganlab.pictures import KINDS as PICTURE_KINDS

FILE = "map.safetensors"
MAX_ATTRIBUTES_BYTES = 2**27  # unpacked
KINDS = {"tsne": "t-SNE", "principal": "principal directions"}
PLANE: dict[str, tuple[int | str, ...]] = {  # shapes of what is stored of a principal map
    "principal": ("N", 2),
    "matrix": (2, "D"),
    "offset": (2,),
    "share": (),
}
ABOUT = {  # what a picture of each kind of gallery is, before its class, and what all are
    "data": ("training", "training pictures"),
    "folder": ("gallery", "pictures of the gallery"),
    "reconstructions": ("reconstruction of training", "reconstructions of training pictures"),
    "samples": ("sample:", "samples"),
}
MAX_POSITION = 32767  # positions are stored as int16 from -MAX_POSITION to MAX_POSITION


def explain_absence(explorer: Explorer) -> str:
    """Why a model has no map; empty where it has one."""
    if "encoder" not in explorer.model.networks:
        return "This GAN has no encoder, and so no codes of training pictures to map."
    if explorer.gallery is None:
        return f"A map shows the codes of training pictures: {galleries.explain_absence(explorer.model)}."
    return ""


def list_twins(explorer: Explorer, names: Iterable[str]) -> dict[str, str]:
    """Those of the bundled models and folders `names` that have codes of the same training pictures, and
    their titles."""
    gallery = explorer.config.gallery
    if not gallery or explain_absence(explorer) or not _is_own(explorer):
        return {}
    bundled, configs = list_models(), {}
    for name in names:
        if name in bundled or Path(name).is_dir():
            with contextlib.suppress(CheckpointError):  # a broken one has no twin
                configs[name] = read_config(resolve(name), name)[0]
    return {
        name: config.title or name
        for name, config in configs.items()
        if config.gallery == gallery and "encoder" in config.networks
    }


def list_kinds(explorer: Explorer) -> tuple[str, ...]:
    """The KINDS of map that the model has, the best first."""
    if explain_absence(explorer):
        return ()
    return ("principal",) if _find_stored(explorer)[0] is None else ("tsne", "principal")


def _is_own(explorer: Explorer) -> bool:
    """Whether what is stored of the gallery with the checkpoint, and measured with it, is of this gallery."""
    return explorer.gallery is not None and explorer.gallery.own


def compute_positions(explorer: Explorer, kind: str) -> Tensor:
    """(N, 2), the position of each of the gallery's codes. ValueError for a kind that the model does not
    have."""
    if kind not in list_kinds(explorer):
        reason = explain_absence(explorer) or f"available = {list(list_kinds(explorer))}"
        raise ValueError(f"{explorer.config.name} has no map {kind!r}: {reason}")
    if kind == "principal":
        return find_plane(explorer).positions.float()
    stored = _find_stored(explorer)[0]
    assert stored is not None
    return stored["tsne"].float()


class Plane(NamedTuple):
    """The principal map: `positions` (N, 2), quantised; the position of any code c is `matrix` (2, D) @ c +
    `offset` (2,). `share` is the plane's share of the codes' variance."""

    positions: Tensor
    matrix: Tensor
    offset: Tensor
    share: Tensor


def find_plane(explorer: Explorer) -> Plane:
    """The principal map of a model with a gallery: the stored one of these weights, or computed."""
    stored = _find_stored(explorer)[0]
    if stored is not None and PLANE.keys() <= stored.keys():
        return Plane(*(stored[name] for name in PLANE))
    return compute_plane(explorer)


def compute_plane(explorer: Explorer) -> Plane:
    """The principal map, of the codes behind a latent map where there is one."""
    assert explorer.gallery is not None
    codes = explorer.gallery.shown.codes
    axes, deviations = latent.principal_directions(torch.cov(codes.double().T), codes.shape[1])
    axes, mean, variances = axes[:2], codes.mean(0), deviations.square()
    positions, middle, scale = quantise((codes - mean) @ axes.T)
    share = variances[:2].sum() / variances.sum().clamp(min=1e-12)
    return Plane(positions, axes * scale, -(axes @ mean + middle) * scale, share)


def quantise(positions: Tensor) -> tuple[Tensor, Tensor, float]:
    """Positions (N, 2) as int16, the furthest from the middle at MAX_POSITION; the middle (2,); and the
    scale: a position p becomes round((p - middle) * scale)."""
    middle = (positions.amax(0) + positions.amin(0)) / 2
    scale = MAX_POSITION / max(float((positions - middle).abs().max()), 1e-12)
    return ((positions - middle) * scale).round().to(torch.int16), middle, scale


def save(folder: Path, tsne: Tensor, fingerprint: str, plane: Plane | None = None) -> None:
    """Store t-SNE positions (N, 2), and the `plane` of a model with a latent map, whose computation takes
    long, with the checkpoint of this fingerprint."""
    tensors = {"tsne": quantise(tsne)[0]}
    if plane is not None:
        tensors |= dict(zip(PLANE, plane, strict=True))
    tensor_files.write(folder / FILE, tensors, {"fingerprint": fingerprint})


def _find_stored(explorer: Explorer) -> tuple[dict[str, Tensor] | None, str]:
    """The tensors of FILE, and nothing wrong; or None where there are none of these weights and of this
    gallery, and then what is wrong with a damaged file."""
    if explorer.gallery is None or not _is_own(explorer):
        return None, ""
    try:
        return _read_file(explorer.model, len(explorer.gallery)), ""
    except CheckpointError as error:
        return None, str(error)


def _read_file(model: LatentModel, rows: int) -> dict[str, Tensor] | None:
    """The tensors of FILE of a gallery of so many pictures; None without one, or where it belongs to other
    weights. CheckpointError for a damaged file."""
    if (stored := model.read_tensors(FILE)) is None:
        return None
    tensors, metadata = stored
    if "fingerprint" not in metadata or "tsne" not in tensors:
        raise CheckpointError(f"{FILE} of {model.config.name} is damaged: it names no weights, or no t-SNE.")
    if metadata["fingerprint"] != model.fingerprint:
        return None
    sides = {"N": rows, "D": model.config.latent_dim}
    shapes: dict[str, tuple[int, ...]] = {"tsne": (rows, 2)}
    if PLANE.keys() & tensors.keys():
        shapes |= {name: tuple(int(sides.get(str(side), side)) for side in PLANE[name]) for name in PLANE}
    try:
        check_shapes(tensors, shapes)
    except ValueError as error:
        raise CheckpointError(f"{FILE} of {model.config.name} does not fit its gallery: {error}.") from None
    if any(tensors[name].dtype != torch.int16 for name in ("tsne", "principal") if name in tensors):
        raise CheckpointError(f"{FILE} of {model.config.name} must hold positions as int16.")
    return tensors


def pack(explorer: Explorer) -> bytes:
    """One safetensors file: "tsne" and "principal" (N, 2) int16, "codes" (N, D) uint8 with "level" and "low"
    (see `features.compress_codes`), "labels" and "indices" (N,), and "attributes" (N, A) uint8 where the
    gallery has them. Codes are the encoder's, among which distances mean most; of latents before a latent map
    there are "lengths" (N,) float16, which the light needs. The metadata's "ganlab" describes them.
    Of a large gallery it is a sample, which the notes say. ValueError for a model without a map.
    """
    if reason := explain_absence(explorer):
        raise ValueError(reason)
    assert explorer.gallery is not None
    gallery = explorer.gallery.shown
    plane, (stored, fault) = find_plane(explorer), _find_stored(explorer)
    tensors = {"principal": plane.positions}
    if stored is not None:
        tensors["tsne"] = quantise(stored["tsne"].float())[0]
    kinds = [kind for kind in KINDS if kind in tensors]
    tensors |= compress_codes(gallery.codes)
    mapped = explorer.model.latent_map is not None
    if mapped:
        tensors["lengths"] = gallery.latents.norm(dim=1).half()
    labels = gallery.pictures.labels
    tensors["labels"] = labels.to(torch.uint8 if int(labels.max()) < 256 else torch.int32)
    tensors["indices"] = gallery.pictures.indices.to(torch.int32)
    attributes, descriptions, no_attributes = find_attributes(explorer)
    if attributes is not None:
        tensors["attributes"] = attributes
    note = _describe_pictures(explorer) + "".join(f" {reason}" for reason in (fault, no_attributes) if reason)
    metadata = {
        "fingerprint": explorer.fingerprint,
        "prior": explorer.config.prior,
        "mapped": mapped,
        "kinds": [
            {
                "id": kind,
                "title": KINDS[kind],
                "note": describe(explorer, kind, plane) + note,
                "projection": describe_projection(plane) if kind == "principal" else None,
            }
            for kind in kinds
        ],
        "lacking": [
            {"title": KINDS[kind], "reason": fault or _explain_missing(explorer)}
            for kind in KINDS
            if kind not in kinds
        ],
        "attributes": descriptions,
        "classes": gallery.classes,
        "labelled": gallery.pictures.are_labelled,
        "about": ABOUT[gallery.pictures.kind][0],
        "pictures": ABOUT[gallery.pictures.kind][1],
    }
    return tensor_files.pack(tensors, {"ganlab": json.dumps(metadata)})


def _explain_missing(explorer: Explorer) -> str:
    """Why there is no t-SNE."""
    if _is_own(explorer):
        return f"python -m train.map {explorer.config.name} has not been run"
    return "it is computed of a checkpoint's own pictures alone"


def _describe_pictures(explorer: Explorer) -> str:
    """Which pictures of a large gallery are shown, or what stands in for training pictures; empty where all
    training pictures are."""
    if explorer.gallery is None:
        return ""
    kind, count, shown = explorer.gallery.pictures.kind, len(explorer.gallery), len(explorer.gallery.shown)
    if kind == "folder":
        return f" Shown are {shown:,} of {count:,} pictures, evenly spread." if shown < count else ""
    if kind == "data":
        return ""
    return f" The pictures are {PICTURE_KINDS[kind]}: {galleries.explain_absence(explorer.model)}."


def pack_latents(explorer: Explorer) -> bytes:
    """The latents that the map's codes have, as "codes", "level" and "low" like those of `pack`. A page needs
    them for the direction of a selection alone. ValueError for a model without a map."""
    if reason := explain_absence(explorer):
        raise ValueError(reason)
    assert explorer.gallery is not None
    return tensor_files.pack(compress_codes(explorer.gallery.shown.latents))


def describe_projection(plane: Plane) -> dict[str, Any]:
    """Where any code lies on the principal map, as the page computes it."""
    return {"matrix": plane.matrix.tolist(), "offset": plane.offset.tolist()}


def describe(explorer: Explorer, kind: str, plane: Plane | None = None) -> str:
    """How to read a map, with figures on its faithfulness where they were measured (`python -m
    train.map`). `plane` is the principal map, where it is known already."""
    kept, one_nn, codes_nn = (
        explorer.get_figure("map", kind, key) for key in ("neighbours_kept", "one_nn", "one_nn_codes")
    )
    if kind == "tsne":
        summary = "Neighbours stay together; distances between islands, and their sizes, mean nothing."
    else:
        plane = plane or find_plane(explorer)
        summary = f"The plane holds {float(plane.share):.0%} of the codes' variance."
    if kept is None or one_nn is None or codes_nn is None or not _is_own(explorer):
        return summary
    k = explorer.get_figure("map", "k") or 0
    return (
        f"{summary} Of the {k:.0f} codes nearest to a code, {kept:.0%} are among its {k:.0f} nearest here."
        f" The nearest code here has the same class in {one_nn:.1%} of cases; with all dimensions, in"
        f" {codes_nn:.1%}."
    )


def find_attributes(explorer: Explorer) -> tuple[Tensor | None, list[dict[str, object]], str]:
    """The attributes of the pictures on the map, as `read_attributes` gives them, and nothing wrong; or None
    and no description where there are none, and then what is wrong with a damaged file."""
    try:
        attributes = read_attributes(explorer.model) if _is_own(explorer) else None
        if attributes is not None and explorer.gallery and len(attributes[0]) != len(explorer.gallery):
            count = len(attributes[0])
            raise CheckpointError(f"{ATTRIBUTES_FILE} of the gallery is of {count:,} other pictures.")
    except CheckpointError as error:
        return None, [], str(error)
    return (None, [], "") if attributes is None else (*attributes, "")


def list_faults(explorer: Explorer) -> list[str]:
    """What is wrong with the stored map and the attributes, a sentence each."""
    return [reason for reason in (_find_stored(explorer)[1], find_attributes(explorer)[2]) if reason]


def read_attributes(model: LatentModel) -> tuple[Tensor, list[dict[str, object]]] | None:
    """The gallery's attributes (N, A) as uint8, and for each its name, unit and what 0 and 255 stand for;
    None where there are none. CheckpointError for a damaged file."""
    path = find_file(model, ATTRIBUTES_FILE)
    content = sums.read_pictures(path) if path is not None else None
    if content is None:
        return None
    try:
        arrays = read_arrays(content, MAX_ATTRIBUTES_BYTES)
        values, *columns = (arrays[key] for key in ("values", "names", "units", "lows", "highs"))
        if values.dtype != np.uint8 or values.ndim != 2:
            raise ValueError(f"values are uint8 (N, A), not {values.dtype} {values.shape}")
        for column, kind in zip(columns, "UUff", strict=True):
            if column.shape != values.shape[1:] or column.dtype.kind != kind:
                raise ValueError(f"names, units, lows and highs are {values.shape[1]} texts and numbers")
        if not all(np.isfinite(column).all() for column in columns[2:]):
            raise ValueError("lows and highs hold numbers that are not finite")
    except (ValueError, KeyError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else error
        raise CheckpointError(f"{ATTRIBUTES_FILE} of the gallery cannot be read: {reason}.") from None
    descriptions: list[dict[str, object]] = [
        {"name": str(name), "unit": str(unit), "low": float(low), "high": float(high)}
        for name, unit, low, high in zip(*columns, strict=True)
    ]
    return torch.from_numpy(values), descriptions
