"""When a step is taken, captured and replayed, on a CUDA that only writes down what it is asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from train.capture import WARM_UP, CapturedStep


class Cuda:
    """Streams and graphs of a GPU that this machine may lack."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.capturing = False

    def Stream(self, device: torch.device) -> Any:  # noqa: N802
        return self

    def wait_stream(self, other: Any) -> None:
        pass

    def current_stream(self) -> Any:
        return self

    def stream(self, chosen: Any) -> Any:
        return contextlib.nullcontext()

    def CUDAGraph(self) -> Any:  # noqa: N802
        return self

    @contextlib.contextmanager
    def graph(self, graph: Any) -> Iterator[None]:
        self.events.append("capture")
        yield

    def replay(self) -> None:
        self.events.append("replay")


def test_a_step_is_taken_some_times_captured_once_and_then_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = Cuda()
    for name in ("Stream", "current_stream", "stream", "CUDAGraph", "graph"):
        monkeypatch.setattr(torch.cuda, name, getattr(cuda, name))
    step = CapturedStep(lambda: cuda.events.append("step"), torch.device("cuda"))
    for _ in range(WARM_UP + 3):
        step()
    assert cuda.events == ["step"] * WARM_UP + ["capture", "step", "replay", "replay", "replay"]
