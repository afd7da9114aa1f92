"""The files of a folder, at any depth: those whose names end as pictures' do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff")


def walk(
    folder: Path,
    extensions: tuple[str, ...] = EXTENSIONS,
    seen: set[str] | None = None,
    on_error: Callable[[OSError], None] | None = None,
) -> Iterator[Path]:
    """Files with one of the extensions, in no order that counts; what is hidden is left out.

    Links are followed, but no folder is entered twice, and none of `seen`, which are real paths. `on_error`
    hears of folders that cannot be listed, which are otherwise passed over.
    """
    seen = set() if seen is None else seen
    for current, folders, names in os.walk(folder, onerror=on_error, followlinks=True):
        real = os.path.realpath(current)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        visible = (name for name in names if not name.startswith("."))
        yield from (Path(current, name) for name in visible if name.lower().endswith(extensions))
