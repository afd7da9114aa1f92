"""python -m train.sheets NAME...: draw what a latent space holds: samples, paths, sliders from end to end.

Writes NAME-samples.png, NAME-paths.png and NAME-sliders.png to --out; nothing in them is selected. A model
without an encoder has samples only.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

import ganlab
from ganlab import images, latent
from ganlab.directions import Direction
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures, load_test_pictures
from train.command import create_parser, report_errors
from train.measure.travel import STEPS, list_pairs

SAMPLES, COLUMNS = 64, 8
SEED = 0  # of the samples
PATHS, PATH_STEPS = 12, 11
DIGITS = 3  # beside each other, whose sliders are drawn
KINDS = ("principal", "attributes", "classes")
MAX_SLIDERS = 6  # of a kind
SCALE = 2  # of a picture's pixels
MARGIN, LINE, FONT_SIZE = 12, 20, 14  # pixels; a line of text is LINE high
PAPER, INK = 255, 30  # greys


class Strip(NamedTuple):
    """Pictures (N, C, H, W) in [0, 1] in one row or more, and the line above them."""

    caption: str
    pictures: Tensor
    columns: int


def draw_samples(explorer: Explorer) -> Image.Image:
    """SAMPLES samples of the default source."""
    source = explorer.sources[0]
    title = f"{SAMPLES} samples of {_name(explorer)}, drawn from the {source} (seed {SEED}), none left out."
    pictures = explorer.decode(explorer.sample(SAMPLES, SEED, source=source))
    return draw_sheet([title], [[Strip("", pictures, COLUMNS)]])


def draw_paths(explorer: Explorer, test: Pictures) -> Image.Image:
    """The model's own paths between the first pairs of test pictures of different classes."""
    labels, z = test.labels.tolist(), explorer.encode(test.inputs(slice(None)))
    pairs: list[tuple[int, int]] = []
    for a, b in list_pairs(test.labels).tolist():
        if len(pairs) < PATHS and not (pairs and a == pairs[-1][1]):  # each picture on one path
            pairs.append((a, b))
    title = f"{len(pairs)} paths of {_name(explorer)} between two test pictures, as the page takes them."
    note = f"Each has {PATH_STEPS} pictures at equal steps; its ends are reconstructions."
    rows = [
        [
            Strip(
                f"from {explorer.name_class(labels[a])} to {explorer.name_class(labels[b])}",
                explorer.decode(explorer.interpolate(z[a], z[b], PATH_STEPS)),
                PATH_STEPS,
            )
        ]
        for a, b in pairs
    ]
    return draw_sheet([title, note], rows)


def draw_sliders(explorer: Explorer, test: Pictures) -> Image.Image:
    """Sliders of each of KINDS that the model has, from one end to the other, for the first test pictures of
    DIGITS classes."""
    labels = list(dict.fromkeys(test.labels.tolist()))[:DIGITS]
    rows = [int((test.labels == label).nonzero()[0]) for label in labels]
    z = explorer.encode(test.inputs(torch.tensor(rows)))
    title = f"Sliders of {_name(explorer)} from -{STEPS} to +{STEPS} steps, for {len(rows)} test pictures."
    note = "The middle of each row is the reconstruction."
    strips = []
    for kind in (kind for kind in KINDS if kind in explorer.directions.kinds):
        directions = explorer.directions.get(kind)
        columns = [_choose(directions, explorer.name_class(label)) for label in labels]
        strips += [
            [
                Strip(f"{kind}: {direction.name}", _slide(explorer, start, direction), 2 * STEPS + 1)
                for start, direction in zip(z, row, strict=True)
            ]
            for row in zip(*columns, strict=True)
        ]
    return draw_sheet([title, note], strips)


def _choose(directions: Sequence[Direction], name: str) -> Sequence[Direction]:
    """The first MAX_SLIDERS, of classes those that begin at the class `name`."""
    own = [direction for direction in directions if direction.name.startswith(f"from {name} to ")]
    return (own or directions)[:MAX_SLIDERS]


def _slide(explorer: Explorer, z: Tensor, direction: Direction) -> Tensor:
    steps = torch.arange(-STEPS, STEPS + 1, dtype=torch.float32)[:, None] * direction.deviation
    return explorer.decode(latent.move(z, direction.vector[None], steps, explorer.config.prior))


def _name(explorer: Explorer) -> str:
    return explorer.config.title or explorer.config.name


def draw_sheet(lines: Sequence[str], rows: Sequence[Sequence[Strip]], scale: int = SCALE) -> Image.Image:
    """Lines of text, and below them rows of strips beside each other, each under its caption; pictures are
    `scale` times as large."""
    blocks = [
        [(strip.caption, images.draw_grid(strip.pictures, strip.columns, scale, 1)) for strip in row]
        for row in rows
    ]
    font = ImageFont.load_default(FONT_SIZE)
    width = max(sum(block.width + MARGIN for _, block in row) for row in blocks)
    width = max(width, *(int(font.getlength(line)) + MARGIN for line in lines)) + MARGIN
    heights = [
        max(block.height + (LINE if caption else 0) for caption, block in row) + MARGIN // 2 for row in blocks
    ]
    coloured = any(block.mode == "RGB" for row in blocks for _, block in row)
    height = 2 * MARGIN + LINE * len(lines) + sum(heights)
    paper, ink = ((PAPER,) * 3, (INK,) * 3) if coloured else (PAPER, INK)
    sheet = Image.new("RGB" if coloured else "L", (width, height), paper)
    pen, y = ImageDraw.Draw(sheet), MARGIN
    for line in lines:
        pen.text((MARGIN, y), line, fill=ink, font=font)
        y += LINE
    for row, tall in zip(blocks, heights, strict=True):
        x = MARGIN
        for caption, block in row:
            pen.text((x, y), caption, fill=ink, font=font)
            sheet.paste(block, (x, y + (LINE if caption else 0)))
            x += block.width + MARGIN
        y += tall
    return sheet


def draw(explorer: Explorer) -> dict[str, Image.Image]:
    """The sheets that the model can have, by name. ValueError for a model without a generator."""
    if "generator" not in explorer.model.networks:
        raise ValueError(f"{explorer.config.name} has no generator, and so no pictures of its own.")
    sheets = {"samples": draw_samples(explorer)}
    test = load_test_pictures(explorer.model)
    if test is not None and "encoder" in explorer.model.networks:
        sheets |= {"paths": draw_paths(explorer, test), "sliders": draw_sliders(explorer, test)}
    return sheets


@report_errors
def main(arguments: Sequence[str] | None = None) -> int:
    parser = create_parser(__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME", help="a checkpoint's name or folder")
    parser.add_argument(
        "--out", type=Path, default=Path("docs/img"), help="folder of the pictures (docs/img)"
    )
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.names:
        explorer = ganlab.load(name)
        for kind, sheet in draw(explorer).items():
            path = options.out / f"{explorer.config.name}-{kind}.png"
            images.save(sheet, path)
            print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
