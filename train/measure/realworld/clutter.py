"""Digits with other things around: boxes, lines, labels, other digits, colours, tables, windows."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from train.measure.realworld import scenes
from train.measure.realworld.scenes import Fonts, Random
from train.measure.realworld.strokes import draw_digit

Points = list[tuple[float, float]]
LABELS = ("No.", "digit:", "x =", "Fig.", "(a)", "label", "Name", "Task", "sum", "page", "answer:")
WORDS = "File Edit View Help Brush Undo Clear Save Open Zoom Layers Predict"
LIGHT = np.array([0.299, 0.587, 0.114])


def draw_freely(digit: int, height: int, random: Random) -> Image.Image:
    """Handwriting of a usual width of pen."""
    return draw_digit(digit, height, height * random.uniform(0.06, 0.13), random)


def _widen(ink: Image.Image, share: float) -> Image.Image:
    """The mask in the middle of a larger one, with `share` of its height around it."""
    ink = ink.crop(ink.getbbox())
    margin = round(ink.height * share)
    sheet = Image.new("L", (ink.width + 2 * margin, ink.height + 2 * margin), 0)
    sheet.paste(ink, (margin, margin))
    return sheet


def _trace(sheet: Image.Image, points: Points, width: float) -> None:
    """A line through points, as a pen draws it."""
    pen, radius = ImageDraw.Draw(sheet), width / 2
    pen.line(points, fill=255, width=max(1, round(width)), joint="curve")
    for x, y in (points[0], points[-1]):
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)


def _finish(ink: Image.Image, random: Random) -> bytes:
    """Ink on paper, scanned or photographed."""
    page = scenes.lay_ink(scenes.draw_paper(random), ink, random, dark=random.uniform(0.05, 0.3))
    if random.random() < 0.6:
        return scenes.scan(page)
    return scenes.photograph(scenes.tilt(scenes.shade(page, random, 0.3), random, 0.04), random)


# ---------------------------------------------------------------------- things around a digit


def draw_boxed(digit: int, fonts: Fonts, random: Random) -> bytes:
    """In a box, drawn with a ruler or by hand."""
    height = int(random.integers(100, 180))
    sheet = _widen(scenes.draw_ink(digit, fonts, height, random), 0.9)
    left, top, right, bottom = sheet.getbbox() or (0, 0, 1, 1)
    gaps = random.uniform(0.15, 0.6, 4) * height
    shake = random.uniform(0, 0.05) * height
    corners = np.array(
        [
            (left - gaps[0], top - gaps[1]),
            (right + gaps[2], top - gaps[1]),
            (right + gaps[2], bottom + gaps[3]),
            (left - gaps[0], bottom + gaps[3]),
        ]
    )
    corners += random.uniform(-shake, shake, (4, 2))
    ends = corners[[0, 1, 2, 3, 0]]
    ends[-1] += random.uniform(-shake, shake, 2)  # the pen does not quite meet where it began
    _trace(sheet, [tuple(point) for point in ends], height * random.uniform(0.015, 0.07))
    return _finish(sheet, random)


def draw_circled(digit: int, fonts: Fonts, random: Random) -> bytes:
    """In a circle that the pen drew, its ends apart or crossing."""
    height = int(random.integers(100, 180))
    sheet = _widen(scenes.draw_ink(digit, fonts, height, random), 0.9)
    left, top, right, bottom = sheet.getbbox() or (0, 0, 1, 1)
    radius = np.hypot(right - left, bottom - top) / 2
    turn = np.linspace(0, 2 * np.pi * random.uniform(0.95, 1.1), 80) + random.uniform(0, 6.3)
    wave = 1 + random.uniform(0, 0.05) * np.sin(2 * turn + random.uniform(0, 6.3))
    reach = radius * random.uniform(1.12, 1.5) * wave * np.linspace(1, random.uniform(0.96, 1.06), 80)
    x = (left + right) / 2 + reach * np.cos(turn)
    y = (top + bottom) / 2 + reach * np.sin(turn) * random.uniform(0.95, 1.05)
    _trace(sheet, list(zip(x, y, strict=True)), height * random.uniform(0.015, 0.08))
    return _finish(sheet, random)


def draw_underlined(digit: int, fonts: Fonts, random: Random) -> bytes:
    """With a line under it, or two, or a wave."""
    height = int(random.integers(100, 180))
    sheet = _widen(scenes.draw_ink(digit, fonts, height, random), 0.8)
    left, _, right, bottom = sheet.getbbox() or (0, 0, 1, 1)
    width, over = height * random.uniform(0.02, 0.1), random.uniform(0.05, 0.6, 2) * height
    y = bottom + width / 2 + random.uniform(0.06, 0.3) * height
    tilt = random.uniform(-0.05, 0.05) * height
    for _ in range(1 + (random.random() < 0.25)):
        x = np.linspace(left - over[0], right + over[1], 40)
        wave = random.uniform(0, 0.02) * height * np.sin(np.linspace(0, random.uniform(3, 12), 40))
        _trace(sheet, list(zip(x, y + wave + np.linspace(-tilt, tilt, 40), strict=True)), width)
        y += width + 0.08 * height
    return _finish(sheet, random)


def draw_crossed(digit: int, fonts: Fonts, random: Random) -> bytes:
    """With a thin straight line through it, as of ruled paper."""
    height = int(random.integers(120, 200))
    sheet = _widen(draw_freely(digit, height, random), 0.8)
    left, top, right, bottom = sheet.getbbox() or (0, 0, 1, 1)
    y = random.uniform(top + 0.15 * height, bottom - 0.15 * height)
    tilt = random.uniform(-0.06, 0.06) * height
    over, width = random.uniform(0.3, 0.75, 2) * height, height * random.uniform(0.012, 0.04)
    _trace(sheet, [(left - over[0], y - tilt), (right + over[1], y + tilt)], width)
    return _finish(sheet, random)


def draw_labelled(digit: int, fonts: Fonts, random: Random) -> bytes:
    """With a printed word beside, above or below it."""
    height = int(random.integers(110, 190))
    sheet = _widen(scenes.draw_ink(digit, fonts, height, random), 2.2)
    left, top, right, bottom = sheet.getbbox() or (0, 0, 1, 1)
    font = ImageFont.truetype(
        fonts.printed[random.integers(len(fonts.printed))], int(height * random.uniform(0.16, 0.36))
    )
    pen, word = ImageDraw.Draw(sheet), LABELS[random.integers(len(LABELS))]
    if random.random() < 0.4:
        word += f" {random.integers(100)}"
    box = pen.textbbox((0, 0), word, font=font)
    gap = random.uniform(0.2, 0.6) * height
    x, y = {
        0: (left - gap - box[2], random.uniform(top, bottom - box[3])),
        1: (right + gap, random.uniform(top, bottom - box[3])),
        2: ((left + right - box[2]) / 2, top - gap - box[3]),
        3: ((left + right - box[2]) / 2, bottom + gap),
    }[int(random.integers(4))]
    pen.text((x, y), word, fill=255, font=font)
    return _finish(sheet.crop(sheet.getbbox()), random)


def draw_pair(digit: int, fonts: Fonts, random: Random) -> bytes:
    """With a smaller digit beside it, or below; the larger counts."""
    height = int(random.integers(110, 190))
    sheet = _widen(scenes.draw_ink(digit, fonts, height, random), 1.6)
    left, _, right, bottom = sheet.getbbox() or (0, 0, 1, 1)
    other = scenes.draw_ink(int(random.integers(10)), fonts, int(height * random.uniform(0.55, 0.8)), random)
    other = other.crop(other.getbbox())
    gap = random.uniform(0.1, 0.5) * height
    x, y = {
        0: (left - gap - other.width, bottom - other.height),
        1: (right + gap, bottom - other.height * random.uniform(0.8, 1)),
        2: (left, bottom + gap),
    }[int(random.integers(3))]
    sheet.paste(other, (round(x), round(y)))
    return _finish(sheet.crop(sheet.getbbox()), random)


def draw_hollow(digit: int, fonts: Fonts, random: Random) -> bytes:
    """Only its outline."""
    height = int(random.integers(140, 240))
    if random.random() < 0.5:
        thick = scenes.print_sign(digit, fonts.printed, height, random)
    else:
        thick = draw_digit(digit, height, height * random.uniform(0.12, 0.18), random)
    thick = _widen(thick, 0.1).point(lambda value: 255 * (value > 127))
    width = 2 * int(random.integers(1, 3)) + 1
    outline = ImageChops.subtract(thick.filter(ImageFilter.MaxFilter(width)), thick)
    return _finish(outline, random)


# ---------------------------------------------------------------------- colours, tables, windows


def _save(picture: np.ndarray, random: Random, photo: bool) -> bytes:
    """A colour picture (H, W, 3) in [0, 1] as PNG, or as a photograph in JPEG."""
    file = io.BytesIO()
    if photo:
        sharp = Image.fromarray((picture * 255).clip(0, 255).astype(np.uint8))
        soft = np.asarray(sharp.filter(ImageFilter.GaussianBlur(random.uniform(0.6, 1.6))), float)
        noisy = soft + random.normal(0, random.uniform(2, 7), soft.shape)
        image = Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
        image.save(file, "JPEG", quality=int(random.integers(60, 92)))
    else:
        Image.fromarray((picture * 255).clip(0, 255).round().astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def _mix(ground: np.ndarray, ink: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """A ground (H, W, 3) where ink (H, W) in [0, 1] of a colour (3,) lies on it."""
    return np.asarray(ground * (1 - ink[..., None]) + colour * ink[..., None])


def draw_coloured(digit: int, fonts: Fonts, random: Random) -> bytes:
    """Ink and paper of one lightness and two hues."""
    while True:
        ink, paper = random.uniform(0, 1, (2, 3))
        paper = paper * (ink @ LIGHT) / (paper @ LIGHT)
        if paper.max() <= 1 and np.abs(ink - paper).max() > 0.5:
            break
    height = int(random.integers(120, 220))
    page = 1 - scenes.lay_ink(
        scenes.draw_paper(random), scenes.draw_ink(digit, fonts, height, random), random, dark=0
    )
    return _save(_mix(np.broadcast_to(paper, (*page.shape, 3)), page, ink), random, random.random() < 0.5)


def _draw_table(height: int, width: int, random: Random) -> np.ndarray:
    """A table (H, W, 3): wood, cloth, or plain."""
    colour = np.array([random.uniform(0.3, 0.6), 0, 0])
    colour[1], colour[2] = colour[0] * random.uniform(0.65, 1), colour[0] * random.uniform(0.4, 0.9)
    y, x = np.mgrid[:height, :width].astype(float)
    kind = random.integers(3)
    if kind == 0:  # grain along x
        bend = 14 * np.sin(x / random.uniform(60, 200)) + 6 * np.sin(x / 31 + y / 90)
        grain = np.sin((y + bend) / random.uniform(2, 7)) * random.uniform(0.05, 0.15)
    elif kind == 1:
        grain = 0.06 * np.sin(x * random.uniform(0.3, 1)) * np.sin(y * random.uniform(0.3, 1))
    else:
        grain = 0.1 * (x / width - 0.5)
    noise = random.normal(0, 0.02, (height, width))
    return np.asarray(colour * (1 + grain + noise)[..., None])


def draw_note(digit: int, fonts: Fonts, random: Random) -> bytes:
    """On a note or a sheet on a table, photographed."""
    side = int(random.integers(160, 260))
    ink = draw_freely(digit, int(side * random.uniform(0.45, 0.7)), random)
    ink = ink.crop(ink.getbbox())
    note = Image.new("L", (max(side, ink.width + 30), round(side * random.uniform(0.9, 1.3))), 0)
    room = note.width - ink.width, note.height - ink.height
    at = [round(free * random.uniform(0.3, 0.7)) for free in room]
    note.paste(ink, (at[0], at[1]))
    degrees = random.uniform(-14, 14)
    sheet = Image.new("L", note.size, 255).rotate(degrees, Image.Resampling.BICUBIC, expand=True)
    note = note.rotate(degrees, Image.Resampling.BICUBIC, expand=True)
    size = [int(length * random.uniform(1.3, 2.6)) for length in (sheet.height, sheet.width)]
    picture = _draw_table(size[0], size[1], random)
    top, left = (int(random.integers(5, have - need - 4)) for have, need in
                 zip(size, (sheet.height, sheet.width), strict=True))  # fmt: skip
    area = slice(top, top + sheet.height), slice(left, left + sheet.width)
    paper = np.array([random.uniform(0.85, 1), random.uniform(0.8, 1), random.uniform(0.35, 1)])
    pens = ((0.1, 0.1, 0.12), (0.1, 0.15, 0.5), (0.7, 0.1, 0.15), (0.1, 0.35, 0.15))
    pen = np.array(pens[random.integers(len(pens))])
    picture[area] = _mix(picture[area], np.asarray(sheet) / 255, paper)
    picture[area] = _mix(picture[area], np.asarray(note) / 255, pen)
    light = scenes.shade(np.ones(picture.shape[:2]), random, 0.25)[..., None]
    return _save(picture * light, random, True)


def draw_window(digit: int, fonts: Fonts, random: Random) -> bytes:
    """The screenshot of a program, light or dark, with the digit on its canvas."""
    width, height = int(random.integers(700, 1300)), int(random.integers(500, 850))
    dark, dark_canvas = random.random(2) < 0.35
    ground, text = ((38, 40, 46), (215, 215, 220)) if dark else ((240, 241, 245), (40, 40, 48))
    image = Image.new("RGB", (width, height), ground)
    pen = ImageDraw.Draw(image)
    name = fonts.printed[random.integers(len(fonts.printed))]
    font = ImageFont.truetype(name, int(random.integers(14, 22)))
    bar = int(random.integers(30, 70))
    accent = tuple(int(value) for value in random.integers(30, 150, 3))
    pen.rectangle((0, 0, width, bar), fill=accent)
    words = random.permutation(WORDS.split())
    pen.text((16, bar // 3), "   ".join(words[:4]), fill=(245, 245, 245), font=font)
    shade = tuple(int(value * (1.35 if dark else 0.92)) for value in ground)
    for row, word in enumerate(words[4 : 4 + int(random.integers(3, 7))]):
        y = bar + 30 + 58 * row
        pen.rounded_rectangle((18, y, 140, y + 40), 8, fill=shade)
        pen.text((36, y + 8), word, fill=text, font=font)
    side = int(min(height - bar - 60, width - 330) * random.uniform(0.7, 1))
    left, top = 170 + int(random.integers(max(width - 330 - side, 1))), bar + 30
    canvas, ink_colour = ((0, 0, 0), (255, 255, 255)) if dark_canvas else ((255, 255, 255), (0, 0, 0))
    pen.rectangle((left, top, left + side, top + side), fill=canvas, outline=(150, 150, 160), width=2)
    pen.text((left + side + 14, top + 20), f"{words[11]} {random.integers(100)} %", fill=text, font=font)
    ink = draw_freely(digit, int(side * random.uniform(0.45, 0.85)), random)
    ink = ink.crop(ink.getbbox())
    at = [round(start + (side - length) * random.uniform(0.35, 0.65)) for start, length in
          ((left, ink.width), (top, ink.height))]  # fmt: skip
    image.paste(ink_colour, (at[0], at[1]), ink)
    return _save(np.asarray(image) / 255, random, False)


KINDS = {
    "in a box": draw_boxed,
    "in a circle": draw_circled,
    "underlined": draw_underlined,
    "crossed by a line": draw_crossed,
    "beside a label": draw_labelled,
    "beside a smaller digit": draw_pair,
    "hollow": draw_hollow,
    "ink as light as paper": draw_coloured,
    "note on a table": draw_note,
    "screenshot": draw_window,
}
