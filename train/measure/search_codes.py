"""Codes to measure a search with: as many as asked for, of real pictures and of changed copies of them.

The first are the encoder's codes of the gallery's pictures; those that follow are its codes of the same
pictures changed at random as other writers vary (`train.data.augment`), each time in another way. Queries are
codes of held-out pictures, unchanged. Random numbers would be easier to come by and say little: they have no
clusters, and their nearest neighbours are hardly nearer than the rest.
"""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import Tensor

import ganlab
from ganlab.explorer import Explorer
from ganlab.gallery import load_test_pictures
from ganlab.terminal import Progress
from train.data.augment import augment

MODEL = "mnist-bigan-plus"
BLOCK = 500  # codes at a time: what keeps a core's cache warm


def load_queries(explorer: Explorer) -> Tensor:
    """The codes (Q, D) of the model's held-out pictures. ValueError where there are none."""
    pictures = load_test_pictures(explorer.model)
    if pictures is None or explorer.gallery is None:
        raise ValueError(f"{explorer.config.name} has no held-out pictures to search with.")
    return explorer.gallery.embed(pictures.inputs(slice(None)), "code")


@torch.inference_mode()
def make_codes(folder: Path, count: int, name: str = MODEL) -> tuple[Path, Tensor]:
    """A file in `folder` that begins with codes (count, D), float32, and queries (Q, D). What the file holds
    already, also after an interruption, is not computed again; rows are the same on each machine, to
    rounding."""
    explorer = ganlab.load(name, stand_ins=False)
    gallery, queries = explorer.gallery, load_queries(explorer)
    assert gallery is not None
    folder.mkdir(parents=True, exist_ok=True)
    dim, path = queries.shape[1], folder / f"{explorer.fingerprint}.codes"
    size = BLOCK * dim * 4
    path.touch()
    done = path.stat().st_size // size
    os.truncate(path, done * size)  # a block that was cut short
    progress, blocks = Progress("codes"), -(-count // BLOCK)
    with path.open("ab") as file:
        for block in range(done, blocks):
            progress(block * BLOCK, blocks * BLOCK)
            rows = torch.arange(block * BLOCK, (block + 1) * BLOCK)
            x = gallery.pictures.inputs(rows % len(gallery))
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(block)
                changed = augment(x)
            x = torch.where((rows < len(gallery)).view(-1, 1, 1, 1), x, changed)
            file.write(gallery.embed(x, "code").numpy().astype("<f4").tobytes())
    progress.close()
    return path, queries
