"""Every kind of model in every tab: without an encoder, in colour, without a gallery."""

from __future__ import annotations

import base64
import dataclasses
import io
import re
from html import unescape
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import ganlab
from ganlab import images
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.judge import Judge
from ganlab.studio import portable
from ganlab.ui import items, switching, uploads
from ganlab.ui.call import Call
from ganlab.ui.html import header, markup, meters, spaces
from ganlab.ui.items import Ends
from ganlab.ui.pad import PAD
from ganlab.ui.sampling import Draw
from ganlab.ui.server.models import Models
from ganlab.ui.tabs import code_map, interpolate, latent, neighbours, reconstruct, sample
from tests.ui.visitor import Visitor


@pytest.fixture(scope="module")
def gan(gan_model: str) -> Explorer:
    return ganlab.load(gan_model)


@pytest.fixture(scope="module")
def colour(colour_model: str) -> Explorer:
    return ganlab.load(colour_model)


def text(html: str) -> str:
    """What a person reads or hears: no tags and no pictures, but alternative texts and titles."""
    spoken = re.findall(r'(?:alt|title|aria-label)="([^"]*)"', html)
    return " ".join(" ".join([re.sub(r"<[^>]*>", " ", html), *spoken]).split())


def shown(html: str) -> list[np.ndarray]:
    """The pixels of all <img>, in order."""
    found = re.findall(r'<img[^>]*src="data:image/png;base64,([^"]*)"', html)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(one)))) for one in found]


def tab_htmls(explorer: Explorer) -> dict[str, str]:
    """The stage of each tab as the page opens with this model."""
    shelf = switching.open_shelf(explorer)
    space = neighbours.choose_space(explorer, None)
    return {
        "header": header.header_html(explorer),
        "reconstruct": reconstruct.stage_html(explorer, shelf.current) + reconstruct.examples_html(explorer),
        "interpolate": interpolate.stage_html(explorer, shelf.ends, 5),
        "neighbours": neighbours.stage_html(explorer, shelf.current, 5, space)
        + spaces.explain_absence(explorer),
        "sample": sample.stage_html(explorer, Draw(0, 16, 1.0), "prior"),
    }


def colour_photo() -> str:
    """Left half red, right half green, 64 x 48, as the page sends it."""
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:, :32, 0] = picture[:, 32:, 1] = 255
    content = images.encode_png(Image.fromarray(picture))
    return "data:image/png;base64," + base64.b64encode(content).decode()


# ---------------------------------------------------------------------- without an encoder


def test_reconstruction_by_optimisation_says_so(gan: Explorer, digits: Pictures) -> None:
    item = items.from_picture(gan, digits.inputs(slice(4, 5)), "test 4")
    html = reconstruct.stage_html(gan, item)
    said = text(html)
    assert "This GAN has no encoder; it inverts by optimisation" in said
    assert "G(z), z by optimisation" in said
    assert "G(E(x))" not in said
    found = gan.invert(digits.inputs(slice(4, 5)))
    assert f"error {float(found.error[0]):.4f}" in said
    np.testing.assert_allclose(shown(html)[1].astype(int), images.to_uint8(found.image[0]), atol=1)
    near = gan.neighbours(item.picture, 5, "discriminator")
    assert re.findall(r'data-action="neighbour" data-value="(\d+)"', html) == [str(n.index) for n in near]


def test_an_encoder_is_used_where_there_is_one(other_model: str, digits: Pictures) -> None:
    explorer = ganlab.load(other_model)
    item = items.from_picture(explorer, digits.inputs(slice(4, 5)), "test 4")
    said = text(reconstruct.stage_html(explorer, item))
    assert "reconstruction G(E(x))" in said
    assert "optimisation" not in said


def test_a_latent_is_reconstructed_from_its_picture(gan: Explorer) -> None:
    item = items.from_latent(gan, gan.sample(1, seed=5), "sample 0 of seed 5")
    seen, back = shown(reconstruct.stage_html(gan, item))[:2]
    assert np.array_equal(seen, images.to_uint8(item.image[0]))
    np.testing.assert_allclose(back.astype(int), seen.astype(int), atol=12)  # found again, nearly


def test_the_page_opens_on_test_pictures_without_an_encoder_too(gan: Explorer, digits: Pictures) -> None:
    shelf = switching.open_shelf(gan)
    assert shelf.current.caption == f"test {int(digits.labels[0])} (no. 0)"
    assert torch.equal(shelf.current.picture, digits.inputs(slice(0, 1)))
    torch.testing.assert_close(shelf.current.image, gan.decode(shelf.current.z))


def test_directions_that_no_codes_tell_are_lacking_with_the_reason(gan: Explorer, bundled: Explorer) -> None:
    bare = Explorer(dataclasses.replace(bundled.model, folder=None))  # without what was measured of its codes
    for explorer, why in ((gan, "no encoder"), (bare, "no codes of training pictures")):
        for kind in {"principal", "classes", "attributes"} - set(explorer.directions.kinds):
            assert why in explorer.directions.explain_absence(kind), kind
            with pytest.raises(ValueError, match=why):
                explorer.directions.get(kind)
        assert explorer.directions.explain_absence("raw") == ""
        assert "principal" not in explorer.directions.kinds
    for explorer in (bundled, Explorer(bundled.model)):  # what was measured needs no gallery
        assert [explorer.directions.explain_absence(kind) for kind in explorer.directions.kinds] == [""] * 6


def test_a_latent_of_the_studio_is_known_by_its_key(bundled: Explorer) -> None:
    item = items.from_latent(bundled, bundled.sample(1), "sample")
    shown = latent.studio_value(Call(bundled, "mnist-bigan", item, Ends(item, None)))
    assert shown["key"] == item.key
    assert shown["b"] is None
    assert torch.equal(torch.tensor([shown["z"]]), item.z)  # exact: JSON keeps what float32 holds
    assert torch.equal(torch.tensor([shown["a"]]), item.z)
    moved = dataclasses.replace(item, page_key="of the page")
    assert latent.studio_value(Call(bundled, "mnist-bigan", moved, Ends(item, None)))["key"] == "of the page"


# ---------------------------------------------------------------------- neighbour spaces


def test_spaces_stand_beside_their_measured_accuracy(gan: Explorer) -> None:
    figures = {
        "features": {"accuracy": 0.97, "untrained": 0.9611},
        "code": {"accuracy": 0.94},
        "discriminator": {"accuracy": 0.9533},
    }
    metrics = {"one_nn": figures, "evaluation": {"test": "mnist test, 10000"}}
    plus = ganlab.load("mnist-bigan-plus")  # has a discriminator
    explorer = Explorer(dataclasses.replace(plus.model, metrics=metrics), plus.gallery)
    switch = neighbours.space_settings(explorer, neighbours.choose_space(explorer, "code"))
    assert switch["choices"] == [
        ("features", "features"),
        ("codes", "code"),
        ("discriminator", "discriminator"),
        ("pixels", "pixels"),
        ("untrained encoder", "untrained"),
    ]
    assert switch["value"] == "code"
    assert switch["info"] == ""
    worth = unescape(text(spaces.worth_html(explorer)))
    for expected in (
        "features the encoder's hidden layer: 1NN 97.00 %",
        "discriminator the discriminator's hidden layer: 1NN 95.33 %",
        "pixels the raw picture, no model at all: not measured",
        "with random weights, as before any training: 1NN 96.11 %",
        "on mnist test, 10000",
    ):
        assert expected in worth
    assert set(spaces.EXPLAINED) == set(spaces.NAMES) == {value for _, value in switch["choices"]}
    of_gan = neighbours.space_settings(
        gan, neighbours.choose_space(gan, "code")
    )  # the space in use with another model
    assert [value for _, value in of_gan["choices"]] == ["discriminator", "pixels"]
    assert of_gan["value"] == "discriminator"
    assert "no encoder" in of_gan["info"]


@pytest.mark.parametrize("space", ["code", "discriminator", "untrained"])
def test_each_space_shows_its_own_neighbours(other_model: str, digits: Pictures, space: str) -> None:
    explorer = ganlab.load(other_model)
    item = items.from_picture(explorer, digits.inputs(slice(3, 4)), "test 0")
    html = neighbours.stage_html(explorer, item, 4, space)
    expected = explorer.neighbours(item.picture, 4, space)
    assert re.findall(r'data-value="(\d+)"', html) == [str(n.index) for n in expected]
    assert spaces.EXPLAINED[space] in html


def test_without_a_gallery_the_reason_is_given(colour: Explorer, colour_model: str) -> None:
    switch = neighbours.space_settings(colour, neighbours.choose_space(colour, "features"))
    assert switch["interactive"] is False
    assert switch["value"] is None
    assert switch["info"].endswith("There are no neighbours to show: this model comes without a gallery.")
    visitor = Visitor(Models(colour_model), neighbours.build)
    visitor.values[visitor.find("space")] = "features"  # of the model before
    answer = visitor.render()
    for control in ("k", "space"):
        assert answer[visitor.find(control)]["interactive"] is False
    assert shown(answer[visitor.find("neighbours-stage")])[0].shape == (32, 32, 3)  # the query is there


def test_what_has_an_encoder_is_named_where_one_is_lacking(
    colour_model: str, picture_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = Models(colour_model)
    monkeypatch.setattr(models, "list_names", lambda: [colour_model, picture_model])
    sentence = "Models for the same pictures that have one: pictures."
    visitor = Visitor(models, neighbours.build)
    assert visitor.find("space").info == (
        "This GAN has no encoder. There are no neighbours to show: this model comes without a gallery."
        f" {sentence}"
    )
    assert visitor.render()[visitor.find("space")]["info"].endswith(sentence)
    visitor = Visitor(models, code_map.build)
    visitor.render()
    reason = "This GAN has no encoder, and so no codes of training pictures to map."
    assert visitor.values[visitor.find("map")]["reason"] == f"{reason} {sentence}"


# ---------------------------------------------------------------------- colour


@pytest.mark.slow
def test_no_word_about_digits_where_there_are_none(colour: Explorer) -> None:
    for tab, html in tab_htmls(colour).items():
        assert not re.search(r"\b(digits?|ink|MNIST)\b", text(html)), tab
    modules = [(markup.STATIC / "lib" / f"{name}.js").read_text() for name in ("studio", "film")]
    for template in (PAD, *modules):
        assert "digit" not in template


@pytest.mark.slow
def test_the_tabs_work_in_colour(colour: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portable, "MAX_MULTIPLICATIONS", 0)  # so that the server makes the path
    htmls = tab_htmls(colour)
    for tab in ("reconstruct", "interpolate", "neighbours", "sample"):
        assert all(one.shape[2] == 3 for one in shown(htmls[tab])), tab
    assert len(shown(htmls["sample"])) == 16
    film = re.search(r'href="data:image/gif;base64,([^"]*)"', htmls["interpolate"])
    assert film is not None
    frames = Image.open(io.BytesIO(base64.b64decode(film[1])))
    assert frames.n_frames == 8  # five frames, there and back
    assert frames.size == (8 * 32, 8 * 32)
    button = re.search(r'<button[^>]*data-action="example"[^>]*>', htmls["interpolate"])
    assert button is not None
    assert 'disabled title="No test pictures: this model comes without' in button[0]
    assert "comes without a gallery" in text(htmls["reconstruct"])
    assert "darker and brighter than the input" in text(htmls["reconstruct"])


@pytest.mark.slow
def test_uploads_and_drawings_stay_in_colour(colour: Explorer) -> None:
    for polarity in ("auto", "dark", "light"):  # a drawing is sent as dark ink
        found = uploads.prepare_upload(colour, colour_photo(), polarity)
        x, notes = found.x[0], found.notes
        assert x.shape == (3, 32, 32)
        assert "middle square kept" in notes
        torch.testing.assert_close(x[:, :, :12].mean((1, 2)), torch.tensor([1.0, 0, 0]), atol=0.02, rtol=0)
        torch.testing.assert_close(x[:, :, -12:].mean((1, 2)), torch.tensor([0, 1.0, 0]), atol=0.02, rtol=0)
    item = uploads.invert_upload(colour, colour_photo(), "auto", "your picture")
    assert torch.equal(item.picture[0], x)
    assert item.image.shape == (1, 3, 32, 32)


def test_the_switch_for_ink_is_disabled_where_it_does_nothing(colour: Explorer, bundled: Explorer) -> None:
    assert reconstruct.ink_settings(bundled)["interactive"] is True
    assert reconstruct.ink_settings(colour) == {
        "interactive": False,
        "info": "This model takes pictures as they are.",
    }


def test_a_missing_example_is_a_sentence(colour: Explorer, bundled: Explorer) -> None:
    for explorer, index in ((colour, 0), (bundled, 10**6), (bundled, -1)):
        with pytest.raises(ValueError, match=f"There is no example {index}"):
            items.from_examples(explorer, index)


# ---------------------------------------------------------------------- the judge, the meter


def test_a_class_flip_is_told_in_words(bundled: Explorer, digits: Pictures) -> None:
    judge = Judge.load("mnist")
    assert judge is not None
    labels = judge.labels(digits.inputs(slice(None)))
    four, nine = (int((labels == label).nonzero()[0]) for label in (4, 9))
    x, y = digits.inputs(slice(four, four + 1)), digits.inputs(slice(nine, nine + 1))
    sure = [f"{100 * float(judge.probabilities(one).max()):.0f} %" for one in (x, y)]
    flips = text(meters.identity_html(bundled, x, y))
    assert f"looks like 4 ({sure[0]}) → looks like 9 ({sure[1]}): the class changes" in flips
    assert f"right on {100 * judge.accuracy:.1f} % of the test digits" in flips
    stays = text(meters.identity_html(bundled, x, x))
    assert f"looks like 4 ({sure[0]}) → looks like 4 ({sure[0]}): the class is kept" in stays


def test_without_a_judge_nothing_is_claimed(colour: Explorer) -> None:
    assert colour.judge is None
    x = colour.decode(colour.sample(2))
    assert meters.identity_html(colour, x[:1], x[1:]) == ""


def test_the_meter_says_what_was_measured(bundled: Explorer) -> None:
    quantiles = [i / 1000 for i in range(101)]
    figures: dict[str, Any] = {"mse_quantiles": quantiles, "mse_mean_image": 0.0675, "mse_random_pair": 0.118}
    told = Explorer(dataclasses.replace(bundled.model, metrics={"reconstruction": figures}))
    assert "error 0.0250 · better than 75 % of test digits · mean image 0.068 · random digit 0.118" in text(
        meters.error_html(told, 0.025)
    )
    silent = Explorer(dataclasses.replace(bundled.model, metrics={}))
    said = text(meters.error_html(silent, 0.025))
    assert "error 0.0250" in said
    assert "better than" not in said
