"""Explorer: everything one can do with a model, typed, stateless and safe to share between threads."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ganlab import images, inversion, latent, metrics
from ganlab import model as checkpoint
from ganlab.config import ModelConfig
from ganlab.directions import Directions
from ganlab.gallery import Gallery, Neighbour
from ganlab.images import Polarity, PreparedPicture
from ganlab.inversion import Inversion
from ganlab.judge import Judge
from ganlab.model import LatentModel


class Explorer:
    """A model and its gallery. Pictures are (N, C, H, W) in [0, 1], latents (N, latent_dim), on the CPU.

    The same recipe (fingerprint, latent or seed, operation, parameters) gives the same result in the
    interface, a notebook and a script. Errors of use are ValueError.
    """

    def __init__(self, model: LatentModel, gallery: Gallery | None = None) -> None:
        self.model, self.gallery = model, gallery
        self.device = next(model.generator.parameters()).device

    @property
    def config(self) -> ModelConfig:
        return self.model.config

    @property
    def metrics(self) -> dict[str, Any]:
        """The checkpoint's measured figures (metrics.json); empty before `python -m train.evaluate`."""
        return self.model.metrics

    def get_metrics(self, *keys: str) -> Any:
        """The value in metrics.json under these nested keys, or None where it was not measured."""
        return self.model.get_metrics(*keys)

    def get_figure(self, *keys: str) -> float | None:
        """The number in metrics.json under these nested keys, or None."""
        return self.model.get_figure(*keys)

    @property
    def fingerprint(self) -> str:
        """The checkpoint's hash, which its latents carry outside Python."""
        return self.model.fingerprint

    def accepts(self, fingerprint: object) -> bool:
        """Whether a latent, recipe or shelf with this fingerprint belongs to the checkpoint: its own, or an
        earlier one of the same generator, encoder and prior (`ModelConfig.aliases`)."""
        return fingerprint == self.fingerprint or fingerprint in self.config.aliases

    @functools.cached_property
    def judge(self) -> Judge | None:
        """The classifier of the model's data set, or None where none fits its pictures."""
        found = Judge.load(self.config.dataset, self.device)
        return found if found is not None and found.config.image_shape == self.config.image_shape else None

    # ------------------------------------------------------------------ pictures and latents

    def prepare(self, source: images.Source, polarity: Polarity = "auto") -> Tensor:
        """Any picture -> the model's input, float32 (1, C, H, W) in [0, 1]."""
        return self.prepare_upload(source, polarity).x

    def prepare_upload(self, source: images.Source, polarity: Polarity = "auto") -> PreparedPicture:
        """`prepare`, with notes on what was done to the picture."""
        return images.prepare(source, self.config, polarity)

    @torch.inference_mode()
    def encode(self, x: Tensor) -> Tensor:
        """E(x): (N, latent_dim)."""
        encoder = self.model.encoder
        return encoder(self.model.check_pictures(x).to(self.device)).cpu()  # type: ignore[no-any-return]

    @torch.inference_mode()
    def decode(self, z: Tensor) -> Tensor:
        """G(z): (N, C, H, W) in [0, 1]."""
        return self.model.generator(self.check_latents(z).to(self.device)).cpu()  # type: ignore[no-any-return]

    @torch.inference_mode()
    def features(self, x: Tensor) -> Tensor:
        """The encoder's hidden layer, (N, F): the space "features"."""
        encoder = self.model.encoder
        return encoder.hidden(self.model.check_pictures(x).to(self.device)).cpu()

    def reconstruct(self, x: Tensor) -> Tensor:
        """G(E(x))."""
        return self.decode(self.encode(x))

    def repeat_reconstruction(self, x: Tensor, steps: int = 8) -> Tensor:
        """x, G(E(x)), G(E(G(E(x)))), ...: (steps + 1, N, C, H, W). It rests at a fixed point."""
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
    ) -> Inversion:
        """Latents for x, with their pictures (N, C, H, W), errors (N,) and the way there (steps done, N).

        "encoder" asks E: one step, whose trace is one row. "optimise" asks G alone: at most `steps` of
        gradient descent from starts that follow from the seed (see `inversion.optimise`). "hybrid" improves
        E(x) by at most `steps` of it, and is never worse (see `inversion.hybrid`). Without a method it is
        the encoder's where there is one. The error is mean and squared, a pixel in [0, 1]. `progress` hears
        of each step, and stops there by returning False. ValueError for an unknown method, pictures of
        another shape, or "encoder" or "hybrid" without an encoder.
        """
        if method is None:
            method = "encoder" if "encoder" in self.model.networks else "optimise"
        if method not in inversion.METHODS:
            raise ValueError(f"Unknown inversion method {method!r}; available = {list(inversion.METHODS)}.")
        x = self.model.check_pictures(x)
        if method == "encoder":
            z = self.encode(x)
            image = self.decode(z)
            error = metrics.mse(x.cpu(), image)
            return Inversion(z, image, error, error.unsqueeze(0))
        return inversion.finish(self.model.generator, self.descend(x, method, steps, seed), progress)

    def descend(
        self, x: Tensor, method: str = "hybrid", steps: int | None = None, seed: int = 0
    ) -> Iterator[inversion.Step]:
        """`invert` by "optimise" or "hybrid" step by step: what each has found so far."""
        x, G, prior = self.model.check_pictures(x), self.model.generator, self.config.prior
        steps = inversion.STEPS if steps is None else steps
        if method == "hybrid":
            return inversion.hybrid(G, self.model.encoder, prior, x, steps=steps)
        if method == "optimise":
            dim = self.config.latent_dim
            return inversion.optimise(G, prior, x, latent_dim=dim, steps=steps, seed=seed)
        raise ValueError(f'Steps are taken by "optimise" and "hybrid", not by {method!r}.')

    @property
    def sources(self) -> tuple[str, ...]:
        """What latents can be drawn from, the one that `sample` prefers first."""
        return ("prior",) if self.model.mixture is None else ("mixture", "prior")

    def sample(self, n: int, seed: int = 0, truncation: float = 1.0, source: str | None = None) -> Tensor:
        """n latents (n, latent_dim); the same seed gives the same on every machine.

        They are of the mixture of Gaussians that was fitted to the codes of the training pictures, where
        the checkpoint holds one (`density`), else of the prior; `source`, one of `sources`, chooses.
        """
        source = source or self.sources[0]
        if source not in self.sources:
            raise ValueError(f"{self.config.name} draws latents from {list(self.sources)}, not {source!r}.")
        if source == "mixture":
            assert self.model.mixture is not None
            return self.model.mixture.draw(n, seed, truncation)
        return latent.draw(self.config.prior, self.config.latent_dim, n, seed, truncation)

    def interpolate(self, a: Tensor, b: Tensor, steps: int) -> Tensor:
        """A path (steps, latent_dim) from a to b, as the prior wants it, with exact ends."""
        a, b = self.check_latents(a), self.check_latents(b)
        return latent.interpolate(a[0], b[0], steps, self.config.prior)

    @functools.cached_property
    def directions(self) -> Directions:
        """The model's directions, for sliders: `directions.get(kind)`, `directions.move(z, ...)`."""
        return Directions(self.model, self.gallery)

    # ------------------------------------------------------------------ neighbours

    def neighbours(self, x: Tensor, k: int = 5, space: str = "features") -> list[Neighbour]:
        """The k gallery pictures nearest to the first picture of x, nearest first."""
        gallery = self._gallery()
        self._check_space(space)
        return gallery.neighbours(gallery.embed(self.model.check_pictures(x)[:1], space), space, k)[0]

    def get_training_picture(self, index: int) -> tuple[Tensor, int]:
        """A picture of the gallery (1, C, H, W) and its label, by its index in the data set."""
        pictures = self.gallery.pictures if self.gallery is not None else None
        row = (pictures.indices == index).nonzero().flatten()[:1] if pictures is not None else None
        if pictures is None or row is None or not len(row):
            raise ValueError(f"There is no training picture {index} in this model's gallery.")
        return pictures.inputs(row), int(pictures.labels[row])

    def find_memorized(self, x: Tensor) -> list[tuple[Neighbour, float | None]]:
        """For each picture of x (N, C, H, W) the training picture whose pixels are nearest (L2), and the
        share of test pictures that are less near to theirs: near 1 for what lies closer than new real
        pictures do. It is None where `python -m train.memorization` has not measured the checkpoint."""
        near = self._gallery().neighbours(self.model.check_pictures(x).cpu().flatten(1), "pixels", 1)
        told = self.get_metrics("memorization")
        known = isinstance(told, dict) and told.get("fingerprint") == self.fingerprint
        quantiles = told["quantiles_real"] if known else None
        return [
            (one, None if quantiles is None else metrics.share_above(one.distance, quantiles))
            for (one,) in near
        ]

    def neighbours_of_latent(self, z: Tensor, k: int = 5, space: str = "features") -> list[Neighbour]:
        """As `neighbours`, from a latent: itself in the space "code", its picture G(z) elsewhere."""
        if space != "code":
            return self.neighbours(self.decode(z), k, space)
        self._check_space(space)
        return self._gallery().neighbours(self.check_latents(z)[:1], space, k)[0]

    @property
    def spaces(self) -> tuple[str, ...]:
        """Where neighbours can be looked up; empty without a gallery."""
        return self.gallery.spaces if self.gallery is not None else ()

    def accuracy(self, space: str) -> float | None:
        """The space's measured 1NN accuracy on the test set, from metrics.json, or None."""
        if space == "untrained":  # stored beside that of the space which training made of it
            return self.get_figure("one_nn", "features", "untrained")
        return self.get_figure("one_nn", space, "accuracy")

    # ------------------------------------------------------------------ error

    def error(self, x: Tensor, y: Tensor) -> float:
        """Mean squared error per pixel of the first pictures, pixels in [0, 1]."""
        return float(metrics.mse(x[:1], y[:1])[0])

    # ------------------------------------------------------------------ latents outside Python

    def pack(self, z: Tensor) -> dict[str, Any]:
        """One latent as JSON: its numbers, exact, and its checkpoint's fingerprint."""
        return {"fingerprint": self.fingerprint, "z": self.check_latents(z)[0].tolist()}

    def unpack(self, packed: object) -> Tensor:
        """A packed latent -> (1, latent_dim); one of another checkpoint is refused."""
        if not isinstance(packed, dict) or not isinstance(packed.get("z"), list):
            raise ValueError('A latent is written {"fingerprint": ..., "z": [...]}.')
        if not self.accepts(packed.get("fingerprint")):
            raise ValueError(
                f"This latent belongs to the checkpoint {str(packed.get('fingerprint'))[:16]!r}, not to"
                f" {self.config.name} ({self.fingerprint}); latents mean nothing to another model."
            )
        try:
            z = torch.tensor([packed["z"]], dtype=torch.float32)
        except (TypeError, ValueError, RuntimeError):
            raise ValueError("A latent is a list of numbers.") from None
        return self.check_latents(z)

    # ------------------------------------------------------------------ checks

    def check_latents(self, z: Tensor) -> Tensor:
        """z (D,) or (N, D) as (N, D); ValueError for another shape, or numbers that are not finite."""
        return self.model.check_latents(z)

    def _gallery(self) -> Gallery:
        if self.gallery is None:
            raise ValueError(f"{self.config.name} has no gallery, so it has no neighbours to show.")
        return self.gallery

    def _check_space(self, space: str) -> None:
        if space not in self._gallery().spaces:
            raise ValueError(f"Space {space!r} not found; available = {list(self.spaces)}.")


def vote(neighbours: Sequence[Neighbour]) -> tuple[int, int]:
    """The commonest label among neighbours and its count; a tie goes to the nearer label."""
    counts = Counter(neighbour.label for neighbour in neighbours)  # keeps the order of first sight
    label, count = max(counts.items(), key=lambda item: item[1])
    return label, count


def load(name: str, device: torch.device | str = "cpu") -> Explorer:
    """A bundled checkpoint's name, a folder, or a Hub id "user/repo[@revision]" -> Explorer."""
    model = checkpoint.load(name, device)
    return Explorer(model, Gallery.load(model))
