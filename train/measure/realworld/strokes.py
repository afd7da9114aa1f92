"""Handwritten digits: a few skeletons for each digit, randomly bent, sheared and inked."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

Stroke = list[tuple[float, float]]  # a smooth curve through points (x, y) in [0, 1], y downwards

# How people write each digit; strokes that share an end meet in a corner.
SKELETONS: dict[int, list[list[Stroke]]] = {
    0: [
        [[(0.55, 0), (0.2, 0.12), (0.05, 0.5), (0.2, 0.88), (0.5, 1), (0.82, 0.88), (0.95, 0.5), (0.8, 0.12),
          (0.5, 0)]],
        [[(0.6, 0.03), (0.25, 0.1), (0.1, 0.5), (0.25, 0.92), (0.6, 0.98), (0.88, 0.7), (0.85, 0.25),
          (0.55, 0.02), (0.45, 0.1)]],
    ],
    1: [
        [[(0.5, 0), (0.5, 0.5), (0.5, 1)]],
        [[(0.28, 0.25), (0.42, 0.12), (0.55, 0)], [(0.55, 0), (0.54, 0.5), (0.52, 1)]],
        [[(0.3, 0.2), (0.42, 0.12), (0.52, 0)], [(0.52, 0), (0.52, 0.5), (0.5, 1)],
         [(0.25, 1), (0.5, 1), (0.78, 1)]],
    ],
    2: [
        [[(0.1, 0.24), (0.3, 0.03), (0.65, 0.02), (0.86, 0.25), (0.7, 0.52), (0.35, 0.8), (0.05, 1)],
         [(0.05, 1), (0.5, 0.99), (0.95, 1)]],
        [[(0.12, 0.2), (0.4, 0), (0.8, 0.12), (0.8, 0.4), (0.5, 0.7), (0.2, 0.97), (0.07, 0.9), (0.2, 0.8),
          (0.45, 0.92), (0.7, 1), (0.97, 0.9)]],
    ],
    3: [
        [[(0.1, 0.13), (0.4, 0), (0.8, 0.1), (0.8, 0.36), (0.4, 0.47)],
         [(0.4, 0.47), (0.85, 0.58), (0.9, 0.85), (0.5, 1), (0.08, 0.88)]],
        [[(0.1, 0), (0.45, 0.01), (0.85, 0)], [(0.85, 0), (0.65, 0.2), (0.45, 0.4)],
         [(0.45, 0.4), (0.88, 0.55), (0.9, 0.85), (0.5, 1), (0.05, 0.9)]],
    ],
    4: [
        [[(0.25, 0), (0.2, 0.3), (0.08, 0.6)], [(0.08, 0.6), (0.5, 0.59), (0.95, 0.58)],
         [(0.72, 0.15), (0.7, 0.6), (0.65, 1)]],
        [[(0.65, 0), (0.35, 0.32), (0.05, 0.65)], [(0.05, 0.65), (0.5, 0.65), (0.95, 0.65)],
         [(0.65, 0), (0.66, 0.5), (0.65, 1)]],
    ],
    5: [
        [[(0.85, 0), (0.5, 0.01), (0.2, 0)], [(0.2, 0), (0.17, 0.2), (0.14, 0.42)],
         [(0.14, 0.42), (0.5, 0.35), (0.88, 0.58), (0.78, 0.9), (0.4, 1), (0.05, 0.9)]],
        [[(0.9, 0.02), (0.55, 0), (0.3, 0.05)], [(0.3, 0.05), (0.25, 0.25), (0.2, 0.45)],
         [(0.2, 0.45), (0.6, 0.45), (0.82, 0.7), (0.6, 0.95), (0.1, 1)]],
    ],
    6: [
        [[(0.75, 0.02), (0.38, 0.25), (0.12, 0.62), (0.22, 0.93), (0.58, 1), (0.88, 0.78), (0.65, 0.55),
          (0.3, 0.6), (0.14, 0.75)]],
        [[(0.6, 0), (0.25, 0.35), (0.12, 0.7), (0.3, 0.97), (0.65, 0.97), (0.8, 0.75), (0.6, 0.58),
          (0.3, 0.68), (0.2, 0.85)]],
    ],
    7: [
        [[(0.05, 0.02), (0.5, 0), (0.95, 0)], [(0.95, 0), (0.6, 0.45), (0.38, 1)]],
        [[(0.08, 0.18), (0.1, 0.02)], [(0.1, 0.02), (0.5, 0.04), (0.9, 0)],
         [(0.9, 0), (0.6, 0.45), (0.45, 1)]],
        [[(0.05, 0.02), (0.5, 0.02), (0.92, 0)], [(0.92, 0), (0.65, 0.4), (0.4, 1)],
         [(0.35, 0.52), (0.58, 0.5), (0.82, 0.5)]],
    ],
    8: [
        [[(0.78, 0.15), (0.5, 0), (0.2, 0.14), (0.3, 0.4), (0.7, 0.58), (0.86, 0.82), (0.5, 1), (0.15, 0.84),
          (0.3, 0.58), (0.7, 0.38), (0.78, 0.15)]],
        [[(0.5, 0), (0.22, 0.1), (0.25, 0.35), (0.5, 0.45), (0.76, 0.33), (0.78, 0.1), (0.5, 0)],
         [(0.5, 0.45), (0.15, 0.6), (0.16, 0.9), (0.5, 1), (0.85, 0.9), (0.84, 0.6), (0.5, 0.45)]],
    ],
    9: [
        [[(0.85, 0.15), (0.5, 0), (0.15, 0.2), (0.25, 0.45), (0.6, 0.47), (0.85, 0.17)],
         [(0.85, 0.15), (0.82, 0.6), (0.72, 1)]],
        [[(0.84, 0.2), (0.55, 0), (0.18, 0.16), (0.22, 0.42), (0.6, 0.45), (0.84, 0.2)],
         [(0.84, 0.2), (0.86, 0.65), (0.62, 0.97), (0.2, 0.92)]],
    ],
}  # fmt: skip

STEPS = 24  # points of the curve between two given points


def interpolate_curve(points: Stroke) -> np.ndarray:
    """The Catmull-Rom spline through the points: (M, 2)."""
    given = np.asarray(points, float)
    ends = np.vstack([2 * given[0] - given[1], given, 2 * given[-1] - given[-2]])
    t = np.linspace(0, 1, STEPS, endpoint=False)[:, None]
    parts = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(ends, ends[1:], ends[2:], ends[3:], strict=False)
    ]
    return np.vstack([*parts, given[-1:]])


def draw_digit(digit: int, side: int, width: float, random: np.random.Generator) -> Image.Image:
    """One digit as a mask "L", 255 where ink is: `side` pixels high, strokes about `width` pixels wide.

    Its proportions, slant, curves and the pressure of the pen are drawn from `random`.
    """
    skeleton = SKELETONS[digit][random.integers(len(SKELETONS[digit]))]
    tall, slant = side - 2 * width, random.uniform(-0.1, 0.3)
    wide = tall * (random.uniform(0.45, 0.85) if digit != 1 else 0.45)
    points: dict[tuple[float, float], np.ndarray] = {}  # corners stay corners
    lines = []
    for stroke in skeleton:
        for point in stroke:
            points.setdefault(point, np.asarray(point) + random.normal(0, 0.022, 2))
        x, y = interpolate_curve([tuple(points[point]) for point in stroke]).T
        lines.append(np.stack([wide * x + slant * tall * (1 - y), tall * y], 1))
    every = np.vstack(lines)
    low = every.min(0) - 1.2 * width
    size = np.ceil(every.max(0) + 1.2 * width - low).astype(int)
    sheet = Image.new("L", (int(size[0]), int(size[1])), 0)
    pen = ImageDraw.Draw(sheet)
    for line in lines:
        phase, depth = random.uniform(0, 6.3), random.uniform(0, 0.25)
        for i, (x, y) in enumerate(line - low):
            radius = width / 2 * (1 + depth * np.sin(phase + 0.06 * i))
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
            if i:  # points far apart leave no gaps
                pen.line((*(line[i - 1] - low), x, y), fill=255, width=max(1, round(2 * radius * 0.95)))
    return sheet
