"""python -m train.realworld NAME...: reconstruct digits from outside MNIST, prepared as uploads.

The judge's class is compared with the true one, kind by kind; metrics.json keeps it as "real_world".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from ganlab import metrics
from ganlab.explorer import Explorer
from ganlab.images import PictureError
from ganlab.judge import Judge
from train.measure.measurement import Figures, Measurement, Subject, require_judged_digits
from train.measure.realworld.kinds import draw_pictures
from train.measure.realworld.scenes import Picture
from train.report.text import Table, format_percent

SEED = 0  # of the pictures
MIN_SHARE = 0.9  # of a kind of upload: below it the card names the kind


def measure_real_world(explorer: Explorer, uploads: Sequence[Picture]) -> Figures:
    """Shares of uploads in which the judge sees the true digit, after preparation and in G(E(x)).

    A picture in which preparation finds no ink counts as wrong.
    """
    judge = explorer.judge
    assert isinstance(judge, Judge)
    size = explorer.config.image_shape
    x, has_ink = torch.zeros(len(uploads), *size), torch.zeros(len(uploads), dtype=torch.bool)
    for row, upload in enumerate(uploads):
        try:
            x[row], has_ink[row] = explorer.prepare(upload.file)[0], True
        except PictureError:
            continue
    truth = torch.tensor([upload.label for upload in uploads])
    prepared = has_ink & (judge.labels(x) == truth)
    reconstructed = has_ink & (judge.labels(explorer.reconstruct(x)) == truth)
    kinds = {
        kind: torch.tensor([upload.kind == kind for upload in uploads])
        for kind in dict.fromkeys(upload.kind for upload in uploads)
    }

    def shares(chosen: torch.Tensor) -> Figures:
        return {
            "count": int(chosen.sum()),
            "prepared": float(prepared[chosen].float().mean()),
            "reconstructed": float(reconstructed[chosen].float().mean()),
        }

    whole = shares(torch.ones_like(has_ink))
    return {
        "judge": judge.fingerprint,
        "seed": SEED,
        **whole,
        "standard_error": metrics.standard_error(whole["reconstructed"], whole["count"]),
        "kinds": {kind: shares(chosen) for kind, chosen in kinds.items()},
    }


def _measure(subject: Subject) -> Figures:
    return measure_real_world(subject.explorer, draw_pictures(SEED))


def _sentence(figures: Figures) -> str:
    failing = [
        f"{kind} ({100 * row['reconstructed']:.0f} %)"
        for kind, row in figures["kinds"].items()
        if row["reconstructed"] < MIN_SHARE
    ]
    return (
        f"Of {figures['count']} digits from outside MNIST (fonts and pens, on lined or shaded paper,"
        f" photographed, with other things around; `{figures['command']}`) the judge still sees the right"
        f" one in {format_percent(figures['prepared'])} after preparation and in"
        f" {format_percent(figures['reconstructed'], figures['standard_error'])} of the reconstructions."
        f" Kinds below {100 * MIN_SHARE:.0f} %: {', '.join(failing) or 'none'}."
    )


def compare(models: Mapping[str, Figures]) -> Table:
    """One row for each kind of upload and one for all; a column of reconstructions for each model."""
    first = next(iter(models.values()))
    heads = ["Kind of picture", "Number", "Digit kept by preparation"]
    rows = [
        [kind, str(row["count"]), f"{100 * row['prepared']:.1f} %"]
        for kind, row in [*first["kinds"].items(), ("all", first)]
    ]
    for name, figures in models.items():
        heads.append(f"in G(E(x)), {name}")
        for cells in rows:
            row = figures if cells[0] == "all" else figures["kinds"][cells[0]]
            cells.append(f"{100 * row['reconstructed']:.1f} %")
    return heads, rows


MEASUREMENT = Measurement(
    key="real_world",
    measure=_measure,
    explain_absence=require_judged_digits,
    command="realworld",
    description=__doc__,
    needs_test_set=False,
    sentence=_sentence,
    title="Uploads from outside MNIST",
    introduction="""\
Digits that were not drawn as MNIST's were (fonts, pens, paper, photographs): how often the judge sees
the right digit after preparation, and in the reconstruction.""",
    compare=compare,
)
