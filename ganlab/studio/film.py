"""Films: a path through two or more latents, frame by frame, as pictures; `animation` writes them.

Between two latents it takes the way of the prior, or a requested one of `paths.WAYS`.
ganlab/ui/static/lib/film.js computes the same in the page.
"""

from __future__ import annotations

import dataclasses
import io
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ganlab import animation, interruption, outliers
from ganlab.animation import FORMATS as FORMATS
from ganlab.animation import Sheet
from ganlab.config import ModelConfig
from ganlab.explorer import Explorer
from ganlab.studio.paths import WAYS, Way, choose_way

EASINGS = ("linear", "smooth")
MAX_KEYFRAMES, MAX_FRAMES = 24, 600
BATCH = 16  # frames decoded at a time
SECONDS = (0.2, 60.0)


@dataclass(frozen=True)
class Film:
    """Settings of a film: `frames` pictures in `seconds`. In a `loop` the last latent leads back to the
    first, which is not shown twice. ValueError for settings outside the limits."""

    frames: int = 60
    seconds: float = 3.0
    easing: str = "linear"  # "smooth": slower near the keyframes
    way: str | None = None  # key of WAYS; None: the prior's
    loop: bool = False

    def __post_init__(self) -> None:
        if type(self.frames) is not int or not 2 <= self.frames <= MAX_FRAMES:
            raise ValueError(f"A film has from 2 to {MAX_FRAMES} frames, not {self.frames!r}.")
        if type(self.seconds) not in (int, float) or not SECONDS[0] <= self.seconds <= SECONDS[1]:
            raise ValueError(
                f"A film lasts from {SECONDS[0]} to {SECONDS[1]:.0f} seconds, not {self.seconds!r}."
            )
        if self.easing not in EASINGS:
            raise ValueError(f"Easing {self.easing!r} not found; available = {list(EASINGS)}.")
        if self.way is not None and self.way not in tuple(WAYS):  # a tuple: the value may be unhashable
            raise ValueError(f"Path {self.way!r} not found; available = {list(WAYS)}.")
        if type(self.loop) is not bool:
            raise ValueError(f"loop is true or false, not {self.loop!r}.")

    @staticmethod
    def from_settings(settings: object) -> Film:
        """From settings by name, which may come from anybody; the others keep their defaults."""
        if not isinstance(settings, dict):
            raise ValueError('A film\'s settings are an object like {"seconds": 3}.')
        if unknown := settings.keys() - {field.name for field in dataclasses.fields(Film)}:
            raise ValueError(f"A film has no setting {', '.join(sorted(map(str, unknown)))[:80]}.")
        return Film(**settings)

    def interpolate(self, keyframes: Tensor, way: Way) -> Tensor:
        """Latents (frames, D) through keyframes (K, D), which lie at equal distances in time, with `way`
        between two of them; exact at the times of keyframes. ValueError for too few or too many
        keyframes."""
        if keyframes.dim() != 2 or not 2 <= len(keyframes) <= MAX_KEYFRAMES:
            raise ValueError(f"A film goes through 2 to {MAX_KEYFRAMES} latents, not {len(keyframes)}.")
        parts = self.split(keyframes)
        positions = (
            torch.arange(self.frames, dtype=torch.float64)
            * len(parts)
            / (self.frames - (0 if self.loop else 1))
        )
        part = positions.floor().long().clamp(max=len(parts) - 1)
        t = ease(positions - part, self.easing)
        path = torch.empty(self.frames, keyframes.shape[1], dtype=keyframes.dtype)
        for index, (a, b) in enumerate(parts):
            frames = part == index
            path[frames] = way(a, b, t[frames].unsqueeze(1).to(keyframes.dtype))
            path[frames & (t == 0)] = a
        if not self.loop:
            path[-1] = keyframes[-1]
        return path

    def split(self, keyframes: Tensor) -> list[tuple[Tensor, Tensor]]:
        """The parts of a film through keyframes (K, D): from each to the next, both (D,); in a loop also from
        the last to the first."""
        pairs = list(itertools.pairwise(keyframes))
        return [*pairs, (keyframes[-1], keyframes[0])] if self.loop else pairs


def ease(t: Tensor, easing: str) -> Tensor:
    """t in [0, 1] with the easing applied: "smooth" is 3 t^2 - 2 t^3."""
    return t * t * (3 - 2 * t) if easing == "smooth" else t


def render_frames(explorer: Explorer, film: Film, keyframes: Tensor) -> Tensor:
    """All frames, (frames, C, H, W) in [0, 1]."""
    return torch.cat([*iterate_frames(explorer, film, keyframes)])


def iterate_frames(explorer: Explorer, film: Film, keyframes: Tensor) -> Iterator[Tensor]:
    """All frames, a few at a time: (B, C, H, W) in [0, 1]. ValueError, at once, for a way that the model
    does not have."""
    return _decode(explorer, interpolate(explorer, film, keyframes))


def _decode(explorer: Explorer, latents: Tensor) -> Iterator[Tensor]:
    for batch in torch.split(latents, BATCH):
        interruption.check()
        yield explorer.decode(batch)


def interpolate(explorer: Explorer, film: Film, keyframes: Tensor) -> Tensor:
    """The latents of all frames (frames, D). ValueError for a way that the model does not have."""
    return film.interpolate(explorer.check_latents(keyframes), choose_way(explorer, film.way))


def plan_file(config: ModelConfig, film: Film, kind: object, scale: object) -> Sheet:
    """How a model's film becomes a file in one of FORMATS, each pixel `scale` pixels wide; for
    `animation.write_file`. ValueError for another format, or a scale out of range."""
    return animation.plan(config.image_shape, film.frames, film.seconds, kind, scale)


def encode_file(frames: Tensor, film: Film, kind: str, scale: int = 8) -> bytes:
    """A file in one of FORMATS from frames (N, C, H, W) in [0, 1], each pixel `scale` pixels wide. ValueError
    for another format or scale."""
    channels, height, width = frames.shape[1:]
    sheet = animation.plan((channels, height, width), len(frames), film.seconds, kind, scale)
    file = io.BytesIO()
    animation.write_file(file, [frames], sheet, kind)
    return file.getvalue()


def classify_frames(explorer: Explorer, frames: Tensor) -> list[int] | None:
    """The class that the classifier sees in each of frames (N, C, H, W); None where there is no classifier
    for the model's data."""
    labels: list[int] | None = None if explorer.judge is None else explorer.judge.labels(frames).tolist()
    return labels


def find_unlike(explorer: Explorer, frames: Tensor) -> list[bool] | None:
    """For each of frames (N, C, H, W) whether it is unlike the model's data (see `ganlab.outliers`); None for
    a checkpoint that was not calibrated."""
    scores = outliers.score_pictures(explorer, frames)
    unlike: list[bool] | None = None if scores is None else scores.are_outliers.tolist()
    return unlike


def describe_changes(labels: Sequence[object], film: Film) -> list[str]:
    """Each change of the frames' class, in words."""
    return [
        f"{before} becomes {after} at {_time(index, len(labels), film)}"
        for index, (before, after) in enumerate(itertools.pairwise(labels), 1)
        if before != after
    ]


def describe_unlike(unlike: Sequence[bool], film: Film, noun: str = "digit") -> str:
    """Which frames are unlike digits, in words; frames are counted from 1."""
    stretches, start = [], 0
    for value, group in itertools.groupby(unlike):
        end = start + len(list(group))
        if value:
            stretches.append((start, end - 1))
        start = end
    if not stretches:
        return f"No frame is unlike {noun}s."
    if stretches == [(0, len(unlike) - 1)]:
        return f"All frames are unlike {noun}s."
    texts = [
        f"{first + 1} (at {_time(first, len(unlike), film)})"
        if first == last
        else f"{first + 1} to {last + 1}"
        f" ({_time(first, len(unlike), film, '')} to {_time(last, len(unlike), film)})"
        for first, last in stretches
    ]
    many = len(texts) > 1 or stretches[0][1] > stretches[0][0]
    listed = " and ".join(filter(None, [", ".join(texts[:-1]), texts[-1]]))
    return f"Of {len(unlike)} frames, {listed} {'are' if many else 'is'} unlike {noun}s."


def _time(index: int, frames: int, film: Film, unit: str = " s") -> str:
    return f"{index * film.seconds / (frames - (0 if film.loop else 1)):.1f}{unit}"
