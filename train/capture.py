"""A training step as a CUDA graph: the device repeats its kernels without waiting for Python."""

from __future__ import annotations

from collections.abc import Callable

import torch

WARM_UP = 3  # steps taken as usual before the capture, in which libraries choose and reserve what they need


class CapturedStep:
    """Calls `step` WARM_UP times, then captures it once and replays the capture.

    All that a step reads and writes stays where it is in memory, and `step` may not make the device wait for
    the processor, nor read a number from it. Random numbers follow torch's seed as of each call, as without
    the capture.
    """

    def __init__(self, step: Callable[[], None], device: torch.device) -> None:
        self.step, self.count = step, 0
        self.stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self.graph: torch.cuda.CUDAGraph | None = None

    def __call__(self) -> None:
        if self.count < WARM_UP:
            self.count += 1
            self.stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self.stream):
                self.step()
            torch.cuda.current_stream().wait_stream(self.stream)
            return
        if self.graph is None:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self.step()
            self.graph = graph
        self.graph.replay()
