"""Reference pictures with labels and codes, and exact nearest neighbours among them.

The pictures of a data set are stored once, in checkpoints/galleries/NAME, and shared by all models;
each checkpoint adds only its own codes. A folder from the Hub may carry its own copy in gallery/.
"""

from __future__ import annotations

import functools
import threading
import weakref
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn

from ganlab import networks, tensor_files
from ganlab.config import CheckpointError, ModelConfig
from ganlab.hub import CHECKPOINTS
from ganlab.model import LatentModel
from ganlab.networks import Discriminator, Encoder, JointDiscriminator

GALLERIES = CHECKPOINTS / "galleries"
TRAIN_FILE = "train.npz"  # the gallery itself
TEST_FILE = "test.npz"  # a few held-out pictures: examples for people, inputs for tests
CODES_FILE = "gallery.safetensors"  # in the checkpoint: E of every gallery picture, fp16
FEATURES_FILE = "features.safetensors"  # the same of its features, where they are few
ATTRIBUTES_FILE = "attributes.npz"  # of every gallery picture, beside it; see `python -m train.map`
SPARE_SPACES = 2  # of those that take a quarter of a gigabyte, kept for all models together
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


def find_file(model: LatentModel, file: str) -> Path | None:
    """Where a model's gallery file lies: in its own folder, or among the shared galleries."""
    folders = [model.folder / "gallery"] if model.folder else []
    name = model.config.gallery
    if name and name.replace("-", "").replace("_", "").isalnum():
        folders.append(GALLERIES / name)
    return next((folder / file for folder in folders if (folder / file).is_file()), None)


def load_test_pictures(model: LatentModel) -> Pictures | None:
    """Held-out pictures of the model's data set, or None."""
    path = find_file(model, TEST_FILE)
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

    Spaces: "features", the encoder's hidden layer; "code", z = E(x); "discriminator", D's hidden layer,
    of (x, E(x)) where D sees pairs; "pixels"; "untrained", the hidden layer of the same encoder before
    any training. Immutable but for the points of each space, made on first use.
    """

    def __init__(
        self,
        model: LatentModel,
        pictures: Pictures,
        codes: Tensor | None = None,
        features: Tensor | None = None,
    ) -> None:
        if pictures.pixels.shape[1:] != model.config.image_shape:
            raise CheckpointError(
                f"The gallery's pictures are {tuple(pictures.pixels.shape[1:])},"
                f" {model.config.name} wants {model.config.image_shape}."
            )
        self.model, self.pictures = model, pictures
        self._codes, self._features = codes, features
        self.spaces = spaces_of(model)
        self._locks = {space: threading.Lock() for space in self.spaces}

    @staticmethod
    def load(model: LatentModel) -> Gallery | None:
        """The model's gallery with its stored codes and features, or None where there is none."""
        path = find_file(model, TRAIN_FILE)
        if path is None:
            return None
        pictures, config = load_pictures(path), model.config
        codes = _stored(model, CODES_FILE, "codes", (len(pictures), config.latent_dim))
        features = _stored(model, FEATURES_FILE, "features", (len(pictures), config.feature_dim))
        return Gallery(model, pictures, codes, features)

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
        """The whole gallery as points (N, F) of a space; those of a network take seconds to make."""
        return self._points_of(space).rows

    @torch.inference_mode()
    def embed(self, x: Tensor, space: str) -> Tensor:
        """Pictures (N, C, H, W) in [0, 1] as points (N, F) of a space."""
        self._check(space)
        if space == "pixels":
            return x.flatten(1)
        nets, x = self.model.networks, x.to(self.model.device)
        if space == "code":
            points = self.model.encoder(x)
        elif space == "features":
            points = self.model.encoder.hidden(x)
        elif space == "untrained":
            points = self.untrained.hidden(x)
        elif isinstance(alone := nets.get("discriminator"), Discriminator):
            points = alone.hidden(x)
        else:
            points = cast("JointDiscriminator", nets["joint_discriminator"]).hidden(x, self.model.encoder(x))
        return cast("Tensor", points).cpu()

    @functools.cached_property
    def untrained(self) -> Encoder:
        """The model's encoder as it might have been before training, on its device."""
        encoder = untrained(self.model.config, self.pictures, wanted=["encoder"])["encoder"]
        return cast("Encoder", encoder.to(self.model.device))

    def search(self, points: Tensor, space: str, k: int) -> tuple[Tensor, Tensor]:
        """Distances and gallery rows (n, k) of the nearest, nearest first, of points (n, F)."""
        self._check(space)
        if not 1 <= k <= len(self):
            raise ValueError(f"k lies between 1 and the gallery's {len(self)}, not {k}.")
        return find_nearest(points, self._points_of(space), k)

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

    def _points_of(self, space: str) -> Points:
        self._check(space)
        with self._locks[space]:  # computed once for all who ask; other spaces answer meanwhile
            if space == "pixels":
                return self._pixels
            if space == "code":
                return self._code_points
            if space == "features" and self._features is not None:
                return self._feature_points
            return _LARGE.get((self, space), lambda: Points.of(self._of_all(space)))

    @functools.cached_property
    def _pixels(self) -> Points:
        return Points.of(self.pictures.flat)

    @functools.cached_property
    def _code_points(self) -> Points:
        return Points.of(self._codes if self._codes is not None else self._of_all("code"))

    @functools.cached_property
    def _feature_points(self) -> Points:
        assert self._features is not None
        return Points.of(self._features)

    def _of_all(self, space: str) -> Tensor:
        first = self.embed(self.pictures.inputs(slice(0, CHUNK)), space)
        made = first.new_empty(len(self), first.shape[1])  # filled in place: never twice in memory
        made[: len(first)] = first
        for start in range(CHUNK, len(self), CHUNK):
            rows = slice(start, start + CHUNK)
            made[rows] = self.embed(self.pictures.inputs(rows), space)
        return made


def _stored(model: LatentModel, file: str, key: str, shape: tuple[int, int]) -> Tensor | None:
    """A tensor that the checkpoint keeps of its gallery, as float32; None where it keeps none."""
    path = model.folder / file if model.folder else None
    if path is None or not path.is_file():
        return None
    try:
        tensors, _ = tensor_files.unpack(path.read_bytes())
    except ValueError as error:
        raise CheckpointError(f"{file} of {model.config.name} is damaged: {error}.") from None
    if key not in tensors or tensors[key].shape != shape:
        raise CheckpointError(f"{file} of {model.config.name} does not fit its gallery.")
    return tensors[key].float()


def spaces_of(model: LatentModel) -> tuple[str, ...]:
    """Where neighbours can be looked up, the most telling first."""
    encoder = ("features", "code") if "encoder" in model.networks else ()
    judged = {"discriminator", "joint_discriminator"} & model.networks.keys()
    discriminator = ("discriminator",) if judged else ()
    return (*encoder, *discriminator, "pixels", *(("untrained",) if encoder else ()))


# ---------------------------------------------------------------------- an encoder that learnt nothing

CALIBRATION_BATCH = 512


def untrained(
    config: ModelConfig,
    pictures: Pictures,
    seed: int = 0,
    wanted: Collection[str] = ("encoder", "discriminator"),
) -> dict[str, nn.Module]:
    """The `wanted` networks, as training with `seed` begins; batch norm as it would be deployed.

    E's output layer starts at random here, also for methods that start it at zero.
    """
    nets = networks.build(config)
    networks.initialise(nets, seed)
    found = {name: net for name, net in nets.items() if name in wanted}
    for net in found.values():
        networks.calibrate(net, ((x,) for x in calibration_pictures(pictures)))
        net.eval().requires_grad_(False)
    return found


def calibration_pictures(pictures: Pictures) -> Iterator[Tensor]:
    """All pictures in batches of one size, (B, C, H, W) in [0, 1], for `networks.calibrate`."""
    size = min(CALIBRATION_BATCH, len(pictures))
    for start in range(0, len(pictures) - size + 1, size):
        yield pictures.inputs(slice(start, start + size))


# ---------------------------------------------------------------------- points kept for all models


class Points(NamedTuple):
    """Rows (N, F) and their squared lengths (N,)."""

    rows: Tensor
    squares: Tensor

    @staticmethod
    def of(rows: Tensor) -> Points:
        return Points(rows, torch.cat([(c * c).sum(1) for c in torch.split(rows, CHUNK)]))


def find_nearest(points: Tensor, references: Points, k: int) -> tuple[Tensor, Tensor]:
    """Distances and rows (n, k) of the references nearest to points (n, F), nearest first."""
    count = len(references.rows)
    wanted = min(k + SPARE, count)
    best = torch.full((len(points), 0), 0.0)
    rows = torch.empty((len(points), 0), dtype=torch.long)
    for start in range(0, count, CHUNK):
        block = references.rows[start : start + CHUNK]
        # |p - b|^2 without |p|^2, which does not change the order
        squared = references.squares[start : start + CHUNK] - 2 * points @ block.T
        near, near_rows = squared.topk(min(wanted, len(block)), largest=False)
        best, rows = torch.cat([best, near], 1), torch.cat([rows, near_rows + start], 1)
        best, order = best.topk(min(wanted, best.shape[1]), largest=False)
        rows = rows.gather(1, order)
    rows = rows.sort(dim=1).values  # so that of equally near pictures the first in the gallery leads
    # The difference itself, not the expanded square: exact even for a picture of the gallery.
    exact = torch.cat(
        [
            (
                references.rows[found.flatten()].view(*found.shape, points.shape[1]).double()
                - some[:, None].double()
            ).norm(dim=2)
            for some, found in zip(torch.split(points, GATHER), torch.split(rows, GATHER), strict=True)
        ]
    )
    distances, order = exact.sort(dim=1, stable=True)
    return distances[:, :k].float(), rows.gather(1, order)[:, :k]


class _Kept:
    """The last few large spaces, whichever models they belong to: memory does not grow with models."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._made: OrderedDict[tuple[int, str], tuple[weakref.ref[Gallery], Points]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[Gallery, str], make: Callable[[], Points]) -> Points:
        gallery, space = key
        name = (id(gallery), space)
        with self._lock:
            held = self._made.get(name)
            if held is not None and held[0]() is gallery:
                self._made.move_to_end(name)
                return held[1]
            # Room first, so that the old and the new are never in memory together.
            self._made.pop(name, None)
            for other in [other for other, (owner, _) in self._made.items() if owner() is None]:
                del self._made[other]
            while len(self._made) >= self.capacity:
                self._made.popitem(last=False)
        points = make()
        with self._lock:
            self._made[name] = weakref.ref(gallery), points
            while len(self._made) > self.capacity:
                self._made.popitem(last=False)
        return points


_LARGE = _Kept(SPARE_SPACES)
