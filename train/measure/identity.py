"""Identity: how often the judge sees the same class in a test picture and in its reconstruction."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ganlab import metrics
from ganlab.judge import Judge
from train.measure.measurement import Figures, Measurement, Row, Subject, require_judged_reconstructions
from train.report.text import format_percent


@torch.inference_mode()
def measure_identity(x: Tensor, y: Tensor, labels: Tensor, judge: Judge) -> Figures:
    """Shares of x (N, C, H, W) whose reconstruction y has, to the judge, the class of x, and that of the
    label (N,)."""
    before, after = judge.labels(x), judge.labels(y)
    same = metrics.accuracy(after, before)
    return {
        "share": same,
        "standard_error": metrics.standard_error(same, len(x)),
        "label_agreement": metrics.accuracy(after, labels),
        "judge": judge.fingerprint,
        "judge_accuracy": metrics.accuracy(before, labels),
    }


def _measure(subject: Subject) -> Figures:
    return measure_identity(subject.x, subject.reconstructions, subject.test.labels, subject.require_judge())


def _rows(figures: Figures) -> Iterator[Row]:
    yield Row(
        "Identity: the judge sees the same class in x and G(E(x))",
        format_percent(figures["share"], figures["standard_error"]),
    )
    yield Row(
        "The judge's class of G(E(x)) is the label",
        format_percent(figures["label_agreement"]),
        f"{format_percent(figures['judge_accuracy'])} of x",
    )


def _sentence(figures: Figures) -> str:
    return (
        f"The judge, a classifier (hash `{figures['judge']}`, right on"
        f" {format_percent(figures['judge_accuracy'])} of the originals), sees the same class in x and"
        f" G(E(x)) for {format_percent(figures['share'], figures['standard_error'])} of the test pictures."
    )


MEASUREMENT = Measurement(
    key="identity",
    measure=_measure,
    explain_absence=require_judged_reconstructions,
    rows=_rows,
    columns={"Identity": lambda figures: format_percent(figures["share"])},
    sentence=_sentence,
)
