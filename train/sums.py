"""python -m train.sums FOLDER...: write the SHA-256 sums of a checkpoint, judge or gallery changed by hand.

All commands that write into a checkpoint keep its sums. What lies in the folder now is what the sums say from
now on, so look first with python -m ganlab verify whether anything is damaged. Latents keep their meaning:
sums are no part of a fingerprint.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ganlab import sums
from ganlab.config import CheckpointError
from ganlab.files import write_atomically
from ganlab.hub import CHECKPOINTS
from ganlab.sums import list_files, read_files
from train.command import create_parser, report_errors
from train.files import restoring


def write(folder: Path) -> list[str]:
    """Give the description of a folder the sums of all files beside it. Returns the files whose sums are new
    or have changed. ValueError for a folder that is no checkpoint, judge or gallery."""
    before = _read_sums(folder)
    after = {name: sums.compute((folder / name).read_bytes()) for name in list_files(folder)}
    _describe(folder, after)
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


@contextmanager
def updating(folder: Path) -> Iterator[None]:
    """Keep the sums of a folder while a command writes into it: those of files that are new, changed or
    removed meanwhile. What did not have its sum before is still refused afterwards. After an error the folder
    is as it was before."""
    with restoring(folder):
        yield from _update(folder)


def _update(folder: Path) -> Iterator[None]:
    listed = _read_sums(folder)
    before = {name: sums.compute((folder / name).read_bytes()) for name in list_files(folder)}
    yield
    after = {name: sums.compute((folder / name).read_bytes()) for name in list_files(folder)}
    if not listed:
        _describe(folder, after)
        return
    for name in before.keys() | after.keys():
        if before.get(name) == after.get(name):
            continue
        listed.pop(name, None)
        if name in after:
            listed[name] = after[name]
    _describe(folder, listed)


def _find_description(folder: Path) -> Path:
    for name in sums.DESCRIPTIONS:
        if (folder / name).is_file():
            return folder / name
    if any(folder.glob("*.npz")):
        return folder / sums.GALLERY_FILE
    raise ValueError(f"{folder} is no folder of a checkpoint, judge or gallery.")


def _read_sums(folder: Path) -> dict[str, str]:
    """The sums of a folder; empty where it has none, or where its description was changed by hand."""
    try:
        return read_files(folder)[1]
    except CheckpointError:
        return {}


def _describe(folder: Path, files: Mapping[str, str]) -> None:
    """Write the description anew: every other line of it stays, and with it the fingerprint."""
    path = _find_description(folder)
    if not path.is_file():
        text = json.dumps({"name": folder.name}, indent=2) + "\n"
    else:
        text = path.read_bytes().decode("utf-8")
        start = text.rfind(sums.MARK)
        text = text if start < 0 else text[:start] + sums.END
    if not text.endswith(sums.END):
        raise ValueError(f"{path} is not written as JSON with an indent of 2 and a last newline.")
    write_atomically(path, sums.join(text, files))


@report_errors
def main(arguments: list[str] | None = None) -> int:
    parser = create_parser(__doc__)
    parser.add_argument("folders", nargs="+", metavar="FOLDER", help="or the name of a bundled checkpoint")
    options = parser.parse_args(arguments)
    for name in options.folders:
        folder = Path(name) if Path(name).is_dir() else CHECKPOINTS / name
        changed = write(folder)
        count = len(list_files(folder))
        print(f"{folder.name}: {count} files, {', '.join(changed) or 'nothing'} new or changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
