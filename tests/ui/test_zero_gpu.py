"""A Space that lends GPUs: what asks for one, and what happens without."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from ganlab import inversion
from ganlab.explorer import Explorer, load
from ganlab.ui import zero_gpu


class Spaces(types.ModuleType):
    """Takes the place of the package: counts the calls that get a GPU, and says no to `refused` of them."""

    def __init__(self) -> None:
        super().__init__("spaces")
        self.functions: list[str] = []
        self.calls = 0
        self.closed = 0
        self.refused = False

    def GPU(self, duration: int) -> Callable[..., Any]:  # noqa: N802
        def decorate(function: Callable[..., Iterator[inversion.Step]]) -> Callable[..., Any]:
            self.functions.append(function.__name__)

            def lent(*arguments: Any) -> Iterator[inversion.Step]:
                if self.refused:
                    raise RuntimeError("You have used up your minutes.")
                self.calls += 1
                try:
                    yield from function(*arguments)
                finally:
                    self.closed += 1

            return lent

        return decorate


@pytest.fixture
def spaces(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spaces]:
    spaces = Spaces()
    monkeypatch.setitem(sys.modules, "spaces", spaces)
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    zero_gpu._lend.cache_clear()
    yield spaces
    zero_gpu._lend.cache_clear()


def run(explorer: Explorer, x: torch.Tensor) -> list[inversion.Step]:
    return list(zero_gpu.descend(explorer, x, "hybrid", 3, None))


def test_only_a_descent_in_colour_asks_for_a_gpu(
    spaces: Spaces, picture_model: str, other_model: str
) -> None:
    zero_gpu.prepare()
    assert spaces.functions == ["descend_on_gpu"]  # known before the launch
    for name, calls in ((other_model, 0), (picture_model, 1)):
        explorer = load(name)
        x = torch.full((1, *explorer.config.image_shape), 0.5)
        steps = run(explorer, x)
        assert spaces.calls == calls
        expected = list(explorer.descend(x, "hybrid", 3))
        assert [step.number for step in steps] == [step.number for step in expected]
        assert torch.equal(steps[-1].z, expected[-1].z)


def test_without_minutes_left_the_cpu_descends(spaces: Spaces, picture_model: str) -> None:
    spaces.refused = True
    explorer = load(picture_model)
    assert len(run(explorer, torch.full((1, *explorer.config.image_shape), 0.5))) == 3
    assert spaces.calls == 0


def test_a_descent_that_is_stopped_gives_the_gpu_back(spaces: Spaces, picture_model: str) -> None:
    explorer = load(picture_model)
    steps = zero_gpu.descend(explorer, torch.full((1, *explorer.config.image_shape), 0.5), "hybrid", 9, None)
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert (spaces.calls, spaces.closed) == (1, 1)


def test_elsewhere_no_package_is_asked_for(monkeypatch: pytest.MonkeyPatch, picture_model: str) -> None:
    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)
    monkeypatch.setitem(sys.modules, "spaces", None)  # importing it would fail
    zero_gpu.prepare()
    explorer = load(picture_model)
    assert len(run(explorer, torch.full((1, *explorer.config.image_shape), 0.5))) == 3
