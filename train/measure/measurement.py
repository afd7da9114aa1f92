"""What a measurement is, and what it measures. A measurement is one declaration, in a file of its own."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ganlab.explorer import Explorer
from ganlab.gallery import Gallery, Pictures
from ganlab.judge import Judge
from ganlab.model import LatentModel
from train.measure.batches import get_batch, map_batches
from train.report.text import NONE, Table

Figures = dict[str, Any]  # what a measurement gives, as JSON
COLOUR_SHARE = 5  # of so many pictures that are measured of a grey model, one is of a model in colour
MAX_COLOUR = 5_000  # test pictures of a model in colour
ORDER_SEED = 0  # of test pictures that come sorted by class
EVALUATE = "evaluate"  # the command that makes all measurements that have none of their own


@dataclass(frozen=True)
class Subject:
    """A model, and the pictures and the classifier that it is measured with.

    Test pictures are read when they are first needed: not every measurement needs them.
    """

    model: LatentModel
    gallery: Gallery | None
    judge: Judge | None
    load_test: Callable[[], Pictures]
    seed: int = 0  # of the random weights that training is compared with
    options: argparse.Namespace = field(default_factory=argparse.Namespace)  # of the command

    def __post_init__(self) -> None:
        if self.in_colour:  # a third faster on a CPU
            for network in self.model.networks.values():
                network.to(memory_format=torch.channels_last)

    @property
    def name(self) -> str:
        """Of the checkpoint."""
        return self.model.config.name

    @property
    def networks(self) -> frozenset[str]:
        """Names of the networks that the checkpoint holds."""
        return frozenset(self.model.networks)

    @property
    def pictures(self) -> Pictures:
        """The training pictures; ValueError for a model without a gallery."""
        return self.require_gallery().pictures

    def require_gallery(self) -> Gallery:
        """ValueError for a model without a gallery."""
        if self.gallery is None:
            raise ValueError(f"{self.name} has no gallery of training pictures.")
        return self.gallery

    def require_judge(self) -> Judge:
        """ValueError for a data set without a judge."""
        if self.judge is None:
            raise ValueError(
                f"{self.model.config.dataset} has no judge: train one with python -m train.judge."
            )
        return self.judge

    @property
    def in_colour(self) -> bool:
        """Whether the model's pictures are in colour, whose networks take much longer."""
        return self.model.config.channels > 1

    def limit(self, count: int) -> int:
        """As many of `count` pictures as are measured: all grey ones, every fifth in colour."""
        return count // COLOUR_SHARE if self.in_colour else count

    def describe(self) -> Figures:
        """What the pictures are called in a card, for `name_pictures`; nothing for digits."""
        return {} if self.model.config.preparation == "digit" else {"noun": "pictures"}

    @functools.cached_property
    def explorer(self) -> Explorer:
        """The model and its gallery as the app uses them."""
        return Explorer(self.model, self.gallery)

    @functools.cached_property
    def test(self) -> Pictures:
        """The test pictures, in colour MAX_COLOUR at most. They are mixed where they come sorted by class:
        then neither their halves nor their first ones would be like the rest."""
        test = self.load_test()
        if bool((test.labels[1:] >= test.labels[:-1]).all()) and test.labels[0] < test.labels[-1]:
            order = torch.randperm(len(test), generator=torch.Generator().manual_seed(ORDER_SEED))
            test = test.take(order)
        return test.take(slice(0, MAX_COLOUR)) if self.in_colour and len(test) > MAX_COLOUR else test

    @functools.cached_property
    def x(self) -> Tensor:
        """The test pictures, (N, C, H, W) in [0, 1]."""
        return self.test.inputs(slice(None))

    @functools.cached_property
    @torch.inference_mode()
    def reconstructions(self) -> Tensor:
        """G(E(x)) of the test pictures, (N, C, H, W) in [0, 1]."""
        return map_batches(
            self.explorer.reconstruct if self.in_colour else self._decode_codes,
            self.x,
            get_batch(self.model.config),
        )

    def _decode_codes(self, x: Tensor) -> Tensor:
        return self.model.generator(self.model.encoder(x))  # type: ignore[no-any-return]


class Row(NamedTuple):
    """A row of a model card's table of figures.

    `published` and `published_baseline` are keys of PUBLISHED in train/report/card.py: what the authors of
    the method published of the same figure.
    """

    name: str
    value: str
    baseline: str = NONE
    published: str = ""
    published_baseline: str = ""


def name_pictures(figures: Figures) -> str:
    """What the pictures are called that a group of figures is about, see `Subject.describe`."""
    return str(figures.get("noun", "digits"))


def name_likeness(figures: Figures) -> str:
    """What the gauge calls others unlike."""
    noun = name_pictures(figures)
    return noun if noun == "digits" else f"real {noun}"


def _no_rows(figures: Figures) -> list[Row]:
    return []


def _no_flags(parser: argparse.ArgumentParser) -> None:
    pass


@dataclass(frozen=True)
class Measurement:
    """A group of figures: how it is measured, and how it is shown wherever it is shown.

    What `command` is not "evaluate" is measured by `python -m train.COMMAND NAME...` alone; `train.evaluate`
    keeps it while the weights are the same.
    """

    key: str  # in metrics.json
    measure: Callable[[Subject], Figures]  # may write files beside the weights, if the docstring says so
    explain_absence: Callable[[Subject], str]  # why a model cannot be measured so; "" where it can
    command: str = EVALUATE
    description: str | None = None  # docstring of the command
    add_flags: Callable[[argparse.ArgumentParser], None] = _no_flags
    needs_test_set: bool = True
    seeds: Mapping[str, int] = field(default_factory=dict)  # recorded in metrics.json by train.evaluate
    rows: Callable[[Figures], Iterable[Row]] = _no_rows  # of the model card's table
    columns: Mapping[str, Callable[[Figures], str]] = field(default_factory=dict)  # of the table of models
    sentence: Callable[[Figures], str] | None = None  # of the model card's limits
    title: str = ""  # of the section in docs/results.md
    introduction: str = ""
    compare: Callable[[Mapping[str, Figures]], Table] | None = None  # models beside each other, by name


# ---------------------------------------------------------------------- requirements
# Each returns why a model does not meet it, in a sentence; "" where it does.


def require_nothing(subject: Subject) -> str:
    """Every model can be measured."""
    return ""


def require_classes(subject: Subject) -> str:
    """Training pictures with classes, if they are here."""
    if subject.gallery is None or subject.gallery.pictures.are_labelled:
        return ""
    return f"The pictures of {subject.name} have no classes."


def require_reconstructions(subject: Subject) -> str:
    """An encoder and a generator."""
    if {"encoder", "generator"} <= subject.networks:
        return ""
    return f"{subject.name} has no encoder or no generator, and so no reconstructions."


def require_judge(subject: Subject) -> str:
    """A judge of the model's data set."""
    if subject.judge is not None:
        return ""
    return f"{subject.model.config.dataset} has no judge: train one with python -m train.judge."


def require_judged_reconstructions(subject: Subject) -> str:
    """An encoder, a generator and a judge."""
    return require_reconstructions(subject) or require_judge(subject)


def require_gauge(subject: Subject) -> str:
    """All that the gauge of `ganlab.outliers` needs; of a model of digits also a judge."""
    if not {"encoder", "generator"} <= subject.networks or subject.gallery is None:
        return f"{subject.name} has no encoder, generator or gallery, and so no gauge of what is unlike them."
    return "" if subject.describe() else require_judge(subject)


def require_judged_digits(subject: Subject) -> str:
    """A model of digits with an encoder, and a judge."""
    config = subject.model.config
    if config.preparation != "digit" or "encoder" not in subject.networks:
        return f"{subject.name} is no model of digits with an encoder."
    return require_judge(subject)
