"""Find the digit in a picture: reduce it, separate its ink, take one digit, look closer where it is small."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch.nn.functional as F

from ganlab.ink.basics import BLANK, Box, PictureError, Polarity, bounds, grow, pooled, reduce
from ganlab.ink.colour import Channel, pick_channel
from ganlab.ink.digits import Scene, find_digits
from ganlab.ink.hollow import fill_outline
from ganlab.ink.lines import drop_lines
from ganlab.ink.paper import separate_ink
from ganlab.ink.parts import Part, split_parts
from ganlab.ink.sheets import find_sheet

MAX_SIDE = 400  # longest side, in pixels, at which ink is searched
MIN_SHARE = 0.6  # of a picture's longest side, below which its ink (and a margin) is looked at closer
MAX_DEPTH = 3  # sheets in each other
CROWDED = "There is more than a digit in this picture; crop it if another part was meant."
WIDE = "This is wider than a digit is: if several digits touch, crop it to one."
MAX_SIGNS = 10  # signs of any size, beyond which a picture is crowded
MAX_WIDE = 1.6  # width over height of a digit
MIN_DIFFERENCE = 0.1  # between the colours of a sheet and of the picture, below which it is a box on paper
LEVEL = 0.4  # of full strength, from which a pixel is ink


@dataclass(frozen=True)
class Ink:
    """The strokes of one digit, separated from their paper."""

    strength: np.ndarray  # float32 (h, w), 0 paper to 1 ink, cropped to the ink
    dark: bool  # whether the ink is darker than the paper
    uneven: bool  # whether uneven light was removed
    boxes: tuple[Box, ...]  # of the digits, the one that was taken first
    notes: tuple[str, ...] = ()  # what was left out
    doubt: str = ""  # a sentence why this may be another thing than the digit that was meant


@dataclass(frozen=True)
class _Area:
    """Where to look: pixels (H, W) or (H, W, 3), uint8 or in [0, 1]."""

    pixels: np.ndarray
    channel: Channel
    polarity: Polarity
    wanted: Polarity  # what was asked for, of a sheet in the picture too
    is_cut: bool  # whether the picture is a part of another
    depth: int = MAX_DEPTH  # how many sheets may lie in each other
    keep: np.ndarray | None = None  # (H, W): no ink counts where it is 0

    @property
    def factor(self) -> int:
        """How many pixels a side become one of the view."""
        return math.ceil(int(max(self.pixels.shape[:2])) / MAX_SIDE)

    def cut(self, area: tuple[slice, slice], **changes: Any) -> _Area:
        """A part of it."""
        keep = None if self.keep is None else self.keep[area]
        return replace(self, **({"pixels": self.pixels[area], "keep": keep} | changes))


def find_ink(pixels: np.ndarray, polarity: Polarity, is_cut: bool = False) -> Ink:
    """The ink of one digit in a picture (H, W) or (H, W, 3), uint8 or float in [0, 1]. `is_cut`: the picture
    is a part of another. PictureError where there is no ink."""
    area = _Area(pixels, Channel(), polarity, polarity, is_cut)
    view = reduce(pixels, area.factor)
    if view.ndim == 3 and all(np.array_equal(view[..., 0], view[..., other]) for other in (1, 2)):
        area, view = replace(area, pixels=pixels[..., 0]), view[..., 0]  # grey, as drawings are
    return _look(area, view)


def _look(area: _Area, view: np.ndarray) -> Ink:
    """The ink on a sheet in an area, or else in all of it. `view` is what `reduce` makes of its pixels."""
    if area.depth and area.wanted == "auto" and (sheet := find_sheet(view)) is not None:
        ink = _search_sheet(area, view, *sheet)
        if ink is not None:
            return ink
    return _search(replace(area, channel=pick_channel(view)), view)


def _search(area: _Area, view: np.ndarray | None = None) -> Ink:
    """The ink in an area; `view` is what `reduce` makes of its pixels, if that is there already."""
    view = reduce(area.pixels, area.factor) if view is None else view
    field = separate_ink(area.channel.read(view), area.polarity)
    strength = field.strength
    if area.keep is not None:
        strength = strength * (reduce(area.keep, area.factor) > 0.5)
    if strength.max() <= 0.5:
        raise PictureError(BLANK)
    mask = grow(strength > LEVEL)
    sign: Polarity = "dark" if field.dark else "light"
    if (small := _enlarge(bounds(mask), mask.shape, area.factor)) is not None:
        return _shift(_search(area.cut(small, polarity=sign)), small, field.uneven)
    labels, parts = split_parts(mask)
    filled = fill_outline(mask, labels, parts)
    if filled is not None:
        strength, mask = np.where(filled & ~mask, 1, strength), filled
        labels, parts = split_parts(mask)
    scene = find_digits(labels, parts, area.is_cut)
    scene = _clean(scene, mask, area.is_cut)
    if filled is not None:
        scene = replace(scene, notes=(*scene.notes, "outline filled"))
    digit = scene.digits[0]
    around = _around(scene, digit)
    boxes = tuple(_scale(part, area.factor) for part in scene.digits)
    small = _enlarge((digit.top, digit.bottom, digit.left, digit.right), mask.shape, area.factor)
    if small is not None:
        keep = _stretch(around, area.pixels.shape, area.factor)[small]
        closer = _search(area.cut(small, polarity=sign, keep=keep))
        closer = _shift(closer, small, field.uneven)
        doubt = closer.doubt or _describe_doubt(scene)
        return replace(closer, boxes=closer.boxes[:1] + boxes[1:], notes=scene.notes, doubt=doubt)
    strength = strength * around
    top, bottom, left, right = bounds(strength > 0.15)
    doubt = _describe_doubt(scene)
    return Ink(strength[top:bottom, left:right], field.dark, field.uneven, boxes, scene.notes, doubt)


def _describe_doubt(scene: Scene) -> str:
    if scene.total > MAX_SIGNS:
        return CROWDED
    digit = scene.digits[0]
    return WIDE if digit.width > MAX_WIDE * digit.height else ""


def _search_sheet(area: _Area, view: np.ndarray, sheet: Part, mask: np.ndarray) -> Ink | None:
    """The ink on a sheet (its box in the view has the mask `mask`) that lies in the area; None where it is
    blank."""
    rows, columns = (slice(area.factor * start, area.factor * end) for start, end in
                     ((sheet.top, sheet.bottom), (sheet.left, sheet.right)))  # fmt: skip
    cut = area.pixels[rows, columns].copy()
    inner = ~grow(grow(np.pad(~mask, 1, constant_values=True)))[1:-1, 1:-1]
    colours = reduce(cut, area.factor)[inner]
    full = 255 if cut.dtype == np.uint8 else 1
    colour = np.median(colours, axis=0)
    cut[_stretch(inner, cut.shape, area.factor) == 0] = full * colour
    within = _Area(cut, Channel(), area.wanted, area.wanted, False, area.depth - 1)
    try:
        ink = _look(within, reduce(cut, within.factor))
    except PictureError:
        return None
    differs = np.abs(colour - np.median(view.reshape(-1, *view.shape[2:]), axis=0)).max() > MIN_DIFFERENCE
    # Else it is the inside of a box on the same paper.
    note, doubt = ("looked at one sheet", CROWDED) if differs else ("frame left out", "")
    ink = _shift(ink, (rows, columns), False)
    return replace(ink, notes=(note, *ink.notes), doubt=ink.doubt or doubt)


def _enlarge(
    ends: tuple[int, int, int, int], shape: tuple[int, ...], factor: int
) -> tuple[slice, slice] | None:
    """Rows and columns, `factor` pixels each, of an area (top, bottom, left, right) and a margin, where that
    is a small part of the grid."""
    top, bottom, left, right = ends
    longest = max(bottom - top, right - left)
    margin = longest // 4 + 2
    if longest + 2 * margin >= MIN_SHARE * max(shape):
        return None
    rows = slice(factor * max(top - margin, 0), factor * (bottom + margin))
    return rows, slice(factor * max(left - margin, 0), factor * (right + margin))


def _shift(ink: Ink, area: tuple[slice, slice], uneven: bool) -> Ink:
    """What was seen in an area, in the pixels of the picture that it is a part of."""
    top, left = area[0].start, area[1].start
    boxes = tuple((left + x, top + y, width, height) for x, y, width, height in ink.boxes)
    return replace(ink, boxes=boxes, uneven=uneven or ink.uneven)


def _clean(scene: Scene, mask: np.ndarray, is_cut: bool) -> Scene:
    """The scene without lines through the digit that is taken."""
    digit = scene.digits[0]
    box = slice(digit.top, digit.bottom), slice(digit.left, digit.right)
    own = np.isin(scene.labels[box], digit.labels)
    clean, has_lines = drop_lines(own)
    if not has_lines:
        return scene
    rest = mask.copy()
    rest[box] &= ~own | clean
    again = find_digits(*split_parts(rest), is_cut)
    return replace(again, notes=(*again.notes, "line through it left out"))


def _around(scene: Scene, digit: Part) -> np.ndarray:
    """Whether a pixel (H, W) is of a digit or nearer to it than to other ink."""
    own = np.isin(scene.labels, digit.labels)
    around: np.ndarray = grow(own) & (own | (scene.labels == 0))
    return around


def _scale(part: Part, factor: int) -> Box:
    return factor * part.left, factor * part.top, factor * part.width, factor * part.height


def _stretch(mask: np.ndarray, shape: tuple[int, ...], factor: int) -> np.ndarray:
    """A mask of squares of `factor` pixels as one of pixels (H, W)."""
    large = pooled(mask, F.interpolate, None, factor) if factor > 1 else np.asarray(mask, np.float32)
    cut: np.ndarray = large[: shape[0], : shape[1]]
    return cut
