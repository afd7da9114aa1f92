"""All kinds of pictures that people upload, some of each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from train.measure.realworld import clutter, scenes
from train.measure.realworld.scenes import Fonts, Picture, Random

EACH = 40  # pictures a kind, four of each digit
# The number of a kind is part of its pictures: new ones are added at the end.
KINDS: dict[str, Callable[[int, Fonts, Random], bytes]] = {**scenes.PLAIN, **clutter.KINDS}


def draw_pictures(seed: int = 0, each: int = EACH) -> list[Picture]:
    """`each` pictures of every kind, their digits in turn; the same seed gives the same pictures."""
    fonts = Fonts.find()
    images = []
    for number, (kind, draw) in enumerate(KINDS.items()):
        for index in range(each):
            random = np.random.default_rng([seed, number, index])
            label = index % 10
            images.append(Picture(kind, label, draw(label, fonts, random)))
    return images
