"""python -m train.memorization NAME...: measure how near samples lie to training pictures, beside real ones.

metrics.json keeps it as "memorization", which the app's Sample tab reads.

Each of 10,000 samples of a source has a nearest training picture; so has each test picture, which no model
saw. If training pictures were stored, samples would lie nearer to them than new real pictures lie. But
samples may lie near because they are smoother than any real picture. So there is a control: are they as near
to as many pictures that were not trained on? If nothing is memorized, the nearest of 10,000 training pictures
and of the 10,000 test pictures is the one or the other equally often.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from ganlab import metrics
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.nearest import Points
from train.measure.batches import find_first, get_batch
from train.measure.measurement import Figures, Measurement, Subject
from train.report.text import Table, format_percent

SAMPLES = 10_000
SEED = 0  # of the samples, and of the training pictures in the control
BATCH = 1000  # latents decoded at a time
PERCENTILE = 1  # of real distances: a sample that is closer is counted


def draw_control(train: Pictures, test: Pictures) -> tuple[Tensor, Points]:
    """As many training pictures (N, C, H, W), drawn at random, as there are test pictures, and those."""
    size = min(len(test), len(train))
    rng = torch.Generator().manual_seed(SEED)
    rows = torch.randperm(len(train), generator=rng)[:size]
    return train.inputs(rows), Points.from_rows(test.flat[:size])


def measure_nearer(samples: Tensor, some: Points, unseen: Points) -> float:
    """Share of samples (N, C * H * W) that are nearer to one of `some` than to all of `unseen`."""
    to_some, to_unseen = find_first(samples, some)[0], find_first(samples, unseen)[0]
    return float((to_some < to_unseen).double().mean())


def measure_memorization(explorer: Explorer, test: Pictures, count: int) -> Figures:
    """Of `count` samples of each source, the default one's first; those of the others are in "others".
    Distances are L2 over the pixels in [0, 1]. The model has a gallery."""
    assert explorer.gallery is not None
    train = explorer.gallery.pictures
    everything = Points.from_rows(train.flat)
    real = find_first(test.flat, everything)[0]
    drawn, unseen = draw_control(train, test)
    some, batch = Points.from_rows(drawn.flatten(1)), min(BATCH, get_batch(explorer.config))

    def measure(source: str) -> Figures:
        z = explorer.sample(count, SEED, source=source)
        samples = torch.cat([explorer.decode(batch).flatten(1) for batch in torch.split(z, batch)])
        own = find_first(samples, everything)[0]
        nearer = measure_nearer(samples, some, unseen)
        return {
            "source": source,
            "closer": int((own < torch.quantile(real, PERCENTILE / 100)).sum()),
            "median": float(own.median()),
            "nearer_to_training": nearer,
            "nearer_to_training_error": math.sqrt(nearer * (1 - nearer) / count),
        }

    default, *others = explorer.sources
    return {
        "samples": count,
        "percentile": PERCENTILE,
        "median_real": float(real.median()),
        "quantiles_real": metrics.quantiles(real),
        **measure(default),
        "others": [measure(source) for source in others],
    }


def _measure(subject: Subject) -> Figures:
    test, count = subject.test, subject.limit(SAMPLES)
    if subject.in_colour:
        test = test.take(slice(0, count))
    return measure_memorization(subject.explorer, test, count)


def _explain_absence(subject: Subject) -> str:
    if subject.gallery is None:
        return f"{subject.name} has no gallery of training pictures to memorize."
    return ""


def _sentence(figures: Figures) -> str:
    return (
        f"Of {figures['samples']:,} samples of the {figures['source']} {figures['closer']:,}"
        f" ({format_percent(figures['closer'] / figures['samples'])}) are closer to a training picture,"
        f" by their pixels, than all but {figures['percentile']} % of the test pictures are"
        f" (`{figures['command']}`); the median distance is {figures['median']:.2f}, of test pictures"
        f" {figures['median_real']:.2f}. Among as many training and test pictures the nearest to a sample"
        " is a training picture for"
        f" {format_percent(figures['nearer_to_training'], figures['nearer_to_training_error'])}; without"
        " memorization it would be for 50 %."
    ) + "".join(
        f" Of samples of the {other['source']} it is for"
        f" {format_percent(other['nearer_to_training'], other['nearer_to_training_error'])}."
        for other in figures.get("others", [])
    )


def compare(models: Mapping[str, Figures]) -> Table:
    """One row a source of each model."""
    heads = [
        "Samples",
        "Median distance to a training picture (of test pictures)",
        "Nearer than all but 1 % of test pictures are",
        "Nearest of as many training and test pictures: a training picture",
    ]
    rows = [
        [
            f"{name}, {source['source']}",
            f"{source['median']:.2f} ({figures['median_real']:.2f})",
            f"{source['closer']:,} of {figures['samples']:,}",
            format_percent(source["nearer_to_training"], source["nearer_to_training_error"]),
        ]
        for name, figures in models.items()
        for source in (figures, *figures.get("others", []))
    ]
    return heads, rows


MEASUREMENT = Measurement(
    key="memorization",
    measure=_measure,
    explain_absence=_explain_absence,
    command="memorization",
    description=__doc__,
    sentence=_sentence,
    title="Memorization",
    introduction="""\
Are samples copies of training pictures? The table shows the nearest training pictures of samples, beside
those of test pictures, which no model saw. Samples are smoother than real pictures and so lie nearer to
any picture. The last column is the control: 50 % there means that training pictures are no nearer than
others. A mixture that was fitted to the codes of training pictures lies close to them, and that shows.""",
    compare=compare,
)
