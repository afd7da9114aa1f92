"""The map's side of Python: what a page gets beside the codes, and latents that it sends to A and B."""

from __future__ import annotations

import pytest

from ganlab.explorer import Explorer
from ganlab.studio import codemap
from ganlab.ui.server.models import Models
from ganlab.ui.tabs import code_map
from tests.ui.visitor import Visitor


@pytest.fixture
def visitor() -> Visitor:
    visitor = Visitor(Models("mnist-ae-l1"), code_map.build)
    visitor.render()
    return visitor


@pytest.mark.slow
def test_a_latent_of_the_map_becomes_current_or_an_end(visitor: Visitor) -> None:
    page = visitor.page
    explorer = page.models.get("mnist-ae-l1")
    before = visitor.values[page.current]
    z = [0.25] * explorer.config.latent_dim
    sent = {"fingerprint": explorer.fingerprint, "z": z, "about": "mean of 3 codes: 4 (3)"}
    visitor.send("map", "use", **sent, end="B")
    ends = visitor.values[page.ends]
    assert ends.b.z[0].tolist() == z
    assert ends.b.caption == "mean of 3 codes: 4 (3)"
    assert visitor.values[page.current].key == before.key
    assert visitor.values[visitor.find("map")]["b"] == z
    visitor.send("map", "use", **sent)
    assert visitor.values[page.current].caption == "mean of 3 codes: 4 (3)"
    answer = visitor.send("map", "use", **sent, end="C")
    assert "A and B, not &#x27;C&#x27;" in str(answer[page.notice])
    assert "finite" in str(visitor.send("map", "use", **(sent | {"z": [float("nan")] * len(z)}))[page.notice])
    assert visitor.values[page.ends].b.z[0].tolist() == z


def test_models_with_codes_of_the_same_pictures_are_offered_beside(
    bundled: Explorer, other_model: str
) -> None:
    names = ["mnist-ae-l1", "mnist-gan", "cifar10-gan", other_model, "someone/else"]
    twins = codemap.list_twins(bundled, names)
    assert twins == {"mnist-ae-l1": "Autoencoder l1 · MNIST", other_model: "Other · MNIST"}


@pytest.mark.slow
def test_a_model_is_not_offered_beside_itself(visitor: Visitor) -> None:
    others = [other["name"] for other in visitor.values[visitor.find("map")]["others"]]
    assert "mnist-bigan" in others
    assert "mnist-ae-l1" not in others
    assert codemap.list_twins(Explorer(visitor.page.models.get("mnist-ae-l1").model), ["mnist-bigan"]) == {}
