"""What the page fetches beside Gradio's own."""

from __future__ import annotations

import http.client
import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.testclient import TestClient

import ganlab
from ganlab import geodesic, images
from ganlab.explorer import Explorer
from ganlab.gallery import Gallery
from ganlab.studio import film, portable
from ganlab.studio.film import Film
from ganlab.ui.server import routes
from ganlab.ui.server.models import Models


def get(server: str, path: str, **headers: str) -> tuple[int, bytes, Message]:
    address = urlsplit(server)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=300)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def test_a_models_generator_is_fetched_once(server: str, bundled: Explorer) -> None:
    path = f"/ganlab/generator?model={bundled.config.name}"
    status, content, headers = get(server, path)
    assert status == 200
    assert len(load(content)) == 7  # three weights, three biases and the skip of the paper's generator
    assert bundled.fingerprint in headers["ETag"]
    assert headers["Cache-Control"] == "no-cache"
    status, content, _ = get(server, path, **{"If-None-Match": headers["ETag"]})
    assert (status, content) == (304, b"")


def test_the_judge_comes_with_any_model(server: str, bundled: Explorer) -> None:
    status, content, headers = get(server, f"/ganlab/judge?model={bundled.config.name}")
    assert status == 200
    digits = load(content)
    assert {"0.weight", "6.shift"} <= digits.keys()
    assert bundled.fingerprint in headers["ETag"]
    status, content, _ = get(server, "/ganlab/judge?model=cifar10-gan")  # that of its own data set
    assert status == 200
    assert load(content)["0.weight"].shape != digits["0.weight"].shape


def test_parts_of_a_model_are_computed_once(bundled: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    packed, pack = [], portable.pack
    monkeypatch.setattr(portable, "pack", lambda model: packed.append(model.fingerprint) or pack(model))
    models = Models(bundled.config.name)
    client = TestClient(Starlette(routes=routes.list_routes(models)))
    answers = [client.get(f"/ganlab/generator?model={bundled.config.name}") for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert answers[0].headers["content-type"] == answers[1].headers["content-type"]
    assert packed == [bundled.fingerprint]
    kinds = [client.get(f"/ganlab/directions?model={bundled.config.name}") for _ in range(2)]
    assert {each.headers["content-type"] for each in kinds} == {"application/json"}
    other = client.get("/ganlab/generator?model=mnist-gan")
    assert other.content != answers[0].content
    assert len(packed) == 2


@pytest.mark.parametrize("name", ["", "no-such-model", "../mnist-bigan", "a\0b"])
def test_another_name_gets_a_sentence(server: str, name: str) -> None:
    status, text, _ = get(server, f"/ganlab/generator?model={quote(name)}")
    assert status == 404
    assert text.endswith(b".")
    assert b"not found" in text or b"is named by" in text


def test_scripts_are_asked_anew_and_nothing_else_is_served(server: str) -> None:
    status, content, headers = get(server, "/ganlab/static/lib/generator.js")
    assert status == 200
    assert b"loadGenerator" in content
    assert headers["Cache-Control"] == "no-cache"
    assert "javascript" in headers["Content-Type"]
    for path in ("static/", "static/../app.py", "static/%2e%2e/app.py", "x"):
        assert get(server, f"/ganlab/{path}")[0] in (403, 404), path


def test_a_generator_too_large_for_a_page_stays_on_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ganlab.load("mnist-bigan").model
    portable.check_size(model)
    assert model.multiplications == 50 * 1024 + 1024 * 1024 + 50 * 1024 + 1024 * 784
    monkeypatch.setattr(portable, "MAX_MULTIPLICATIONS", 1_000_000)
    with pytest.raises(ValueError, match="the server makes its pictures"):
        portable.check_size(model)


def test_directions_are_those_of_the_explorer(server: str, bundled: Explorer) -> None:
    status, content, headers = get(server, f"/ganlab/directions?model={bundled.config.name}")
    assert status == 200
    payload = json.loads(content)
    assert payload["prior"] == "uniform"
    assert payload["samples"] == "the prior, uniform on [−1, 1]"
    assert payload["centre"] == [0.0] * 50
    assert [kind["id"] for kind in payload["kinds"]] == list(bundled.directions.kinds)
    for kind in payload["kinds"]:
        if kind["id"] == "local":  # the page computes them for the latent at hand
            assert kind["directions"] == []
            continue
        for described, direction in zip(kind["directions"], bundled.directions.get(kind["id"]), strict=True):
            vector = torch.tensor(described["vector"])
            torch.testing.assert_close(vector, direction.vector, atol=1e-5, rtol=0)
            assert described["deviation"] == pytest.approx(direction.deviation, abs=1e-5)
    ids = [direction["id"] for kind in payload["kinds"] for direction in kind["directions"]]
    assert len(set(ids)) == len(ids)
    _, content, _ = get(server, "/ganlab/directions?model=mnist-bigan-plus")
    assert json.loads(content)["samples"] == "the prior, N(0, I), which a latent map takes to codes"
    assert bundled.fingerprint in headers["ETag"]


def test_samples_and_pictures_are_those_of_the_explorer(server: str, bundled: Explorer) -> None:
    model = f"model={bundled.config.name}"
    status, content, _ = get(server, f"/ganlab/samples?{model}&count=3&seed=7")
    assert status == 200
    z = torch.tensor(json.loads(content))
    assert torch.equal(z, bundled.sample(3, seed=7))
    numbers = ",".join(f"{value:.9g}" for value in z[1].tolist())
    status, content, _ = get(server, f"/ganlab/picture?{model}&z={numbers}")
    assert status == 200
    pixels = np.asarray(Image.open(io.BytesIO(content)))
    np.testing.assert_array_equal(pixels, images.to_uint8(bundled.decode(z[1:2])[0]))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("samples?count=0&seed=1", "count is a whole number from 1 to 64"),
        ("samples?count=65&seed=1", "count is a whole number from 1 to 64"),
        ("samples?count=4", "seed is a whole number"),
        ("samples?count=4&seed=-1", "seed is a whole number"),
        ("samples?count=4&seed=" + "9" * 40, "seed is a whole number"),
        ("picture?z=", "z is 50 numbers"),
        ("picture?z=1,x", "z is 50 numbers"),
        ("picture?z=1,2", "takes latents"),
        ("picture?z=" + ",".join(["nan"] * 50), "finite numbers"),
    ],
)
def test_bad_requests_get_sentences(server: str, path: str, message: str) -> None:
    status, content, _ = get(server, f"/ganlab/{path}&model=mnist-bigan")
    assert status == 404
    assert message in content.decode()


def post(server: str, path: str, body: object) -> tuple[int, bytes, str]:
    address = urlsplit(server)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=300)
    try:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.request("POST", path, body=content, headers={"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers["Content-Type"]
    finally:
        connection.close()


def film_payload(explorer: Explorer, **changes: object) -> dict[str, object]:
    return {
        "model": explorer.config.name,
        "fingerprint": explorer.fingerprint,
        "keyframes": explorer.sample(3, seed=1).tolist(),
        "film": {"frames": 9, "seconds": 1.5, "easing": "smooth", "way": None, "loop": True},
        "kind": "gif",
        "scale": 2,
        **changes,
    }


def test_a_film_is_rendered_and_classified(server: str, bundled: Explorer) -> None:
    status, content, kind = post(server, "/ganlab/film", film_payload(bundled))
    assert (status, kind) == (200, "image/gif")
    settings = Film(9, 1.5, "smooth", None, True)
    frames = film.render_frames(bundled, settings, bundled.sample(3, seed=1))
    with Image.open(io.BytesIO(content)) as image:
        assert image.n_frames == 9  # type: ignore[attr-defined]
        image.seek(4)
        frame = np.asarray(image.convert("L"))
        np.testing.assert_array_equal(frame, np.asarray(images.to_pil(frames[4], 2)))
    status, content, _ = post(server, "/ganlab/ribbon", film_payload(bundled))
    assert status == 200
    payload = json.loads(content)
    labels = film.classify_frames(bundled, frames)
    assert labels is not None
    assert payload["labels"] == labels
    assert payload["unlike"] == (film.find_unlike(bundled, frames) or [])
    assert all(change in payload["summary"] for change in film.describe_changes(labels, settings))


def test_the_shortest_way_is_streamed(server: str, bundled: Explorer) -> None:
    sent = film_payload(bundled, film={"way": "geodesic"}, keyframes=bundled.sample(2, seed=4).tolist())
    status, content, kind = post(server, "/ganlab/shortest", sent)
    assert status == 200
    assert kind.startswith("application/x-ndjson")
    lines = [json.loads(line) for line in content.splitlines()]
    assert len(lines) > 10
    assert torch.tensor(lines[-1]["ways"]).shape == (1, geodesic.PIECES + 1, 50)
    status, content, _ = post(server, "/ganlab/shortest", {**sent, "keyframes": [[0.0] * 50]})
    assert status == 400
    assert b"two keyframes" in content


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keyframes": []}, "needs two keyframes"),
        ({"keyframes": [[0.0] * 50]}, "needs two keyframes"),
        ({"keyframes": [[0.0] * 50] * 25}, "2 to 24 latents"),
        ({"keyframes": [[0.0] * 3] * 2}, "takes latents"),
        ({"keyframes": "x"}, "a list of latents"),
        ({"keyframes": [[10**400] * 50] * 2}, "This is not JSON"),
        ({"fingerprint": "f" * 16}, "belongs to the checkpoint"),
        ({"film": {"frames": 10**6}}, "from 2 to 600 frames"),
        ({"film": {"speed": 1}}, "A film has no setting speed"),
        ({"kind": "exe"}, "available = "),
        ({"scale": 100}, "from 1 to 36 times"),
        ({"model": "../x"}, "not found"),
    ],
)
def test_a_film_that_cannot_be_rendered_is_refused(
    server: str, bundled: Explorer, changes: dict[str, object], message: str
) -> None:
    status, content, _ = post(server, "/ganlab/film", film_payload(bundled, **changes))
    assert status == 400
    assert message in content.decode()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "This is not JSON"),
        (b"x", "This is not JSON"),
        (b"\xff", "This is not JSON"),
        (b'{"film": NaN}', "This is not JSON"),
        (b"[]", "Send a JSON object."),
        (b'{"film": ' + b"[" * 99 + b"]" * 99 + b"}", "more than 32 deep"),
        (b"[" * 9999, "more than 32 deep"),
        (b'{"film": {}, "x": 1}', "There is no x here; this takes model, fingerprint, keyframes,"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(server: str, body: bytes, message: str) -> None:
    status, content, _ = post(server, "/ganlab/film", body)
    assert status == 400
    assert message in content.decode()


def test_a_body_of_another_kind_is_refused(server: str) -> None:
    for path in ("film", "view", "upload"):
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
            answer = httpx.post(f"{server}ganlab/{path}", content=b"{}", headers={"Content-Type": kind})
            assert (answer.status_code, answer.text[:5]) == (415, "Send "), (path, kind)


@pytest.mark.slow
def test_the_map_is_fetched_once_and_a_training_picture_by_its_number(server: str, bundled: Explorer) -> None:
    path = f"/ganlab/map?model={bundled.config.name}"
    status, content, headers = get(server, path)
    assert status == 200
    assert load(content)["codes"].shape == (60_000, 50)
    assert get(server, path, **{"If-None-Match": headers["ETag"]})[:2] == (304, b"")
    status, content, _ = get(server, f"/ganlab/training?model={bundled.config.name}&index=123")
    x, _label = bundled.get_training_picture(123)
    assert status == 200
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(content))), images.to_uint8(x[0]))
    status, text, _ = get(server, f"/ganlab/training?model={bundled.config.name}&index=60000")
    assert (status, text) == (404, b"There is no training picture 60000 in this model's gallery.")


LONG = 300.0  # seconds, for what takes none unless it fails


@pytest.mark.parametrize(
    ("method", "path", "table", "entry"),
    [
        ("GET", "/ganlab/latents?model=mnist-bigan", routes.GET, "latents"),
        ("POST", "/ganlab/ribbon", routes.POST, "ribbon"),
    ],
)
def test_a_slow_answer_holds_up_no_other(
    method: str, path: str, table: dict[str, Any], entry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, finish = threading.Event(), threading.Event()

    def answer_slowly(explorer: Explorer, request: object) -> Response:
        started.set()
        assert finish.wait(LONG)
        return Response("slow")

    slow = routes.Get(answer_slowly, False) if method == "GET" else routes.Post(answer_slowly, ("model",))
    monkeypatch.setitem(table, entry, slow)
    app = Starlette(routes=routes.list_routes(Models("mnist-bigan")))
    with TestClient(app) as client, ThreadPoolExecutor(2) as pool:
        try:
            slowly = pool.submit(client.request, method, path, json={"model": "mnist-bigan"})
            assert started.wait(LONG)
            quickly = pool.submit(client.get, "/ganlab/samples?model=mnist-bigan&count=1&seed=1")
            assert quickly.result(LONG).status_code == 200
            assert not slowly.done()
        finally:
            finish.set()
        assert slowly.result(LONG).text == "slow"


def test_a_map_says_how_far_it_is_while_codes_are_computed(
    few_neighbours: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = Gallery(few_neighbours.model, few_neighbours.gallery.pictures)  # type: ignore[union-attr]
    explorer, embed, stands = Explorer(few_neighbours.model, gallery), gallery.embed, []

    def ask() -> Any:
        return json.loads(bytes(routes.get_map_progress(explorer, None).body))  # type: ignore[arg-type]

    def watched(x: torch.Tensor, space: str) -> torch.Tensor:
        stands.append(ask())
        return embed(x, space)

    monkeypatch.setattr(gallery, "embed", watched)
    monkeypatch.setattr("ganlab.gallery.CHUNK", 100)
    assert ask() == {}
    codes = gallery.codes
    assert stands == [{"done": done, "count": 300} for done in (0, 100, 200)]
    assert ask() == {}  # all are there
    torch.testing.assert_close(codes, embed(gallery.pictures.inputs(slice(0, 300)), "code"))
