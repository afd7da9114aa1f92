"""Answers that stay in memory, so that what many visitors fetch is computed and compressed once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable


class KeptContent:
    """Contents by their keys, `max_bytes` of them at most; those not used for longest make room. Threads may
    share it."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._contents: OrderedDict[Hashable, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, compute: Callable[[], bytes]) -> bytes:
        """The kept content of a key, or what `compute` returns, which is kept unless it is too large."""
        with self._lock:
            if (content := self._contents.get(key)) is not None:
                self._contents.move_to_end(key)
                return content
        content = compute()
        with self._lock:
            self._contents[key] = content
            self._contents.move_to_end(key)
            while sum(map(len, self._contents.values())) > self.max_bytes:
                self._contents.popitem(last=False)
        return content
