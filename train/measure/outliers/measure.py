"""python -m train.outliers NAME...: measure what is usual of digits, and how well others are detected.

Letters, clothes, noise and photographs (CIFAR-10), prepared as uploads; for a model in colour what is usual
of its pictures, beside noise, shuffled patches, cross-fades, digits in colour and photographs of another data
set. metrics.json keeps it as "outliers", which the app's gauge reads (`ganlab.outliers`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from PIL import Image
from torch import Tensor

from ganlab import metrics, outliers
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.images import PictureError
from ganlab.outliers import Calibration
from train.measure.measurement import (
    Figures,
    Measurement,
    Subject,
    name_likeness,
    name_pictures,
    require_gauge,
    require_judged_digits,
)
from train.measure.outliers import colour, sets
from train.report.text import NONE, Table

BATCH = 1000  # pictures at a time
SEED = 0  # of the pictures


def compute_statistics(explorer: Explorer, x: Tensor) -> tuple[Tensor, Tensor]:
    """`outliers.compute_statistics`, batch by batch."""
    parts = [outliers.compute_statistics(explorer, batch) for batch in torch.split(x, BATCH)]
    return torch.cat([values for values, _ in parts]), torch.cat([labels for _, labels in parts])


def measure_outliers(
    explorer: Explorer, test: Pictures, others: Mapping[str, Sequence[Image.Image] | Tensor]
) -> Figures:
    """What is usual, from one half of the test pictures; AUROC and percentiles from the other half.

    Others that are images are prepared as uploads are; those in which preparation finds no ink are counted
    and left out. Tensors (N, C, H, W) are taken as they are.
    """
    values, labels = compute_statistics(explorer, test.inputs(slice(None)))
    half = len(test) // 2
    calibration = Calibration.from_statistics(values[:half], labels[:half], outliers.count_classes(explorer))
    held = calibration.score(values[half:], labels[half:])
    scores, sets = [], {}
    for kind, images in others.items():
        x, refused = (images, 0) if isinstance(images, Tensor) else _prepare(explorer, images)
        scores.append(calibration.score(*compute_statistics(explorer, x)))
        sets[kind] = {
            "count": len(x),
            "refused": refused,
            "auroc": metrics.auroc(scores[-1], held),
            "caught": float((scores[-1] > torch.quantile(held, outliers.MIN_SHARE)).double().mean()),
        }
    return {
        "seed": SEED,
        "held_out": len(test) - half,
        "limit": outliers.MIN_SHARE,
        "auroc": metrics.auroc(torch.cat(scores), held),
        "sets": sets,
        **outliers.export_calibration(explorer, calibration, held),
    }


def _prepare(explorer: Explorer, images: Sequence[Image.Image]) -> tuple[Tensor, int]:
    """Images as inputs (N, C, H, W), and the number in which preparation finds no ink."""
    prepared = []
    for image in images:
        try:
            prepared.append(explorer.prepare(image))
        except PictureError:
            continue
    if not prepared:
        raise ValueError("Preparation found ink in none of these pictures: nothing can be measured.")
    return torch.cat(prepared), len(images) - len(prepared)


def _measure(subject: Subject) -> Figures:
    root, config = subject.options.data_root, subject.model.config
    if not subject.in_colour:
        others = sets.load_pictures(root, seed=SEED)
        return measure_outliers(subject.explorer, subject.test, others) | subject.describe()
    strange = colour.create_sets(config, subject.test, root, SEED)
    return measure_outliers(subject.explorer, subject.test, strange) | subject.describe()


def _sentence(figures: Figures) -> str:
    kinds = ", ".join(f"{kind} {row['auroc']:.3f}" for kind, row in figures["sets"].items())
    return (
        f"The gauge that warns of pictures unlike {name_likeness(figures)} separates other things from"
        f" {'digits' if name_pictures(figures) == 'digits' else 'test pictures'} with an AUROC of"
        f" {figures['auroc']:.3f} ({kinds}; `{figures['command']}`)."
    )


def _explain_absence(subject: Subject) -> str:
    return require_gauge(subject) if subject.in_colour else require_judged_digits(subject)


def compare(models: Mapping[str, Figures]) -> Table:
    """One row for each kind of outlier and one for all; two columns for each model."""
    nouns = {name_pictures(figures) for figures in models.values()}
    noun = "digits" if nouns == {"digits"} else "test pictures"
    counts: dict[str, int] = {}
    for figures in models.values():
        counts = {kind: row["count"] for kind, row in figures["sets"].items()} | counts
    heads = ["Not a digit" if noun == "digits" else "Unlike the training pictures", "Number"]
    rows = [[kind, str(count)] for kind, count in counts.items()] + [["all", str(sum(counts.values()))]]
    for name, figures in models.items():
        heads += [f"AUROC, {name}", f"more unusual than {100 * figures['limit']:.0f} % of {noun}"]
        kinds = figures["sets"]
        total = sum(kind["count"] for kind in kinds.values())
        caught = sum(kind["count"] * kind["caught"] for kind in kinds.values()) / total
        every = {**kinds, "all": {"auroc": figures["auroc"], "caught": caught}}
        for cells in rows:
            row = every.get(cells[0])
            cells += [f"{row['auroc']:.3f}", f"{100 * row['caught']:.1f} %"] if row else [NONE, NONE]
    return heads, rows


MEASUREMENT = Measurement(
    key="outliers",
    measure=_measure,
    explain_absence=_explain_absence,
    command="outliers",
    description=__doc__,
    sentence=_sentence,
    title="Pictures that are no digits",
    introduction="""\
How well the app's gauge separates other things from digits (AUROC; 0.5 is chance). It combines the error
of the reconstruction, the distance of the nearest neighbour, the density of the code, the discriminator
of pairs and the judge's largest logit.""",
    compare=compare,
)
