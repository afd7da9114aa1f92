"""Explorer: the inference API, typed, stateless and safe to share between threads."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganlab import images, inversion, latent, metrics
from ganlab import model as checkpoint
from ganlab.config import ModelConfig
from ganlab.directions import Directions
from ganlab.gallery import Gallery, Neighbour, Pictures, explain_absence, name_label
from ganlab.images import Polarity, PreparedPicture
from ganlab.inversion import Inversion
from ganlab.judge import Judge
from ganlab.model import LatentModel
from ganlab.parts import Parts, load_gallery


class Explorer:
    """A model and its gallery. Pictures are float32 (N, C, H, W) in [0, 1], latents float32 (N, latent_dim),
    both on the CPU.

    The same recipe (fingerprint, latent or seed, operation, parameters) gives the same result in the
    interface, a notebook and a script. Errors of use are ValueError.
    """

    def __init__(self, model: LatentModel, gallery: Gallery | None = None) -> None:
        self.model, self.gallery = model, gallery
        self.device = next(model.generator.parameters()).device
        self.parts = Parts(model, self.device)

    @property
    def config(self) -> ModelConfig:
        """What the model is: its networks, latent, prior and pictures."""
        return self.model.config

    @property
    def metrics(self) -> dict[str, Any]:
        """The figures in the checkpoint's metrics.json; empty before `python -m train.evaluate`."""
        return self.model.metrics

    def get_metrics(self, *keys: str) -> Any:
        """The value in metrics.json under these nested keys, or None where it was not measured."""
        return self.model.get_metrics(*keys)

    def get_figure(self, *keys: str) -> float | None:
        """The number in metrics.json under these nested keys, or None."""
        return self.model.get_figure(*keys)

    @property
    def fingerprint(self) -> str:
        """The checkpoint's hash; latents, recipes and shelves carry it."""
        return self.model.fingerprint

    def accepts(self, fingerprint: object) -> bool:
        """Whether a latent, recipe or shelf with this fingerprint belongs to the checkpoint: its own, or an
        earlier one of the same generator, encoder and prior (`ModelConfig.aliases`)."""
        return fingerprint == self.fingerprint or fingerprint in self.config.aliases

    @functools.cached_property
    def judge(self) -> Judge | None:
        """The classifier of the model's data set, or None where there is none for its pictures."""
        return self.parts.judge

    @property
    def examples(self) -> Pictures | None:
        """Held-out pictures of the data set, or what stands in for them (`Pictures.kind`), or None."""
        return self.parts.examples

    @functools.cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of the model's classes; empty where a label is its own name, or there are none."""
        return self.gallery.classes if self.gallery is not None and self.gallery.own else self.config.classes

    def name_class(self, label: int) -> str:
        """What a class is called: its name, or its number where it has none."""
        return name_label(self.classes, label)

    # ------------------------------------------------------------------ pictures and latents

    def prepare(
        self, source: images.Source, polarity: Polarity = "auto", crop: images.Crop | None = None
    ) -> Tensor:
        """A path, bytes, PIL image or array as the model's input (1, C, H, W). `crop` is the square (left,
        top, side) of the upright picture, in pixels, that a model of pictures sees; without it the largest
        in the middle. A model of digits finds the digit in it, or in (left, top, width, height).
        PictureError, a ValueError, for a picture or part of it that cannot be used."""
        return self.prepare_upload(source, polarity, crop).x

    def prepare_upload(
        self, source: images.Source, polarity: Polarity = "auto", crop: images.Crop | None = None
    ) -> PreparedPicture:
        """`prepare`, with notes on what was changed, the digits that were seen, and doubts."""
        return images.prepare(source, self.config, polarity, crop)

    @torch.inference_mode()
    def encode(self, x: Tensor) -> Tensor:
        """E(x): (N, latent_dim). ValueError for a model without an encoder, or pictures of another shape."""
        encoder = self.model.encoder
        return encoder(self.model.check_pictures(x).to(self.device)).cpu()  # type: ignore[no-any-return]

    @torch.inference_mode()
    def decode(self, z: Tensor) -> Tensor:
        """G(z): (N, C, H, W). ValueError for latents of another shape, or non-finite numbers."""
        return self.model.generator(self.check_latents(z).to(self.device)).cpu()  # type: ignore[no-any-return]

    @torch.inference_mode()
    def features(self, x: Tensor) -> Tensor:
        """The encoder's hidden layer (N, F), the space "features". ValueError as for `encode`."""
        encoder = self.model.encoder
        return encoder.hidden(self.model.check_pictures(x).to(self.device)).cpu()

    @torch.inference_mode()
    def encode_with_features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`encode` and `features` in one pass: (N, latent_dim) and (N, F)."""
        encoder = self.model.encoder
        z, features = encoder.encode_with_features(self.model.check_pictures(x).to(self.device))
        return z.cpu(), features.cpu()

    @torch.inference_mode()
    def to_codes(self, z: Tensor) -> Tensor:
        """The codes F(z) (N, latent_dim) that G decodes, where the model has a latent map; without one, z."""
        z, latent_map = self.check_latents(z), self.model.latent_map
        return z if latent_map is None else latent_map(z.to(self.device)).cpu()

    @torch.inference_mode()
    def from_codes(self, codes: Tensor) -> Tensor:
        """The latents (N, latent_dim) of codes: the inverse of `to_codes`."""
        codes, latent_map = self.check_latents(codes), self.model.latent_map
        return codes if latent_map is None else latent_map.invert(codes.to(self.device)).cpu()

    @torch.inference_mode()
    def reconstruct(self, x: Tensor) -> Tensor:
        """G(E(x)): (N, C, H, W). A latent map is left out: F(F^-1(E(x))) is E(x)."""
        self.model.encoder  # noqa: B018  # raises where there is none
        G, E = self.model.networks["generator"], self.model.networks["encoder"]
        return G(E(self.model.check_pictures(x).to(self.device))).cpu()  # type: ignore[no-any-return]

    def repeat_reconstruction(self, x: Tensor, steps: int = 8) -> Tensor:
        """x, G(E(x)), G(E(G(E(x)))), ...: (steps + 1, N, C, H, W), which shows whether x is near a fixed
        point."""
        path = [self.model.check_pictures(x)]
        for _ in range(steps):
            path.append(self.reconstruct(path[-1]))
        return torch.stack(path)

    def invert(
        self,
        x: Tensor,
        method: str | None = None,
        steps: int | None = None,
        seed: int = 0,
        progress: inversion.Progress | None = None,
        feature_weight: float | None = None,
    ) -> Inversion:
        """Latents z for pictures x, with G(z), its mean squared error per pixel (N,), and the smallest error
        after each step (steps taken, N).

        "encoder" returns E(x), a single step. "optimise" uses G alone: at most `steps` steps of gradient
        descent from starts that follow from the seed (see `inversion.optimise`). "hybrid" improves E(x) by at
        most `steps` steps, and is never worse (see `inversion.hybrid`). The default is "encoder" where there
        is one, else "optimise". `progress` is called after each step; returning False stops the descent.
        `feature_weight` is how much the error of the encoder's features counts beside that of the pixels, see
        `descend`. ValueError for an unknown method, pictures of another shape, or "encoder" and "hybrid"
        without an encoder.
        """
        if method is None:
            method = "encoder" if "encoder" in self.model.networks else "optimise"
        if method not in inversion.METHODS:
            raise ValueError(f"Unknown inversion method {method!r}; available = {list(inversion.METHODS)}.")
        x = self.model.check_pictures(x)
        if feature_weight is not None:
            inversion.check_weight(feature_weight)
        if method == "encoder":
            z = self.encode(x)
            image = self.decode(z)
            error = metrics.mse(x.cpu(), image)
            return Inversion(z, image, error, error.unsqueeze(0))
        steps_taken = self.descend(x, method, steps, seed, feature_weight)
        return inversion.finish(self.model.generator, steps_taken, progress)

    def descend(
        self,
        x: Tensor,
        method: str = "hybrid",
        steps: int | None = None,
        seed: int = 0,
        feature_weight: float | None = None,
    ) -> Iterator[inversion.Step]:
        """`invert` by "optimise" or "hybrid", step by step; nothing is computed between two steps.

        `feature_weight` times the error of the encoder's features, relative to their mean square, is added
        to the mean squared error of the pixels; by default `default_feature_weight` for "hybrid", and 0 for
        "optimise". ValueError for a weight out of range, or above 0 without an encoder.
        """
        x, G, prior = self.model.check_pictures(x), self.model.generator, self.config.prior
        steps = inversion.STEPS if steps is None else steps
        weight = feature_weight if feature_weight is None else inversion.check_weight(feature_weight)
        if method == "hybrid":
            weight = self.default_feature_weight if weight is None else weight
            return inversion.hybrid(G, self.model.encoder, prior, x, steps=steps, feature_weight=weight)
        if method == "optimise":
            encoder = self.model.encoder if weight else None
            return inversion.optimise(
                G,
                prior,
                x,
                latent_dim=self.config.latent_dim,
                steps=steps,
                seed=seed,
                encoder=encoder,
                feature_weight=weight or 0.0,
            )
        raise ValueError(f'Steps are taken by "optimise" and "hybrid", not by {method!r}.')

    @property
    def default_feature_weight(self) -> float:
        """How much "hybrid" lets the encoder's features count: hardly for grey pictures, such as digits; in
        colour as much as keeps what a picture shows (`inversion.CONTENT_WEIGHT`)."""
        return inversion.CONTENT_WEIGHT if self.config.channels == 3 else inversion.FEATURE_WEIGHT

    @property
    def sources(self) -> tuple[str, ...]:
        """What `sample` can draw from, its default first: the prior where a latent map makes the codes fill
        it, else the mixture."""
        if self.model.mixture is None:
            return ("prior",)
        return ("mixture", "prior") if self.model.latent_map is None else ("prior", "mixture")

    def sample(
        self, n: int, seed: int = 0, truncation: float = 1.0, source: str | None = None, first: int = 0
    ) -> Tensor:
        """n latents (n, latent_dim), from number `first` of a seed on, which gives the same on every machine.

        `source` is one of `sources`: "mixture", the mixture of Gaussians fitted to the codes of the training
        pictures, where the checkpoint has one, or "prior". `truncation` in [0, 1] shrinks latents towards the
        centre of the prior, or of their Gaussian. ValueError for arguments out of range.
        """
        source = source or self.sources[0]
        if source not in self.sources:
            raise ValueError(f"{self.config.name} draws latents from {list(self.sources)}, not {source!r}.")
        if source == "mixture":
            assert self.model.mixture is not None
            return self.from_codes(self.model.mixture.draw(n, seed, truncation, first))
        return latent.draw(self.config.prior, self.config.latent_dim, n, seed, truncation, first)

    def interpolate(self, a: Tensor, b: Tensor, steps: int) -> Tensor:
        """A path (steps, latent_dim) between two latents, with exact ends: straight for a uniform prior,
        along the great circle for a normal one."""
        a, b = self.check_latents(a), self.check_latents(b)
        return latent.interpolate(a[0], b[0], steps, self.config.prior)

    @functools.cached_property
    def directions(self) -> Directions:
        """The model's directions, for sliders: `directions.get(kind)`, `directions.move(z, ...)`."""
        return Directions(self.model, self.gallery)

    # ------------------------------------------------------------------ neighbours

    def neighbours(self, x: Tensor, k: int = 5, space: str = "features") -> list[Neighbour]:
        """The k gallery pictures nearest to the first picture of x, nearest first. ValueError without a
        gallery, for a space that is not in `spaces`, or k beyond the gallery."""
        return self.neighbours_of_each(self._check_first(x), k, space)[0]

    def neighbours_of_each(self, x: Tensor, k: int = 5, space: str = "features") -> list[list[Neighbour]]:
        """`neighbours` of each picture of x."""
        gallery = self._gallery()
        self._check_space(space)
        return gallery.neighbours(gallery.embed(self.model.check_pictures(x), space), space, k)

    def get_training_picture(self, index: int) -> tuple[Tensor, int]:
        """A picture of the gallery (1, C, H, W) and its label, by its index in the data set. ValueError for
        an index that is not in the gallery."""
        row = self.gallery.find_row(index) if self.gallery is not None else None
        if self.gallery is None or row is None:
            raise ValueError(f"There is no training picture {index} in this model's gallery.")
        pictures = self.gallery.pictures
        return pictures.inputs(slice(row, row + 1)), int(pictures.labels[row])

    def find_memorized(self, x: Tensor) -> list[tuple[Neighbour, float | None]]:
        """For each picture of x the training picture with the nearest pixels (L2), and the share of test
        pictures that are farther from theirs: near 1 where x is closer to a training picture than new real
        pictures are. The share is None for a checkpoint that `python -m train.memorization` has not
        measured. A large gallery is searched in its first space, for it has no pixels."""
        near = self.neighbours_of_each(x, 1, "pixels" if self._gallery().own else self.spaces[0])
        figures = self.get_metrics("memorization")
        measured = isinstance(figures, dict) and figures.get("fingerprint") == self.fingerprint
        measured = measured and self._gallery().pictures.kind == "data"
        quantiles = self.model.get_quantiles("memorization", "quantiles_real") if measured else None
        return [
            (neighbour, None if quantiles is None else metrics.share_above(neighbour.distance, quantiles))
            for (neighbour,) in near
        ]

    def neighbours_of_latent(self, z: Tensor, k: int = 5, space: str = "features") -> list[Neighbour]:
        """`neighbours` of a latent: of its code in the space "code", of its picture G(z) in the others."""
        if space != "code":
            return self.neighbours(self.decode(z), k, space)
        self._check_space(space)
        return self._gallery().neighbours(self.to_codes(z)[:1], space, k)[0]

    @property
    def spaces(self) -> tuple[str, ...]:
        """The spaces in which `neighbours` can search; empty without a gallery."""
        return self.gallery.spaces if self.gallery is not None else ()

    def accuracy(self, space: str) -> float | None:
        """The space's 1NN accuracy on the test set, from metrics.json, or None where it was not measured."""
        if self.gallery is not None and not self.gallery.own:
            return None
        if space == "untrained":  # stored with the accuracy of the trained encoder's features
            return self.get_figure("one_nn", "features", "untrained")
        return self.get_figure("one_nn", space, "accuracy")

    # ------------------------------------------------------------------ error

    def error(self, x: Tensor, y: Tensor) -> float:
        """Mean squared error per pixel between the first pictures of x and y. ValueError for pictures of
        other shapes than the model's, or none."""
        x, y = self._check_first(x), self._check_first(y)
        return float(metrics.mse(x, y)[0])

    def rank_error(self, error: float) -> float | None:
        """The share in [0, 1] of test pictures whose reconstruction has a larger error, or None where it was
        not measured."""
        quantiles = self.model.get_quantiles("reconstruction", "mse_quantiles")
        return metrics.share_above(error, quantiles) if quantiles else None

    # ------------------------------------------------------------------ latents outside Python

    def pack(self, z: Tensor) -> dict[str, Any]:
        """The first latent as JSON: its exact numbers and its checkpoint's fingerprint."""
        return {"fingerprint": self.fingerprint, "z": self.check_latents(z)[0].tolist()}

    def unpack(self, packed: object) -> Tensor:
        """The latent (1, latent_dim) of what `pack` returned. ValueError for anything else, or a latent of
        another checkpoint."""
        if not isinstance(packed, dict) or not isinstance(packed.get("z"), list):
            raise ValueError('A latent is written {"fingerprint": ..., "z": [...]}.')
        if not self.accepts(packed.get("fingerprint")):
            raise ValueError(
                self.config.explain_replacement(packed.get("fingerprint"), "latent")
                or f"This latent belongs to the checkpoint {str(packed.get('fingerprint'))[:16]!r}, not to"
                f" {self.config.name} ({self.fingerprint}); latents mean nothing to another model."
            )
        try:
            z = torch.tensor([packed["z"]], dtype=torch.float32)
        except (TypeError, ValueError, RuntimeError, OverflowError):
            raise ValueError("A latent is a list of numbers.") from None
        return self.check_latents(z)

    # ------------------------------------------------------------------ checks

    def check_latents(self, z: Tensor) -> Tensor:
        """z (D,) or (N, D) as (N, D); ValueError for another shape, or numbers that are not finite."""
        return self.model.check_latents(z)

    def _check_first(self, x: Tensor) -> Tensor:
        if not len(x := self.model.check_pictures(x)):
            raise ValueError("At least one picture is needed.")
        return x[:1]

    def _gallery(self) -> Gallery:
        if self.gallery is None:
            raise ValueError(f"{self.config.name} has no gallery of pictures: {explain_absence(self.model)}.")
        return self.gallery

    def _check_space(self, space: str) -> None:
        if space not in self._gallery().spaces:
            raise ValueError(f"Space {space!r} not found; available = {list(self.spaces)}.")


def vote(neighbours: Sequence[Neighbour]) -> tuple[int, int]:
    """The most frequent label of neighbours, nearest first, and its count; of equally frequent ones the
    nearest."""
    counts = Counter(neighbour.label for neighbour in neighbours)  # keeps the order of first occurrence
    label, count = max(counts.items(), key=lambda item: item[1])
    return label, count


def load(
    name: str, device: torch.device | str = "cpu", stand_ins: bool = True, gallery: Path | None = None
) -> Explorer:
    """The Explorer of a bundled checkpoint's name, a folder, or a Hub id "user/repo[@revision]", on "auto",
    "cpu", "cuda" or "cuda:N". Where the training pictures are not here, `stand_ins` lets others take their
    place (`Pictures.kind`); a damaged gallery is left out (`LatentModel.broken`). `gallery` is the folder of
    a large one (`python -m train.gallery`) in its place. CheckpointError, a ValueError, for a checkpoint that
    is missing, damaged or does not fit; ValueError for a device or a gallery that the model cannot use."""
    model = checkpoint.load(name, device)
    return Explorer(*load_gallery(model, stand_ins, gallery))
