"""The light: whether a picture is like the training pictures, at the cost of one look by the judge.

The gauge of `ganlab.outliers` needs the encoder, the gallery and the discriminator of pairs: too much for
each frame while a hand moves. The light estimates its verdict from what the judge computes anyway, and from
how long the latent is, the typical shell of the prior. It is a logistic regression, fitted so that pictures
like and unlike the training pictures weigh the same. `python -m train.light` fits it, and measures on other
pictures how often both agree; ganlab/ui/static/lib/light.js is the same in the page.

The judge's confidence alone says nothing here: it is 0.99 on rubble.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ganlab import tensor_files
from ganlab.config import CheckpointError, ModelConfig
from ganlab.explorer import Explorer
from ganlab.judge import Judge, Network

FILE = "light.safetensors"
BATCH = 1000  # pictures at a time


@dataclass(frozen=True, eq=False)
class Light:
    """score = inputs @ weight + bias, for the inputs of `compute_inputs`."""

    weight: Tensor  # (S,) float32
    bias: float

    def score(self, inputs: Tensor) -> Tensor:
        """(N,) of inputs (N, S): above 0 for pictures that look unlike the training pictures."""
        return inputs @ self.weight + self.bias

    @staticmethod
    def load(explorer: Explorer) -> Light | None:
        """The one stored with the checkpoint; None without one that was fitted for exactly these weights and
        this judge. CheckpointError for a damaged file."""
        model, judge = explorer.model, explorer.judge
        if judge is None or (stored := model.read_tensors(FILE)) is None:
            return None
        tensors, metadata = stored
        try:
            weight, bias = tensors["weight"], tensors["bias"]
            fitted_for = metadata["fingerprint"], metadata["judge"]
        except KeyError as error:
            raise CheckpointError(f"{FILE} of {model.config.name} is damaged: it lacks {error}.") from None
        if fitted_for != (model.fingerprint, judge.fingerprint):
            return None
        shapes = weight.shape, bias.shape
        if shapes != ((count_inputs(judge),), ()) or {weight.dtype, bias.dtype} != {torch.float32}:
            raise CheckpointError(f"{FILE} of {model.config.name} does not fit its judge.")
        return Light(weight, float(bias))

    def save(self, explorer: Explorer, folder: Path) -> None:
        """Store it with the checkpoint in `folder`."""
        assert explorer.judge is not None
        tensors = {"weight": self.weight, "bias": torch.tensor(self.bias)}
        metadata = {"fingerprint": explorer.fingerprint, "judge": explorer.judge.fingerprint}
        tensor_files.write(folder / FILE, tensors, metadata)


def find_light(explorer: Explorer) -> tuple[Light | None, str]:
    """The light of a model, and else why it has none: of a damaged file, what is wrong with it."""
    if explorer.judge is None:
        return None, f"{explorer.parts.explain_missing_judge()} So there is no light."
    try:
        light = Light.load(explorer)
    except CheckpointError as error:
        return None, str(error)
    if light is None and "encoder" not in explorer.model.networks:
        return None, "This GAN has no encoder, and so no full check whose verdict a light could give."
    if light is None:
        return None, "No light was fitted for this model: python -m train.light fits it."
    return light, ""


def explain_absence(explorer: Explorer) -> str:
    """Why a model has no light; empty where it has one."""
    return find_light(explorer)[1]


def count_inputs(judge: Judge) -> int:
    """S: two for each channel of the judge's convolutions, its features, its largest logit, the length."""
    channels = sum(m.out_channels for m in judge.network.hidden if isinstance(m, nn.Conv2d))
    return 2 * channels + judge.config.features + 2


def get_typical_length(config: ModelConfig) -> float:
    """The root of the mean squared norm of latents of the prior."""
    return math.sqrt(config.latent_dim * (1 if config.prior == "normal" else 1 / 3))


@torch.inference_mode()
def compute_inputs(explorer: Explorer, z: Tensor, x: Tensor) -> Tensor:
    """(N, S) float32 for latents z (N, D) and their pictures x (N, C, H, W) in [0, 1].

    The mean and the maximum of each channel of the judge's convolutions, in their order, after pooling and
    nonlinearity; its features; its largest logit; and the norm of z as a multiple of the typical one.
    ValueError for a model without a judge.
    """
    judge = explorer.judge
    if judge is None:
        raise ValueError(f"{explorer.config.name} has no judge, which the light needs.")
    weight = judge.network.output.weight
    seen = [
        _summarise(judge.network, part.to(weight.device, weight.dtype)).float().cpu()
        for part in torch.split(x, BATCH)
    ]
    lengths = z.float().norm(dim=1, keepdim=True) / get_typical_length(explorer.config)
    return torch.cat([torch.cat(seen), lengths], 1)


def _summarise(network: Network, x: Tensor) -> Tensor:
    parts = []
    for module in network.hidden:
        x = module(x)
        if isinstance(module, nn.ReLU) and x.dim() == 4:
            parts += [x.mean((2, 3)), x.amax((2, 3))]
    return torch.cat([*parts, x, network.output(x).amax(1, keepdim=True)], 1)
