"""Files of a checkpoint that are damaged: flipped bytes, missing and foreign files, what is swapped or cut;
and, with the right sums, numbers that are not finite and files that unpack to more than there is memory.

Each is refused where it is used, by a sentence that names the file: weights, description and figures by the
checkpoint itself, what lies beside them by the part of it that needs it.
"""

from __future__ import annotations

import itertools
import random
import re
import resource
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import torch

from ganlab import gallery, judge, light, model, sums, tensor_files, verify
from ganlab.code_statistics import load_statistics
from ganlab.config import CheckpointError
from ganlab.explorer import Explorer
from ganlab.gallery import Gallery, Pictures, load_pictures
from ganlab.hub import CHECKPOINTS
from ganlab.studio import codemap
from ganlab.sums import DESCRIPTIONS
from tests.attacks.bombs import list_bombs
from tests.attacks.figures import Figure, at_most

NAME = "mnist-bigan-plus"
COUNT = 60_000  # pictures of its gallery
PLACES, PLACES_SHORT = 30, 1
MAX_GROWTH = 300  # MB


class Copy:
    """A checkpoint, its judge and its gallery in a folder of their own; `uses` is what reads each file."""

    def __init__(self, root: Path) -> None:
        self.root, own = root, root / NAME
        shared, judged = root / "galleries" / "mnist", root / "judges" / "mnist"
        for folder in (own, shared, judged):
            shutil.copytree(CHECKPOINTS / folder.relative_to(root), folder)
        self.model = model.load(str(own))
        # Of these only the number counts: real ones are another second to read.
        pixels, rows = torch.zeros(1, 1, 28, 28, dtype=torch.uint8), torch.zeros(COUNT, dtype=torch.long)
        self.pictures = Pictures(pixels.expand(COUNT, 1, 28, 28), rows, torch.arange(COUNT))
        self.explorer = Explorer(self.model, Gallery(self.model, self.pictures))
        assert self.explorer.judge is not None
        networks = ("generator", "encoder", "joint_discriminator", "latent_map")
        stored = ("gallery", "latents", "features")
        self.uses: dict[Path, Callable[[], object]] = {
            **{own / f"{name}.safetensors": lambda: model.load(str(own)) for name in networks},
            **{own / name: lambda: model.load(str(own)) for name in ("config.json", "metrics.json")},
            **{own / f"{name}.safetensors": self.load_gallery for name in stored},
            own / codemap.FILE: lambda: _refuse(codemap.list_faults(self.explorer)),
            own / "directions.safetensors": lambda: load_statistics(self.model),
            own / light.FILE: lambda: light.Light.load(self.explorer),
            shared / "attributes.npz": lambda: _refuse(codemap.list_faults(self.explorer)),
            shared / "train.npz": lambda: _load_pictures(shared / "train.npz"),
            shared / "test.npz": lambda: _load_pictures(shared / "test.npz"),
            shared / "gallery.json": lambda: _load_pictures(shared / "test.npz"),
            **{
                judged / name: lambda: judge.Judge.read(judged)
                for name in ("judge.json", "judge.safetensors")
            },
        }

    def load_gallery(self) -> None:
        with mock.patch.object(gallery, "load_pictures", return_value=self.pictures):
            Gallery.load(self.model)

    def try_file(self, path: Path, counts: Counter[str], kind: str) -> None:
        """Use a file that was damaged; count how it ended."""
        counts[f"{kind} tried"] += 1
        try:
            self.uses[path]()
            counts[f"{kind} used"] += 1
        except CheckpointError as error:
            counts[f"{kind} by name"] += _names(str(error), path)
        except Exception as error:  # what would be a stack trace in the app
            print(f"{kind} {path.name}: {type(error).__name__} {error}")
            counts[f"{kind} crashed"] += 1


def _names(message: str, path: Path) -> bool:
    """Whether a message of one line names a file; where another description that is whole took the place of
    one, the files that it does not fit."""
    named = path.name in message or (
        path.name in DESCRIPTIONS and bool(re.search(r"\.(safetensors|npz)", message))
    )
    return named and len(message.splitlines()) == 1


def _refuse(faults: list[str]) -> None:
    if faults:
        raise CheckpointError(" ".join(faults))


def _load_pictures(path: Path) -> None:
    load_pictures.cache_clear()
    load_pictures(path)


def _flip(content: bytes, rng: random.Random) -> bytes:
    altered = bytearray(content)
    altered[rng.randrange(len(altered))] ^= 1 << rng.randrange(8)
    return bytes(altered)


def _list_damaged(whole: bytes, path: Path) -> Iterator[bytes]:
    """The file cut, empty, followed by something, another kind of file, and that of other models."""
    yield whole[: len(whole) // 2]
    yield b""
    yield whole + b"\0"
    yield b"version https://git-lfs.github.com/spec/v1\n"
    for folder in (*CHECKPOINTS.glob("*"), *CHECKPOINTS.glob("judges/*"), *CHECKPOINTS.glob("galleries/*")):
        other = folder / path.name
        if other.is_file() and other.read_bytes() != whole:
            yield other.read_bytes()


def attack(short: bool) -> list[Figure]:
    counts, rng, skipped = Counter[str](), random.Random(0), set[str]()
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        with mock.patch.object(gallery, "GALLERIES", root / "galleries"):
            copy = Copy(root)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            for path in copy.uses:
                _attack_file(copy, path, PLACES_SHORT if short else PLACES, counts, rng, skipped)
                if short and path.name not in DESCRIPTIONS:
                    skipped.add(path.suffix)
            growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000
            foreign = _add_foreign(root / NAME)
    flips = len(copy.uses) * (PLACES_SHORT if short else PLACES)
    return [
        _compare(f"bytes flipped in {len(copy.uses)} files", counts, "flipped", flips),
        _compare("files cut, empty, too long, swapped, missing", counts, "damaged"),
        _compare("numbers that are not finite, with the right sums", counts, "infinite"),
        _compare("files that claim or unpack to too much, with the right sums", counts, "bomb"),
        at_most("flips with the right sums that crash", counts["deceived crashed"], "", 0),
        Figure(
            "foreign files: named, not read", f"{foreign[0]} of {foreign[1]}", ok=foreign[0] == foreign[1]
        ),
        at_most("memory at most, beyond the start", growth, "MB", MAX_GROWTH),
    ]


def _compare(name: str, counts: Counter[str], kind: str, tried: int = 0) -> Figure:
    refused, tried = counts[f"{kind} by name"], tried or counts[f"{kind} tried"]
    return Figure(f"{name}: refused by name", f"{refused} of {tried}", ok=refused == tried > 0)


def _attack_file(
    copy: Copy, path: Path, places: int, counts: Counter[str], rng: random.Random, skipped: set[str]
) -> None:
    """Damage a file in each way, and leave it whole. Of the kinds of file that are `skipped` no bombs."""
    folder, whole = path.parent, path.read_bytes()
    descriptions = {each: each.read_bytes() for each in folder.glob("*.json") if each != path}
    copy.uses[path]()  # whole, it is read

    def put(content: bytes, kind: str, with_sum: bool = False) -> None:
        path.write_bytes(content)
        if with_sum:  # as who wants to deceive would
            _describe(folder, path.name, content)
        copy.try_file(path, counts, kind)

    for _ in range(places):
        put(_flip(whole, rng), "flipped")
    for content in itertools.islice(_list_damaged(whole, path), 1 if places == PLACES_SHORT else None):
        put(content, "damaged")
    path.unlink()
    if path.name != "gallery.json":  # without sums a gallery is read as it is
        copy.try_file(path, counts, "damaged")
    if path.name not in DESCRIPTIONS:
        for _ in range(places):
            put(_flip(whole, rng), "deceived", True)
        for content in _list_infinite(whole, path, 1 if places == PLACES_SHORT else 4, rng):
            put(content, "infinite", True)
        for content in list_bombs(path.suffix) if path.suffix not in skipped else ():
            put(content, "bomb", True)
    for each, content in {**descriptions, path: whole}.items():
        each.write_bytes(content)


def _describe(folder: Path, name: str, content: bytes) -> None:
    """Write the sum of one file anew."""
    description, files = sums.read_files(folder)
    text = sums.split((folder / description).read_text(), name)[0]
    (folder / description).write_text(sums.join(text, files | {name: sums.compute(content)}))


def _list_infinite(whole: bytes, path: Path, count: int, rng: random.Random) -> Iterator[bytes]:
    """The file with a number in one tensor that is not finite, for up to `count` tensors."""
    if path.suffix != ".safetensors":
        return
    tensors, metadata = tensor_files.unpack(whole)
    for key in [key for key, tensor in tensors.items() if tensor.is_floating_point()][:count]:
        bad = tensors[key].clone()
        bad.view(-1)[rng.randrange(bad.numel())] = rng.choice([float("nan"), float("inf"), -float("inf")])
        yield tensor_files.pack(tensors | {key: bad}, metadata)


def _add_foreign(folder: Path) -> tuple[int, int]:
    """How many files beside a checkpoint that are no part of it `verify` names while it still loads, of how
    many."""
    names = ("pytorch_model.bin", "model.pkl", "density.safetensors", "gallery/train.npz")
    (folder / "gallery").mkdir()
    for name in names:
        (folder / name).write_bytes(b"\x80\x04.")
    faults = " ".join(verify.list_faults(folder))
    model.load(str(folder))
    return sum(name in faults for name in names), len(names)
