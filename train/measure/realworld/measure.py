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
from train.measure.realworld.scenes import PLAIN, Picture
from train.report.text import Table, format_percent

SEED = 0  # of the pictures that preparation was adjusted to
FRESH_SEED = 11  # of as many others, which it was not
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
        **whole,
        "standard_error": metrics.standard_error(whole["reconstructed"], whole["count"]),
        "kinds": {kind: shares(chosen) for kind, chosen in kinds.items()},
    }


def _measure(subject: Subject) -> Figures:
    figures = measure_real_world(subject.explorer, draw_pictures(SEED))
    fresh = measure_real_world(subject.explorer, draw_pictures(FRESH_SEED))
    kept = {key: fresh[key] for key in ("count", "prepared", "reconstructed", "kinds")}
    return {"seed": SEED, **figures, "fresh": {"seed": FRESH_SEED, **kept}}


def _pool(figures: Figures, kinds: Sequence[str], share: str) -> str:
    """A share over all pictures of some kinds, for people."""
    rows = [figures["kinds"][kind] for kind in kinds]
    return f"{100 * sum(row['count'] * row[share] for row in rows) / sum(row['count'] for row in rows):.1f} %"


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
        f" {format_percent(figures['reconstructed'], figures['standard_error'])} of the reconstructions"
        f" (of {figures['fresh']['count']} fresh ones, which preparation was not adjusted to, in"
        f" {format_percent(figures['fresh']['prepared'])} and"
        f" {format_percent(figures['fresh']['reconstructed'])})."
        f" Kinds below {100 * MIN_SHARE:.0f} %: {', '.join(failing) or 'none'}."
    )


def compare(models: Mapping[str, Figures]) -> Table:
    """One row for each kind of upload, one for those with nothing but a digit on a page, and one for all; a
    column of reconstructions for each model."""
    first = next(iter(models.values()))
    groups = {kind: [kind] for kind in first["kinds"]}
    if plain := [kind for kind in first["kinds"] if kind in PLAIN]:
        groups["a digit on a page"] = plain
    groups["all"] = list(first["kinds"])
    heads = ["Kind of picture", "Number", "Digit kept by preparation", "Of as many fresh pictures"]
    rows = [
        [
            title,
            str(sum(first["kinds"][kind]["count"] for kind in kinds)),
            _pool(first, kinds, "prepared"),
            _pool(first["fresh"], kinds, "prepared"),
        ]
        for title, kinds in groups.items()
    ]
    for name, figures in models.items():
        heads.append(f"in G(E(x)), {name}")
        for cells, kinds in zip(rows, groups.values(), strict=True):
            cells.append(_pool(figures, kinds, "reconstructed"))
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
