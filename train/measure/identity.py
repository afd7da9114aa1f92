"""Identity: how often the judge sees the same class in a test picture and in its reconstruction."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ganlab import metrics
from ganlab.judge import Judge
from train.measure.measurement import Figures, Measurement, Row, Subject, require_judged_reconstructions
from train.report.text import format_percent

TOP = 5  # most probable classes


@torch.inference_mode()
def measure_identity(x: Tensor, y: Tensor, labels: Tensor, judge: Judge) -> Figures:
    """Shares of x (N, C, H, W) whose reconstruction y has, to the judge, the class of x, and that of the
    label (N,)."""
    logits = judge.logits(x), judge.logits(y)
    before, after = (rows.argmax(1) for rows in logits)
    same = metrics.accuracy(after, before)
    figures = {
        "share": same,
        "standard_error": metrics.standard_error(same, len(x)),
        "label_agreement": metrics.accuracy(after, labels),
        "judge": judge.fingerprint,
        "judge_accuracy": metrics.accuracy(before, labels),
    }
    return figures | (_measure_five(*logits, before, labels) if x.shape[1] > 1 else {})


def _measure_five(before: Tensor, after: Tensor, seen: Tensor, labels: Tensor) -> Figures:
    """The same of the five most probable classes of pictures in colour, from the judge's logits (N, classes)
    of x and y, its class of x and the label (N,); nothing where there are no more than five."""
    if before.shape[1] <= TOP:
        return {}

    def share(logits: Tensor, classes: Tensor) -> float:
        return float((logits.topk(TOP).indices == classes[:, None]).any(1).double().mean())

    same = share(after, seen)
    return {
        "share_five": same,
        "standard_error_five": metrics.standard_error(same, len(labels)),
        "label_agreement_five": share(after, labels),
        "judge_accuracy_five": share(before, labels),
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

    if "share_five" in figures:
        yield Row(
            "Top 5: the judge's class of x is among its five most probable of G(E(x))",
            format_percent(figures["share_five"], figures["standard_error_five"]),
        )
        yield Row(
            "Top 5: the label is among the judge's five most probable of G(E(x))",
            format_percent(figures["label_agreement_five"]),
            f"{format_percent(figures['judge_accuracy_five'])} of x",
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
