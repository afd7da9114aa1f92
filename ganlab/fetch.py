"""A process of its own that fetches single files from the Hub, so that whoever started it can end it at any
time: the client waits and tries again for as long as a server answers now and then.

It reads requests from its input, a line of JSON each, and answers each with a line:

    {"repo", "revision", "file", "limit", "sha256", "offline", "anew"} -> {"path", "commit", "cached"?}
                                                                       or {"kind", "reason"}

`limit` is in bytes; `sha256` may be null; with `offline` only what was fetched before is given, with `anew`
only what is fetched now. `cached` says that the Hub was not asked. The end of its input ends it, also in the
middle of a download. It imports nothing of this package, which would load torch first.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import queue
import re
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

COMMIT = r"[0-9a-f]{40}"
ETAG = r"[\w.-]{1,200}"  # becomes a file's name in the client's cache
MAX_MEMORY = 2**30  # bytes of addresses: an answer without end is not read into memory
# Kinds of failure: no such repository or revision; no such file in it; no Hub that answers; a file over its
# limit; a file other than its sum says; anything else.
REPOSITORY, FILE, UNREACHABLE, LARGE, CHANGED, OTHER = (
    "repository", "file", "unreachable", "large", "changed", "other"
)  # fmt: skip


class FetchError(Exception):
    """A file that cannot be had; the kind, and the reason as words that follow a colon."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind, self.reason = kind, reason


def fetch(request: dict[str, Any]) -> dict[str, Any]:
    """The path of a file and the commit that it is of. A file of a commit that was fetched before needs no
    network. FetchError says why there is none."""
    from huggingface_hub import hf_hub_download

    repo, revision, file, limit = (request[key] for key in ("repo", "revision", "file", "limit"))
    digest = request["sha256"]

    def get(kept: bool = False, anew: bool = False) -> Path:
        return Path(
            hf_hub_download(repo, file, revision=revision, local_files_only=kept, force_download=anew)
        )

    if request["offline"]:
        path = get(kept=True)
        if digest and hash_file(path) != digest:
            raise FetchError(CHANGED, f"the copy of {file} that is kept here is damaged")
        return describe(path, file, limit)
    if re.fullmatch(COMMIT, revision) and not request["anew"]:
        with contextlib.suppress(FileNotFoundError):
            path = get(kept=True)
            if not digest or hash_file(path) == digest:
                return {**describe(path, file, limit), "cached": True}
    check_header(repo, revision, file, limit)
    with limited_writes(limit):
        path = get(anew=request["anew"])
        if digest and hash_file(path) != digest:
            path = get(anew=True)  # the copy here may be damaged; else the Hub sends the same again
            if hash_file(path) != digest:
                blob = path.resolve()
                path.unlink()
                blob.unlink(missing_ok=True)
                raise FetchError(CHANGED, f"{file} is not the file that config.json names")
    return describe(path, file, limit)


def check_header(repo: str, revision: str, file: str, limit: int) -> None:
    """FetchError for a file that the Hub says is too large, or an answer that is not the Hub's. Nothing is
    tried again here: a Hub that is away is noticed at once."""
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url

    url = hf_hub_url(repo, file, revision=revision)
    header = get_hf_file_metadata(url, timeout=constants.HF_HUB_ETAG_TIMEOUT)
    if not re.fullmatch(COMMIT, header.commit_hash or "") or not re.fullmatch(ETAG, header.etag or ""):
        raise FetchError(UNREACHABLE, "what answers is not a Hub")
    check_size(file, header.size or 0, limit)


def check_size(file: str, size: int, limit: int) -> None:
    """FetchError for a file over its limit."""
    if size > limit:
        raise FetchError(LARGE, f"{file} has {size / 1e6:,.1f} MB, and at most {limit / 1e6:,.0f} are taken")


def describe(path: Path, file: str, limit: int) -> dict[str, str]:
    """The answer on a file that is here; the commit is the name of the folder that it was put in."""
    check_size(file, path.stat().st_size, limit)
    folder = path.parents[file.count("/")]
    return {"path": str(path), "commit": folder.name}


def hash_file(path: Path) -> str:
    """The SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


@contextlib.contextmanager
def limited_writes(limit: int) -> Iterator[None]:
    """While no file can grow beyond `limit` bytes, whatever a server said of its size before it sent it."""
    try:
        import resource
    except ImportError:  # Windows; the size is looked at afterwards
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def explain(error: BaseException, file: str) -> tuple[str, str]:
    """The kind of an error of the client, the disk or the network, and the reason in our words."""
    from huggingface_hub import errors

    names = {kind.__name__ for kind in type(error).__mro__}
    if isinstance(error, FetchError):
        return error.kind, error.reason
    if isinstance(error, errors.GatedRepoError):
        return REPOSITORY, "its owner asks for an agreement first: give it on the Hub and run hf auth login"
    if isinstance(error, errors.RevisionNotFoundError):
        return REPOSITORY, "it has no such revision"
    if isinstance(error, errors.RepositoryNotFoundError):
        return REPOSITORY, "the Hub has no such repository, or a private one, which needs hf auth login"
    if isinstance(error, errors.LocalEntryNotFoundError):
        return UNREACHABLE, f"{file} was not downloaded before, and the Hub is not reached"
    if isinstance(error, errors.EntryNotFoundError):
        return FILE, f"it has no {file}"
    if isinstance(error, errors.OfflineModeIsEnabled):
        return UNREACHABLE, "HF_HUB_OFFLINE forbids to ask the Hub"
    if isinstance(error, errors.HfHubHTTPError):
        status = getattr(error.response, "status_code", 0)
        kind = UNREACHABLE if status >= 500 or status in (408, 429) else REPOSITORY
        return kind, f"the Hub answers {status}"
    if isinstance(error, errors.FileMetadataError | json.JSONDecodeError | KeyError):
        return UNREACHABLE, "what answers is not a Hub"
    if "TimeoutException" in names:
        return UNREACHABLE, "the Hub does not answer in time"
    if "ConnectError" in names:
        return UNREACHABLE, "the Hub is not reached"
    if "TooManyRedirects" in names:
        return UNREACHABLE, "the Hub redirects without end"
    if names & {"HTTPError", "InvalidURL"} or "Consistency check failed" in str(error):
        return UNREACHABLE, f"the Hub breaks off in the middle of {file}"
    if isinstance(error, MemoryError):
        return UNREACHABLE, "the Hub sends without end"
    if isinstance(error, OSError) and error.errno == errno.EFBIG:  # by limited_writes
        return LARGE, f"{file} is larger than the Hub said"
    if isinstance(error, OSError) and error.strerror:
        return OTHER, f"{file} cannot be stored, {error.strerror}"
    return OTHER, next(iter(str(error).strip().splitlines()), "") or type(error).__name__


def answer(line: str) -> dict[str, Any]:
    """The answer to a request."""
    request = json.loads(line)
    try:
        return fetch(request)
    except ImportError:
        return {"kind": OTHER, "reason": "the package huggingface_hub is not installed"}
    except Exception as error:  # of the client, the disk, or the HTTP library that the client uses
        kind, reason = explain(error, request["file"])
        return {"kind": kind, "reason": reason}


def watch(requests: queue.Queue[str]) -> None:
    """Hand over what comes in; at its end, interrupt what the main thread does."""
    for line in sys.stdin:
        requests.put(line)
    if hasattr(signal, "pthread_kill") and (main_thread := threading.main_thread().ident):
        signal.pthread_kill(main_thread, signal.SIGINT)
    else:
        os._exit(0)


def main() -> int:
    """Answer requests until there are no more."""
    # What starts in the background of a shell script inherits that interrupts are ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with contextlib.suppress(ImportError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    answers, sys.stdout = sys.stdout, sys.stderr  # the client may print
    requests: queue.Queue[str] = queue.Queue()
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        threading.Thread(target=watch, args=(requests,), daemon=True).start()
        while True:
            print(json.dumps(answer(requests.get())), file=answers, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
