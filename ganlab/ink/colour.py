"""Where the contrast of a colour picture lies: in its lightness, or in a hue of the same lightness."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

LIGHTNESS = np.array([0.299, 0.587, 0.114], np.float32)
MIN_LIGHTNESS = 0.3  # of the difference between ink and paper, below which colour shows more
MIN_DIFFERENCE = 0.1  # between colours, below which they are noise
MAX_PIXELS = 8_000  # looked at
INK_SHARE = 0.015  # of the pixels: those that differ most from the paper


@dataclass(frozen=True)
class Channel:
    """One number a pixel: `weights` (3,) times its colour, and `offset`."""

    weights: np.ndarray = field(default_factory=lambda: LIGHTNESS)
    offset: float = 0.0

    def read(self, pixels: np.ndarray) -> np.ndarray:
        """Values (H, W) in [0, 1] of pixels (H, W) or (H, W, 3)."""
        if pixels.ndim == 2:
            return pixels
        return np.asarray((pixels @ self.weights + np.float32(self.offset)).clip(0, 1), np.float32)


def pick_channel(pixels: np.ndarray) -> Channel:
    """The channel that shows ink best in pixels (H, W, 3) in [0, 1]: lightness, unless ink and paper hardly
    differ in it; then the line between their colours."""
    if pixels.ndim == 2:
        return Channel()
    colours = pixels.reshape(-1, 3)
    colours = colours[:: len(colours) // MAX_PIXELS + 1]
    middle = np.median(colours, axis=0)
    away = colours - middle
    distance = np.square(away).sum(1)
    count = max(int(INK_SHARE * len(away)), min(len(away), 10))
    ink = away[np.argpartition(distance, -count)[-count:]]
    axis = np.linalg.eigh(ink.T @ ink)[1][:, -1].astype(np.float32)
    along, light = np.abs(ink @ axis).mean(), np.abs(ink @ LIGHTNESS).mean()
    if along < MIN_DIFFERENCE or light > MIN_LIGHTNESS * along:
        return Channel()
    return Channel(axis / 2, float(0.5 - middle @ axis / 2))
