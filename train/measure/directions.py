"""python -m train.directions NAME...: find directions of classes and attributes in the gallery's codes.

Writes directions.safetensors beside the weights, for a model with a latent map also those directions that
take long to compute; metrics.json keeps as "directions" how well each attribute is predicted from the codes
(a regression on pictures of the gallery), how far its slider changes it, what the sliders of each other kind
do, and what random steps of the same lengths do: the noise.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from ganlab import directions, latent
from ganlab.directions import CodeStatistics, Directions, Ranking
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from train.measure import attributes_colour
from train.measure.attributes import ATTRIBUTES, UNITS
from train.measure.batches import get_batch
from train.measure.measurement import Figures, Measurement, Subject
from train.report.text import NONE, Table

HELD_OUT = 10_000  # pictures of the gallery, the last, that no fit sees
SHIFTED = 1_000  # of them, on whose codes the effect of a step is measured
RIDGE = 1e-3  # of the codes' mean variance
FITTED_STEPS = 8_000  # codes that are shifted to fit the attributes' steps
OFFSET = 0.5  # deviations of the codes by which they are shifted: nearer, the response is not the slider's
SEED = 0  # of these offsets
FAR = directions.MAX_STEPS  # the end of a slider
RANKED = ("principal", "local", "closed-form")  # kinds of directions that change a picture most
RANDOM = 16  # random steps, whose effects are the noise
MOVED = 100  # of the held-out pictures, whose sliders of each kind are moved
LED = 20  # of the held-out pictures of each class, which are led to each other class
COLOUR_SHARE = 5  # of a model in colour, which takes longer, one of so many pictures is measured
CHUNK = 1_000  # pictures whose attributes are measured at a time


def measure_directions(explorer: Explorer) -> tuple[CodeStatistics, Figures]:
    """The directions, and their figures, of a model with an encoder and a gallery."""
    gallery = explorer.gallery
    assert gallery is not None
    share = 1 if explorer.config.channels == 1 else COLOUR_SHARE
    order = mix(gallery.pictures.labels)
    codes, labels = gallery.latents[order], gallery.pictures.labels[order]
    held = slice(len(codes) - min(HELD_OUT, len(codes) // 5), None)
    fit = slice(0, held.start)
    means = torch.stack([codes[labels == label].mean(0) for label in torch.unique(labels)])
    covariance = torch.cov(codes.double().T).float()
    offsets = OFFSET * draw_offsets(covariance, min(FITTED_STEPS // share, fit.stop))
    forth, back = (decode(explorer, codes[: len(offsets)] + sign * offsets) for sign in (1, -1))
    held_codes, noise = codes[held], draw_steps(covariance, RANDOM)
    shifted = held_codes[: SHIFTED // share]
    random_ends = [tuple(decode(explorer, shifted + sign * step) for sign in (1, -1)) for step in noise]
    steps, attributes = [], {}
    for name, attribute in list_attributes(explorer).items():
        values = measure_attribute(attribute, gallery.pictures)[order]
        deviation = float(values[fit].std())
        try:
            step = directions.fit_step(offsets, (attribute(forth) - attribute(back)) / 2, covariance)
        except ValueError:  # it does not change with the codes
            continue
        if not deviation:  # all pictures have it alike
            continue
        steps.append(step)
        random = torch.stack(
            [attribute(forth).mean() - attribute(back).mean() for forth, back in random_ends]
        )
        attributes[name] = {
            "mean": float(values.mean()),
            "deviation": float(values.std()),
            "unit": UNITS.get(name, "count") if share == 1 else attributes_colour.UNIT,
            "r2": fit_r2(codes[fit], values[fit], codes[held], values[held]),
            "effect": measure_effect(explorer, shifted, step, attribute) / deviation,
            "effect_far": measure_effect(explorer, shifted, FAR * step, attribute) / deviation,
            "noise": float(random.square().mean().sqrt()) / 2 / deviation,
        }
    figures = {
        "fitted": len(codes[fit]),
        "held_out": len(held_codes),
        "attributes": attributes,
        "sets": measure_sets(explorer, held_codes[: MOVED // share], noise)
        | measure_classes(explorer, means, held_codes, labels[held], noise, LED // share),
    }
    rankings = compute_rankings(explorer)
    stacked = torch.stack(steps) if steps else covariance.new_empty(0, len(covariance))
    return CodeStatistics(covariance, means, stacked, tuple(attributes), **rankings), figures


def list_attributes(explorer: Explorer) -> Mapping[str, Callable[[Tensor], Tensor]]:
    """Of strokes for a model of grey pictures, else of colours."""
    return ATTRIBUTES if explorer.config.channels == 1 else attributes_colour.ATTRIBUTES


def measure_attribute(attribute: Callable[[Tensor], Tensor], pictures: Pictures) -> Tensor:
    """An attribute (N,) of all pictures; grey ones at once, others in parts, as they take much memory."""
    chunk = len(pictures) if pictures.pixels.shape[1] == 1 else CHUNK
    parts = [slice(start, start + chunk) for start in range(0, len(pictures), chunk)]
    return torch.cat([attribute(pictures.inputs(rows)) for rows in parts])


def mix(labels: Tensor) -> Tensor:
    """An order of the gallery's rows (N,): a random one where they come sorted by class, so that the last are
    like the rest; else as they are."""
    if bool((labels[1:] >= labels[:-1]).all()):
        return torch.randperm(len(labels), generator=torch.Generator().manual_seed(SEED))
    return torch.arange(len(labels))


def compute_rankings(explorer: Explorer) -> dict[str, Ranking]:
    """The RANKINGS of a model with a latent map, computed anew; {} for another, which needs no store."""
    if explorer.model.latent_map is None:
        return {}
    computed = create_directions(explorer)
    return {key: getattr(computed, key) for key in directions.RANKINGS}


def create_directions(explorer: Explorer) -> Directions:
    """Directions that owe nothing to an earlier measurement: neither its figures nor its file."""
    return Directions(dataclasses.replace(explorer.model, metrics={}, folder=None), explorer.gallery)


def measure_sets(explorer: Explorer, codes: Tensor, noise: Tensor) -> Figures:
    """By kind, how far a step leads from the pictures of codes (N, D), as a root mean square over pixels, on
    average over its sliders; and as "noise" the same of steps (M, D) in random directions as long."""
    figures = {}
    available = create_directions(explorer)
    for kind in RANKED:
        shared = [] if kind == "local" else available.get(kind)
        chosen = [shared or available.get(kind, code) for code in codes]
        lengths = [direction.deviation for each in chosen for direction in each]
        length = sum(lengths) / len(lengths)
        vectors = [torch.stack([d.deviation * d.vector for d in each]) for each in chosen]
        random = length * torch.nn.functional.normalize(noise, dim=1)
        figures[kind] = {
            "effect": measure_change(explorer, codes, vectors),
            "noise": measure_change(explorer, codes, [random] * len(codes)),
        }
    return figures


def measure_change(explorer: Explorer, codes: Tensor, steps: Sequence[Tensor]) -> float:
    """The root mean square over pixels of the change that each of `steps` (K, D) gives to G(z) of each of
    codes (N, D), forth and back: the mean over all of them."""
    prior = explorer.config.prior
    changes = []
    for z, each in zip(codes, steps, strict=True):
        amounts = torch.eye(len(each))
        ends = latent.move(z, each, torch.cat([amounts, -amounts]), prior)
        changes.append((decode(explorer, ends) - explorer.decode(z)).square().flatten(1).mean(1).sqrt())
    return float(torch.cat(changes).mean())


def measure_classes(
    explorer: Explorer, means: Tensor, codes: Tensor, labels: Tensor, noise: Tensor, count: int = LED
) -> Figures:
    """The share of pictures that the judge sees in the class to which FAR steps lead, for `count` of codes
    (N, D) of each class and each other class, of many classes of all to each; and as "noise" for moves (M, D)
    in random directions that are as long. Nothing without a judge."""
    judge, prior = explorer.judge, explorer.config.prior
    if judge is None:
        return {}
    led: list[Tensor] = []
    astray: list[Tensor] = []
    pairs = zip(directions.pair_classes(len(means)), directions.list_classes(means), strict=True)
    for index, ((a, b), direction) in enumerate(pairs):
        z = codes[labels == a if a is not None else labels != b][:count]
        if not len(z):
            continue
        length = FAR * direction.deviation
        random = torch.nn.functional.normalize(noise[index % len(noise)], dim=0)
        for share, vector in ((led, direction.vector), (astray, random)):
            ends = torch.stack([latent.move(row, vector[None], torch.tensor([length]), prior) for row in z])
            share.append((judge.logits(decode(explorer, ends)).argmax(1) == b).double())
    return {"classes": {"effect": float(torch.cat(led).mean()), "noise": float(torch.cat(astray).mean())}}


def draw_steps(covariance: Tensor, count: int) -> Tensor:
    """Steps (count, D) in random directions, as likely as one standard deviation of the codes."""
    steps = draw_offsets(covariance, count).double()
    sizes = torch.einsum("nd,de,ne->n", steps, torch.linalg.pinv(covariance.double()), steps).sqrt()
    return (steps / sizes.unsqueeze(1)).float()


def draw_offsets(covariance: Tensor, count: int) -> Tensor:
    """Normal offsets (count, D) with the codes' covariance (D, D)."""
    values, vectors = torch.linalg.eigh(covariance.double())
    noise = torch.randn(
        count, len(values), generator=torch.Generator().manual_seed(SEED), dtype=torch.float64
    )
    offsets: Tensor = (noise * values.clamp(min=0).sqrt()) @ vectors.T
    return offsets.float()


def decode(explorer: Explorer, z: Tensor) -> Tensor:
    """G(z), (N, C, H, W), batch by batch."""
    size = min(SHIFTED, get_batch(explorer.config))
    return torch.cat([explorer.decode(batch) for batch in torch.split(z, size)])


def fit_r2(codes: Tensor, values: Tensor, held_codes: Tensor, held_values: Tensor) -> float:
    """R² on held-out codes (M, D) of a ridge regression of an attribute (N,) on codes (N, D)."""
    mean, z = codes.double().mean(0), codes.double() - codes.double().mean(0)
    offset = values.double().mean()
    covariance = z.T @ z / len(z)
    ridge = RIDGE * covariance.diagonal().mean() * torch.eye(len(mean), dtype=torch.float64)
    weights = torch.linalg.solve(covariance + ridge, z.T @ (values.double() - offset) / len(z))
    predicted = (held_codes.double() - mean) @ weights + offset
    left = (held_values.double() - predicted).square().sum()
    return float(1 - left / (held_values.double() - held_values.double().mean()).square().sum())


def measure_effect(
    explorer: Explorer, codes: Tensor, step: Tensor, attribute: Callable[[Tensor], Tensor]
) -> float:
    """By how much the attribute of G(z) grows, on average over codes (N, D), for a step (D,), in its unit:
    half of the difference between that step forth and the same step back."""
    forth, back = (attribute(decode(explorer, codes + sign * step)).mean() for sign in (1, -1))
    return float(forth - back) / 2


def _measure(subject: Subject) -> Figures:
    """Writes directions.safetensors."""
    statistics, figures = measure_directions(subject.explorer)
    assert subject.model.folder is not None
    statistics.save(subject.model.folder, subject.model.fingerprint)
    return figures


def _explain_absence(subject: Subject) -> str:
    if subject.gallery is None or "encoder" not in subject.networks:
        return f"{subject.name} has no codes of training pictures, and so no directions among them."
    return ""


def compare(models: Mapping[str, Figures]) -> Table:
    """One row for each attribute of each model."""
    heads = [
        "Model",
        "Attribute",
        "Of training digits",
        "R² from the codes",
        "One step",
        f"{FAR} steps",
        "Random step",
    ]
    rows = [
        [
            name,
            attribute,
            f"{row['mean']:.2f} ± {row['deviation']:.2f} {row['unit']}",
            f"{row['r2']:.3f}",
            f"{row['effect']:.2f}",
            f"{row['effect_far']:.2f}",
            f"{row['noise']:.2f}" if "noise" in row else NONE,
        ]
        for name, figures in models.items()
        for attribute, row in figures["attributes"].items()
    ]
    return heads, rows


MEASUREMENT = Measurement(
    key="directions",
    measure=_measure,
    explain_absence=_explain_absence,
    command="directions",
    description=__doc__,
    needs_test_set=False,
    title="Sliders of attributes",
    introduction="""\
How well an attribute of a digit is predicted from its code (R² of a ridge regression, on held-out
training digits), and by how many standard deviations one step and three steps of the attribute's slider
change it, and a step in a random direction that is as likely. An attribute whose slider does no more than a
random step is not offered.""",
    compare=compare,
)
