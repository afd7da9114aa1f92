"""python -m train.evaluate NAME...: all figures that the app or a model card shows, of what is stored."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganlab import latent, metrics, model, networks
from ganlab.gallery import Gallery, Pictures, load_pictures
from ganlab.model import METRICS_FILE, CheckpointError, LatentModel, ModelConfig
from train import card, data
from train.trainer import current_commit

BATCH = 2500  # pictures or points at a time
CALIBRATION_BATCH = 512
LATENTS = 10_000  # prior samples behind the latent error
SEEDS = {"latent": 0, "untrained": 0}


def evaluate(folder: Path, test: Pictures) -> dict[str, Any]:
    """Measure the checkpoint in `folder` on `test`, and write its metrics.json and its card."""
    began = time.perf_counter()
    load_pictures.cache_clear()
    stored = model.load(str(folder))
    gallery = Gallery.load(stored)
    if gallery is None:
        raise CheckpointError(
            f"{stored.config.name} has no gallery to be evaluated against: make it with"
            f" python -m train.gallery {stored.config.dataset}."
        )
    loaded = time.perf_counter() - began
    figures = measure(stored, gallery, test)
    seconds = time.perf_counter() - began
    dataset = stored.config.dataset
    found = {
        "evaluation": {
            "command": f"python -m train.evaluate {folder.name}",
            "date": datetime.date.today().isoformat(),
            "commit": current_commit(),
            "fingerprint": stored.fingerprint,
            "gallery": f"{dataset} train, {len(gallery)}",
            "test": f"{dataset} test, {len(test)}",
            "seeds": SEEDS,
            "seconds": round(seconds, 1),
        },
        "training": stored.metrics.get("training", {}),
        **_rounded(figures),
    }
    write_metrics(folder, found)
    card.write(folder)
    print(card.table(stored.config, found))
    print(f"{folder.name}: checkpoint and gallery loaded in {loaded:.2f} s, all measured in {seconds:.0f} s")
    return found


def write_metrics(folder: Path, found: dict[str, Any]) -> None:
    partial = folder / f"{METRICS_FILE}.partial"
    partial.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    partial.replace(folder / METRICS_FILE)


# ---------------------------------------------------------------------- the figures


@torch.inference_mode()
def measure(stored: LatentModel, gallery: Gallery, test: Pictures) -> dict[str, Any]:
    """All figures of one model; what needs an encoder is left out where there is none."""
    x, labels = test.inputs(slice(None)), test.labels
    judged = nearest_labels(gallery, x.flatten(1), "pixels")
    one_nn: dict[str, dict[str, float]] = {}
    figures: dict[str, Any] = {"one_nn": one_nn}
    if "encoder" in stored.networks:
        bare = Gallery(untrained(stored.config, gallery.pictures, SEEDS["untrained"]), gallery.pictures)
        first = one_nn_of_encoder(bare, x, labels)
        del bare  # a quarter of a gigabyte of features
        for space, share in one_nn_of_encoder(gallery, x, labels).items():
            one_nn[space] = _share(share, len(x)) | {"untrained": first[space]}
    one_nn["pixels"] = _share(metrics.accuracy(judged, labels), len(x))
    if {"encoder", "generator"} <= stored.networks.keys():
        y = in_batches(lambda some: stored.generator(stored.encoder(some)), x)
        figures["reconstruction"] = reconstruction(x, y, metrics.mean_image(gallery.pictures.pixels))
        figures["latent"] = latent_error(stored, SEEDS["latent"])
        judged_again = nearest_labels(gallery, y.flatten(1), "pixels")
        kept = metrics.accuracy(judged_again, labels)
        figures["identity"] = {
            "label_kept": kept,
            "standard_error": metrics.standard_error(kept, len(x)),
            "same_as_input": metrics.accuracy(judged_again, judged),
            "judge": f"1-nearest neighbour in raw pixels, {len(gallery)} training digits",
            "judge_accuracy": metrics.accuracy(judged, labels),
        }
    return figures


def one_nn_of_encoder(gallery: Gallery, x: Tensor, labels: Tensor) -> dict[str, float]:
    """1NN accuracy in the encoder's spaces: its hidden layer, z as stored, and z before the box."""
    encoder = gallery.model.encoder
    found = {
        space: metrics.accuracy(nearest_labels(gallery, gallery_points(gallery, x, space), space), labels)
        for space in ("features", "code")
    }
    # The release's NNC_e. No space of the app: the search is told that the logits are the codes.
    logits = in_batches(encoder.logits, gallery.pictures)
    aside = Gallery(gallery.model, gallery.pictures, codes=logits)
    found["logits"] = metrics.accuracy(nearest_labels(aside, in_batches(encoder.logits, x), "code"), labels)
    return found


def gallery_points(gallery: Gallery, x: Tensor, space: str) -> Tensor:
    return in_batches(lambda some: gallery.embed(some, space), x)


def nearest_labels(gallery: Gallery, points: Tensor, space: str) -> Tensor:
    """Label of each point's nearest gallery picture, by the search that the app uses: (N,)."""
    rows = [gallery.search(some, space, 1)[1][:, 0] for some in torch.split(points, BATCH)]
    return gallery.pictures.labels[torch.cat(rows)]


def reconstruction(x: Tensor, y: Tensor, mean: Tensor) -> dict[str, Any]:
    """How far y = G(E(x)) is from x, beside answers that know nothing of x."""
    other = metrics.next_one(x)
    error, baseline = float(metrics.l2(x, y).mean()), float(metrics.l2(other, y).mean())
    return {
        "l2": error,
        "l2_random_pair": baseline,
        "l2_ratio": error / baseline,
        "l2_real_pair": float(metrics.l2(other, x).mean()),
        "mse": float(metrics.mse(x, y).mean()),
        "mse_random_pair": float(metrics.mse(other, y).mean()),
        "mse_mean_image": float(metrics.mse(x, mean).mean()),
        "mse_quantiles": metrics.quantiles(metrics.mse(x, y)),
    }


def latent_error(stored: LatentModel, seed: int) -> dict[str, float]:
    """Mean |E(G(z)) - z| over the prior, beside that of two independent z."""
    z = latent.draw(stored.config.prior, stored.config.latent_dim, LATENTS, seed)
    again = in_batches(lambda some: stored.encoder(stored.generator(some)), z)
    return {
        "mean_abs_error": float((again - z).abs().mean()),
        "mean_abs_error_random_pair": float((metrics.next_one(z) - z).abs().mean()),
    }


def untrained(config: ModelConfig, pictures: Pictures, seed: int) -> LatentModel:
    """The same networks as training with `seed` begins with; batch norm as it would be deployed."""
    nets = networks.build(config)
    networks.initialise(nets, seed)
    networks.calibrate(nets["encoder"], ((x,) for x in calibration_pictures(pictures)))
    return LatentModel(dataclasses.replace(config, name="untrained"), nets, fingerprint="untrained")


def calibration_pictures(pictures: Pictures) -> Iterator[Tensor]:
    """All pictures in batches of one size, (B, C, H, W) in [0, 1], for `networks.calibrate`."""
    size = min(CALIBRATION_BATCH, len(pictures))
    for start in range(0, len(pictures) - size + 1, size):
        yield pictures.inputs(slice(start, start + size))


def in_batches(function: Callable[[Tensor], Tensor], inputs: Tensor | Pictures) -> Tensor:
    """function of all rows, with no more than a batch of what lies between in memory."""
    parts = [slice(start, start + BATCH) for start in range(0, len(inputs), BATCH)]
    rows = inputs.inputs if isinstance(inputs, Pictures) else inputs.__getitem__
    return torch.cat([function(rows(part)) for part in parts])


def _share(share: float, count: int) -> dict[str, float]:
    return {"accuracy": share, "standard_error": metrics.standard_error(share, count)}


def _rounded(value: Any) -> Any:
    """Six significant digits are more than any figure here deserves."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m train.evaluate", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME", help="a checkpoint's name or folder")
    data.add_root_flag(parser)
    options = parser.parse_args(arguments)
    try:
        for name in options.names:
            folder = model.resolve(name)
            test = data.load(model.load(name).config.dataset, options.data_root, "test")
            evaluate(folder, test)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
