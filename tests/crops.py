"""The fixture "crop": what models see of squares of pictures, see `tests.fixtures`."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from PIL import Image

from ganlab import images
from ganlab.config import ModelConfig

CROPS: dict[str, dict[str, Any]] = {  # pictures of (width, height), the square, the model's size and channels
    "middle": {"picture": (300, 200), "crop": (50, 0, 200), "size": 32, "channels": 3},
    "small part": {"picture": (300, 200), "crop": (200.25, 120.5, 40.75), "size": 32, "channels": 3},
    "halved": {"picture": (301, 251), "crop": (20.5, 0, 251), "size": 32, "channels": 3},
    "halved twice": {"picture": (500, 443), "crop": (57, 3, 440), "size": 32, "channels": 1},
    "larger": {"picture": (90, 70), "crop": (10, 0, 70), "size": 64, "channels": 3},
    "eight pixels": {"picture": (8, 8), "crop": (0, 0, 8), "size": 32, "channels": 3},
    "unchanged": {"picture": (40, 32), "crop": (5, 0, 32), "size": 32, "channels": 3},
}


def draw_waves(width: int, height: int) -> np.ndarray:
    """A picture (height, width, 3) that is smooth at its corner and finer and finer away from it, as the
    page's tests draw it."""
    y, x, c = np.meshgrid(*map(np.arange, (height, width, 3)), indexing="ij")
    wave = (x * x + 2 * y * y + 40 * c * (x + y)) // 100 % 512
    return np.minimum(wave, 511 - wave).astype(np.uint8)


def prepare(source: images.Source, size: int, channels: int, crop: images.Crop | None = None) -> str:
    """The pixels, in base64, that a model of size x size pictures sees."""
    config = ModelConfig(
        name="fixture",
        method="gan",
        dataset="waves",
        family="conv",
        networks=("generator",),
        channels=channels,
        size=size,
        latent_dim=4,
        prior="normal",
        width=8,
        preparation="picture",
    )
    pixels = images.to_uint8(images.prepare(source, config, crop=crop).x[0])
    return base64.b64encode(pixels.tobytes()).decode()


def make_crop() -> dict[str, Any]:
    """What models see of squares of pictures; and of one that is partly transparent."""
    pictures = {
        name: prepare(draw_waves(*case["picture"]), case["size"], case["channels"], case["crop"])
        for name, case in CROPS.items()
    }
    pixels = np.dstack([draw_waves(32, 32), np.arange(1024).reshape(32, 32) // 4 % 256]).astype(np.uint8)
    white = np.full((32, 32, 4), 255, np.uint8)
    white[4:, :, 3] = 0
    for name, rgba in (("transparent", pixels), ("white on nothing", white)):
        pictures[name] = prepare(images.encode_png(Image.fromarray(rgba)), 32, 3)
    return {"cases": CROPS, "pictures": pictures}
