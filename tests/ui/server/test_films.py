"""What the page asks about films, without a server: the ribbon in words, the shortest way in lines."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import torch

import ganlab
from ganlab import outliers
from ganlab.explorer import Explorer
from ganlab.outliers import OutlierScores
from ganlab.studio import paths
from ganlab.ui.server import budget, films
from tests.conftest import run_apart


def payload(explorer: Explorer, keyframes: int = 2, **film: Any) -> dict[str, Any]:
    z = explorer.sample(keyframes, seed=1).tolist()
    return {"model": "", "fingerprint": explorer.fingerprint, "keyframes": z, "film": film}


def read(response: Any) -> Any:
    return json.loads(bytes(response.body))


def test_frames_unlike_digits_are_marked_and_named(
    bundled: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = torch.tensor([0.5] * 3 + [0.995] * 4 + [0.2] * 2)
    monkeypatch.setattr(outliers, "score_pictures", lambda *_: OutlierScores(shares, torch.zeros(9, 1)))
    answer = read(films.judge_film(bundled, payload(bundled, frames=9, seconds=4)))
    assert set(answer) == {"labels", "unlike", "summary"}  # the classifier's confidence says nothing here
    assert len(answer["labels"]) == 9
    assert answer["unlike"] == [False] * 3 + [True] * 4 + [False] * 2
    assert answer["summary"].endswith("Of 9 frames, 4 to 7 (1.5 to 3.0 s) are unlike digits.")


def test_what_a_model_cannot_say_of_a_film_is_said(colour_model: str) -> None:
    explorer = ganlab.load(colour_model)
    assert read(films.judge_film(explorer, payload(explorer, frames=3))) == {
        "labels": [],
        "unlike": [],
        "summary": "No classifier for this data set, so class changes are not marked."
        " Whether its frames are like pictures was not measured for this model.",
    }


def test_the_shortest_way_comes_in_lines(mapped: Explorer) -> None:
    sent = payload(mapped, 3, way="geodesic", loop=False)
    settings, keyframes = films.read_film(mapped, sent)
    lines = list(films.find_way(mapped, settings.split(keyframes)))
    shares = [line["done"] for line in lines]
    assert shares == sorted(shares)
    assert 0 < shares[0] < 0.1
    assert shares[-1] == 1
    ways, rows = lines[-1]["ways"], lines[-1]["lengths"]
    for (a, b), way in zip(settings.split(keyframes), ways, strict=True):
        assert torch.equal(torch.tensor(way), paths.find_geodesic(mapped, a, b))
    assert [row["way"] for row in rows] == [*paths.WAYS, ""]
    assert rows[3]["length"] == min(row["length"] for row in rows[:4])
    assert len(list(films.find_way(mapped, settings.split(keyframes)))) == 1  # computed already


def test_a_film_of_many_shortest_parts_is_refused(mapped: Explorer) -> None:
    many = payload(mapped, budget.MAX_PARTS + 2, way="geodesic")
    for answer in (films.stream_geodesic, films.judge_film, films.render_film):
        with pytest.raises(ValueError, match="8 times at most, not 9"):
            answer(mapped, many)
    films.read_film(mapped, payload(mapped, budget.MAX_PARTS + 1, way="geodesic"))
    with pytest.raises(ValueError, match="8 times at most, not 9"):
        films.read_film(mapped, payload(mapped, budget.MAX_PARTS + 1, way="geodesic", loop=True))


def test_films_that_nobody_fetches_are_bounded(bundled: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(films, "MAX_UNREAD", 2)
    sent = {**payload(bundled, frames=2), "kind": "gif", "scale": 1}
    responses = [films.render_film(bundled, sent) for _ in range(2)]
    with pytest.raises(budget.TooMuchError, match="2 films of yours are not fetched yet"):
        films.render_film(bundled, sent)

    async def fetch(response: Any, reads: bool) -> bytes:
        content = b""

        async def send(message: Any) -> None:
            nonlocal content
            content += message.get("body", b"")
            if not reads:
                await asyncio.Event().wait()

        scope = {"type": "http", "asgi": {"spec_version": "2.4"}}
        await response(scope, None, send)
        return content

    assert run_apart(fetch(responses[0], reads=True)).startswith(b"GIF89a")
    monkeypatch.setattr(films, "MAX_SENDING", 0.01)
    run_apart(fetch(responses[1], reads=False))  # it is cut off
    assert films.SentFile.count_unread() == 0
