"""Models on their way from the Hub: each in a thread of its own, so that a slow Hub keeps nobody waiting."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from ganlab import hub
from ganlab.config import CheckpointError

MAX_AT_ONCE = 2
PATIENCE = 6.0  # seconds that whoever starts a download waits for its end; all others are answered at once
MAX_AGE = 10.0  # seconds for which a failure is repeated before the Hub is asked again


class Download:
    """A download: under way, or with its folder or the reason why there is none."""

    def __init__(self, hub_id: str, offline: bool) -> None:
        self.hub_id, self.offline = hub_id, offline
        self.folder: Path | None = None
        self.error: CheckpointError | None = None
        self.doing = "its config"
        self.start = self.end = time.monotonic()
        self.over = threading.Event()

    def run(self) -> None:
        """Download, in the thread of whoever calls this."""
        try:
            self.folder = hub.resolve(self.hub_id, self.offline, self.report)
        except ValueError as error:
            self.error = error if isinstance(error, CheckpointError) else CheckpointError(str(error))
        except OSError as error:  # no process can be started
            self.error = CheckpointError(f"{self.hub_id} cannot be downloaded: {error.strerror or error}.")
        finally:
            if self.folder is None and self.error is None:
                self.error = CheckpointError(f"The download of {self.hub_id} has failed.")
            self.end = time.monotonic()
            self.over.set()

    def report(self, doing: str) -> None:
        """What is being downloaded now."""
        self.doing = doing

    def describe(self) -> str:
        """How far it has come, for people."""
        seconds = time.monotonic() - self.start
        return (
            f"{self.hub_id} is being downloaded ({self.doing}; {seconds:.0f} s so far): choose it again in a"
            " moment."
        )

    @property
    def stale(self) -> bool:
        """Whether it has failed long enough ago that another try may succeed."""
        return bool(self.error) and time.monotonic() - self.end > MAX_AGE


class Downloads:
    """All downloads of the app, by Hub id. What has arrived stays the same for as long as the app runs.
    Thread-safe."""

    def __init__(self) -> None:
        self._downloads: dict[str, Download] = {}
        self._lock = threading.Lock()  # never held while anything is downloaded

    def get(self, hub_id: str, patience: float = PATIENCE, offline: bool = False) -> Path:
        """The folder of a Hub id. Whoever starts its download waits for it for `patience` seconds; with
        `offline`, only what was downloaded before is looked for. CheckpointError for one that has not arrived
        yet, or cannot be had, or while too many are under way."""
        with self._lock:
            download = self._downloads.get(hub_id)
            first = (
                download is None or download.stale or (bool(download.error) and download.offline > offline)
            )
            if first:
                running = sum(not each.over.is_set() for each in self._downloads.values())
                if running >= MAX_AT_ONCE:
                    raise CheckpointError(
                        f"{hub_id} has to wait: {running} models are being downloaded already; choose it"
                        " again in a moment."
                    )
                self._drop_failures()
                download = self._downloads[hub_id] = Download(hub_id, offline)
        assert download is not None
        if first:
            threading.Thread(target=download.run, name=f"download {hub_id}", daemon=True).start()
            download.over.wait(patience)
        if not download.over.is_set():
            raise CheckpointError(download.describe())
        if download.folder is None and offline:
            raise CheckpointError(f"{hub_id} is not open on this server: choose it among the models.")
        if download.folder is None:
            assert download.error is not None
            raise type(download.error)(str(download.error))  # one of its own for each who waits
        return download.folder

    def forget(self, hub_id: str) -> None:
        """Download it anew when it is next wanted: what has arrived is of no use."""
        with self._lock:
            self._downloads.pop(hub_id, None)

    def _drop_failures(self) -> None:
        """So that names without a model do not pile up."""
        for hub_id in [each.hub_id for each in self._downloads.values() if each.stale]:
            del self._downloads[hub_id]
