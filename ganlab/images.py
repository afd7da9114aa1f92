"""Pictures in and out: the only file that knows pixels, polarity and PIL."""

from __future__ import annotations

import numpy as np
from PIL import Image
from torch import Tensor


def to_uint8(x: Tensor) -> np.ndarray:
    """(C, H, W) in [0, 1] -> uint8 (H, W) for grey or (H, W, 3)."""
    pixels = x.detach().float().clamp(0, 1).mul(255).round().byte().cpu().numpy()
    return pixels[0] if pixels.shape[0] == 1 else pixels.transpose(1, 2, 0)


def to_pil(x: Tensor, scale: int = 1) -> Image.Image:
    """One picture (C, H, W) in [0, 1]; `scale` repeats pixels, never blurs."""
    image = Image.fromarray(to_uint8(x))
    return image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)


def grid(x: Tensor, columns: int, scale: int = 1, gap: int = 2) -> Image.Image:
    """Pictures (N, C, H, W) in [0, 1] in rows of `columns`, `gap` grey pixels between them."""
    count, channels, height, width = x.shape
    rows = -(-count // columns)
    sheet = Image.new(
        "L" if channels == 1 else "RGB",
        (columns * (width + gap) + gap, rows * (height + gap) + gap),
        128 if channels == 1 else (128, 128, 128),
    )
    for index, picture in enumerate(x):
        row, column = divmod(index, columns)
        sheet.paste(to_pil(picture), (gap + column * (width + gap), gap + row * (height + gap)))
    return sheet.resize((sheet.width * scale, sheet.height * scale), Image.Resampling.NEAREST)
