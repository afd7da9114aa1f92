"""Locate checkpoints: bundled ones by name, folders by path, Hub repositories by id."""

from __future__ import annotations

import re
from pathlib import Path

from ganlab.config import CheckpointError

CHECKPOINTS = Path(__file__).resolve().parent.parent / "checkpoints"
CONFIG_FILE = "config.json"
# The files of a Hub repository that are downloaded: none that could hold a pickle.
HUB_FILES = ["*.json", "*.safetensors", "*.webp", "*.png", "README.md", "gallery/*.npz"]


def list_models(root: Path | None = None) -> list[str]:
    """Names of the checkpoints in the folder `root`, by default the bundled ones, sorted."""
    root = root or CHECKPOINTS
    return sorted(path.parent.name for path in root.glob(f"*/{CONFIG_FILE}"))


def resolve(name: str) -> Path:
    """The folder of a bundled checkpoint's name, a path, or a Hub id "user/repo[@revision]", which is
    downloaded. CheckpointError where there is none."""
    if not name or "\0" in name:
        raise CheckpointError("A model is named by a bundled name, a folder, or a Hub id user/repo.")
    try:
        path = Path(name).expanduser()
        # A bundled name is a single path component: "../x" is a path from here, not from checkpoints/.
        folders = [CHECKPOINTS / name, path] if re.fullmatch(r"\w[\w.-]*", name) else [path]
        for folder in folders:
            if (folder / CONFIG_FILE).is_file():
                return folder
        if path.is_dir():
            raise CheckpointError(f"The folder {name} holds no {CONFIG_FILE}, so it is no checkpoint.")
    except (OSError, RuntimeError) as error:  # a name too long for the system; the home of no such user
        reason = getattr(error, "strerror", None) or error
        raise CheckpointError(f"{name[:80]!r} is no usable path: {reason}.") from None
    if re.fullmatch(r"[\w.-]+/[\w.-]+(@[\w./-]+)?", name) and not name.startswith("."):
        return _download(name)
    raise CheckpointError(f"Model {name!r} not found; available = {list_models()}.")


def _download(hub_id: str) -> Path:
    from huggingface_hub import snapshot_download

    repo, _, revision = hub_id.partition("@")
    try:
        folder = snapshot_download(repo, revision=revision or None, allow_patterns=HUB_FILES)
    except Exception as error:  # of the client, the disk, or the HTTP library that the client uses
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CheckpointError(
            f"{hub_id} is neither a folder here nor a Hub repository that can be reached ({reason});"
            f" available here = {list_models()}."
        ) from None
    return Path(folder)
