"""Download a checkpoint from the Hub: its config first, then only the files that it names, each under a limit
and all of them under one of time. What was downloaded before is used where the Hub is not reached."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from ganlab import fetch, sums
from ganlab.config import CheckpointError, ModelConfig
from ganlab.mixture import MIXTURE_FILE

MAX_SECONDS = 300.0  # of a download
TIMEOUT = 10  # seconds that the Hub may take to accept a connection, or be silent
CONFIG_FILE = "config.json"
# The kinds of file that a checkpoint has, none of which can hold a pickle, and the bytes that one may have.
LIMITS = {
    ".json": 4_000_000,
    ".md": 1_000_000,
    ".safetensors": 300_000_000,
    ".npz": 300_000_000,
    ".png": 20_000_000,
    ".jpg": 20_000_000,
    ".webp": 20_000_000,
}
MAX_BYTES = 600_000_000  # of all files
# What a checkpoint may have beside its networks, where its config names no files.
OPTIONAL = (
    "README.md", "metrics.json", "gallery.safetensors", "features.safetensors", "latents.safetensors",
    "directions.safetensors", "map.safetensors", "light.safetensors", "gallery/train.npz",
    "gallery/test.npz", "gallery/attributes.npz", "gallery/stand-in-train.npz",
    "gallery/stand-in-test.npz",
)  # fmt: skip
Report = Callable[[str], object]  # takes what is being done, as words that follow "user/repo:"


class File(NamedTuple):
    """A file of a checkpoint: its name, its SHA-256 where it is known, whether it must be there."""

    name: str
    sum: str | None
    needed: bool


class UnreachableError(CheckpointError):
    """No Hub answered, and nothing was downloaded before."""


class AbsentError(CheckpointError):
    """A name that stands for no checkpoint anywhere: it is mistyped, or not for us."""


def download(hub_id: str, offline: bool = False, report: Report = lambda _: None) -> Path:
    """The folder of a checkpoint "user/repo[@revision]" in the client's cache. With `offline`, nothing is
    asked of the Hub. CheckpointError, in one sentence, where it cannot be had in MAX_SECONDS."""
    repo, _, revision = hub_id.partition("@")
    with Worker(hub_id, repo) as worker:
        report("its config")
        config = worker.fetch(File(CONFIG_FILE, None, True), revision or "main", offline)
        assert config is not None
        try:
            files = list_files(Path(config["path"]), hub_id)
        except CheckpointError:
            if config["kept"]:
                raise
            # Another look at the Hub: the copy here may be damaged.
            config = worker.fetch(File(CONFIG_FILE, None, True), config["commit"], anew=True)
            assert config is not None
            files = list_files(Path(config["path"]), hub_id)
        if config["kept"] and not offline:
            print(f"{hub_id}: the Hub is not reached; what was downloaded before is used.", file=sys.stderr)
        total = 0
        for number, file in enumerate(files, 1):
            report(f"{file.name}, file {number} of {len(files)}")
            answer = worker.fetch(file, config["commit"], config["kept"], lenient=config["cached"])
            total += Path(answer["path"]).stat().st_size if answer else 0
            if total > MAX_BYTES:
                raise CheckpointError(f"{hub_id} has over {MAX_BYTES / 1e6:,.0f} MB: refused.")
    return Path(config["path"]).parent


def list_files(config: Path, hub_id: str) -> list[File]:
    """The files that a config.json names. CheckpointError for one that is no config, or names too many files
    or such as no checkpoint has."""
    source = f"{hub_id}/{CONFIG_FILE}"
    try:
        text = config.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{source} is not valid JSON: {error}.") from None
    described = ModelConfig.from_json(text, source)
    weights = [f"{name}.safetensors" for name in described.networks]
    weights += [MIXTURE_FILE] if described.gaussians else []
    if not described.files:  # of before there were sums
        if strange := [name for name in weights if not re.fullmatch(sums.FILE_NAME, name, re.ASCII)]:
            raise CheckpointError(f"{source} names the network {strange[0][:60]!r}, which has no file.")
        return [File(name, None, name in weights) for name in (*weights, *OPTIONAL)]
    if missing := sorted(set(weights) - set(described.files)):
        raise CheckpointError(f"{source} does not name {missing[0]} among its files.")
    return [File(name, digest, True) for name, digest in described.files.items()]


class Worker:
    """The process of `ganlab.fetch`, for as long as the `with` lasts, and at most MAX_SECONDS."""

    def __init__(self, hub_id: str, repo: str) -> None:
        self.hub_id, self.repo = hub_id, repo
        self.late = False

    def __enter__(self) -> Worker:
        run = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')"
        times = dict.fromkeys(("HF_HUB_ETAG_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT"), str(TIMEOUT))
        quiet = dict.fromkeys(
            # Without Xet, all goes over HTTP with the time-outs above.
            ("HF_HUB_DISABLE_XET", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS"),
            "1",
        )
        here = Path(fetch.__file__).resolve()
        self.process = subprocess.Popen(
            [sys.executable, "-c", run, str(here)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=here.parent.parent,  # -c looks for modules there first
            env={**times, **os.environ, **quiet},
            text=True,
        )
        self.timer = threading.Timer(MAX_SECONDS, self._stop)
        self.timer.daemon = True
        self.timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.timer.cancel()
        self._end()

    def _stop(self) -> None:
        self.late = True
        self._end()

    def _end(self) -> None:
        """Close its input, upon which it puts away what it had begun to write; or kill it."""
        with contextlib.suppress(OSError, ValueError):
            assert self.process.stdin is not None
            self.process.stdin.close()
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def fetch(
        self, file: File, revision: str, offline: bool = False, lenient: bool = False, anew: bool = False
    ) -> dict[str, Any] | None:
        """The path of a file, its commit, whether the Hub was not asked ("cached"), and whether it could not
        be ("kept"); None for one that is not there and not needed, or, if `lenient`, not reached and not
        needed. CheckpointError for one that is needed. `offline` and `anew` as in `ganlab.fetch`."""
        limit = LIMITS[PurePosixPath(file.name).suffix]
        request = {"repo": self.repo, "file": file.name, "revision": revision, "limit": limit}
        request |= {"sha256": file.sum, "anew": anew}
        answer = self._ask({**request, "offline": offline})
        away = answer.get("kind") == fetch.UNREACHABLE
        if away and not offline and not anew and file.name == CONFIG_FILE:
            kept = self._ask({**request, "offline": True})
            if "path" in kept:
                return {**kept, "cached": True, "kept": True}
        if "path" in answer:
            return {"cached": offline, **answer, "kept": offline}
        absent = answer["kind"] == fetch.FILE or (away and (offline or lenient))
        if absent and not file.needed:
            return None
        raise self._refuse(file, **answer)

    def _refuse(self, file: File, kind: str, reason: str) -> CheckpointError:
        if kind == fetch.REPOSITORY or (kind == fetch.UNREACHABLE and file.name == CONFIG_FILE):
            refusal = AbsentError if kind == fetch.REPOSITORY else UnreachableError
            return refusal(
                f"{self.hub_id} is neither a folder here nor a Hub repository that can be reached: {reason}."
            )
        if kind == fetch.FILE and file.name == CONFIG_FILE:
            return AbsentError(f"{self.hub_id} is on the Hub, but is no ganlab checkpoint: {reason}.")
        return CheckpointError(f"{self.hub_id} cannot be used: {reason}.")

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        line = ""
        with contextlib.suppress(OSError, ValueError):  # it has been ended
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        if not line:
            reason = (
                f"it takes more than {MAX_SECONDS:.0f} seconds" if self.late else "its download has ended"
            )
            return {"kind": fetch.OTHER, "reason": reason}
        answer: dict[str, Any] = json.loads(line)
        return answer
