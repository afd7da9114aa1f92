"""python -m train.codes NAME...: store the codes and features of the gallery with existing checkpoints.

The app then need not encode all training pictures when it first shows the map or a nearest code. Each number
takes a byte; the command says how far the stored codes are from the computed ones, and how often the nearest
codes of a picture are still the same and of its class. A checkpoint that was trained before its data set had
a gallery gets the gallery's name, and those of the classes, in its config.json.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import torch
from torch import Tensor

from ganlab import gallery as galleries
from ganlab import model as checkpoint
from ganlab.gallery import CODES_FILE, TRAIN_FILE, Gallery
from ganlab.hub import CONFIG_FILE
from ganlab.model import LatentModel
from ganlab.nearest import Points, find_nearest
from train import sums
from train.command import create_parser, report_errors
from train.data import datasets
from train.files import write_atomically

TESTED = 2_000  # codes whose nearest are compared
K = 10
SEED = 0


def complete(model: LatentModel) -> LatentModel:
    """The checkpoint with its data set's gallery and class names in config.json, where it was trained before
    they were there. Its latents mean the same: the earlier fingerprint becomes an alias."""
    config = model.config
    named = datasets.DATASETS.get(config.dataset)
    own = galleries.find_file(model, TRAIN_FILE)
    if own or config.gallery is not None or named is None or not named.gallery or model.folder is None:
        return model
    aliases = (*config.aliases, model.fingerprint)
    config = dataclasses.replace(config, gallery=config.dataset, aliases=aliases)
    path = galleries.find_file(dataclasses.replace(model, config=config), TRAIN_FILE)
    if path is None:
        raise ValueError(f"Make the gallery first: python -m train.gallery {config.dataset}.")
    config = dataclasses.replace(config, classes=galleries.load_pictures(path).classes)
    write_atomically(model.folder / CONFIG_FILE, config.to_json())
    return checkpoint.load(str(model.folder), next(model.generator.parameters()).device)


def compute(model: LatentModel) -> Gallery:
    """The gallery with codes and features computed by the model; what is stored is not read. ValueError for
    a model without an encoder, gallery or folder."""
    path = galleries.find_file(model, TRAIN_FILE)
    if "encoder" not in model.networks or path is None or model.folder is None:
        raise ValueError(f"{model.config.name} lacks an encoder or training pictures, and so has no codes.")
    return Gallery(model, galleries.load_pictures(path))


def describe(computed: Tensor, stored: Tensor, labels: Tensor) -> str:
    """How well stored codes (N, D) stand for the computed ones: error, nearest codes, their classes (N,)."""
    error = (stored - computed).square().mean().sqrt() / computed.std(0).mean()
    rows = torch.randperm(len(computed), generator=torch.Generator().manual_seed(SEED))[:TESTED]
    k = min(K, len(computed) - 1)
    near = [find_nearest(codes[rows], Points.from_rows(codes), k + 1)[1] for codes in (computed, stored)]
    others = [
        [
            [other for other in nearest if other != row][:k]
            for row, nearest in zip(rows.tolist(), lists, strict=True)
        ]
        for lists in map(Tensor.tolist, near)
    ]
    kept = sum(len({*a} & {*b}) for a, b in zip(*others, strict=True)) / (k * len(rows))
    accuracy = [
        sum(int(labels[n[0]] == labels[row]) for row, n in zip(rows.tolist(), nearest, strict=True))
        / len(rows)
        for nearest in others
    ]
    return (
        f"error {error:.2%} of a standard deviation; of the {k} nearest codes {kept:.1%} are the same; the"
        f" nearest is of the same class in {accuracy[0]:.2%} of cases before, {accuracy[1]:.2%} after"
    )


@report_errors
def main(arguments: list[str] | None = None) -> int:
    parser = create_parser(__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME", help="name or folder of a checkpoint")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")
    options = parser.parse_args(arguments)
    device = checkpoint.resolve_device(options.device)
    for name in options.names:
        model = complete(checkpoint.load(name, device))
        gallery = compute(model)
        folder = Path(str(model.folder))
        with sums.updating(folder):
            gallery.save(folder)
        for path in (folder / CODES_FILE, folder / galleries.FEATURES_FILE):
            if path.is_file():
                path.chmod(0o644)  # a server may run as another user
        stored = Gallery.load(checkpoint.load(str(folder), device))  # by its new sums
        assert stored is not None
        size = (folder / CODES_FILE).stat().st_size
        labels = gallery.pictures.labels
        print(f"{name}: {size / 1e6:.1f} MB, {describe(gallery.codes, stored.codes, labels)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
