"""python -m train.gallery NAME [FOLDER]: make the gallery of a data set, or of a checkpoint.

A data set's gallery is shared by its models: mnist and cifar10 are bundled; imagenet64, whose pictures may
not be passed on, is made on each machine from the files of the data set. For a checkpoint, --dataset FOLDER
makes its own gallery of the pictures in that folder, and --stand-in its own reconstructions of training
pictures, which the app shows, named so, where the training pictures are not.

With FOLDER, a folder of any number of pictures and tar files of pictures, the checkpoint encodes them all for
`python app.py --model NAME --gallery FOLDER`. The pictures stay where they are. What is killed goes on from
there, and pictures that are added later are encoded by the same command. See docs/galleries.md.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import dataclasses
import itertools
import sys
from pathlib import Path

import torch
from torch import Tensor

from ganlab import gallery, images, latent, model
from ganlab.explorer import Explorer
from ganlab.gallery import OWN_FOLDER, STAND_IN, TEST_FILE, TRAIN_FILE, Gallery
from ganlab.hub import CONFIG_FILE, resolve
from ganlab.large.gallery import HIDDEN_FOLDER
from ganlab.model import LatentModel
from ganlab.pictures import Pictures, load_pictures, save_pictures
from ganlab.terminal import Progress, stop_by_signal
from train import sums
from train.command import create_parser, report_errors
from train.data import datasets
from train.data.indexes import CHOICES, LITE_FILE
from train.data.large import REFUSED_FILE, Builder
from train.files import restoring, write_atomically

EXAMPLES = 500  # test pictures: examples in the app, inputs of the tests
STAND_INS, STAND_IN_EXAMPLES = 1_250, 100
STAND_IN_QUALITY = 85  # of JPEG
MAX_OWN = 20_000  # training pictures in a checkpoint's own gallery
MAX_OWN_BYTES = 9_000_000  # of its file
MAX_LOSSLESS = 12_000_000  # bytes of pixels that are packed without loss; more become JPEG files
QUALITY = 92  # of these
BATCH = 250
MAX_NAMED = 20  # pictures left out of a large gallery that the command names
GOLDEN = 0.6180339887498949

ABOUT = {
    "mnist": """# Reference pictures: MNIST

`train.npz`: all 60,000 training digits; `test.npz`: the first 500 test digits. Pixels uint8
(N, 1, 28, 28), labels, and indices in the data set's own order. Made by `python -m train.gallery mnist`.

MNIST is by Yann LeCun, Corinna Cortes and Christopher J. C. Burges, from NIST Special Databases 1
and 3, under [CC BY-SA 3.0](https://creativecommons.org/licenses/by-sa/3.0/). Only its packing was
changed here, and these two files are under the same licence.
""",
    "cifar10": """# Reference pictures: CIFAR-10

`train.npz`: {train:,} of the 50,000 training pictures, as many of each class; `test.npz`: {test} test
pictures. JPEG files of 32x32 colour pictures without their common header, labels with their names, and
indices in the order of class and file names. Made by `python -m train.gallery cifar10`.

CIFAR-10 is by Alex Krizhevsky, Vinod Nair and Geoffrey Hinton (Alex Krizhevsky: Learning Multiple Layers of
Features from Tiny Images, technical report, University of Toronto, 2009;
https://www.cs.toronto.edu/~kriz/cifar.html). The copy that is packed here holds the pictures as JPEG files,
which is what models trained on it have seen.
""",
    "imagenet64": """# Reference pictures: Tiny ImageNet (50 classes)

{train:,} training and {test} validation pictures of 64x64, as many of each class, made on this machine by
`python -m train.gallery imagenet64`. They are pictures of ImageNet, whose terms allow research and do not
allow to pass them on: git ignores this folder.
""",
}


def choose_balanced(labels: Tensor, count: int) -> Tensor:
    """`count` rows of labels (N,), or all, as many of each class as there are: each class in turn, its rows
    spread over the data set. Any first rows of the choice are balanced too. It is the same on any machine."""
    position = torch.zeros(len(labels), dtype=torch.long)
    for label in set(labels.tolist()):
        rows = (labels == label).nonzero().flatten()
        spread = (torch.arange(len(rows), dtype=torch.float64) * GOLDEN % 1).argsort(stable=True)
        position[rows[spread]] = torch.arange(len(rows))
    order = (position * (int(labels.max()) + 1) + labels).argsort(stable=True)
    return order[:count]


def select(dataset: str, pictures: Pictures, count: int) -> Pictures:
    """The pictures that the gallery of a data set holds; MNIST's are the first, in their own order."""
    if dataset == "mnist":
        return pictures.take(slice(0, count))
    return pictures.take(choose_balanced(pictures.labels, count))


def build(dataset: str, root: str | Path, folder: Path) -> None:
    """Write train.npz, test.npz and README.md of a data set in `root` to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    counts = {}
    for split, file, count in (
        ("train", TRAIN_FILE, datasets.DATASETS[dataset].gallery),
        ("test", TEST_FILE, EXAMPLES),
    ):
        kept = select(dataset, datasets.load(dataset, root, split), count)
        files = datasets.read_files(dataset, root, split, kept.indices.tolist())
        save_pictures(folder / file, kept, files)
        counts[split] = len(kept)
        _report(folder / file, kept)
    write_atomically(folder / "README.md", ABOUT[dataset].format(**counts))
    sums.write(folder)


def build_own(folder: Path, train: Pictures, test: Pictures | None) -> Pictures:
    """Write a checkpoint's own gallery to `folder`/gallery, and return its training pictures as they are
    stored: without loss where they are few, else as JPEG files, as many as fit."""
    own = folder / OWN_FOLDER
    own.mkdir(parents=True, exist_ok=True)
    for pictures, file, count in ((train, TRAIN_FILE, MAX_OWN), (test, TEST_FILE, EXAMPLES)):
        if pictures is not None:
            _save_own(own / file, pictures.take(choose_balanced(pictures.labels, count)))
    load_pictures.cache_clear()
    return load_pictures(own / TRAIN_FILE)


def _save_own(path: Path, pictures: Pictures) -> None:
    if pictures.pixels.numel() <= MAX_LOSSLESS:
        save_pictures(path, pictures)
        if path.stat().st_size <= MAX_OWN_BYTES:
            return
    files: list[bytes] = []
    size = 0
    for file in images.encode_jpegs(pictures.pixels, QUALITY):
        size += len(file)
        if size > MAX_OWN_BYTES:
            break
        files.append(file)
    save_pictures(path, pictures.take(slice(0, len(files))), files)


@torch.inference_mode()
def build_stand_in(folder: Path, root: str | Path, count: int = STAND_INS) -> list[Path]:
    """Write what stands in for the gallery of the checkpoint in `folder`: G(E(x)) of training and test
    pictures in `root` as JPEG files or, without an encoder, samples. Returns the files."""
    stored = model.load(str(folder))
    if "encoder" in stored.networks:
        written = _build_reconstructions(stored, root, count)
    else:
        config = stored.config
        z = latent.draw(config.prior, config.latent_dim, count, seed=0)
        y = torch.cat([stored.generator(batch) for batch in torch.split(z, BATCH)])
        zeros = torch.zeros(count, dtype=torch.long)
        written = {TRAIN_FILE: Pictures(_to_bytes(y), zeros, torch.arange(count), kind="samples")}
    own = folder / OWN_FOLDER
    own.mkdir(exist_ok=True)
    load_pictures.cache_clear()
    for file, pictures in written.items():
        jpegs = list(images.encode_jpegs(pictures.pixels, STAND_IN_QUALITY))
        save_pictures(own / (STAND_IN + file), pictures, jpegs)
        _report(own / (STAND_IN + file), pictures)
    if "encoder" in stored.networks:
        Gallery(stored, load_pictures(own / (STAND_IN + TRAIN_FILE))).save(folder)
    for path in own.iterdir():
        path.chmod(0o644)  # safetensors are private to their owner; a server may run as another user
    return [own / (STAND_IN + file) for file in written]


def _build_reconstructions(stored: LatentModel, root: str | Path, count: int) -> dict[str, Pictures]:
    config, written = stored.config, {}
    for split, file, number in (("train", TRAIN_FILE, count), ("test", TEST_FILE, STAND_IN_EXAMPLES)):
        pictures = datasets.load(config.dataset, root, split, size=config.size, channels=config.channels)
        kept = pictures.take(choose_balanced(pictures.labels, number))
        nets = stored.networks  # without a latent map: F(F^-1(E(x))) is E(x)
        rows = torch.split(torch.arange(len(kept)), BATCH)
        y = torch.cat([nets["generator"](nets["encoder"](kept.inputs(some))) for some in rows])
        written[file] = dataclasses.replace(kept, pixels=_to_bytes(y), kind="reconstructions")
    return written


def _to_bytes(x: Tensor) -> Tensor:
    return (x.clamp(0, 1) * 255).round().to(torch.uint8)


def _report(path: Path, pictures: Pictures) -> None:
    print(f"{path}: {len(pictures):,} pictures, {path.stat().st_size / 1e6:.2f} MB")


def build_large(options: argparse.Namespace) -> None:
    """Encode `options.folder`, and say what was done and which pictures were left out."""
    if options.stand_in or options.dataset:
        raise ValueError(
            "FOLDER goes without --stand-in and --dataset, which make galleries of another kind."
        )
    if options.memory is not None and not 0 < options.memory < float("inf"):
        raise ValueError(f"--memory is a number of gigabytes above 0, not {options.memory:g}.")
    # The checkpoint's own gallery is not read: it is not needed, and may be large.
    explorer = Explorer(model.load(options.name, model.resolve_device(options.device)))
    out = options.out or options.folder / HIDDEN_FOLDER / explorer.fingerprint
    memory = None if options.memory is None else int(options.memory * 1e9)
    progress = Progress("encoding")
    try:
        own = out.name == OWN_FOLDER and (out.parent / CONFIG_FILE).is_file()
        listing = sums.updating(out.parent) if own else contextlib.nullcontext()
        with stop_by_signal(), listing, Builder(explorer, options.folder, out) as builder:
            outcome = builder.run(progress, options.index, memory, options.milvus)
    except KeyboardInterrupt:
        print("What was encoded is kept: the same command goes on from there.", file=sys.stderr)
        raise
    finally:
        progress.close()
    print(f"{out}: {outcome.total:,} pictures, {outcome.added:,} of them new.")
    for space, words in outcome.indexes.items():
        print(f"  {space}: {words}")
    if not outcome.refused:
        return
    print(f"Left out, {outcome.refused:,} in all, which {out / REFUSED_FILE} names:", file=sys.stderr)
    with (out / REFUSED_FILE).open(encoding="utf-8", newline="") as file:
        for row in itertools.islice(csv.DictReader(file), MAX_NAMED):
            print(f"  {row['name']}: {row['reason']}", file=sys.stderr)


@report_errors
def main(arguments: list[str] | None = None) -> int:
    parser = create_parser(__doc__)
    shared = [name for name, dataset in datasets.DATASETS.items() if dataset.gallery]
    parser.add_argument("name", help=f"a data set ({', '.join(shared)}), or a checkpoint's name or folder")
    parser.add_argument(
        "folder", nargs="?", type=Path, metavar="FOLDER", help="pictures to encode, any number"
    )
    large = parser.add_argument_group("with FOLDER")
    large.add_argument("--out", type=Path, help="where the codes go (default: FOLDER/.ganlab/FINGERPRINT)")
    large.add_argument(
        "--index", choices=CHOICES, default="auto", help="how codes are searched (default: auto)"
    )
    large.add_argument("--memory", type=float, metavar="GB", help="that an index may take (default: half)")
    large.add_argument(
        "--milvus", default=LITE_FILE, metavar="URI", help="of a server, http://HOST:19530 (default: a file)"
    )
    large.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--dataset", metavar="FOLDER", help="the pictures of the checkpoint's own gallery")
    kinds.add_argument("--stand-in", action="store_true", help="the checkpoint's own reconstructions")
    datasets.add_root_flag(parser)
    options = parser.parse_args(arguments)
    if options.folder is not None:
        build_large(options)
        return 0
    if options.name in shared and not (options.stand_in or options.dataset):
        with restoring(gallery.GALLERIES / options.name):
            build(options.name, options.data_root, gallery.GALLERIES / options.name)
        return 0
    if not (options.stand_in or options.dataset):
        raise ValueError(
            f"{options.name!r} has no shared gallery; available = {shared}. For a checkpoint add a folder of"
            " pictures, --stand-in, or --dataset FOLDER with the folder of its own pictures."
        )
    folder = resolve(options.name)
    if options.stand_in:
        with sums.updating(folder):
            build_stand_in(folder, options.data_root)
        return 0
    config = model.load(str(folder)).config
    train, test = (
        datasets.load(options.dataset, "", split, size=config.size, channels=config.channels)
        for split in ("train", "test")
    )
    with sums.updating(folder):
        pictures = build_own(folder, train, test)
    _report(folder / OWN_FOLDER / TRAIN_FILE, pictures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
