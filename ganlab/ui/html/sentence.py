"""What happened to a picture x, in one line of plain words: what it comes back as, how large the difference
is among those of test pictures, and whether the model knows such pictures at all.

Pictures are (1, C, H, W) in [0, 1]; y is the reconstruction of x.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ganlab import outliers
from ganlab.explorer import Explorer
from ganlab.outliers import OutlierScore
from ganlab.ui.html import markup

MIN_SURE = 0.5  # probability of the likeliest class below which the classifier is unsure
MAX_RIVAL = 0.5  # probability of the second class, relative to the likeliest, above which it is unsure
MIN_TRUSTED = 0.95  # share of test pictures; a classifier that is right on fewer is named with its share


class Reading(NamedTuple):
    """What the classifier sees in a picture: the class, and its name; if it is unsure, those of the two
    likeliest."""

    label: int
    names: tuple[str, ...]

    @property
    def is_sure(self) -> bool:
        return len(self.names) == 1

    def __str__(self) -> str:
        return " or ".join(self.names)


def describe_result(explorer: Explorer, x: Tensor, y: Tensor) -> str:
    """The line, in plain text."""
    return describe_scored(explorer, x, y, outliers.score_picture(explorer, x))


def describe_scored(explorer: Explorer, x: Tensor, y: Tensor, outlier: OutlierScore | None) -> str:
    """`describe_result` where the gauge has been read already; None where the model has none."""
    readings = _read(explorer, torch.cat([x, y]))
    difference = _compare_difference(explorer, explorer.error(x, y))
    if outlier is not None and outlier.is_outlier:
        return _describe_unlike(explorer, readings, difference)
    encodes = "encoder" in explorer.model.networks
    parts = []
    if readings:
        before, after = readings
        parts.append(_describe_class(before, after, encodes) + _name_classifier(explorer))
    if difference:
        parts.append(f"the difference is {difference}")
    text = "; ".join(parts)
    if not readings:
        start = (
            "This is what comes back" if encodes else "This is the nearest picture that the model can draw"
        )
        text = f"{start}; {text or 'there are no figures of this model to compare it with'}"
    return f"{text}."


def _describe_class(before: Reading, after: Reading, encodes: bool) -> str:
    """What x looks like, where that differs, and what it comes back as."""
    back = str(after) if after.is_sure else f"something between {' and '.join(after.names)}"
    if not encodes:
        result = f"the nearest picture that this model can draw is {back}"
    else:
        result = f"{'it ' if not before.is_sure else ''}comes back as {back}"
    if not before.is_sure:
        return f"It could be {before}; {result}"
    if before.label == after.label and after.is_sure:
        return f"It {result}" if encodes else result.capitalize()
    link = "and" if before.names[0] in after.names else "but"
    return f"It looks like {before}{'' if encodes else ','} {link} {result}"


def _describe_unlike(explorer: Explorer, readings: tuple[Reading, ...], difference: str) -> str:
    noun = markup.get_noun(explorer.config)
    here = f", here {readings[1]}" if readings else ""
    text = f"This is unlike the {noun}s that the model learnt from"
    text += f"; it answers every picture with a {noun}{here}."
    return f"{text} The difference is {difference}." if difference else text


def _read(explorer: Explorer, pictures: Tensor) -> tuple[Reading, ...]:
    """What the classifier sees in each picture; empty without a classifier."""
    if explorer.judge is None:
        return ()
    shares, labels = explorer.judge.probabilities(pictures).topk(2, dim=1)
    readings = []
    for (first, second), (label, rival) in zip(shares.tolist(), labels.tolist(), strict=True):
        is_sure = first >= MIN_SURE and second <= MAX_RIVAL * first
        named = (label,) if is_sure else (label, rival)
        readings.append(Reading(label, tuple(_name_class(explorer, each) for each in named)))
    return tuple(readings)


def _name_class(explorer: Explorer, label: int) -> str:
    """ "a 7", "an 8", "a frog", or "class 3" where classes are no digits and have no names."""
    if not explorer.classes and markup.get_noun(explorer.config) != "digit":
        return f"class {label}"
    return markup.with_article(explorer.name_class(label))


def _name_classifier(explorer: Explorer) -> str:
    """Who says so, where that is often wrong."""
    judge = explorer.judge
    if judge is None or judge.accuracy >= MIN_TRUSTED:
        return ""
    share = markup.format_percent(judge.accuracy, 0)
    return f", by a classifier that is right on {share} of test {markup.get_noun(explorer.config)}s"


def _compare_difference(explorer: Explorer, error: float) -> str:
    """ "smaller than for 78 % of test digits"; empty where it was not measured."""
    if (share := explorer.rank_error(error)) is None:
        return ""
    noun = markup.get_noun(explorer.config)
    word, percent = ("smaller", share) if share >= 0.5 else ("larger", 1 - share)
    if percent == 1:
        return f"{word} than for every test {noun}"
    return f"{word} than for {min(round(100 * percent), 99)} % of test {noun}s"
