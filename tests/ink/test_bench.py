"""What preparation takes: python -m pytest -m bench -s tests/ink."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from ganlab import images
from tests.conftest import TINY
from tests.pictures import encoded

REPEATS = 30


def draw_seven(side: int) -> Image.Image:
    """A seven in black on grey paper with grain, `side` pixels wide and high, in colour."""
    grain = np.random.default_rng(0).normal(215, 3, (side, side, 1)).clip(0, 255).astype(np.uint8)
    image = Image.fromarray(grain.repeat(3, 2))
    points = [(0.25 * side, 0.2 * side), (0.75 * side, 0.2 * side), (0.45 * side, 0.85 * side)]
    ImageDraw.Draw(image).line(points, fill=(20, 20, 30), width=side // 13, joint="curve")
    return image


@pytest.mark.bench
def test_milliseconds_of_preparation() -> None:
    torch.set_num_threads(1)
    drawing = encoded(draw_seven(280).convert("L"), "PNG")
    for name, file in (
        ("a drawing of 280 x 280", drawing),
        ("a photograph of 2 megapixels", encoded(draw_seven(1414), "JPEG")),
    ):
        times = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            images.prepare(file, TINY)
            times.append(1000 * (time.perf_counter() - start))
        print(f"\n{name}: {np.median(times):.1f} ms with decoding, median of {REPEATS}")
