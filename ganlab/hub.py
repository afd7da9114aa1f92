"""Locate checkpoints: bundled ones by name, folders by path, Hub repositories by id."""

from __future__ import annotations

import re
from pathlib import Path

from ganlab.config import CheckpointError
from ganlab.download import CONFIG_FILE, AbsentError, Report, UnreachableError, download

__all__ = ["CHECKPOINTS", "CONFIG_FILE", "REPOSITORY", "AbsentError", "is_hub_id", "list_models", "resolve"]

CHECKPOINTS = Path(__file__).resolve().parent.parent / "checkpoints"
# "user/repo", and a branch, tag, commit or "refs/pr/1" after "@", which becomes a path in the client's cache.
NAME, REVISION = r"\w(?:(?!--|\.\.)[\w.-]){0,95}", r"\w(?:(?!\.\.)[\w.-]){0,95}"
REPOSITORY = rf"{NAME}/{NAME}"
HUB_ID = rf"{REPOSITORY}(?:@{REVISION}(?:/{REVISION}){{0,3}})?"


def list_models(root: Path | None = None) -> list[str]:
    """Names of the checkpoints in the folder `root`, by default the bundled ones, sorted."""
    root = root or CHECKPOINTS
    names = (path.parent.name for path in root.glob(f"*/{CONFIG_FILE}"))
    return sorted(name for name in names if not name.startswith("."))


def resolve(name: str, offline: bool = False, report: Report = lambda _: None) -> Path:
    """The folder of a bundled checkpoint's name, a path, or a Hub id "user/repo[@revision]", which is
    downloaded; with `offline`, only one that was downloaded before. `report` hears what is being downloaded.
    CheckpointError where there is none: AbsentError where the name stands for none, UnreachableError where no
    Hub says so."""
    if (folder := find_folder(name)) is not None:
        return folder
    if not is_hub_id(name):
        raise AbsentError(f"Model {name!r} not found; available = {list_models()}.")
    try:
        return download(name, offline, report)
    except (AbsentError, UnreachableError) as error:
        raise type(error)(f"{str(error).removesuffix('.')}; available here = {list_models()}.") from None


def is_hub_id(name: str) -> bool:
    """Whether a name has the form of a Hub id and is no folder here."""
    return re.fullmatch(HUB_ID, name, re.ASCII) is not None and find_folder(name) is None


def find_folder(name: str) -> Path | None:
    """The folder of a bundled checkpoint's name or a path, or None. AbsentError for a folder that is no
    checkpoint, or what cannot be a path; CheckpointError for a bundled one that has lost its config."""
    if not name or "\0" in name:
        raise AbsentError("A model is named by a bundled name, a folder, or a Hub id user/repo.")
    try:
        path = Path(name).expanduser()
        # A bundled name is a single path component: "../x" is a path from here, not from checkpoints/.
        folders = [CHECKPOINTS / name, path] if re.fullmatch(r"\w[\w.-]*", name) else [path]
        for folder in folders:
            if (folder / CONFIG_FILE).is_file():
                return folder
        if folders[0] != path and next(folders[0].glob("*.safetensors"), None):
            raise CheckpointError(f"{name}/{CONFIG_FILE} is missing.")
        if path.is_dir():
            raise AbsentError(f"The folder {name} holds no {CONFIG_FILE}, so it is no checkpoint.")
    except (OSError, RuntimeError) as error:  # a name too long for the system; the home of no such user
        reason = getattr(error, "strerror", None) or error
        raise AbsentError(f"{name[:80]!r} is no usable path: {reason}.") from None
    return None
