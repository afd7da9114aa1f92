"""Long work: one run a visitor, which ends when it is told to and waits for clicks."""

from __future__ import annotations

import threading

from ganlab.ui.work import LongWork


def test_a_run_is_stopped_or_dropped_for_its_visitor_only() -> None:
    work = LongWork()
    with work.run("a") as first, work.run("b") as second:
        assert work.stop("a")
        assert (first.stopped, first.dropped, second.ended) == (True, False, False)
        work.drop("b")
        assert second.ended
        assert not second.stopped
    assert not work.stop("a")  # nothing runs any more
    work.drop("nobody")


def test_a_new_run_drops_the_one_before() -> None:
    work = LongWork()
    with work.run("a") as first:
        with work.run("a") as second:
            assert first.dropped
        assert not second.ended
        with work.run("a") as third:
            pass
    assert not third.ended


def test_a_step_waits_while_a_click_is_answered() -> None:
    work, done = LongWork(), threading.Event()

    def step() -> None:
        work.give_way(seconds=600)
        done.set()

    with work.answering():
        with work.answering():  # somebody else's
            thread = threading.Thread(target=step)
            thread.start()
        assert not done.wait(0.05)
    assert done.wait(300)
    thread.join()


def test_a_step_does_not_wait_for_ever() -> None:
    work = LongWork()
    with work.answering():
        work.give_way(seconds=0.01)
    work.give_way()
