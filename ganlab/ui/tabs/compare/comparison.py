"""What Compare computes: one picture through every model that fits it, in parts that never change.

A `Comparison` is what has been computed so far. `start` makes the first one, without any answer;
`advance` makes the next, until it is complete.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import Tensor

from ganlab import hub
from ganlab.config import ModelConfig
from ganlab.explorer import Explorer
from ganlab.gallery import Neighbour, name_label
from ganlab.ui.html import markup
from ganlab.ui.html.spaces import bound_neighbours
from ganlab.ui.items import Item, shown_key
from ganlab.ui.server.models import Models

NEIGHBOURS = 3


@dataclass(frozen=True)
class Reading:
    """What the judge sees in a picture."""

    label: int
    share: float  # the judge's probability of that class
    classes: tuple[str, ...] = ()  # names of the labels; empty where a label is its own name

    @property
    def name(self) -> str:
        return name_label(self.classes, self.label)


@dataclass(frozen=True, eq=False)
class Row:
    """A model, and its answer as far as it is there."""

    name: str  # as Models knows it; "" is the model in use
    config: ModelConfig | None
    problem: str = ""  # why there is no answer
    image: Tensor | None = None  # G(z), (1, C, H, W) in [0, 1]
    error: float = 0.0  # mean squared, a pixel in [0, 1]
    steps: int = 0  # of the optimisation; 0 where an encoder answered
    mean_image: float | None = None  # that error of the mean image, if measured
    reading: Reading | None = None
    near: tuple[Neighbour, ...] | None = None
    near_captions: tuple[str, ...] = ()  # what each of them is
    classes: tuple[str, ...] = ()  # of the model's own pictures

    @property
    def encodes(self) -> bool:
        return self.config is not None and "encoder" in self.config.networks

    @property
    def waits(self) -> bool:
        """There is no answer yet."""
        return self.image is None and not self.problem

    @property
    def complete(self) -> bool:
        return bool(self.problem) or (self.image is not None and self.near is not None)

    @property
    def called(self) -> str:
        return self.config.name if self.config is not None else Path(self.name).name


@dataclass(frozen=True, eq=False)
class Comparison:
    """A picture x (1, C, H, W), and what the models make of it."""

    key: str  # of the picture and of the model in use
    fingerprint: str  # of the model in use
    x: Tensor
    caption: str
    notes: tuple[str, ...]
    judge: str  # how often the judge is right, or why there is none
    reading: Reading | None  # of x
    rows: tuple[Row, ...]  # the model in use first
    unfit: tuple[str, ...]  # a sentence for the models that, for one reason, cannot take this picture
    answers: str = ""  # what the pad calls the square of an upload that x is
    began: int = field(default_factory=lambda: time.monotonic_ns() // 1000)  # us: tells old from new

    @property
    def preparation(self) -> str:
        """Of the model in use, by which uploads become inputs."""
        config = self.rows[0].config
        return "" if config is None else config.preparation

    @property
    def complete(self) -> bool:
        return all(row.complete for row in self.rows)

    @property
    def settled(self) -> bool:
        """Every model has answered, or cannot; neighbours may still be missing."""
        return not any(row.waits for row in self.rows)

    @property
    def answered(self) -> list[Row]:
        return [row for row in self.rows if row.image is not None and not row.problem]

    @property
    def closest(self) -> Row | None:
        """The row of least error, where there is something to compare."""
        answered = self.answered
        return min(answered, key=lambda row: row.error) if len(answered) > 1 else None

    def flips(self, row: Row) -> bool:
        """The judge sees another class in this reconstruction than in the picture."""
        return (
            self.reading is not None and row.reading is not None and row.reading.label != self.reading.label
        )


def read(explorer: Explorer, x: Tensor) -> Reading | None:
    """The most probable class of the first picture of x, as the explorer's judge sees it."""
    if explorer.judge is None:
        return None
    share, label = explorer.judge.probabilities(x[:1])[0].max(dim=0)
    return Reading(int(label), float(share), explorer.classes)


def start(models: Models, explorer: Explorer, item: Item) -> Comparison:
    """The rows of all models that fit, still without answers: only descriptions are read."""
    x, judge = item.picture, explorer.judge
    rows, unfit = [Row("", explorer.config)], dict[str, list[str]]()
    for name, config in _others(models, explorer):
        if isinstance(config, str):
            rows.append(Row(name, None, config))
        elif reason := unfitting(config, explorer.config):
            unfit.setdefault(reason, []).append(config.name)
        else:
            rows.append(Row(name, config))
    note = (
        "Classes are seen by a separate classifier, right on"
        f" {markup.format_percent(judge.accuracy)} of the test {markup.get_noun(explorer.config)}s."
        if judge is not None
        else markup.NO_CLASSIFIER
    )
    sentences = tuple(f"{', '.join(names)}: {reason}" for reason, names in unfit.items())
    return Comparison(
        shown_key(explorer, item),
        explorer.fingerprint,
        x,
        item.caption,
        item.notes,
        note,
        read(explorer, x),
        tuple(rows),
        sentences,
        item.pad_key,
    )


def _others(models: Models, explorer: Explorer) -> Iterator[tuple[str, ModelConfig | str]]:
    """Every other model that the picker offers, with its description, or what is wrong with it."""
    here = explorer.model.folder
    for name in models.list_names():
        try:
            folder = models.get(name).model.folder if name == models.default else hub.resolve(name)
            config = models.read_config(name)
        except ValueError as error:
            yield name, str(error)
            continue
        if here is None or folder is None or folder.resolve() != here.resolve():
            yield name, config


def unfitting(config: ModelConfig, used: ModelConfig) -> str:
    """Why a model cannot take a picture that was prepared for the one in use; empty if it can."""
    if config.image_shape != used.image_shape:
        return f"made for {_kind(config)} pictures, and this one is {_kind(used)}."
    if config.preparation != used.preparation:
        return (
            f"made for pictures prepared as {config.preparation!r}, and this one was prepared as"
            f" {used.preparation!r}."
        )
    return ""


def _kind(config: ModelConfig) -> str:
    return f"{config.size} x {config.size} {'grey' if config.channels == 1 else 'colour'}"


def advance(models: Models, explorer: Explorer, comparison: Comparison) -> Comparison:
    """The next part: what all encoders answer; then row by row their neighbours; then, row by row, what
    has to be optimised and its neighbours."""
    chosen = [row for row in comparison.rows if row.encodes and row.waits]
    if not chosen:
        encoders_first = sorted(comparison.rows, key=lambda row: not row.encodes)
        chosen = [row for row in encoders_first if not row.complete][:1]
    x = comparison.x
    rows = tuple(_more(models, explorer, x, row) if row in chosen else row for row in comparison.rows)
    return replace(comparison, rows=rows)


def _more(models: Models, explorer: Explorer, x: Tensor, row: Row) -> Row:
    """The row with its answer, or with its neighbours if the answer is there."""
    try:
        own = models.get(row.name) if row.name else explorer
        if row.image is not None:
            near = tuple(_neighbours(own, x, row.image))
            captions = tuple(markup.describe_neighbour(own, each) for each in near)
            return replace(row, near=near, near_captions=captions, classes=markup.get_gallery_classes(own))
        inversion = own.invert(x)
    except ValueError as error:
        return replace(row, problem=str(error))
    return replace(
        row,
        image=inversion.image,
        error=float(inversion.error[0]),
        steps=0 if row.encodes else len(inversion.trace),
        mean_image=own.get_figure("reconstruction", "mse_mean_image"),
        reading=read(explorer, inversion.image),
    )


def _neighbours(own: Explorer, x: Tensor, image: Tensor) -> list[Neighbour]:
    """Of the code E(x) where there is an encoder, else of the pixels of G(z): spaces that many models
    can keep at once."""
    if own.gallery is None:
        return []
    k = bound_neighbours(own, NEIGHBOURS)
    return own.neighbours(x, k, "code") if "code" in own.spaces else own.neighbours(image, k, "pixels")
