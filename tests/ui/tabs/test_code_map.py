"""The map's side of Python: what a page gets beside the codes, and latents that it sends to A and B."""

from __future__ import annotations

import pytest
import torch

from ganlab.explorer import Explorer
from ganlab.studio import codemap
from ganlab.ui import items
from ganlab.ui.call import Call
from ganlab.ui.items import Ends
from ganlab.ui.server.models import Models
from ganlab.ui.tabs import code_map
from tests.ui.visitor import Visitor


@pytest.fixture
def visitor() -> Visitor:
    visitor = Visitor(Models("mnist-ae-l1"), code_map.build)
    visitor.render()
    return visitor


@pytest.mark.slow
def test_a_code_of_the_map_becomes_current_or_an_end(visitor: Visitor) -> None:
    page = visitor.page
    explorer = page.models.get("mnist-ae-l1")
    before = visitor.values[page.current]
    z = [0.25] * explorer.config.latent_dim
    sent = {"fingerprint": explorer.fingerprint, "code": z, "about": "mean of 3 codes: 4 (3)"}
    visitor.send("map", "use", **sent, end="B")
    ends = visitor.values[page.ends]
    assert ends.b.z[0].tolist() == z
    assert ends.b.caption == "mean of 3 codes: 4 (3)"
    assert visitor.values[page.current].key == before.key
    shown = visitor.values[visitor.find("map")]
    assert shown["b"] == shown["code_b"] == z
    visitor.send("map", "use", **sent)
    assert visitor.values[page.current].caption == "mean of 3 codes: 4 (3)"
    answer = visitor.send("map", "use", **sent, end="C")
    assert "A and B, not &#x27;C&#x27;" in str(answer[page.notice])
    for code, reason in (
        ([float("nan")] * len(z), "finite"),
        ([1.0], "takes latents"),
        ("1,2", "is written"),
    ):
        assert reason in str(visitor.send("map", "use", **(sent | {"code": code}))[page.notice])
    assert visitor.values[page.ends].b.z[0].tolist() == z


def test_behind_a_latent_map_codes_are_sent_and_their_latents_become_items(mapped: Explorer) -> None:
    a, b = (items.from_latent(mapped, z[None], "") for z in mapped.sample(2, seed=3))
    shown = code_map.map_value(Call(mapped, "mapped", a, Ends(None, b)), ())
    assert shown["z"] == a.z[0].tolist()
    assert shown["code"] == mapped.to_codes(a.z)[0].tolist() != shown["z"]
    assert (shown["code_a"], shown["code_b"]) == (None, mapped.to_codes(b.z)[0].tolist())
    sent = {"fingerprint": mapped.fingerprint, "code": shown["code"], "about": "a blend"}
    item = items.from_page_code(mapped, sent)
    torch.testing.assert_close(item.z, a.z, atol=1e-4, rtol=0)
    assert item.caption == "a blend"
    with pytest.raises(ValueError, match="finite numbers"):
        items.from_page_code(mapped, sent | {"code": [3e38] * mapped.config.latent_dim})


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
