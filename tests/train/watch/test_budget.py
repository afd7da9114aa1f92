"""The time that a history may take, with a clock that stands still unless told."""

from __future__ import annotations

import pytest

from train.watch.budget import PARTS, Budget


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def work(budget: Budget, clock: Clock, kind: str, seconds: float) -> None:
    with budget.spend(kind):
        clock.now += seconds


def test_parts_are_the_whole() -> None:
    assert sum(PARTS.values()) == pytest.approx(1)


def test_work_is_never_more_than_its_share() -> None:
    clock = Clock()
    budget = Budget(0.02, clock)
    for _ in range(5000):
        clock.now += 0.05  # a step
        for kind, cost in (("moment", 0.2), ("small", 0.01), ("look", 0.05)):
            if budget.allows(kind):
                work(budget, clock, kind, cost)
    assert 0.9 * 0.02 < budget.used <= 0.02 + 0.25 / (clock.now - budget.start)
    for kind, part in PARTS.items():  # none starves another
        assert budget.spent[kind] > 0.8 * part * 0.02 * (clock.now - budget.start)


def test_work_waits_until_time_has_been_earned() -> None:
    clock = Clock()
    budget = Budget(0.1, clock)
    work(budget, clock, "look", 1.0)
    while not budget.allows("look"):
        clock.now += 1
    assert clock.now - budget.start == pytest.approx(2.0 / (0.1 * PARTS["look"]), abs=1.5)


def test_a_pause_earns_nothing() -> None:
    clock = Clock()
    budget = Budget(0.1, clock)
    work(budget, clock, "look", 1.0)
    with budget.pause():
        clock.now += 1000
    assert not budget.allows("look")
    assert budget.used == pytest.approx(1.0)


def test_a_share_of_one_allows_everything_and_none_allows_nothing() -> None:
    clock = Clock()
    everything, nothing = Budget(1, clock), Budget(0, clock)
    for budget in (everything, nothing):
        work(budget, clock, "moment", 5.0)
    assert everything.allows("moment")
    assert not nothing.allows("moment")
