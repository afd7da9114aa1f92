"""The contact sheets of a model in colour, for its card: pairs, neighbours, paths.

Nothing in them is selected. They hold at most MAX_THUMBNAILS real pictures: the terms of data sets such as
ImageNet's allow no more.
"""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image, ImageFont
from torch import Tensor

from ganlab import images
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from train.measure.travel import list_pairs
from train.report import card
from train.report.sheets import FONT_SIZE, MARGIN, Strip, draw_samples, draw_sheet

MAX_THUMBNAILS = 40  # real pictures in all sheets of a card
QUERIES, NEIGHBOURS = 6, 4  # rows of neighbours, and neighbours of each
PAIRS = MAX_THUMBNAILS - QUERIES * (1 + NEIGHBOURS)  # pictures with their reconstructions
PATHS, PATH_STEPS = 6, 9
QUALITY = 75  # of the JPEG files
SIDE = 128  # pixels of a picture in the sheets


def write(explorer: Explorer, test: Pictures, folder: Path) -> list[Path]:
    """Write the sheets that the model can have to its `folder`, for `card.write`, and return their paths."""
    sheets = {card.COLOUR_SAMPLES_FILE: draw_samples(explorer)}
    if "encoder" in explorer.model.networks:
        sheets[card.COLOUR_RECONSTRUCTIONS_FILE] = draw_pairs(explorer, test)
        sheets[card.PATHS_FILE] = draw_paths(explorer, test)
        if explorer.gallery is not None:
            sheets[card.NEIGHBOURS_FILE] = draw_neighbours(explorer, test)
    for name, sheet in sheets.items():
        images.save(sheet.convert("RGB"), folder / name, quality=QUALITY)
    for name in (card.SAMPLES_FILE, card.RECONSTRUCTIONS_FILE):  # of `train.publish`
        (folder / name).unlink(missing_ok=True)
    return [folder / name for name in sheets]


def draw_pairs(explorer: Explorer, test: Pictures) -> Image.Image:
    """The first test pictures, and below them what the model gives back."""
    x = test.inputs(slice(0, PAIRS))
    rows = torch.cat([x, explorer.reconstruct(x)])
    return images.draw_grid(rows, len(x), _get_scale(explorer))


def draw_neighbours(explorer: Explorer, test: Pictures) -> Image.Image:
    """The first test pictures of different classes, each with its reconstruction and its nearest training
    pictures by the encoder's features, under the names of their classes."""
    assert explorer.gallery is not None
    shown = choose_classes(test.labels, QUERIES)
    x = test.inputs(shown)
    near = explorer.gallery.neighbours(explorer.gallery.embed(x, "features"), "features", NEIGHBOURS)
    rows = []
    for picture, again, label, neighbours in zip(
        x, explorer.reconstruct(x), test.labels[shown].tolist(), near, strict=True
    ):
        cells = [(explorer.name_class(label), picture), ("G(E(x))", again)]
        cells += [(explorer.name_class(other.label), _to_picture(other.image)) for other in neighbours]
        rows.append([Strip(_shorten(caption), cell[None], 1) for caption, cell in cells])
    lines = [
        f"{len(x)} held-out pictures of different classes, none left out: each with G(E(x))",
        f"and its {NEIGHBOURS} nearest of {len(explorer.gallery):,} training pictures by the encoder's"
        " features.",
    ]
    return draw_sheet(lines, rows, _get_scale(explorer))


def draw_paths(explorer: Explorer, test: Pictures) -> Image.Image:
    """The model's own paths between the first pairs of test pictures of different classes."""
    pairs: list[tuple[int, int]] = []
    for a, b in list_pairs(test.labels).tolist():
        if len(pairs) < PATHS and not (pairs and a == pairs[-1][1]):  # each picture on one path
            pairs.append((a, b))
    z = explorer.encode(test.inputs(torch.tensor(pairs).flatten())).view(len(pairs), 2, -1)
    paths = torch.cat([explorer.decode(explorer.interpolate(a[None], b[None], PATH_STEPS)) for a, b in z])
    return images.draw_grid(paths, PATH_STEPS, max(1, _get_scale(explorer) // 2))


def choose_classes(labels: Tensor, count: int) -> Tensor:
    """Rows of the first pictures of `count` different classes (N,); of fewer classes, of all."""
    first: dict[int, int] = {}
    for row, label in enumerate(labels.tolist()):
        if len(first) < count:
            first.setdefault(label, row)
    return torch.tensor(list(first.values()))


def _get_scale(explorer: Explorer) -> int:
    return max(1, SIDE // explorer.config.size)


def _to_picture(image: Tensor) -> Tensor:
    return image.reshape(image.shape[-3:])


def _shorten(caption: str) -> str:
    """The caption in no more than the width of a picture."""
    font = ImageFont.load_default(FONT_SIZE)
    if font.getlength(caption) <= SIDE + MARGIN // 2:
        return caption
    while caption and font.getlength(f"{caption}…") > SIDE + MARGIN // 2:
        caption = caption[:-1]
    return f"{caption.rstrip()}…"
