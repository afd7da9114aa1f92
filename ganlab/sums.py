"""SHA-256 sums of the files of a checkpoint, judge or gallery, in the JSON file that describes it.

The description ends with "files", the sum of each file beside it, and "sum", its own: that of all its other
lines. What was not published together (a flipped byte, a file of another version, a missing one) is refused
by name before it is used. `python -m train.sums` writes the sums. Descriptions of before there were sums have
none, and their files are read as they are.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

OWN_FOLDER = "gallery"  # in a checkpoint's folder: its own pictures
GALLERY_FILE = "gallery.json"  # the description of a shared gallery
CONFIG_FILE = "config.json"  # of a checkpoint
DESCRIPTIONS = (CONFIG_FILE, "judge.json", GALLERY_FILE)
# Files that a description may name: in its folder or in OWN_FOLDER, none that could hold a pickle.
FILE_NAME = rf"({OWN_FOLDER}/)?[A-Za-z0-9][\w-]*(\.[\w-]+)*\.(json|jpg|md|npz|png|safetensors|webp)"
MAX_FILES = 64
MAX_DESCRIPTION_BYTES = 2**20
MAX_FILE_BYTES = 2**30  # of any file; a network has a few megabytes
MARK = ',\n  "files": {'
END = "\n}\n"


class CheckpointError(ValueError):
    """A checkpoint that is missing, damaged or does not fit; the message says what is wrong."""


def compute(content: bytes) -> str:
    """The SHA-256 of a file's content, 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def join(text: str, files: Mapping[str, str]) -> str:
    """A description, JSON with an indent of 2 and a last newline, with the sums of `files` and its own."""
    listed = json.dumps({name: files[name] for name in sorted(files)}, indent=2).replace("\n", "\n  ")
    body = f'{text.removesuffix(END)},\n  "files": {listed}{END}'
    return f'{body.removesuffix(END)},\n  "sum": "{compute(body.encode())}"{END}'


def split(text: str, source: str) -> tuple[str, dict[str, str]]:
    """A description without its sums, and the sums of its files, empty where it has none. CheckpointError,
    which names the `source`, for a description that does not have its own sum."""
    start = text.rfind(MARK)
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:  # also of a number of too many digits
        raise CheckpointError(f"{source} is not valid JSON: {error}.") from None
    if not isinstance(fields, dict) or not {"files", "sum"} & fields.keys():
        return text, {}
    files = fields.get("files")
    if start >= 0 and isinstance(files, dict):
        body = text[:start] + END
        if all(isinstance(each, str) for each in files.values()) and join(body, files) == text:
            _check_names(files, source)
            return body, files
    raise CheckpointError(
        f"{source} is not as it was published: it does not have its own sum. Fetch it again or, if it was"
        " changed on purpose, run python -m train.sums with its folder."
    )


def _check_names(files: Mapping[str, str], source: str) -> None:
    if len(files) > MAX_FILES:
        raise CheckpointError(f"{source} names at most {MAX_FILES} files, not {len(files)}.")
    for name, value in files.items():
        if not re.fullmatch(FILE_NAME, name, re.ASCII) or len(name) > 100:
            raise CheckpointError(
                f"{source} names files like generator.safetensors or {OWN_FOLDER}/train.npz, not"
                f" {name[:40]!r}."
            )
        if not re.fullmatch(r"[0-9a-f]{64}", value):
            raise CheckpointError(f"{source} gives each file a SHA-256 of 64 hexadecimal digits.")


def check(files: Mapping[str, str], name: str, content: bytes, owner: str) -> None:
    """CheckpointError for the content of the file `name` of `owner` unless it has its sum in `files`."""
    if name not in files:
        raise CheckpointError(f"{owner}/{name} is no part of {owner}, whose description does not name it.")
    if compute(content) != files[name]:
        raise CheckpointError(
            f"{owner}/{name} is damaged or of another version: it does not have its SHA-256. Fetch it again."
        )


def read(
    folder: Path, name: str, files: Mapping[str, str], owner: str, limit: int = MAX_FILE_BYTES
) -> bytes | None:
    """The content of a file in `folder`, checked where its `owner` has sums; None where there is none and
    none is named. CheckpointError for a named file that is missing, a larger one than `limit` bytes, and what
    `check` refuses."""
    path = folder / name
    try:
        if not path.is_file():
            if name in files:
                raise CheckpointError(f"{owner}/{name} is missing. Fetch it again.")
            return None
        if (size := path.stat().st_size) > limit:
            raise CheckpointError(f"{owner}/{name} has {size:,} bytes, over the limit of {limit:,}: refused.")
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{owner}/{name} cannot be read: {error.strerror or error}.") from None
    if files:
        check(files, name, content, owner)
    return content


def read_description(folder: Path, name: str, owner: str) -> str | None:
    """The text of a description, with its newlines as they are; None without one. CheckpointError for one
    that is no text in UTF-8 or too large."""
    content = read(folder, name, {}, owner, MAX_DESCRIPTION_BYTES)
    try:
        return None if content is None else content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{owner}/{name} is not valid JSON: {error}.") from None


def is_named(path: Path) -> bool:
    """Whether the description of a gallery names this file of it; also where it is damaged."""
    folder, _ = _find_owner(path)
    try:
        return path.relative_to(folder).as_posix() in read_files(folder)[1]
    except CheckpointError:
        return True


def _find_owner(path: Path) -> tuple[Path, str]:
    """The folder with the description of a file of a gallery, and what people call it: the gallery or, of a
    checkpoint's own one, the checkpoint."""
    folder = path.parent
    if folder.name == OWN_FOLDER and (folder.parent / CONFIG_FILE).is_file():
        return folder.parent, folder.parent.name
    return folder, f"galleries/{folder.name}"


def read_pictures(path: Path, limit: int = MAX_FILE_BYTES) -> bytes | None:
    """The content of a file of a gallery, checked where its description has sums. None and CheckpointError
    as for `read`."""
    folder, owner = _find_owner(path)
    files = read_files(folder)[1]
    return read(folder, path.relative_to(folder).as_posix(), files, owner, limit)


def list_files(folder: Path) -> list[str]:
    """The files in the folder of a checkpoint, judge or gallery that its description should name, sorted."""
    paths = [*folder.glob("*"), *(folder / OWN_FOLDER).glob("*")]
    names = (path.relative_to(folder).as_posix() for path in paths if path.is_file())
    return sorted(n for n in names if re.fullmatch(FILE_NAME, n, re.ASCII) and n not in DESCRIPTIONS)


def read_files(folder: Path) -> tuple[str, dict[str, str]]:
    """The name of the description of a folder, and the sums in it; both empty without one. CheckpointError
    for a damaged one."""
    for name in DESCRIPTIONS:
        text = read_description(folder, name, folder.name)
        if text is not None:
            return name, split(text, f"{folder.name}/{name}")[1]
    return "", {}
