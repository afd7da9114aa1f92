"""A broken checkpoint, gallery, judge or map takes nothing else down, and it is said what is wrong."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import gradio as gr
import pytest

import ganlab
from ganlab import gallery as galleries
from ganlab import hub, light, model, networks, outliers
from ganlab import judge as judges
from ganlab.config import CheckpointError
from ganlab.download import UnreachableError
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures, save_pictures
from ganlab.hub import CHECKPOINTS
from ganlab.studio import codemap, portable_judge
from ganlab.studio.recipe import RecipeError, SampledLatent, make_recipe
from ganlab.ui import app, model_picker
from ganlab.ui.html import header
from ganlab.ui.server.api import build_endpoints
from ganlab.ui.server.models import Models
from ganlab.ui.tabs import code_map, reconstruct, sample
from ganlab.ui.tabs.methods.results import list_models_of
from tests.conftest import TINY
from train import sums


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digits: Pictures) -> Path:
    """A checkpoints/ folder with tiny, tiny-two and whole, whose pictures are a gallery of 40 digits."""
    root = tmp_path / "checkpoints"
    some = digits.take(slice(0, 40))
    (root / "galleries" / "few").mkdir(parents=True)
    for file in ("train.npz", "test.npz"):
        save_pictures(root / "galleries" / "few" / file, some)
    shutil.copytree(CHECKPOINTS / "judges" / "mnist", root / "judges" / "mnist")
    for seed, name in enumerate(("tiny", "tiny-two", "whole")):
        config = dataclasses.replace(TINY, name=name, gallery="few")
        nets = networks.build(config)
        networks.initialise(nets, seed)
        model.save(config, nets, root / name)
    for module, name, value in (
        (hub, "CHECKPOINTS", root),
        (galleries, "GALLERIES", root / "galleries"),
        (judges, "JUDGES", root / "judges"),
    ):
        monkeypatch.setattr(module, name, value)
    judges.Judge.load.cache_clear()
    for name in ("tiny", "tiny-two", "whole"):
        loaded = model.load(name)
        codemap.save(
            root / name, loaded.networks["encoder"](some.inputs(slice(None)))[:, :2], loaded.fingerprint
        )
        sums.write(root / name)
    sums.write(root / "galleries" / "few")
    galleries.load_pictures.cache_clear()
    yield root
    judges.Judge.load.cache_clear()
    galleries.load_pictures.cache_clear()


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("file", ["encoder.safetensors", "config.json"])
def test_a_broken_model_leaves_the_others_alone(root: Path, file: str) -> None:
    recipes = {
        name: make_recipe(Explorer(model.load(name)), SampledLatent(1, 0, "prior"))
        for name in ("tiny", "whole")
    }
    flip(root / "tiny" / file)
    models = Models("whole")
    listed = {each["name"]: each for each in build_endpoints(models)["models"]()}
    assert f"tiny/{file}" in listed["tiny"]["broken"]
    assert listed["tiny-two"]["title"] == listed["whole"]["title"] == "Tiny"
    assert models.find_by_recipe(recipes["whole"]) == "whole"
    with pytest.raises(RecipeError, match=rf"^This link was made with tiny, which cannot .*tiny/{file}"):
        models.find_by_recipe(recipes["tiny"])
    page = model_picker.build(models).html_template
    assert "tiny (broken)</option>" in page
    assert page.count("(broken)") == 1
    assert "whole" in list_models_of(models, "bigan")
    assert "whole" in codemap.list_twins(ganlab.load("tiny-two"), models.list_names())


def test_another_takes_the_place_of_a_broken_default_and_says_so(root: Path) -> None:
    models = Models("tiny")
    assert models.open_default() == models.notice == ""
    flip(root / "tiny" / "generator.safetensors")
    models = Models("tiny")
    said = models.open_default()
    assert said.startswith(
        "tiny-two is shown, since tiny cannot be used: tiny/generator.safetensors is damaged"
    )
    assert (models.default, models.notice) == ("tiny-two", said)
    with gr.Blocks() as blocks:
        app.build_header(models)
    assert any(said in str(getattr(block, "value", "")) for block in blocks.blocks.values())
    with pytest.raises(CheckpointError, match="'tine' not found"):
        Models("tine").open_default()
    (root / "tiny" / "config.json").unlink()
    said = Models("tiny").open_default()
    assert said == "tiny-two is shown, since tiny cannot be used: tiny/config.json is missing."
    for name in ("tiny-two", "whole"):
        flip(root / name / "config.json")
    with pytest.raises(CheckpointError, match=r"^tiny/config\.json is missing"):
        Models("tiny").open_default()


def test_another_takes_the_place_of_a_default_that_no_hub_gives(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is there again with the Hub; a name that the Hub does not have is mistyped."""

    def download(name: str, offline: bool, report: object) -> Path:
        if "@v9" in name:
            raise hub.AbsentError(f"{name} is nowhere: it has no such revision.")
        raise UnreachableError(f"{name} is nowhere: the Hub is not reached.")

    monkeypatch.setattr(hub, "download", download)
    models = Models("user/whole-new@main", gallery=root)
    assert models.open_default().startswith(
        "whole is shown, since user/whole-new@main cannot be used: user/whole-new@main is nowhere: the Hub is"
        " not reached; available here = ['tiny', 'tiny-two', 'whole']"
    )
    assert (models.default, models.gallery) == ("whole", None)
    for name in ("user/whole-new@v9", "wholly", "galleries", str(root), str(root / "absent"), "\0"):
        with pytest.raises(hub.AbsentError):
            Models(name).open_default()


def test_without_its_gallery_a_model_works_and_its_tabs_say_why(root: Path) -> None:
    flip(root / "galleries" / "few" / "train.npz")
    flip(root / "galleries" / "few" / "test.npz")
    explorer = ganlab.load("whole")
    fault = "galleries/few/{}.npz is damaged or of another version"
    assert explorer.gallery is None
    assert explorer.examples is None
    assert fault.format("train") in explorer.model.broken
    assert explorer.decode(explorer.sample(1)).shape == (1, 1, 28, 28)
    assert fault.format("train") in codemap.explain_absence(explorer)
    assert fault.format("test") in reconstruct.examples_html(explorer)
    with pytest.raises(ValueError, match=fault.format("train")):
        explorer.neighbours(explorer.decode(explorer.sample(1)))
    (root / "galleries" / "few" / "train.npz").unlink()
    assert "galleries/few/train.npz is missing" in ganlab.load("whole").model.broken


def test_a_broken_map_is_computed_anew_and_says_so(root: Path) -> None:
    assert codemap.list_kinds(ganlab.load("whole")) == ("tsne", "principal")
    flip(root / "whole" / codemap.FILE)
    (root / "galleries" / "few" / "attributes.npz").write_bytes(b"foreign")
    explorer = ganlab.load("whole")
    assert codemap.list_kinds(explorer) == ("principal",)
    packed = codemap.pack(explorer)
    assert b"whole/map.safetensors is damaged" in packed
    assert b"galleries/few/attributes.npz is no part of galleries/few" in packed
    assert "Point to look" in code_map.lead_html(explorer)


def test_without_its_judge_a_model_works_and_the_light_says_why(root: Path) -> None:
    flip(root / "judges" / "mnist" / "judge.safetensors")
    explorer = ganlab.load("whole")
    assert explorer.judge is None
    assert "judges/mnist/judge.safetensors is damaged" in light.explain_absence(explorer)


def test_figures_of_other_weights_are_not_shown(root: Path) -> None:
    own = model.load("whole").fingerprint
    other = "0" * 16
    for about, shown in (
        ({"fingerprint": own, "evaluation": {"fingerprint": own}}, True),
        ({"evaluation": {"fingerprint": own}}, True),  # of before it stood above all
        ({"fingerprint": own, "evaluation": {"fingerprint": other}}, False),
        ({"fingerprint": other, "evaluation": {"fingerprint": own}}, False),
        ({}, False),
    ):
        figures = model.select_figures({**about, "one_nn": {"code": 1}, "training": {}}, (own,))
        assert ("one_nn" in figures, "training" in figures) == (shown, True)
    separate = {"fingerprint": own, "map": {"fingerprint": other}, "light": {"fingerprint": own}}
    assert model.select_figures(separate, (own,)).keys() == {"fingerprint", "light"}
    assert model.select_figures(separate, (own, other)).keys() == separate.keys()


def test_figures_of_another_form_are_as_good_as_none(root: Path) -> None:
    loaded = ganlab.load("whole")
    own = {"fingerprint": loaded.fingerprint}
    about = own | {"statistics": list(outliers.list_statistics(loaded))}
    judge = loaded.judge and loaded.judge.fingerprint
    for bad in (None, 7, "text", [], {}, [1], [2, 1], [1, "2"], [1, 10**400], {"a": 1}, True):
        groups = {
            "outliers": {**about, "judge": judge, "usual": bad, "quantiles": bad},
            "memorization": {**own, "quantiles_real": bad, "samples": bad, "others": bad},
            "reconstruction": {"mse_quantiles": bad, "mse": bad},
            "light": {**own, "agreement": bad},
            "directions": bad,
            "map": {**own, "tsne": bad, "k": bad},
        }
        text = json.dumps({**own, "evaluation": bad, "training": bad, **groups})
        (root / "whole" / "metrics.json").write_text(text.replace("true", "1e999"))
        sums.write(root / "whole")
        explorer = ganlab.load("whole")
        x = explorer.decode(explorer.sample(1))
        assert outliers.Gauge.load(explorer) is None
        assert explorer.rank_error(0.5) is None
        assert explorer.find_memorized(x)[0][1] is None
        assert header.header_html(explorer)
        assert sample.memorization_html(explorer, "prior", True)
        assert codemap.pack(explorer)
        assert portable_judge.pack(explorer)
        assert explorer.directions.kinds
