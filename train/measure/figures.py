"""What `train.evaluate` measures of a model: pure functions from networks and pictures to figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ganlab import latent, metrics
from ganlab.gallery import Gallery, Pictures, build_untrained
from ganlab.judge import Judge
from ganlab.model import LatentModel
from ganlab.nearest import Points, find_nearest
from ganlab.networks import Discriminator, Encoder

BATCH = 2500  # pictures or points at a time
SAMPLES = 10_000  # latents of the prior behind the latent error and the Fréchet distance
SEEDS = {"latent": 0, "samples": 1, "untrained": 0, "floor": 0, "codes": 2}
TESTED = 1000  # codes, and as many latents of the prior, in the test of whether they are of one distribution
PATHS, STEPS = 500, 9  # paths between test pictures of different classes, and pictures on each


@torch.inference_mode()
def measure(
    stored: LatentModel, gallery: Gallery, test: Pictures, judge: Judge | None, seed: int = SEEDS["untrained"]
) -> dict[str, Any]:
    """All figures of one model but the raw pixels'; what needs an encoder is left out where there is none.

    `seed` is that of the random weights which training is compared with.
    """
    x, labels = test.inputs(slice(None)), test.labels
    figures: dict[str, Any] = {"one_nn": one_nn(stored, gallery, x, labels, seed)}
    if "generator" in stored.networks and judge is not None:
        figures["frechet"] = frechet(stored, gallery.pictures, x, judge)
    if {"encoder", "generator"} <= stored.networks.keys():
        y = in_batches(lambda some: stored.generator(stored.encoder(some)), x)
        figures["reconstruction"] = reconstruction(x, y, metrics.mean_image(gallery.pictures.pixels))
        figures["latent"] = latent_error(stored)
        figures["codes"] = codes(stored, x)
        if judge is not None:
            figures["identity"] = identity(x, y, labels, judge)
            figures["paths"] = paths(stored, x, labels, judge)
    return figures


# ---------------------------------------------------------------------- nearest neighbours


def one_nn(
    stored: LatentModel, gallery: Gallery, x: Tensor, labels: Tensor, seed: int
) -> dict[str, dict[str, float]]:
    """1NN accuracy in every space that a network makes, beside the same network with random weights."""
    bare = build_untrained(stored.config, gallery.pictures, seed)
    found: dict[str, dict[str, float]] = {}

    def add(
        space: str, network: Callable[[Tensor], Tensor], fresh: Callable[[Tensor], Tensor] | None
    ) -> None:
        found[space] = share(nearest_accuracy(network, gallery.pictures, x, labels), len(x))
        if fresh is not None:
            found[space]["untrained"] = nearest_accuracy(fresh, gallery.pictures, x, labels)

    if "encoder" in stored.networks:
        E, fresh = stored.encoder, bare["encoder"]
        assert isinstance(fresh, Encoder)
        add("features", E.hidden, fresh.hidden)
        add("code", E, fresh)
        add("logits", E.logits, fresh.logits)  # the release's NNC_e; no space of the app
    D = stored.networks.get("discriminator")
    if isinstance(D, Discriminator):
        fresh_D = bare["discriminator"]
        assert isinstance(fresh_D, Discriminator)
        add("discriminator", D.hidden, fresh_D.hidden)
    elif "discriminator" in gallery.spaces:
        add("discriminator", lambda some: gallery.embed(some, "discriminator"), None)
    return found


def pixels_one_nn(pictures: Pictures, x: Tensor, labels: Tensor) -> dict[str, float]:
    """The same without any model."""
    return share(nearest_accuracy(lambda some: some.flatten(1), pictures, x, labels), len(x))


def nearest_accuracy(
    network: Callable[[Tensor], Tensor], pictures: Pictures, x: Tensor, labels: Tensor
) -> float:
    """Share of x whose nearest of `pictures` in the network's output has its label."""
    references = Points.from_rows(in_batches(network, pictures))
    points = in_batches(network, x)
    rows = torch.cat([find_nearest(some, references, 1)[1][:, 0] for some in torch.split(points, BATCH)])
    return metrics.accuracy(pictures.labels[rows], labels)


def share(value: float, count: int) -> dict[str, float]:
    return {"accuracy": value, "standard_error": metrics.standard_error(value, count)}


# ---------------------------------------------------------------------- reconstructions, latents, samples


def reconstruction(x: Tensor, y: Tensor, mean: Tensor) -> dict[str, Any]:
    """How far y = G(E(x)) is from x, beside answers that know nothing of x."""
    other = metrics.pair_with_next(x)
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


def identity(x: Tensor, y: Tensor, labels: Tensor, judge: Judge) -> dict[str, Any]:
    """How often the judge sees the same class in y = G(E(x)) as in x, and as the label says."""
    before, after = judge.labels(x), judge.labels(y)
    same = metrics.accuracy(after, before)
    return {
        "share": same,
        "standard_error": metrics.standard_error(same, len(x)),
        "label_agreement": metrics.accuracy(after, labels),
        "judge": judge.fingerprint,
        "judge_accuracy": metrics.accuracy(before, labels),
    }


def frechet(stored: LatentModel, pictures: Pictures, x: Tensor, judge: Judge) -> dict[str, Any]:
    """Fréchet distance, in the judge's features, of as many samples of the prior as there are pictures x,
    and of the mixture where the model has one.

    The floor is that of as many real training pictures: what samples like the data would score.
    """
    n = min(SAMPLES, len(x), len(pictures))
    real = judge.features(x[:n])

    def distance(z: Tensor) -> float:
        return metrics.frechet_distance(judge.features(in_batches(stored.generator, z)), real)

    found = {
        "distance": distance(latent.draw(stored.config.prior, stored.config.latent_dim, n, SEEDS["samples"]))
    }
    if stored.mixture is not None:
        found["mixture"] = distance(stored.mixture.draw(n, SEEDS["samples"]))
    rng = torch.Generator().manual_seed(SEEDS["floor"])
    others = judge.features(pictures.inputs(torch.randperm(len(pictures), generator=rng)[:n]))
    return {
        **found,
        "floor": metrics.frechet_distance(others, real),
        "n": n,
        "judge": judge.fingerprint,
    }


def latent_error(stored: LatentModel) -> dict[str, float]:
    """Mean |E(G(z)) - z| over the prior, beside that of two independent z; the same of the mixture fitted to
    the codes, where there is one."""
    draws = {"": latent.draw(stored.config.prior, stored.config.latent_dim, SAMPLES, SEEDS["latent"])}
    if stored.mixture is not None:
        draws["mixture_"] = stored.mixture.draw(SAMPLES, SEEDS["latent"])
    found = {}
    for source, z in draws.items():
        again = in_batches(lambda some: stored.encoder(stored.generator(some)), z)
        found[f"{source}mean_abs_error"] = float((again - z).abs().mean())
        found[f"{source}mean_abs_error_random_pair"] = float((metrics.pair_with_next(z) - z).abs().mean())
    return found


def codes(stored: LatentModel, x: Tensor) -> dict[str, float]:
    """How near the codes E(x) lie to the prior: mean and deviation over dimensions, and a two-sample test."""
    config = stored.config
    z = in_batches(stored.encoder, x)
    drawn = latent.draw(config.prior, config.latent_dim, min(TESTED, len(z)), SEEDS["codes"])
    deviations = z.std(0)
    energy, by_chance, p = metrics.energy_test(z[:TESTED], drawn)
    return {
        "mean_abs": float(z.mean(0).abs().mean()),
        "deviation": float(deviations.mean()),
        "deviation_least": float(deviations.min()),
        "deviation_most": float(deviations.max()),
        "deviation_prior": 3**-0.5 if config.prior == "uniform" else 1.0,
        "energy": energy,
        "energy_by_chance": by_chance,
        "p": p,
    }


def paths(stored: LatentModel, x: Tensor, labels: Tensor, judge: Judge) -> dict[str, float]:
    """How sure the judge is, of whichever class, of the pictures between two test pictures of different
    classes: on the path that `latent.interpolate` takes between their codes, and in a cross-fade."""
    firsts = [i for i in range(len(x) - 1) if labels[i] != labels[i + 1]][:PATHS]
    z = in_batches(stored.encoder, x[: firsts[-1] + 2])
    ways = torch.stack(
        [latent.interpolate(z[i], z[i + 1], STEPS + 2, stored.config.prior)[1:-1] for i in firsts]
    )
    share = torch.linspace(0, 1, STEPS + 2)[1:-1].view(1, -1, 1, 1, 1)
    a, b = x[firsts].unsqueeze(1), x[[i + 1 for i in firsts]].unsqueeze(1)

    def sure(pictures: Tensor) -> Tensor:
        return judge.probabilities(pictures).amax(1).view(len(firsts), STEPS)

    found = sure(in_batches(stored.generator, ways.flatten(0, 1)))
    faded = sure((a + share * (b - a)).flatten(0, 1))
    return {
        "count": len(firsts),
        "confidence": float(found.mean()),
        "lowest": float(found.amin(1).mean()),
        "cross_fade": float(faded.mean()),
        "cross_fade_lowest": float(faded.amin(1).mean()),
    }


def in_batches(function: Callable[[Tensor], Tensor] | nn.Module, inputs: Tensor | Pictures) -> Tensor:
    """function of all rows, with no more than a batch of what lies between in memory."""
    parts = [slice(start, start + BATCH) for start in range(0, len(inputs), BATCH)]
    rows = inputs.inputs if isinstance(inputs, Pictures) else inputs.__getitem__
    first = function(rows(parts[0]))
    made = first.new_empty(len(inputs), *first.shape[1:])  # filled in place: never twice in memory
    made[parts[0]] = first
    for part in parts[1:]:
        made[part] = function(rows(part))
    return made
