"""The named endpoints, called as docs/api.md shows and compared with the library."""

from __future__ import annotations

import base64
import inspect
import io
import json
import re
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import pytest
import torch
from PIL import Image

import ganlab
from ganlab import images
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.studio import paths
from ganlab.ui.server import payloads, routes
from ganlab.ui.server.api import build_endpoints
from ganlab.ui.server.models import Models
from tests.pictures import FIVE, drawing

ROOT = Path(__file__).parents[3]
README, PAGE = ROOT / "README.md", ROOT / "docs" / "api.md"


ORIGIN = {"fingerprint": "082644f51dd8fe3e", "z": [0.0] * 50}  # of mnist-bigan


@pytest.fixture(scope="module")
def client(server: str) -> Any:
    from gradio_client import Client

    return Client(server, verbose=False)


@pytest.fixture(scope="module")
def api() -> dict[str, Any]:
    return build_endpoints(Models("mnist-bigan"))


def as_base64(digits: Pictures, row: int) -> str:
    return base64.b64encode(images.encode_png(images.to_pil(digits.inputs(slice(row, row + 1))[0]))).decode()


def pixels(text: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))


def python_blocks(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.S)


@pytest.mark.slow
def test_the_examples_of_the_page_run(
    server: str, digits: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "digits").mkdir()
    for path in ("digit.png", "digits/7.png"):
        images.to_pil(digits.inputs(slice(0, 1))[0]).save(tmp_path / path)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}  # the blocks of one page follow each other, as in a notebook
    for block in python_blocks(PAGE):
        exec(block.replace("http://127.0.0.1:7860", server), names)
    assert torch.equal(names["y"], names["ex"].decode(names["z"]))  # what the recipe replays
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == 24  # type: ignore[attr-defined]
    assert (tmp_path / "reconstruction.png").is_file()


def test_the_readmes_example_runs(digits: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images.to_pil(digits.inputs(slice(0, 1))[0]).save(tmp_path / "digit.png")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(python_blocks(README)[0], names)
    assert len(names["near"]) == 5


def test_every_route_of_the_page_is_listed() -> None:
    rows = re.findall(r"^\| (GET|POST) `/ganlab/(\w+)` ", PAGE.read_text(encoding="utf-8"), flags=re.M)
    posts = (*routes.POST, "upload")  # which needs no model
    assert rows == [("GET", name) for name in routes.GET] + [("POST", name) for name in posts]


@pytest.mark.slow
def test_every_endpoint_is_listed_and_named(client: Any, api: dict[str, Any]) -> None:
    listed = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(listed) == {f"/{name}" for name in api}
    table = re.findall(r"^\| `/(\w+)` \|([^|]*)\|", PAGE.read_text(encoding="utf-8"), flags=re.M)
    assert [name for name, _ in table] == list(api)
    for name, takes in table:
        parameters = [
            parameter
            for parameter in inspect.signature(api[name]).parameters
            if parameter not in ("model", "source")
        ]
        assert re.sub(r" \([^)]*\)", "", takes).strip().split(", ") == (parameters or [""])


@pytest.mark.slow
def test_over_the_wire_as_in_the_library(client: Any, bundled: Explorer, digits: Pictures) -> None:
    x = digits.inputs(slice(4, 5))
    result = client.predict(as_base64(digits, 4), api_name="/reconstruct")
    y = bundled.reconstruct(x)
    np.testing.assert_allclose(pixels(result["reconstruction"]).astype(int), images.to_uint8(y[0]), atol=1)
    assert result["error"] == pytest.approx(bundled.error(x, y), rel=1e-4)
    assert result["latent"]["fingerprint"] == bundled.fingerprint
    near = client.predict(as_base64(digits, 4), 3, "code", api_name="/neighbours")
    assert [n["index"] for n in near] == [n.index for n in bundled.neighbours(x, 3, "code")]


def test_a_call_without_python_is_two_requests(server: str, bundled: Explorer, digits: Pictures) -> None:
    asked, waited = re.findall(r"^    curl .*http://127.0.0.1:7860(\S+)", PAGE.read_text("utf-8"), flags=re.M)

    def send(path: str, **body: Any) -> str:
        content = json.dumps(body).encode() if body else None
        request = Request(server.rstrip("/") + path, content, {"Content-Type": "application/json"})
        with urlopen(request, timeout=300) as answer:
            return str(answer.read().decode())

    def call(picture: str) -> tuple[str, Any]:
        event = json.loads(send(asked, picture_base64=picture))["event_id"]
        kind, data = send(waited.replace("EVENT_ID", event)).splitlines()[:2]
        return kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))

    kind, (result,) = call(as_base64(digits, 4))
    x = digits.inputs(slice(4, 5))
    assert (kind, result["error"]) == (
        "complete",
        pytest.approx(bundled.error(x, bundled.reconstruct(x)), rel=1e-4),
    )
    kind, result = call("!")
    assert (kind, result["error"]) == ("error", "This is not base64, so it is no picture.")


def test_errors_reach_the_client_as_one_sentence(client: Any) -> None:
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError, match="not base64"):
        client.predict("!!!", api_name="/encode")
    with pytest.raises(AppError, match="not found; available"):
        client.predict("no-such", "auto", "no-such", api_name="/prepare")


def test_models(api: dict[str, Any], bundled: Explorer) -> None:
    listed = {model["name"]: model for model in api["models"]()}
    assert listed["mnist-bigan"]["fingerprint"] == bundled.fingerprint
    assert listed["mnist-bigan"]["metrics"] == bundled.metrics


def test_prepare_encode_decode(api: dict[str, Any], bundled: Explorer, digits: Pictures) -> None:
    text = as_base64(digits, 9)
    assert np.array_equal(pixels(api["prepare"](text)["picture"]), digits.pixels[9, 0].numpy())
    latent = api["encode"](text)
    z = bundled.encode(digits.inputs(slice(9, 10)))
    torch.testing.assert_close(torch.tensor([latent["z"]]), z, atol=1e-5, rtol=0)
    picture = pixels(api["decode"](latent)).astype(int)
    np.testing.assert_allclose(picture, images.to_uint8(bundled.decode(z)[0]), atol=1)


def test_a_list_of_pictures(picture_model: str) -> None:
    api, explorer = build_endpoints(Models(picture_model)), ganlab.load(picture_model)
    assert explorer.gallery is not None
    x = explorer.gallery.pictures.inputs(slice(3, 5))
    texts = [base64.b64encode(images.encode_png(images.to_pil(each))).decode() for each in x]
    results = api["encode_many"]([texts[0], "no picture", texts[1]], "auto", True, True, 2)
    assert list(results[1]) == ["refused"]
    assert "base64" in results[1]["refused"]
    z, y = explorer.encode(x), explorer.reconstruct(x)
    for row, result in enumerate((results[0], results[2])):
        torch.testing.assert_close(explorer.unpack(result["latent"])[0], z[row], atol=1e-5, rtol=0)
        picture = pixels(result["reconstruction"]).astype(int)
        np.testing.assert_allclose(picture, images.to_uint8(y[row]), atol=1)
        error = explorer.error(x[row : row + 1], y[row : row + 1])
        assert result["figures"]["error"] == pytest.approx(error, rel=1e-3)
        near = explorer.neighbours(x[row : row + 1], 2)
        assert [each["index"] for each in result["neighbours"]] == [each.index for each in near]
    assert set(api["encode_many"](texts[:1])[0]) == {"latent", "notes", "digits", "doubt"}
    refused = api["encode_many"](["", "?"], "auto", True, True, 1)
    assert [list(each) for each in refused] == [["refused"]] * 2


def test_a_list_of_pictures_has_bounds(api: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    sheet = base64.b64encode(images.encode_png(Image.new("L", (2000, 2000), 255))).decode()
    for pictures, message in (
        ("one", "is a list of pictures"),
        ([], "is a list of pictures"),
        ([1], "is a list of pictures"),
        ([sheet] * 101, "at most 100 pictures, not 101"),
        (["A" * 7_000_000] * 2, "at most 10 MB, not 10.5 MB"),
        ([sheet] * 2, "over 4 megapixels together"),
    ):
        monkeypatch.setattr(payloads, "MAX_LIST_PIXELS", 4_000_000)
        with pytest.raises(ValueError, match=message):
            api["encode_many"](pictures)


def test_sample_and_path(api: dict[str, Any], bundled: Explorer) -> None:
    samples = api["sample"](n=2, seed=11, truncation=0.5)
    z = bundled.sample(2, 11, 0.5)
    torch.testing.assert_close(torch.tensor([s["latent"]["z"] for s in samples]), z, atol=1e-6, rtol=0)
    path = api["interpolate"](samples[0]["latent"], samples[1]["latent"], 5)
    assert path["latents"][0]["z"] == samples[0]["latent"]["z"]
    assert path["latents"][-1]["z"] == samples[1]["latent"]["z"]
    assert Image.open(io.BytesIO(base64.b64decode(path["gif"]))).n_frames == 8  # there and back
    assert pixels(path["strip"]).shape[1] > 5 * 28
    circle = api["interpolate"](samples[0]["latent"], samples[1]["latent"], 5, way="slerp")
    expected = paths.interpolate(bundled, z[0], z[1], 5, "slerp")
    shown = torch.tensor([latent["z"] for latent in circle["latents"]])
    torch.testing.assert_close(shown, expected, atol=1e-5, rtol=0)
    with pytest.raises(ValueError, match="has no latent map"):
        api["interpolate"](samples[0]["latent"], samples[1]["latent"], 5, way="codes")


def test_move(api: dict[str, Any], bundled: Explorer) -> None:
    start = bundled.pack(torch.zeros(1, 50))
    result = api["move"](start, [1.0], [])
    expected = bundled.directions.move(torch.zeros(1, 50), principal=[1.0])
    torch.testing.assert_close(torch.tensor([result["latent"]["z"]]), expected, atol=1e-6, rtol=0)
    result = api["move"](start, [], [], local=[0.0, -1.5])
    expected = bundled.directions.move(torch.zeros(1, 50), local=[0.0, -1.5])
    torch.testing.assert_close(torch.tensor([result["latent"]["z"]]), expected, atol=1e-6, rtol=0)
    with pytest.raises(ValueError, match="local is a list of finite numbers"):
        api["move"](start, [], [], local=["much"])


@pytest.mark.slow
def test_models_say_what_they_can(gan_model: str, colour_model: str) -> None:
    for name, spaces, shape in (
        (gan_model, ["discriminator", "pixels"], [1, 28, 28]),
        (colour_model, [], [3, 32, 32]),
    ):
        listed = {model["name"]: model for model in build_endpoints(Models(name))["models"]()}
        assert listed[name]["spaces"] == spaces
        assert listed[name]["picture"] == shape
        assert listed[name]["networks"] == ["generator", "discriminator"]


@pytest.mark.slow
def test_a_model_without_an_encoder(gan_model: str, digits: Pictures) -> None:
    api, explorer = build_endpoints(Models(gan_model)), ganlab.load(gan_model)
    text, x = as_base64(digits, 4), digits.inputs(slice(4, 5))
    with pytest.raises(ValueError, match="no encoder; invert by optimisation instead"):
        api["encode"](text)
    assert np.array_equal(pixels(api["prepare"](text)["picture"]), digits.pixels[4, 0].numpy())
    result = api["reconstruct"](text)
    assert result["error"] == pytest.approx(float(explorer.invert(x).error[0]), rel=1e-3)
    again = pixels(api["decode"](result["latent"])).astype(int)
    np.testing.assert_allclose(again, pixels(result["reconstruction"]).astype(int), atol=1)
    near = api["neighbours"](text, 3, "discriminator")
    expected = explorer.neighbours(x, 3, "discriminator")
    assert [(n["index"], n["label"]) for n in near] == [(n.index, n.label) for n in expected]
    with pytest.raises(ValueError, match=r"'features' not found; available = \['discriminator', 'pixels'\]"):
        api["neighbours"](text, 3, "features")


@pytest.mark.slow
def test_a_colour_model(colour_model: str) -> None:
    api, explorer = build_endpoints(Models(colour_model)), ganlab.load(colour_model)
    samples = api["sample"](n=2, seed=11)
    drawn = explorer.decode(explorer.sample(2, 11))
    assert np.array_equal(pixels(samples[1]["picture"]), images.to_uint8(drawn[1]))
    result = api["reconstruct"](samples[0]["picture"])
    assert np.array_equal(pixels(result["input"]), images.to_uint8(drawn[0]))  # a picture, taken as it is
    assert result["notes"] == ["unchanged"]
    assert pixels(result["reconstruction"]).shape == (32, 32, 3)
    path = api["interpolate"](samples[0]["latent"], samples[1]["latent"], 3)
    assert pixels(path["strip"]).shape[2] == 3
    assert api["move"](samples[0]["latent"], [], [0.5])["latent"]["fingerprint"] == explorer.fingerprint
    with pytest.raises(ValueError, match="colour has no gallery"):
        api["neighbours"](samples[0]["picture"])


def test_a_square_of_a_picture(picture_model: str) -> None:
    api, explorer = build_endpoints(Models(picture_model)), ganlab.load(picture_model)
    photo = np.random.default_rng(0).integers(0, 256, (90, 150, 3)).astype(np.uint8)
    text = base64.b64encode(images.encode_png(Image.fromarray(photo))).decode()
    x = explorer.prepare(photo, crop=(20, 10, 64))
    assert np.array_equal(pixels(api["prepare"](text, crop=[20, 10, 64])["picture"]), images.to_uint8(x[0]))
    result = api["reconstruct"](text, crop=[20, 10, 64])
    assert np.array_equal(pixels(result["input"]), images.to_uint8(x[0]))
    assert api["encode"](text, crop=[20, 10, 64]) == result["latent"]
    improved = api["invert"](text, "hybrid", 5, 0.3, crop=[20, 10, 64])
    expected = explorer.invert(x, "hybrid", 5, feature_weight=0.3)
    assert improved["latent"] == explorer.pack(expected.z)
    assert (improved["error"], improved["steps"]) == (pytest.approx(float(expected.error[0])), 5)
    assert api["invert"](text, crop=[20, 10, 64])["latent"] == result["latent"]
    near = api["neighbours"](text, 3, "pixels", crop=[20, 10, 64])
    assert [n["index"] for n in near] == [n.index for n in explorer.neighbours(x, 3, "pixels")]
    with pytest.raises(ValueError, match="not inside the picture, which is 150 x 90"):
        api["prepare"](text, crop=[100, 10, 64])


def test_digits_and_doubts_of_preparation() -> None:
    api = build_endpoints(Models("mnist-bigan"))
    text = base64.b64encode(images.encode_png(drawing(FIVE, 28))).decode()
    whole = api["prepare"](text)
    (box,) = whole["digits"]
    assert np.abs(np.subtract(box, (266, 146, 280, 470))).max() < 20
    assert whole["doubt"] == ""
    part = api["reconstruct"](text, crop=[100, 100, 600, 650])
    assert (part["digits"], part["doubt"]) == ([box], "")


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("sample", {"n": 100000}, "From 1 to"),
        ("sample", {"seed": -1}, "whole number"),
        ("sample", {"truncation": 3}, "Truncation"),
        ("sample", {"n": "many"}, "whole numbers"),
        ("interpolate", {"a": {}, "b": {}}, "latent"),
        ("interpolate", {"a": {}, "b": {}, "steps": 10**6}, "steps"),
        ("neighbours", {"picture_base64": "", "k": 0}, "k is a whole number"),
        ("invert", {"picture_base64": "", "steps": 301}, "steps is a whole number from 1 to 300"),
        ("prepare", {"picture_base64": ""}, "The file is empty"),
        ("prepare", {"picture_base64": "A" * 20_000_000}, "over 10 MB"),
        ("prepare", {"picture_base64": "", "polarity": "pink"}, "available"),
        ("decode", {"latent": {"fingerprint": "other", "z": [0.0] * 50}}, "belongs to the checkpoint"),
        ("encode", {"picture_base64": "", "model": "../no-such"}, "not found"),
        ("decode", {"latent": {"fingerprint": "082644f51dd8fe3e", "z": [10**400] * 50}}, "list of numbers"),
        *(
            (
                "move",
                {"latent": ORIGIN, "principal": [], "raw": [], name: values},
                f"{name} is a list of finite",
            )
            for name in ("principal", "raw")
            for values in (None, 1, "x", {}, [None], [[]], ["1"], [10**400], [float("nan")])
        ),
    ],
)
def test_bad_requests_are_refused_in_a_sentence(
    api: dict[str, Any], name: str, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        api[name](**arguments)
