import threading

import pytest

from ganlab.ui.server.kept import KeptContent


def test_a_content_is_computed_once_and_the_least_used_makes_room() -> None:
    kept, computed = KeptContent(10), list[str]()

    def get(key: str, size: int = 4) -> bytes:
        return kept.get(key, lambda: computed.append(key) or key.encode() * size)

    assert get("a") == get("a") == b"aaaa"
    get("b")
    get("a")
    get("c")  # for which b makes room
    get("a")
    assert computed == ["a", "b", "c"]
    get("b")
    assert computed == ["a", "b", "c", "b"]


def test_what_is_too_large_is_answered_and_not_kept() -> None:
    kept, computed = KeptContent(10), list[int]()
    for _ in range(2):
        assert len(kept.get("x", lambda: computed.append(1) or b"0" * 11)) == 11
    assert len(computed) == 2


def test_an_error_keeps_nothing() -> None:
    kept = KeptContent(10)
    with pytest.raises(ValueError, match="no such"):
        kept.get("x", lambda: (_ for _ in ()).throw(ValueError("no such")))
    assert kept.get("x", lambda: b"1") == b"1"


def test_others_do_not_wait_for_a_slow_one() -> None:
    kept, begun, go_on = KeptContent(10), threading.Event(), threading.Event()

    def compute() -> bytes:
        begun.set()
        assert go_on.wait(60)
        return b"slow"

    slow = threading.Thread(target=lambda: kept.get("slow", compute))
    slow.start()
    assert begun.wait(60)
    assert kept.get("quick", lambda: b"q") == b"q"
    go_on.set()
    slow.join()
    assert kept.get("slow", lambda: b"anew") == b"slow"
