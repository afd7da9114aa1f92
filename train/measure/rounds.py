"""Whether repeated reconstruction rests: the class that is left after each round of G(E(.))."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from ganlab import metrics
from ganlab.judge import Judge
from ganlab.model import LatentModel
from train.measure.batches import get_batch, map_batches
from train.measure.measurement import Figures, Measurement, Row, require_judged_reconstructions
from train.report.text import Table, format_percent

ROUNDS = 8
COLOUR_PICTURES = 500  # test pictures in colour, the first


@torch.inference_mode()
def measure_rounds(model: LatentModel, x: Tensor, judge: Judge) -> Figures:
    """Shares of x (N, C, H, W) that the judge gives the same class before and after 1, 2, ..., ROUNDS rounds
    of reconstruction. A latent map, which leaves G(E(x)) as it is, is left out: its inverse takes longest."""
    E, G = model.networks["encoder"], model.networks["generator"]
    before, y, kept = judge.labels(x), x, []
    for _ in range(ROUNDS):
        y = map_batches(lambda part: G(E(part)), y, get_batch(model.config))
        kept.append(metrics.accuracy(judge.labels(y), before))
    return {
        "kept": kept,
        "last": kept[-1],
        "standard_error": metrics.standard_error(kept[-1], len(x)),
        "judge": judge.fingerprint,
    }


def _rows(figures: Figures) -> Iterator[Row]:
    yield Row(
        f"The judge's class after {len(figures['kept'])} rounds of G(E(·)) is that of x",
        format_percent(figures["kept"][-1], figures["standard_error"]),
        f"{format_percent(figures['kept'][0])} after the first",
    )


def compare(models: Mapping[str, Figures]) -> Table:
    """One row a model, one column a round."""
    rounds = range(1, max(len(figures["kept"]) for figures in models.values()) + 1)
    rows = [
        [name, *(format_percent(share, digits=1) for share in figures["kept"])]
        for name, figures in models.items()
    ]
    return ["Rounds", *map(str, rounds)], rows


MEASUREMENT = Measurement(
    key="rounds",
    measure=lambda subject: measure_rounds(
        subject.model,
        subject.x[:COLOUR_PICTURES] if subject.in_colour else subject.x,
        subject.require_judge(),
    ),
    explain_absence=require_judged_reconstructions,
    rows=_rows,
    columns={f"Class kept, {ROUNDS} rounds": lambda figures: format_percent(figures["kept"][-1], digits=1)},
    title="Repeated reconstruction",
    introduction="""\
A reconstruction is reconstructed again, and so on: how often the judge still sees the class of the test
picture. Where it rests, reconstructions are fixed points of G(E(·)); where it falls, each round adds to
the errors of the last.""",
    compare=compare,
)
