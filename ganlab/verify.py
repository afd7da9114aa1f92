"""Checks of checkpoints, judges and galleries as a whole, for `python -m ganlab verify`.

A folder is checked file by file against the sums in its description, then loaded with all that belongs to it,
so that numbers that are not finite, shapes that do not fit and figures of other weights show too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ganlab import hub, light, sums
from ganlab.code_statistics import load_statistics
from ganlab.config import CheckpointError
from ganlab.explorer import Explorer, load
from ganlab.gallery import ATTRIBUTES_FILE, GALLERIES
from ganlab.hub import CHECKPOINTS
from ganlab.judge import JUDGES, Judge
from ganlab.large import gallery as large_gallery
from ganlab.model import read_metrics, select_figures
from ganlab.pictures import load_pictures
from ganlab.studio import codemap

SAMPLES = 8  # latents whose pictures are looked at


def list_folders() -> list[Path]:
    """All that is bundled: checkpoints, judges, galleries."""
    return [
        path
        for root in (CHECKPOINTS, JUDGES, GALLERIES)
        for path in sorted(root.glob("*"))
        if not path.name.startswith(".") and any((path / name).is_file() for name in sums.DESCRIPTIONS)
    ]


def find_folder(name: str) -> Path:
    """The folder of a name such as mnist-bigan, judges/mnist or galleries/mnist, of a path or of a Hub id.
    CheckpointError where there is none."""
    for path in (CHECKPOINTS / name, Path(name)):
        if name and any((path / each).is_file() for each in sums.DESCRIPTIONS):
            return path
    return hub.resolve(name)


def list_faults(folder: Path) -> list[str]:
    """What is wrong with a folder, a sentence each; empty where all is as it was published."""
    if faults := compare_files(folder):
        return faults  # what is wrong with their content would say the same again, less clearly
    load_pictures.cache_clear()
    return list(dict.fromkeys(_load_all(folder, sums.read_files(folder)[0])))


def compare_files(folder: Path) -> list[str]:
    """Which files of a folder are not those of its description, a sentence each."""
    owner = folder.name if folder.parent == CHECKPOINTS else f"{folder.parent.name}/{folder.name}"
    try:
        files = sums.read_files(folder)[1]
    except CheckpointError as error:
        return [str(error)]
    if not files:
        return [
            f"{owner} was written before files had sums, so nothing shows whether they are whole:"
            f" python -m train.sums {folder} writes them."
        ]
    return [*_compare(folder, files, owner)]


def _compare(folder: Path, files: dict[str, str], owner: str) -> Iterator[str]:
    """What is not as the sums say: changed and missing files, and foreign ones."""
    for name in files:
        try:
            sums.read(folder, name, files, owner)
        except CheckpointError as error:
            yield str(error)
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        large = (path.parent / large_gallery.GALLERY_FILE).is_file() and name not in sums.list_files(folder)
        if large:  # it describes its own files, and loading compares them
            continue
        if path.is_file() and not hidden and name not in (*files, *sums.DESCRIPTIONS):
            yield f"{owner}/{name} is no part of {owner}, whose description does not name it."


def _load_all(folder: Path, description: str) -> Iterator[str]:
    """What of a folder with the right sums cannot be used."""
    try:
        if description == sums.CONFIG_FILE:
            yield from _use(load(str(folder)), folder)
        elif description == sums.GALLERY_FILE:
            for name in sums.list_files(folder):
                if name.endswith(".npz") and name != ATTRIBUTES_FILE:
                    load_pictures(folder / name)
        else:
            Judge.read(folder)
    except CheckpointError as error:
        yield str(error)


def _use(explorer: Explorer, folder: Path) -> Iterator[str]:
    """What is wrong with the parts of a model that loads."""
    own = explorer.fingerprint, *explorer.config.aliases
    metrics = read_metrics(folder)
    if foreign := metrics.keys() - select_figures(metrics, own).keys():
        yield f"{folder.name}/metrics.json has figures of other weights: {', '.join(sorted(foreign))}."
    if explorer.model.broken:
        yield explorer.model.broken
    yield from explorer.parts.list_faults()
    for read in (lambda: load_statistics(explorer.model), lambda: light.Light.load(explorer)):
        try:
            read()
        except CheckpointError as error:
            yield str(error)
    yield from codemap.list_faults(explorer)
    pictures = explorer.decode(explorer.sample(SAMPLES, seed=0))
    if not pictures.isfinite().all():
        yield f"The weights of {folder.name} give pictures that are not finite."
    if "encoder" in explorer.model.networks and not explorer.encode(pictures).isfinite().all():
        yield f"The weights of {folder.name} give latents that are not finite."
