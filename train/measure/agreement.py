"""Class agreement of nearest neighbours in colour: one neighbour and five, in every space and its rivals.

Distances are Euclidean, without normalisation. Of one neighbour: the share of test pictures whose nearest
picture of the gallery has their class. Of five: the share of the five nearest that have the test picture's
class, on average.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ganlab import metrics
from ganlab.gallery import Gallery, Pictures, build_untrained
from ganlab.model import LatentModel
from ganlab.nearest import Points, find_nearest
from ganlab.networks import Discriminator, Encoder, JointDiscriminator
from train.measure.batches import get_batch
from train.measure.measurement import Figures

K = 5
MAX_REFERENCES = 60_000  # pictures of the gallery, the first
LEVELS = 8  # of each channel in a histogram, which has LEVELS^3 bins
SEARCHED = 500  # points searched at a time


@torch.inference_mode()
def measure_agreement(model: LatentModel, gallery: Gallery, test: Pictures, seed: int) -> Figures:
    """By space, accuracy of the nearest neighbour and mean share of five, with standard errors: "features",
    "code", "discriminator" of the networks that the model has, beside an untrained encoder with the weights
    of `seed`; "pixels", "histograms"; and "chance", a picture of the gallery drawn at random."""
    references = gallery.pictures.take(slice(0, MAX_REFERENCES))
    batch = get_batch(model.config)
    spaces = [_embed(model.networks, pictures, batch) for pictures in (references, test)]
    fresh = build_untrained(model.config, references, seed, ["encoder"])
    for network in fresh.values():
        network.to(memory_format=torch.channels_last)
    bare = [_embed(fresh, pictures, batch) for pictures in (references, test)]
    figures: Figures = {}
    for space in spaces[0]:
        figures[space] = compare_classes(spaces[0][space], spaces[1][space], references.labels, test.labels)
        if space in bare[0]:
            untrained = compare_classes(bare[0][space], bare[1][space], references.labels, test.labels)
            figures[space] |= {"untrained": untrained["accuracy"], "untrained_five": untrained["five"]}
    del spaces, bare
    for space, embed in (("pixels", _flatten), ("histograms", compute_histograms)):
        figures[space] = compare_classes(embed(references), embed(test), references.labels, test.labels)
    figures["chance"] = _measure_chance(references.labels, test.labels)
    return figures


def compare_classes(rows: Tensor, points: Tensor, row_labels: Tensor, labels: Tensor) -> Figures:
    """Agreement of the classes (N,) of points (N, F) with those (M,) of their nearest of rows (M, F)."""
    references, k = Points.from_rows(rows), min(K, len(rows))
    near = torch.cat([find_nearest(part, references, k)[1] for part in torch.split(points, SEARCHED)])
    right = (row_labels[near] == labels[:, None]).double()
    accuracy, shares = float(right[:, 0].mean()), right.mean(1)
    return {
        "accuracy": accuracy,
        "standard_error": metrics.standard_error(accuracy, len(labels)),
        "five": float(shares.mean()),
        "five_error": float(shares.std()) / math.sqrt(len(labels)) if len(labels) > 1 else 0.0,
    }


def compute_histograms(pictures: Pictures) -> Tensor:
    """(N, LEVELS^3): the square roots of the shares of a picture's pixels in bins of red, green and blue, so
    that Euclidean distances are Hellinger's, but for a factor."""
    counts = torch.zeros(len(pictures), LEVELS**3)
    for start in range(0, len(pictures), SEARCHED):
        levels = pictures.pixels[start : start + SEARCHED].long() * LEVELS // 256
        red, green, blue = levels.flatten(2).unbind(1)
        bins = (red * LEVELS + green) * LEVELS + blue  # (n, H * W)
        counts[start : start + SEARCHED].scatter_add_(1, bins, torch.ones(bins.shape))
    return (counts / pictures.pixels[0, 0].numel()).sqrt()


def _flatten(pictures: Pictures) -> Tensor:
    return pictures.flat


def _embed(nets: dict[str, nn.Module], pictures: Pictures, batch: int) -> dict[str, Tensor]:
    """The spaces that `nets` have, of all pictures, in one pass: each (N, F)."""
    E, D = nets.get("encoder"), nets.get("discriminator")
    joint = nets.get("joint_discriminator")
    parts: dict[str, list[Tensor]] = {}
    for start in range(0, len(pictures), batch):
        x = pictures.inputs(slice(start, start + batch))
        if isinstance(E, Encoder):
            code, features = E.encode_with_features(x)
            parts.setdefault("features", []).append(features)
            parts.setdefault("code", []).append(code)
            if isinstance(joint, JointDiscriminator) and not isinstance(D, Discriminator):
                parts.setdefault("discriminator", []).append(joint.hidden(x, code))
        if isinstance(D, Discriminator):
            parts.setdefault("discriminator", []).append(D.hidden(x))
    return {space: torch.cat(rows) for space, rows in parts.items()}


def _measure_chance(references: Tensor, labels: Tensor) -> Figures:
    """How often a random picture of the gallery has a test picture's class."""
    classes = int(torch.cat([references, labels]).max()) + 1
    shares = [torch.bincount(some, minlength=classes).double() / len(some) for some in (references, labels)]
    share = float((shares[0] * shares[1]).sum())
    return {"accuracy": share, "standard_error": 0.0, "five": share, "five_error": 0.0}
