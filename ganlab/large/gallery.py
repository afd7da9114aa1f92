"""A gallery of any size: pictures in a folder, codes and features mapped from disk, searched by an index.

`python -m train.gallery CHECKPOINT FOLDER` makes one: large.json describes it, pictures.sqlite names its
pictures, code.f32 and features.f32 are their points, labels.i32 their labels, and latents.COUNT.f32
holds the latents of what the map shows, where a latent map has to be inverted for them.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganlab import images, interruption
from ganlab.config import CheckpointError, ModelConfig, check_classes
from ganlab.gallery import OWN_FOLDER, Gallery, Neighbour
from ganlab.large.catalogue import FILE as CATALOGUE_FILE
from ganlab.large.catalogue import Catalogue, MissingPictureError
from ganlab.model import LatentModel
from ganlab.pictures import Pictures
from ganlab.search import Index, map_rows, open_index

GALLERY_FILE = "large.json"
LABELS_FILE = "labels.i32"
HIDDEN_FOLDER = ".ganlab"  # in a folder of pictures: a gallery for each checkpoint, by its fingerprint
SPACES = ("features", "code")  # in which a large gallery may be searched
FORMAT = 1
BLOCK = 2**22  # bytes of a file read at a time
MAX_SHOWN = 60_000  # pictures on the map, and those that statistics of codes are computed from
MISSING = 0.5  # the grey of a picture that is not there any more


def name_points(space: str) -> str:
    """The file of a space's points."""
    return f"{space}.f32"


def name_latents(count: int | str) -> str:
    """The file of the latents of the pictures shown of so many: `choose_shown` chooses others of more."""
    return f"latents.{count}.f32"


def find_folder(model: LatentModel, path: Path | None) -> Path | None:
    """Where the large gallery of a model lies: `path` itself, or in the folder of pictures `path`; without a
    path, in the checkpoint's own folder. None where the checkpoint has none; ValueError where `path` has
    none of this model."""
    if path is None:
        own = model.folder / OWN_FOLDER if model.folder else None
        return own if own is not None and (own / GALLERY_FILE).is_file() else None
    names = (model.fingerprint, *model.config.aliases)
    folders = [path, *(path / HIDDEN_FOLDER / name for name in names)]
    folder = next((each for each in folders if (each / GALLERY_FILE).is_file()), None)
    if folder is None:
        raise ValueError(
            f"{path} holds no gallery of {model.config.name}:"
            f" python -m train.gallery {model.config.name} {path} makes it."
        )
    return folder


def compute_sum(path: Path, size: int) -> str:
    """The SHA-256 of the first `size` bytes of a file, which may be longer; 64 hexadecimal digits. ValueError
    for a shorter one."""
    digest, left = hashlib.sha256(), size
    with path.open("rb") as file:
        while left and (block := file.read(min(left, BLOCK))):
            digest.update(block)
            left -= len(block)
    if left:
        raise ValueError(f"{path.name} is cut short")
    return digest.hexdigest()


def check_files(folder: Path, files: Mapping[str, tuple[int, str]]) -> None:
    """ValueError, which names the file, unless all are as they were written: bytes and SHA-256 by name."""
    for name, (size, digest) in files.items():
        if Path(name).name != name or not (folder / name).is_file():
            raise ValueError(f"{name} is missing")
        if compute_sum(folder / name, size) != digest:
            raise ValueError(f"{name} is damaged or of another gallery: it does not have its SHA-256")


def choose_shown(count: int) -> Tensor:
    """The rows (M,) that a map of `count` pictures shows: all, or MAX_SHOWN of them, evenly spread."""
    shown = min(count, MAX_SHOWN)
    return torch.arange(shown) * count // max(shown, 1)


@dataclass(frozen=True)
class FolderPictures(Pictures):
    """Pictures that stay in their folder, and are read and prepared when they are wanted; `pixels` is
    empty."""

    catalogue: Catalogue | None = None
    config: ModelConfig | None = None

    @property
    def are_labelled(self) -> bool:
        """Whether the folder has subfolders, which are the classes."""
        return bool(self.classes)

    def inputs(self, rows: Tensor | slice) -> Tensor:
        """See `Pictures.inputs`. MissingPictureError for one that is not there any more."""
        listed = range(*rows.indices(len(self))) if isinstance(rows, slice) else rows.flatten().tolist()
        assert self.catalogue is not None
        assert self.config is not None
        parts = [images.prepare(self.catalogue.read(row), self.config).x for row in listed]
        return torch.cat([torch.empty(0, *self.config.image_shape), *parts])


class LargeGallery(Gallery):
    """See the module. It is searched in the spaces that it stores points of."""

    own = False

    def __init__(
        self, model: LatentModel, folder: Path, described: dict[str, Any], pictures: FolderPictures
    ) -> None:
        super().__init__(model, pictures)
        self.folder, count = folder, len(pictures)
        dims: dict[str, int] = described["dims"]
        self.rows = {
            space: map_rows(folder / name_points(space), count, dims[space])
            for space in SPACES
            if space in dims
        }
        self.spaces = tuple(self.rows)
        self.indexes: dict[str, Index] = {
            space: open_index(folder, space, rows) for space, rows in self.rows.items()
        }

    @staticmethod
    def open(model: LatentModel, folder: Path) -> LargeGallery:
        """The gallery in `folder`. CheckpointError for one that is damaged, or of another model."""
        try:
            described = json.loads((folder / GALLERY_FILE).read_text(encoding="utf-8"))
            count, fingerprint, version = (described[key] for key in ("count", "fingerprint", "format"))
            if version != FORMAT or not isinstance(count, int) or count < 1:
                raise ValueError("it is of another version, or empty")
            if fingerprint not in (model.fingerprint, *model.config.aliases):
                raise ValueError(
                    f"it holds codes of {described.get('model')} ({fingerprint}), not of"
                    f" {model.config.name} ({model.fingerprint})"
                )
            check_files(folder, described["files"])
            catalogue = Catalogue(folder / CATALOGUE_FILE, folder / described["pictures"])
            classes = tuple(described["classes"])
            check_classes(classes, "The gallery")
            labels = np.memmap(folder / LABELS_FILE, np.dtype("<i4"), mode="c", shape=(count,))
            pictures = FolderPictures(
                torch.empty(0, *model.config.image_shape, dtype=torch.uint8),
                torch.from_numpy(np.asarray(labels)),
                torch.arange(count, dtype=torch.int32),
                classes,
                "folder",
                catalogue,
                model.config,
            )
            return LargeGallery(model, folder, described, pictures)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            reason = str(error).rstrip(".")
            raise CheckpointError(f"The gallery {folder} cannot be used: {reason}.") from None

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the folder's classes."""
        return self.pictures.classes

    def points(self, space: str) -> Tensor:
        """See `Gallery.points`; mapped from disk."""
        self._check(space)
        return self.rows[space]

    @functools.cached_property
    def latents(self) -> Tensor:
        """Not the latents of all: those of the pictures `shown`."""
        return self.shown.latents

    @functools.cached_property
    def shown(self) -> Gallery:
        """The pictures on the map, evenly spread over all: their codes and latents, without pixels."""
        rows, path = choose_shown(len(self)), self.folder / name_latents(len(self))
        latents = None
        if path.is_file() and self.model.latent_map is not None:
            latents = map_rows(path, len(rows), self.model.config.latent_dim)
        pictures = Pictures(
            self.pictures.pixels,
            self.pictures.labels[rows].long(),
            rows,
            self.pictures.classes,
            self.pictures.kind,
        )
        return Gallery(self.model, pictures, codes=self.rows["code"][rows], latents=latents)

    def search(self, points: Tensor, space: str, k: int) -> tuple[Tensor, Tensor]:
        """See `Gallery.search`; by the index that was built, which may miss a neighbour."""
        self._check(space)
        if not isinstance(k, Integral) or not 1 <= k <= len(self):
            raise ValueError(f"k is a whole number from 1 to the gallery's {len(self)}, not {k}.")
        return self.indexes[space].search(points, k)

    def neighbours(self, points: Tensor, space: str, k: int) -> list[list[Neighbour]]:
        """See `Gallery.neighbours`. A picture that is not there any more is grey."""
        distances, rows = self.search(points, space, k)
        return [
            [self._describe(row, distance) for distance, row in zip(near, each, strict=True)]
            for near, each in zip(distances.tolist(), rows.tolist(), strict=True)
        ]

    def _describe(self, row: int, distance: float) -> Neighbour:
        interruption.check()  # each is read from its file
        label = int(self.pictures.labels[row])
        try:
            image = self.pictures.inputs(slice(row, row + 1))[0]
        except (MissingPictureError, images.PictureError):
            image = torch.full(self.model.config.image_shape, MISSING)
        return Neighbour(row, label, distance, image, self.name_label(label))

    def find_row(self, index: int) -> int | None:
        """See `Gallery.find_row`: a picture's id is its row."""
        return index if 0 <= index < len(self) else None
