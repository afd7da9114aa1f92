"""The Methods tab: what its models make, and how it follows the model in use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

import ganlab
from ganlab import images
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.hub import CONFIG_FILE
from ganlab.ui.server.models import Models
from ganlab.ui.tabs import methods
from ganlab.ui.tabs.methods import measured, results
from tests.conftest import untrained_model
from tests.ui.parsed import HOSTILE, elements, pictures
from tests.ui.visitor import Visitor


def assert_shown(faces: list[np.ndarray], expected: Tensor) -> None:
    for face, x in zip(faces, expected, strict=True):
        np.testing.assert_allclose(face.astype(int), images.to_uint8(x), atol=1)


def test_pictures_are_made_by_the_model(bundled: Explorer, digits: Pictures) -> None:
    samples, tests, back = pictures(results.pictures_html(bundled, "mnist-bigan", False, seed=7))
    x = digits.inputs(slice(0, 8))
    assert_shown(samples, bundled.decode(bundled.sample(8, seed=7)))
    assert_shown(tests, x)
    assert_shown(back, bundled.reconstruct(x))


def test_a_model_without_an_encoder_shows_samples_only(gan_model: str, colour_model: str) -> None:
    for name in (gan_model, colour_model):
        explorer = ganlab.load(name)
        (samples,) = pictures(results.pictures_html(explorer, name, False, seed=1))
        assert_shown(samples, explorer.decode(explorer.sample(8, seed=1)))


class Offered(Models):
    def __init__(self, *names: str) -> None:
        super().__init__(names[0], device="cpu")
        self.offered = list(names)

    def list_names(self) -> list[str]:
        return self.offered


@pytest.fixture
def offered(other_model: str, gan_model: str, colour_model: str, tmp_path: Path) -> Offered:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / CONFIG_FILE).write_text("{")
    halved = Path(untrained_model(tmp_path / "halved", method="lr"))
    (halved / "generator.safetensors").unlink()
    unknown = untrained_model(tmp_path / "unknown", method="something-new")
    return Offered(other_model, gan_model, colour_model, str(broken), str(halved), unknown)


def test_models_are_shown_with_their_method(offered: Offered) -> None:
    used = offered.get(offered.default)
    assert [len(results.list_models_of(offered, key)) for key in ("bigan", "gan", "lr", "jlr")] == [
        1,
        2,
        1,
        0,
    ]
    page = methods.stage_html(offered, "gan", used)
    names = [
        element.get("data-value")
        for element in elements(page, "button")
        if element.get("data-action") == "use"
    ]
    assert names == offered.list_names()[1:3]
    (own,) = [
        element for element in elements(methods.stage_html(offered, "bigan", used), "button")
        if element.get("data-action") == "use"
    ]  # fmt: skip
    assert own.text == "in use"
    assert "disabled" in methods.stage_html(offered, "bigan", used)
    assert "lacks generator.safetensors" in methods.stage_html(offered, "lr", used)
    assert "No model here was trained by it" in methods.stage_html(offered, "jlr", used)


def test_the_model_in_use_comes_first_then_those_of_the_same_pictures(offered: Offered) -> None:
    first, second = offered.list_names()[1:3]  # two of the method "gan"
    for used, order in ((first, [first, second]), (second, [second, first])):
        page = methods.stage_html(offered, "gan", offered.get(used))
        buttons = [e for e in elements(page, "button") if e.get("data-action") == "use"]
        assert [button.get("data-value") for button in buttons] == order


def test_a_method_nobody_explained_is_refused_with_the_choices(offered: Offered) -> None:
    with pytest.raises(ValueError, match=r"'something-new' is not explained; available = \['gan', 'bigan'"):
        methods.stage_html(offered, "something-new", offered.get(offered.default))


def test_what_a_checkpoint_says_is_escaped(tmp_path: Path) -> None:
    name = untrained_model(tmp_path / "hostile", title=HOSTILE)
    page = results.pictures_html(ganlab.load(name), HOSTILE, False, 0)
    assert "onerror" in page
    assert all(
        "src" in element.attrib and "onerror" not in element.attrib for element in elements(page, "img")
    )
    assert elements(page, "button")[0].get("data-value") == HOSTILE


@pytest.fixture
def visitor(offered: Offered) -> Visitor:
    return Visitor(offered, methods.build)


@pytest.mark.slow
def test_the_tab_follows_the_model_in_use(visitor: Visitor, offered: Offered) -> None:
    opened, gan, unknown = (offered.get(name) for name in (offered.list_names()[i] for i in (0, 1, -1)))
    radio, stage = visitor.find("method"), visitor.find("methods-stage")
    visitor.values[radio] = "lr"
    assert {radio, stage}.isdisjoint(visitor.render(explorer=opened))  # what the person chose stays
    answer = visitor.render(explorer=gan)
    assert answer[radio]["value"] == "gan"
    assert "no encoder" in answer[stage]
    assert ">in use<" in answer[stage]
    assert {radio, stage}.isdisjoint(visitor.render(explorer=gan))
    visitor.values[radio] = "jlr"
    answer = visitor.render(explorer=unknown)
    assert answer[radio]["value"] == "jlr"
    assert "joint latent regressor" in answer[stage]


def test_a_choice_that_no_method_has_is_a_sentence(visitor: Visitor) -> None:
    for value in ("something-new", None, ["gan"], {"a": 1}):
        visitor.values[visitor.find("method")] = value
        answer = visitor.send("method", "input")
        assert "is not explained; available" in answer[visitor.page.notice]
        assert visitor.find("methods-stage") not in answer
        visitor.values[visitor.page.model] = offered_gan = visitor.page.models.list_names()[1]
        assert visitor.render(explorer=visitor.page.models.get(offered_gan))


def test_the_table_is_read_anew_when_the_tab_opens(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for text, expected in ((None, "not been compared"), ("{", "cannot be read")):
        monkeypatch.setattr(measured, "TABLE", tmp_path / "table.json")
        if text:
            measured.TABLE.write_text(text)
        assert expected in visitor.render()[visitor.find("methods-table")]
