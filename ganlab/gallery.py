"""Reference pictures with labels and codes, and exact nearest neighbours among them.

The pictures of a data set are stored once, in checkpoints/galleries/NAME, and shared by all models;
each checkpoint adds only its own codes. A folder from the Hub may carry its own copy in gallery/.
"""

from __future__ import annotations

import functools
import threading
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from ganlab.model import CHECKPOINTS, CheckpointError, LatentModel

GALLERIES = CHECKPOINTS / "galleries"
TRAIN_FILE = "train.npz"  # the gallery itself
TEST_FILE = "test.npz"  # a few held-out pictures: examples for people, inputs for tests
CODES_FILE = "gallery.safetensors"  # in the checkpoint: E of every gallery picture, fp16
SPACES = ("features", "code", "pixels")
CHUNK = 8192  # rows compared at a time, so that no second copy of a space is ever made
SPARE = 16  # candidates beyond k whose distance is computed again without cancellation
GATHER = 64  # points whose candidates are gathered at a time for that


@dataclass(frozen=True)
class Pictures:
    """pixels (N, C, H, W) uint8, labels (N,) int64 and the data set's indices (N,) int64."""

    pixels: Tensor
    labels: Tensor
    indices: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    @functools.cached_property
    def flat(self) -> Tensor:
        """All pictures as float32 rows (N, C H W) in [0, 1]; made once for all models that share them."""
        return self.inputs(slice(None)).flatten(1)

    def inputs(self, rows: Tensor | slice) -> Tensor:
        """Rows as float32 in [0, 1]."""
        return self.pixels[rows].float() / 255.0


def save_pictures(path: Path, pictures: Pictures) -> None:
    np.savez_compressed(
        path,
        pixels=pictures.pixels.numpy(),
        labels=pictures.labels.numpy().astype(np.uint8),
        indices=pictures.indices.numpy().astype(np.uint32),
    )


@functools.lru_cache(maxsize=8)
def load_pictures(path: Path) -> Pictures:
    """Read a .npz of pictures; one copy in memory for all models that share it."""
    try:
        with np.load(path, allow_pickle=False) as file:
            pixels, labels, indices = (torch.from_numpy(file[key]) for key in ("pixels", "labels", "indices"))
    except (  # what numpy, zipfile and zlib raise for a file that is cut short, altered or something else
        OSError,
        EOFError,
        KeyError,
        TypeError,
        AttributeError,
        ValueError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise CheckpointError(f"The gallery {path.name} cannot be read: {error}.") from None
    if (
        pixels.dtype != torch.uint8
        or pixels.dim() != 4
        or not labels.shape == indices.shape == pixels.shape[:1]
        or labels.is_floating_point()
        or indices.is_floating_point()
    ):
        raise CheckpointError(f"The gallery {path.name} must hold uint8 (N, C, H, W), N labels, N indices.")
    return Pictures(pixels, labels.long(), indices.long())


def find(model: LatentModel, file: str) -> Path | None:
    """Where a model's gallery file lies: in its own folder, or among the shared galleries."""
    folders = [model.folder / "gallery"] if model.folder else []
    name = model.config.gallery
    if name and name.replace("-", "").replace("_", "").isalnum():
        folders.append(GALLERIES / name)
    return next((folder / file for folder in folders if (folder / file).is_file()), None)


def test_pictures(model: LatentModel) -> Pictures | None:
    """Held-out pictures of the model's data set, or None."""
    path = find(model, TEST_FILE)
    return load_pictures(path) if path else None


@dataclass(frozen=True)
class Neighbour:
    """One row of the gallery: its index in the data set, its label, and how far it is."""

    index: int
    label: int
    distance: float
    image: Tensor = field(compare=False)  # (C, H, W) in [0, 1]


class Gallery:
    """Exact Euclidean nearest neighbours, without normalisation, as the paper's 1NN.

    Spaces: "features", the encoder's hidden layer; "code", z = E(x); "pixels".
    Immutable but for the points of each space, made once, on first use.
    """

    def __init__(self, model: LatentModel, pictures: Pictures, codes: Tensor | None = None) -> None:
        if pictures.pixels.shape[1:] != model.config.image_shape:
            raise CheckpointError(
                f"The gallery's pictures are {tuple(pictures.pixels.shape[1:])},"
                f" {model.config.name} wants {model.config.image_shape}."
            )
        self.model, self.pictures = model, pictures
        self._codes = codes
        self._points: dict[str, Tensor] = {}
        self._squares: dict[str, Tensor] = {}  # |b|^2 of each point
        self._lock = threading.Lock()
        self.spaces = SPACES if "encoder" in model.networks else ("pixels",)

    @staticmethod
    def load(model: LatentModel) -> Gallery | None:
        """The model's gallery with its stored codes, or None where there is none."""
        path = find(model, TRAIN_FILE)
        if path is None:
            return None
        pictures = load_pictures(path)
        stored = model.folder / CODES_FILE if model.folder else None
        codes = None
        if stored and stored.is_file():
            try:
                codes = safetensors.torch.load_file(stored).get("codes")
            except safetensors.SafetensorError as error:
                raise CheckpointError(f"{CODES_FILE} of {model.config.name} is damaged: {error}.") from None
            if codes is None or codes.shape != (len(pictures), model.config.latent_dim):
                raise CheckpointError(f"{CODES_FILE} of {model.config.name} does not fit its gallery.")
            codes = codes.float()
        return Gallery(model, pictures, codes)

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def codes(self) -> Tensor:
        """E(x) of every picture, (N, latent_dim)."""
        return self.points("code")

    @property
    def features(self) -> Tensor:
        """The encoder's hidden layer of every picture, (N, F)."""
        return self.points("features")

    def points(self, space: str) -> Tensor:
        """The whole gallery as points (N, F) of a space; the features take seconds on first use."""
        self._check(space)
        with self._lock:
            if space not in self._points:
                rows = self.pictures.flat if space == "pixels" else self._of_all(space)
                self._points[space] = rows
                self._squares[space] = torch.cat([(c * c).sum(1) for c in torch.split(rows, CHUNK)])
            return self._points[space]

    @torch.inference_mode()
    def embed(self, x: Tensor, space: str) -> Tensor:
        """Pictures (N, C, H, W) in [0, 1] as points (N, F) of a space."""
        self._check(space)
        if space == "pixels":
            return x.flatten(1)
        device = next(self.model.encoder.parameters()).device
        network = self.model.encoder.hidden if space == "features" else self.model.encoder
        points: Tensor = network(x.to(device))
        return points.cpu()

    def search(self, points: Tensor, space: str, k: int) -> tuple[Tensor, Tensor]:
        """Distances and gallery rows (n, k) of the nearest, nearest first, of points (n, F)."""
        self._check(space)
        if not 1 <= k <= len(self):
            raise ValueError(f"k lies between 1 and the gallery's {len(self)}, not {k}.")
        wanted = min(k + SPARE, len(self))
        gallery, squares = self.points(space), self._squares[space]
        best = torch.full((len(points), 0), 0.0)
        rows = torch.empty((len(points), 0), dtype=torch.long)
        for start in range(0, len(self), CHUNK):
            block = gallery[start : start + CHUNK]
            # |p - b|^2 without |p|^2, which does not change the order
            squared = squares[start : start + CHUNK] - 2 * points @ block.T
            near, near_rows = squared.topk(min(wanted, len(block)), largest=False)
            best, rows = torch.cat([best, near], 1), torch.cat([rows, near_rows + start], 1)
            best, order = best.topk(min(wanted, best.shape[1]), largest=False)
            rows = rows.gather(1, order)
        rows = rows.sort(dim=1).values  # so that of equally near pictures the first in the gallery leads
        # The difference itself, not the expanded square: exact even for a picture of the gallery.
        exact = torch.cat(
            [
                (
                    gallery[found.flatten()].view(*found.shape, points.shape[1]).double()
                    - some[:, None].double()
                ).norm(dim=2)
                for some, found in zip(torch.split(points, GATHER), torch.split(rows, GATHER), strict=True)
            ]
        )
        distances, order = exact.sort(dim=1, stable=True)
        return distances[:, :k].float(), rows.gather(1, order)[:, :k]

    def neighbours(self, points: Tensor, space: str, k: int) -> list[list[Neighbour]]:
        """For each point of `space`, its k nearest gallery pictures, nearest first."""
        return [
            [
                Neighbour(
                    index=int(self.pictures.indices[row]),
                    label=int(self.pictures.labels[row]),
                    distance=float(distance),
                    image=self.pictures.inputs(row),
                )
                for distance, row in zip(near, rows, strict=True)
            ]
            for near, rows in zip(*self.search(points, space, k), strict=True)
        ]

    def _check(self, space: str) -> None:
        if space not in self.spaces:
            raise ValueError(f"Space {space!r} not found; available = {list(self.spaces)}.")

    def _of_all(self, space: str) -> Tensor:
        if space == "code" and self._codes is not None:
            return self._codes
        first = self.embed(self.pictures.inputs(slice(0, CHUNK)), space)
        made = first.new_empty(len(self), first.shape[1])  # filled in place: never twice in memory
        made[: len(first)] = first
        for start in range(CHUNK, len(self), CHUNK):
            rows = slice(start, start + CHUNK)
            made[rows] = self.embed(self.pictures.inputs(rows), space)
        return made
