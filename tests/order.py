"""In which order the tests run, and which worker of pytest-xdist begins with which."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import pytest

BROWSER, SLOW, FAST = 3.0, 1.0, 0.02  # seconds that a test takes by its markers


def estimate(item: pytest.Item) -> float:
    """Seconds that a test takes: what its marker says, as in slow(20), or the usual."""
    slow = item.get_closest_marker("slow")
    if slow is not None and slow.args:
        return float(slow.args[0])
    return BROWSER if item.get_closest_marker("browser") else SLOW if slow is not None else FAST


def deal(items: Sequence[pytest.Item], workers: int) -> list[pytest.Item]:
    """The tests in parts of equal size, one for each worker, as `--dist worksteal` hands them out.

    Those that take long are dealt by their files, whose fixtures are then made once, so that the workers have
    about as much to do; a part begins with the file that takes longest. The fast ones fill the parts. Whoever
    is done takes what is left from the end of another's part.
    """
    files = defaultdict[str, list[pytest.Item]](list)
    fast = []
    for item in items:
        if estimate(item) > FAST:
            files[item.nodeid.split("::")[0]].append(item)
        else:
            fast.append(item)
    parts: list[list[pytest.Item]] = [[] for _ in range(workers)]
    work = [0.0] * workers
    costs = {name: sum(map(estimate, own)) for name, own in files.items()}
    for name in sorted(files, key=lambda name: -costs[name]):
        least = work.index(min(work))
        parts[least] += files[name]
        work[least] += costs[name]
    left = len(items)
    for row, part in enumerate(parts):
        size = left // (workers - row)
        filling = max(0, size - len(part))
        part += fast[:filling]
        del fast[:filling]
        left -= size
    return [item for part in (*parts, fast) for item in part]
