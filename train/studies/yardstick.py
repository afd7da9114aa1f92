"""One yardstick for the pictures of several models or maps: the gauge of one model, its judge, its pictures.

Each model has a gauge of its own, made of its own E, G and D, so that shares of pictures unlike digits do not
compare between models. Here one gauge judges all.
"""

from __future__ import annotations

import dataclasses
import hashlib

import torch
from torch import Tensor

from ganlab import metrics, networks, outliers
from ganlab.explorer import Explorer
from ganlab.gallery import Gallery, Pictures
from ganlab.model import LatentModel
from ganlab.nearest import Points
from ganlab.outliers import Gauge
from train.measure import frechet, memorization


def remove_map(model: LatentModel) -> LatentModel:
    """The model without its latent map, if it has one: its latents are the encoder's codes. All figures of
    reconstructions, and the gauge, are the same, without the map's slow inverse."""
    config = model.config
    kept = {name: network for name, network in model.networks.items() if name != networks.LATENT_MAP}
    names = tuple(name for name in config.trained_networks if name != networks.LATENT_MAP)
    bare = dataclasses.replace(
        config, networks=tuple(kept), trained_networks=names, map_width=0, map_blocks=0, map_steps=0
    )
    return dataclasses.replace(model, config=bare, networks=kept)


def hash_weights(model: LatentModel) -> str:
    """16 hexadecimal digits of all networks but the latent map: another map leaves codes and gauge alone."""
    digest = hashlib.sha256()
    for name, network in sorted(remove_map(model).networks.items()):
        for key, value in network.state_dict().items():
            digest.update(f"{name}.{key}".encode() + value.cpu().numpy().tobytes())
    return digest.hexdigest()[:16]


class Yardstick:
    """Figures of pictures x (N, C, H, W) in [0, 1], whatever drew them: by the gauge of `model`, calibrated
    on the test pictures as `train.evaluate` does, in its judge's features, and beside its training
    pictures."""

    @torch.inference_mode()
    def __init__(self, model: LatentModel, test: Pictures) -> None:
        """ValueError for a model without an encoder, a gallery or a judge."""
        bare = remove_map(model)
        self.explorer = Explorer(bare, Gallery.load(bare))
        judge = self.explorer.judge
        if judge is None:
            raise ValueError(f"{model.config.name} has no judge of {model.config.dataset}.")
        x = test.inputs(slice(None))
        self.gauge = Gauge.from_statistics(*outliers.compute_statistics(self.explorer, x))
        assert self.explorer.gallery is not None
        self.judge, self.pictures = judge, self.explorer.gallery.pictures
        some, self.unseen = memorization.draw_control(self.pictures, test)
        self.some = Points.from_rows(some.flatten(1))
        self.real = judge.features(x[: frechet.SAMPLES])
        self.floor = metrics.frechet_distance(judge.features(some[: frechet.SAMPLES]), self.real)

    @torch.inference_mode()
    def measure_unlike(self, x: Tensor) -> float:
        """Share that the gauge calls unlike digits."""
        scores = outliers.score_pictures(self.explorer, x, self.gauge)
        assert scores is not None
        return float(scores.are_outliers.double().mean())

    @torch.inference_mode()
    def measure_frechet(self, x: Tensor) -> float:
        """Fréchet distance from the test pictures, in the judge's features."""
        return metrics.frechet_distance(self.judge.features(x), self.real)

    @torch.inference_mode()
    def measure_nearer(self, x: Tensor) -> float:
        """Share that is nearer to a training picture than to any of as many test pictures."""
        return memorization.measure_nearer(x.flatten(1), self.some, self.unseen)
