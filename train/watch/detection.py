"""How a run is seen to be lost, in words: from the figures of its looks.

A look at networks that have just begun says little: G's first samples are all alike, and so are E's codes;
some runs pass through such a state and leave it. So no alarm comes before the detector's patience ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

LOOKS = 3  # in succession that agree, for an alarm to begin or to end
PATIENCE = 300  # steps, and at least an epoch

# Limits. In its first epochs on MNIST a sound BiGAN or GAN has a diversity of 0.3 to 0.6, 0.2 to 0.6 to the
# nearest and a margin below 3. A lost one comes to a margin of 4 to 5 in its third; samples grow alike later.
CERTAIN_MARGIN = 4.0  # logits: 19 of 20 pairs of either kind are told apart at odds of 50 to 1
COLLAPSED = 0.15  # of the mean distance between real pictures
ALIKE = 0.08  # of the mean distance from a real picture to the nearest other
CONSTANT = 0.05  # of the prior's deviation

Look = Mapping[str, float | None]


@dataclass(frozen=True)
class Sign:
    """A way to be lost: whether a look shows it, and the sentence that says so."""

    kind: str  # of the event
    shows: Callable[[Look], bool]
    text: Callable[[Look], str]


def _get(look: Look, key: str, otherwise: float) -> float:
    value = look.get(key)
    return otherwise if value is None else value


def _has_collapsed(look: Look) -> bool:
    return _get(look, "diversity", 1) < COLLAPSED or _get(look, "nearest", 1) < ALIKE


SIGNS = (
    Sign(
        "certain",
        lambda look: _get(look, "margin", 0) > CERTAIN_MARGIN,
        lambda look: (
            "D is certain of nearly every pair (mean logits"
            f" {_get(look, 'd_real', 0):+.1f} for real, {_get(look, 'd_made', 0):+.1f} for generated ones),"
            " so the others learn little from it."
        ),
    ),
    Sign(
        "collapse",
        _has_collapsed,
        lambda look: (
            "G has collapsed: its samples lie"
            f" {_get(look, 'diversity', 0):.0%} as far apart as real pictures, and a sample"
            f" {_get(look, 'nearest', 0):.0%} as far from the one most like it."
        ),
    ),
    Sign(
        "constant",
        lambda look: _get(look, "code_spread", 1) < CONSTANT,
        lambda look: (
            "E gives nearly the same code to all pictures: their codes spread"
            f" {_get(look, 'code_spread', 0):.1%} as far as the prior."
        ),
    ),
)


@dataclass
class Detector:
    """Turns looks into alarms. `decodes_prior`: whether the method ever gives G latents of the prior; else
    its samples say nothing. `patience`: steps before which nothing is an alarm."""

    decodes_prior: bool = True
    patience: int = PATIENCE
    active: set[str] = field(default_factory=set)  # kinds of alarms that have begun and not ended
    _streak: dict[str, int] = field(default_factory=dict)  # looks in succession that contradict `active`

    def see(self, look: Look, step: int) -> list[tuple[str, str]]:
        """Kind and sentence of each alarm that begins with this look."""
        begun = []
        for sign in SIGNS:
            if sign.kind == "collapse" and not self.decodes_prior:
                continue
            shown = sign.shows(look)
            if shown and step < self.patience:
                continue
            differs = shown != (sign.kind in self.active)
            self._streak[sign.kind] = self._streak.get(sign.kind, 0) + 1 if differs else 0
            if self._streak[sign.kind] < LOOKS:
                continue
            self._streak[sign.kind] = 0
            if shown:
                self.active.add(sign.kind)
                begun.append((sign.kind, sign.text(look)))
            else:
                self.active.discard(sign.kind)
        return begun
