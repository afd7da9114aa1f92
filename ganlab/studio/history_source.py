"""Where a run's history lies: a folder of this machine, or a site that serves one. Both are only read.

What is read may be anybody's, so each file is read up to a limit, and from no other address than the one
that was named: redirects are refused.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

import httpx

from ganlab.files import describe

FOLDER = "history"  # of a run
MAX_ADDRESS = 500  # characters
WAIT_SECONDS = 5.0  # without a sign of the site
MAX_SECONDS = 20.0  # that a file of a site may take
PIECE = 1 << 16  # bytes
PLAIN = {"Accept-Encoding": "identity"}  # what is packed may be anything once it is unpacked


class HistoryError(ValueError):
    """A history that cannot be read; the message is a sentence."""


class Source(Protocol):
    """The files of a history by their names, as moments/000123.npz."""

    is_local: bool

    def read(self, name: str, limit: int) -> bytes | None:
        """A file's content, None where there is none; HistoryError for one beyond `limit` bytes."""

    def mark(self, names: tuple[str, ...]) -> str:
        """A text that changes when one of the files does."""


class Folder:
    """A run's folder, or the folder of the history in it."""

    is_local = True

    def __init__(self, path: Path) -> None:
        self.path = path / FOLDER if (path / FOLDER).is_dir() else path

    def read(self, name: str, limit: int) -> bytes | None:
        try:
            with (self.path / name).open("rb") as file:
                content = file.read(limit + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise HistoryError(describe(error)) from None
        return _check_size(name, content, limit)

    def mark(self, names: tuple[str, ...]) -> str:
        stamps = []
        for name in names:
            try:
                status = (self.path / name).stat()
                stamps.append(f"{status.st_mtime_ns:x}-{status.st_size:x}")
            except OSError:
                stamps.append("")
        return hashlib.sha256(" ".join(stamps).encode()).hexdigest()[:16]


class Site:
    """A run's folder as a site serves it, by GET and HTTP status codes."""

    is_local = False

    def __init__(self, address: str) -> None:
        """HistoryError for what is no address of a folder."""
        try:
            parts = urlsplit(address)
            wrong = parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0
        except ValueError:
            wrong = True
        if wrong or parts.query or parts.fragment or parts.username or len(address) > MAX_ADDRESS:
            raise HistoryError(
                "The address of a run begins with http:// or https:// and names its folder, without a query,"
                f" not {address[:60]!r}."
            )
        self.address = address.rstrip("/").removesuffix(f"/{FOLDER}")
        self.host = str(parts.hostname)
        self._digests: dict[str, str] = {}  # of the files that were read

    def read(self, name: str, limit: int) -> bytes | None:
        address = f"{self.address}/{FOLDER}/{quote(name)}"
        began, content = time.monotonic(), bytearray()
        settings: dict[str, Any] = {"timeout": WAIT_SECONDS, "follow_redirects": False, "headers": PLAIN}
        try:
            with httpx.stream("GET", address, **settings) as answer:
                if answer.status_code in (404, 410):
                    return None
                if answer.status_code != 200:
                    raise HistoryError(f"{self.host} answers {answer.status_code} where {name} should be.")
                for piece in answer.iter_bytes(PIECE):
                    content += piece
                    if len(content) > limit:
                        break
                    if time.monotonic() - began > MAX_SECONDS:
                        raise HistoryError(f"{self.host} is too slow: {name} took over {MAX_SECONDS:.0f} s.")
        except (httpx.HTTPError, httpx.InvalidURL, OSError):
            raise HistoryError(f"{self.host} does not answer where {name} should be.") from None
        self._digests[name] = hashlib.sha256(content).hexdigest()
        return _check_size(name, bytes(content), limit)

    def mark(self, names: tuple[str, ...]) -> str:
        """Of the files as they were read last: a site is asked for nothing but files."""
        text = " ".join(self._digests.get(name, "") for name in names)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _check_size(name: str, content: bytes, limit: int) -> bytes:
    if len(content) > limit:
        raise HistoryError(f"{name} is over the limit of {limit:,} bytes.")
    return content


def is_address(text: str) -> bool:
    """Whether a text is meant as an address and not as a folder."""
    return text.lower().startswith(("http:", "https:")) or "://" in text


def open_source(text: str) -> Source:
    """The history of a run's folder or address; HistoryError where there is none."""
    if is_address(text):
        return Site(text)
    try:
        source = Folder(Path(text).expanduser())
        there = (source.path / "about.json").is_file()
    except (OSError, ValueError, RuntimeError):  # a name too long, with a zero, of nobody's home
        there = False
    if not there:
        raise HistoryError(f"There is no run with a history in {text[:120]!r}.")
    return source
