"""Long descents give way: they stop between two steps, and other threads are served while they run."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import Tensor, nn

from ganlab import inversion
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.inversion import Step, optimise

LIMIT = 60  # seconds, for a machine that is busy with other things
CALLS = 20


class Counting(nn.Module):
    """z (N, 3) -> (N, 1, 2, 2), counting the calls."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.calls = nn.Linear(3, 4), 0
        self.eval().requires_grad_(False)

    def forward(self, z: Tensor) -> Tensor:
        self.calls += 1
        return torch.sigmoid(self.layer(z)).view(-1, 1, 2, 2)


def test_each_step_is_a_single_pass_and_a_closed_descent_takes_no_other() -> None:
    generator = Counting()
    steps = optimise(generator, "uniform", torch.rand(2, 1, 2, 2), latent_dim=3, pool=32)
    assert generator.calls == 0  # nothing is computed before the first step is asked for
    for number in (1, 2, 3):
        assert next(steps).number == number
        assert generator.calls == 1 + number  # the pool's pass comes with the first step
    steps.close()
    assert next(steps, None) is None
    assert generator.calls == 4


def test_a_descent_is_stopped_and_other_threads_are_served_meanwhile(
    bundled: Explorer, digits: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inversion, "TOLERANCE", -1.0)  # it would take all of its steps
    x, most = digits.inputs(slice(0, 2)), 100_000
    z = bundled.sample(CALLS, seed=0)
    alone = [bundled.decode(row) for row in z]
    changed, stop = threading.Condition(), threading.Event()
    numbers: list[int] = []  # of the steps taken
    after_stop: list[int] = []

    def hear(step: Step) -> bool:
        with changed:
            (after_stop if stop.is_set() else numbers).append(step.number)
            changed.notify_all()
        return not stop.is_set()

    descent = threading.Thread(target=bundled.invert, args=(x, "hybrid", most), kwargs={"progress": hear})
    descent.start()
    try:
        for row, expected in zip(z, alone, strict=True):
            with changed:  # each call comes after another step
                seen = len(numbers)
                assert changed.wait_for(lambda seen=seen: len(numbers) > seen, LIMIT)
            assert torch.equal(bundled.decode(row), expected)
        assert descent.is_alive()
        assert CALLS <= len(numbers) < most
    finally:
        with changed:
            stop.set()
        descent.join(LIMIT)
    assert not descent.is_alive()
    assert len(after_stop) <= 1
