"""Alarms: lost runs are said in words, sound ones and beginnings are not."""

from __future__ import annotations

import pytest

from train.watch.detection import LOOKS, Detector, Look

SOUND: Look = {
    "margin": -1.0, "d_real": 1.5, "d_made": -1.5, "diversity": 0.9, "nearest": 0.6, "code_spread": 0.9,
}  # fmt: skip
LOST: dict[str, Look] = {
    "certain": {**SOUND, "margin": 12.0, "d_real": 9.0, "d_made": -9.0},
    "collapse": {**SOUND, "diversity": 0.1},
    "constant": {**SOUND, "code_spread": 0.01},
}


def see(detector: Detector, look: Look, step: int = 1000, times: int = LOOKS) -> list[tuple[str, str]]:
    return [event for _ in range(times) for event in detector.see(look, step)]


@pytest.mark.parametrize("kind", LOST)
def test_a_lost_run_is_said_once_in_a_sentence(kind: str) -> None:
    detector = Detector()
    assert see(detector, SOUND) == []
    assert see(detector, LOST[kind], times=LOOKS - 1) == []
    [(said, text)] = see(detector, LOST[kind], times=5)
    assert said == kind
    assert text.endswith(".")
    assert text[0].isupper()


def test_samples_of_a_few_kinds_are_a_collapse_too() -> None:
    assert [kind for kind, _ in see(Detector(), {**SOUND, "nearest": 0.05})] == ["collapse"]


@pytest.mark.parametrize("kind", LOST)
def test_a_look_now_and_then_is_no_alarm(kind: str) -> None:
    detector = Detector()
    looks = [SOUND, LOST[kind], LOST[kind], SOUND] * 4
    assert [event for look in looks for event in detector.see(look, 1000)] == []


def test_a_beginning_is_no_alarm() -> None:
    young = {**LOST["constant"], "diversity": 0.1, "nearest": 0.1}
    detector = Detector()
    assert see(detector, SOUND, step=20, times=1) == []
    assert see(detector, young, step=200, times=10) == []
    assert {kind for kind, _ in see(detector, young, step=400)} == {"collapse", "constant"}


def test_a_run_that_never_was_sound_is_said_after_a_while() -> None:
    detector = Detector()
    assert see(detector, LOST["collapse"], step=200, times=10) == []
    assert [kind for kind, _ in see(detector, LOST["collapse"], step=600)] == ["collapse"]


def test_an_alarm_that_ended_can_begin_again() -> None:
    detector = Detector()
    see(detector, SOUND)
    for _ in range(2):
        assert [kind for kind, _ in see(detector, LOST["certain"])] == ["certain"]
        assert see(detector, SOUND) == []


def test_samples_say_nothing_where_g_never_sees_the_prior() -> None:
    assert see(Detector(decodes_prior=False), LOST["collapse"]) == []


def test_what_a_method_lacks_is_no_alarm() -> None:
    assert see(Detector(), dict.fromkeys(SOUND)) == []
