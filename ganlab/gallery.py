"""Reference pictures with labels and codes, and their nearest neighbours in several spaces.

The pictures of a data set are stored once, in checkpoints/galleries/NAME, and shared by all models; each
checkpoint stores only its own codes. A checkpoint may hold its own copy in gallery/, and there too pictures
that stand in for those of a data set that may not be passed on.
"""

from __future__ import annotations

import dataclasses
import functools
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from ganlab import features as stored_features
from ganlab import interruption, networks, sums, tensor_files
from ganlab.config import CheckpointError, ModelConfig
from ganlab.hub import CHECKPOINTS
from ganlab.model import LatentModel
from ganlab.nearest import Points, SpaceCache, find_nearest
from ganlab.networks import Discriminator, Encoder, JointDiscriminator
from ganlab.pictures import Pictures, load_pictures, name_label, save_pictures

__all__ = ["Gallery", "Neighbour", "Pictures", "find_file", "load_pictures", "name_label", "save_pictures"]

GALLERIES = CHECKPOINTS / "galleries"
OWN_FOLDER = "gallery"  # in a checkpoint's folder
STAND_IN = "stand-in-"  # before the names of files that stand in for those of a gallery
TRAIN_FILE = "train.npz"  # the gallery itself
TEST_FILE = "test.npz"  # a few held-out pictures: examples for people, inputs for tests
LATENTS_FILE = "latents.safetensors"  # in a checkpoint with a latent map: the latents that the codes have
CODES_FILE = "gallery.safetensors"  # in the checkpoint: E(x) of every gallery picture
FEATURES_FILE = "features.safetensors"  # in the checkpoint: their features, where they are few
ATTRIBUTES_FILE = "attributes.npz"  # attributes of every gallery picture; see `python -m train.map`
# Large spaces, up to 250 MB each, cached for all models together. Each takes seconds to compute anew, which
# visitors who use more models than this pay again and again.
MAX_CACHED_SPACES = 4
CHUNK = 8192  # pictures embedded at a time, and codes that a latent map inverts
MAX_SMALL = 784  # numbers of a picture; of larger ones SMALL_CHUNK are embedded at a time
SMALL_CHUNK = 256  # a hidden layer of a colour model takes 200 kB a picture


# Called before the points of a space are computed for the first time, which takes seconds. It may wait until
# another thread has computed them, or raise a ValueError that says how far they are.
first_use: ContextVar[Callable[[Gallery, str], None] | None] = ContextVar("first_use", default=None)


def find_file(model: LatentModel, file: str, stand_ins: bool = False) -> Path | None:
    """The path of a file of the model's gallery, in its own folder or among the shared galleries, or None.
    Where it lies in neither, `stand_ins` allows one that stands in for it. A file that a description
    names counts as there, so that reading it says that it is missing."""
    own = model.folder / OWN_FOLDER if model.folder else None
    paths = [own / file] if own else []
    name = model.config.gallery
    if name and name.replace("-", "").replace("_", "").isalnum():
        paths.append(GALLERIES / name / file)
    if own and stand_ins:
        paths.append(own / (STAND_IN + file))
    return next((path for path in paths if path.is_file() or sums.is_named(path)), None)


def load_test_pictures(model: LatentModel, stand_ins: bool = False) -> Pictures | None:
    """Held-out pictures of the model's data set, or None; see `find_file`."""
    path = find_file(model, TEST_FILE, stand_ins)
    return load_pictures(path) if path else None


def explain_absence(model: LatentModel) -> str:
    """Why a model has no training pictures to show, and what would make them; it follows a colon."""
    if model.broken:
        return model.broken.removesuffix(".")
    if not model.config.gallery:
        return "this model comes without a gallery"
    command = f"python -m train.gallery {model.config.gallery}"
    return f"they are not here, and {command} makes them from a copy of the data set"


@dataclass(frozen=True)
class Neighbour:
    """A picture of the gallery that is near another picture."""

    index: int  # in the data set
    label: int
    distance: float  # Euclidean, in the space that was searched
    image: Tensor = field(compare=False)  # (C, H, W) in [0, 1]
    name: str = ""  # of the class; a digit's is the digit, and that of unlabelled pictures is empty


class Gallery:
    """A model's reference pictures, searched by exact Euclidean distance without normalisation, as in the 1NN
    evaluation of the BiGAN paper (arXiv 1605.09782).

    Spaces: "features", the encoder's hidden layer; "code", E(x); "discriminator", D's hidden layer, of
    (x, E(x)) where D sees pairs; "pixels"; "untrained", the hidden layer of the same encoder before training.
    Threads may share a gallery: the points of a space are computed once, on first use, and then only read.
    """

    own = True  # whether figures, map and attributes that were measured with a gallery are of this one

    def __init__(
        self,
        model: LatentModel,
        pictures: Pictures,
        codes: Tensor | None = None,
        features: Tensor | None = None,
        latents: Tensor | None = None,
    ) -> None:
        if pictures.pixels.shape[1:] != model.config.image_shape:
            raise CheckpointError(
                f"The gallery's pictures are {tuple(pictures.pixels.shape[1:])},"
                f" {model.config.name} wants {model.config.image_shape}."
            )
        self.model, self.pictures = model, pictures
        self._codes, self._features, self._latents = codes, features, latents
        self.spaces = list_spaces(model)
        self._locks = {space: threading.Lock() for space in self.spaces}
        self._points: dict[str, Points] = {}  # of the spaces that are kept as long as the gallery
        self.progress: tuple[int, int] | None = None  # pictures done, of how many, while all are computed

    @staticmethod
    def load(model: LatentModel, stand_ins: bool = False) -> Gallery | None:
        """The model's gallery with its stored codes and features, or None; with `stand_ins`, also pictures
        that stand in for training pictures (`Pictures.kind`). CheckpointError for files that are damaged or
        do not fit the model."""
        path = find_file(model, TRAIN_FILE, stand_ins)
        if path is None:
            return None
        pictures, config = load_pictures(path), model.config
        codes, latents = (
            _read_stored(model, file, pictures, stored_features.restore_codes, config.latent_dim)
            for file in (CODES_FILE, LATENTS_FILE)
        )
        features = _read_stored(model, FEATURES_FILE, pictures, stored_features.restore, config.feature_dim)
        return Gallery(model, pictures, codes, features, latents)

    def save(self, folder: Path, codes: bool = True) -> None:
        """Store the `codes`, and the features where they are few, in the checkpoint in `folder`. The files
        name the checkpoint whose networks computed them."""
        metadata = {"fingerprint": self.model.fingerprint, "gallery": self.pictures.digest}
        compress, kind = stored_features.compress_codes, self.pictures.kind
        if codes:
            tensor_files.write(_place_stored(folder, CODES_FILE, kind), compress(self.codes), metadata)
            if self.model.latent_map is not None:
                tensor_files.write(
                    _place_stored(folder, LATENTS_FILE, kind), compress(self.latents), metadata
                )
        if self.model.config.feature_dim:
            features = stored_features.compress(self.features)
            tensor_files.write(_place_stored(folder, FEATURES_FILE, kind), features, metadata)

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def shown(self) -> Gallery:
        """The pictures on a map, which statistics of codes are of too: all, or a sample of very many."""
        return self

    def find_row(self, index: int) -> int | None:
        """The row of the picture with this index in the data set; None where it is not in the gallery."""
        rows = (self.pictures.indices == index).nonzero().flatten()[:1].tolist()
        return rows[0] if rows else None

    @property
    def codes(self) -> Tensor:
        """E(x) of every picture, (N, latent_dim), also where a latent map lies before them."""
        return self.points("code")

    @functools.cached_property
    @torch.inference_mode()
    def latents(self) -> Tensor:
        """The latent of every picture, (N, latent_dim): its code before a latent map, whose inverse takes a
        minute where the checkpoint does not store it."""
        if self._latents is not None or self.model.latent_map is None:
            return self.codes if self._latents is None else self._latents
        latents = torch.empty_like(self.codes)
        for rows in self._iterate_chunks(CHUNK):
            latents[rows] = self.model.latent_map.invert(self.codes[rows].to(self.model.device)).cpu()
        return latents

    @property
    def features(self) -> Tensor:
        """The encoder's hidden layer of every picture, (N, F)."""
        return self.points("features")

    def points(self, space: str) -> Tensor:
        """All pictures as points (N, F) of a space; ValueError where the model lacks it. May take seconds."""
        return self._get_points(space).rows

    @torch.inference_mode()
    def embed(self, x: Tensor, space: str) -> Tensor:
        """Pictures (N, C, H, W) in [0, 1] as points (N, F) of a space, on the CPU. ValueError for a space
        that the model lacks."""
        self._check(space)
        if space == "pixels":
            return x.flatten(1)
        nets, x = self.model.networks, x.to(self.model.device)
        if space == "code":
            points = nets["encoder"](x)
        elif space == "features":
            points = self.model.encoder.hidden(x)
        elif space == "untrained":
            self._announce(space)  # the network itself takes seconds
            points = self.untrained.hidden(x)
        elif isinstance(discriminator := nets.get("discriminator"), Discriminator):
            points = discriminator.hidden(x)
        else:
            codes = nets["encoder"](x)  # D knows the encoder's own codes, not latents before a latent map
            points = cast("JointDiscriminator", nets["joint_discriminator"]).hidden(x, codes)
        return cast("Tensor", points).cpu()

    @functools.cached_property
    def untrained(self) -> Encoder:
        """The model's encoder as it was before training, on the model's device."""
        encoder = build_untrained(self.model.config, self.pictures, names=["encoder"])["encoder"]
        return cast("Encoder", encoder.to(self.model.device))

    def search(self, points: Tensor, space: str, k: int) -> tuple[Tensor, Tensor]:
        """The k pictures nearest to each of points (n, F), nearest first: distances and gallery rows (n, k).
        ValueError for a space that the model lacks, or k beyond the gallery."""
        self._check(space)
        if not isinstance(k, Integral) or not 1 <= k <= len(self):
            raise ValueError(f"k is a whole number from 1 to the gallery's {len(self)}, not {k}.")
        return find_nearest(points, self._get_points(space), k)

    def neighbours(self, points: Tensor, space: str, k: int) -> list[list[Neighbour]]:
        """`search`, with the pictures and labels of the neighbours."""
        return [
            [
                Neighbour(
                    index=int(self.pictures.indices[row]),
                    label=int(self.pictures.labels[row]),
                    distance=float(distance),
                    image=self.pictures.inputs(row),
                    name=self.name_label(int(self.pictures.labels[row])),
                )
                for distance, row in zip(near, rows, strict=True)
            ]
            for near, rows in zip(*self.search(points, space, k), strict=True)
        ]

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the labels; empty where a label is its own name, or there are none."""
        return self.model.config.classes or self.pictures.classes

    def name_label(self, label: int) -> str:
        """What a class is called; nothing where the pictures are not labelled."""
        return name_label(self.classes, label) if self.pictures.are_labelled else ""

    def _check(self, space: str) -> None:
        if space not in self.spaces:
            raise ValueError(f"Space {space!r} not found; available = {list(self.spaces)}.")

    def is_ready(self, space: str) -> bool:
        """Whether the points of a space are at hand, or take no more than a second."""
        stored = {"pixels": self.pictures, "code": self._codes, "features": self._features}
        return space in self._points or stored.get(space) is not None or (self, space) in _CACHE

    def _announce(self, space: str) -> None:
        if (hook := first_use.get()) is not None and not self.is_ready(space):
            hook(self, space)

    def _get_points(self, space: str) -> Points:
        self._check(space)
        self._announce(space)
        with self._locks[space]:  # computed once for all who ask; other spaces and galleries do not wait
            if space in self._points:
                return self._points[space]
            if space == "pixels":
                rows = self.pictures.flat
            elif space == "code":
                rows = self._codes if self._codes is not None else self._compute_codes()
            elif space == "features" and self._features is not None:
                rows = self._features
            else:
                return _CACHE.get((self, space), lambda: Points.from_rows(self._embed_all(space)))
            self._points[space] = Points.from_rows(rows)
            return self._points[space]

    @torch.inference_mode()
    def _compute_codes(self) -> Tensor:
        """The codes, by the latent map where their latents are stored: quicker than encoding all pictures."""
        latent_map = self.model.latent_map
        if self._latents is None or latent_map is None:
            return self._embed_all("code")
        codes = torch.empty_like(self._latents)
        for rows in self._iterate_chunks(CHUNK):
            codes[rows] = latent_map(self._latents[rows].to(self.model.device)).cpu()
        return codes

    def _embed_all(self, space: str) -> Tensor:
        chunk = CHUNK if self.model.config.pixels <= MAX_SMALL else SMALL_CHUNK
        points = torch.empty(0)
        for rows in self._iterate_chunks(chunk):
            part = self.embed(self.pictures.inputs(rows), space)
            if rows.start == 0:
                points = part.new_empty(len(self), part.shape[1])  # filled in place: never twice in memory
            points[rows] = part
        return points

    def _iterate_chunks(self, chunk: int) -> Iterator[slice]:
        """All rows, `chunk` at a time; `progress` says meanwhile how many are behind."""
        try:
            for start in range(0, len(self), chunk):
                interruption.check()
                self.progress = start, len(self)
                yield slice(start, start + chunk)
        finally:  # also where a chunk could not be computed
            self.progress = None


def _place_stored(folder: Path, file: str, kind: str) -> Path:
    """Where the checkpoint in `folder` stores points of a gallery of this kind: of real pictures beside its
    weights, of what stands in for them beside that."""
    return folder / file if kind == "data" else folder / OWN_FOLDER / (STAND_IN + file)


def _read_stored(
    model: LatentModel,
    file: str,
    pictures: Pictures,
    restore: Callable[[Mapping[str, Tensor], tuple[int, int]], Tensor],
    dim: int,
) -> Tensor | None:
    """Points float32 (N, dim) that the checkpoint stores of its gallery's pictures, or None; those of other
    weights or pictures are left alone."""
    name = _place_stored(Path(), file, pictures.kind).as_posix()
    if (stored := model.read_tensors(name)) is None:
        return None
    tensors, metadata = stored
    if metadata.get("fingerprint") not in (model.fingerprint, *model.config.aliases):
        return None
    if metadata.get("gallery", pictures.digest) != pictures.digest:
        return None
    try:
        return restore(tensors, (len(pictures), dim))
    except ValueError as error:
        raise CheckpointError(f"{name} of {model.config.name} does not fit its gallery: {error}.") from None


def list_spaces(model: LatentModel) -> tuple[str, ...]:
    """The spaces in which this model's neighbours can be searched, the most useful first."""
    encoder = ("features", "code") if "encoder" in model.networks else ()
    has_discriminator = {"discriminator", "joint_discriminator"} & model.networks.keys()
    discriminator = ("discriminator",) if has_discriminator else ()
    return (*encoder, *discriminator, "pixels", *(("untrained",) if encoder else ()))


# ---------------------------------------------------------------------- untrained networks

CALIBRATION_BATCH = 512


def build_untrained(
    config: ModelConfig,
    pictures: Pictures,
    seed: int = 0,
    names: Collection[str] = ("encoder", "discriminator"),
) -> dict[str, nn.Module]:
    """Those of the networks `names` that the model has, as training with `seed` starts them, in evaluation
    mode with batch norm calibrated on `pictures`.

    The output layer of E is random here, also for methods that start it at zero.
    """
    # All networks of the run, in its order: they draw their weights one after the other.
    nets = networks.build(dataclasses.replace(config, networks=config.trained_networks or config.networks))
    networks.initialise(nets, seed)
    chosen = {name: net for name, net in nets.items() if name in names and name in config.networks}
    for net in chosen.values():
        networks.calibrate(net, ((x,) for x in iterate_batches(pictures)))
        net.eval().requires_grad_(False)
    return chosen


def iterate_batches(pictures: Pictures) -> Iterator[Tensor]:
    """The pictures in batches (B, C, H, W) in [0, 1] of one size, for `networks.calibrate`; an incomplete
    last batch is left out."""
    size = min(CALIBRATION_BATCH, len(pictures))
    for start in range(0, len(pictures) - size + 1, size):
        yield pictures.inputs(slice(start, start + size))


_CACHE: SpaceCache[Gallery] = SpaceCache(MAX_CACHED_SPACES)
