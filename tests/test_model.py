"""Checkpoints: what is saved is what is loaded, and nothing that does not fit is loaded at all."""

from __future__ import annotations

import dataclasses
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from ganlab import hub, model, networks
from ganlab.config import CheckpointError, ModelConfig
from ganlab.model import LatentModel
from tests.conftest import TINY

ENCODER = model.weights_file("encoder")
FILES = [hub.CONFIG_FILE, *(model.weights_file(name) for name in TINY.networks)]


def rewrite(folder: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    """Change the encoder's file."""
    tensors = safetensors.torch.load_file(folder / ENCODER)
    change(tensors)
    safetensors.torch.save_file(tensors, folder / ENCODER)


def reconfigure(folder: Path, **changes: Any) -> None:
    path = folder / hub.CONFIG_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


# ------------------------------------------------------------------ the round trip


def test_a_loaded_checkpoint_is_the_saved_one_in_half_precision(tmp_path: Path) -> None:
    nets = networks.build(TINY)
    networks.initialise(nets, seed=3)
    networks.calibrate(nets["generator"], [(torch.rand(64, 4) * 2 - 1,)])
    model.save(TINY, nets, tmp_path / "m")
    loaded = model.load(str(tmp_path / "m"))
    assert loaded.config == TINY
    assert loaded.folder == tmp_path / "m"
    assert loaded.metrics == {}
    assert list(loaded.networks) == list(TINY.networks)
    for name, net in nets.items():
        state = loaded.networks[name].state_dict()
        assert state.keys() == net.state_dict().keys()
        for key, value in net.state_dict().items():
            assert state[key].dtype == value.dtype
            expected = value.half().float() if value.is_floating_point() else value
            assert torch.equal(state[key], expected), (name, key)


def test_saving_what_was_loaded_changes_no_byte(tiny_folder: Path, tmp_path: Path) -> None:
    loaded = model.load(str(tiny_folder))
    model.save(loaded.config, loaded.networks, tmp_path / "again")
    for file in FILES:
        assert (tmp_path / "again" / file).read_bytes() == (tiny_folder / file).read_bytes()
    assert model.load(str(tmp_path / "again")).fingerprint == loaded.fingerprint


def test_saving_writes_json_and_safetensors_and_nothing_else(tiny_folder: Path) -> None:
    assert {path.name for path in tiny_folder.iterdir()} == set(FILES)


def test_only_the_networks_of_the_config_are_saved(tmp_path: Path) -> None:
    nets = networks.build(TINY)
    config = dataclasses.replace(TINY, networks=("generator",))
    model.save(config, nets, tmp_path / "g")
    assert {path.name for path in (tmp_path / "g").iterdir()} == {"config.json", "generator.safetensors"}
    loaded = model.load(str(tmp_path / "g"))
    assert loaded.generator is loaded.networks["generator"]
    with pytest.raises(ValueError, match="tiny has no encoder; invert by optimisation"):
        _ = loaded.encoder


def test_a_loaded_model_is_in_evaluation_mode_and_cannot_be_changed(tiny_model: LatentModel) -> None:
    for net in tiny_model.networks.values():
        assert not any(module.training for module in net.modules())
        assert not any(p.requires_grad for p in net.parameters())
        assert not any(t.is_meta for t in net.state_dict().values())
    with pytest.raises(dataclasses.FrozenInstanceError):
        tiny_model.fingerprint = "0"  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        tiny_model.config.prior = "normal"  # type: ignore[misc]


def test_loading_leaves_the_global_random_state_alone(tiny_folder: Path) -> None:
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    model.load(str(tiny_folder))
    assert torch.equal(torch.random.get_rng_state(), before)


# ------------------------------------------------------------------ the fingerprint


def test_the_fingerprint_is_of_the_content_not_of_the_place(tiny_folder: Path, tmp_path: Path) -> None:
    first = model.load(str(tiny_folder)).fingerprint
    assert len(first) == 16
    assert int(first, 16) >= 0
    tiny_folder.rename(tmp_path / "moved")
    assert model.load(str(tmp_path / "moved")).fingerprint == first


def test_the_fingerprint_changes_with_one_weight_and_with_the_config(tiny_folder: Path) -> None:
    seen = [model.load(str(tiny_folder)).fingerprint]
    rewrite(tiny_folder, lambda t: t["first.weight"].view(-1)[0].add_(0.25))
    seen.append(model.load(str(tiny_folder)).fingerprint)
    reconfigure(tiny_folder, title="Renamed")
    seen.append(model.load(str(tiny_folder)).fingerprint)
    assert len(set(seen)) == 3


# ------------------------------------------------------------------ strictness


def drop(t: dict[str, torch.Tensor]) -> None:
    del t["output.weight"]


def add(t: dict[str, torch.Tensor]) -> None:
    t["secret"] = torch.zeros(1)


def reshape(t: dict[str, torch.Tensor]) -> None:
    t["output.weight"] = torch.zeros(16, 4, dtype=torch.half)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop, r"does not fit its config: missing \['output.weight'\], extra \[\]"),
        (add, r"missing \[\], extra \['secret'\]"),
        (reshape, r"output.weight has shape \(16, 4\), its config wants \(4, 16\)"),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    tiny_folder: Path, change: Callable[[dict[str, torch.Tensor]], Any], message: str
) -> None:
    rewrite(tiny_folder, change)
    with pytest.raises(CheckpointError, match=message):
        model.load(str(tiny_folder))


@pytest.mark.parametrize("keep", [0, 4, 200, -1])
def test_truncated_weights_are_refused(tiny_folder: Path, keep: int) -> None:
    path = tiny_folder / ENCODER
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=r"encoder\.safetensors is damaged"):
        model.load(str(tiny_folder))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": "red"}, r"unknown \['colour'\], missing \[\]"),
        ({"prior": "cauchy"}, r"Unknown prior 'cauchy'; available = \['uniform', 'normal'\]"),
        ({"norm": "layer"}, r"Unknown norm 'layer'; available = \['batch', 'spectral', 'none'\]"),
        ({"norm": ["batch"]}, r"Unknown norm \['batch'\]; available"),
        ({"family": "styles"}, r"Unknown network family 'styles'; available = \['paper'"),
        ({"networks": ["generator", "critic"]}, r"Unknown networks \['critic'\]"),
        ({"networks": "generator"}, "networks is a list of names"),
        ({"networks": [["generator"]]}, "networks is a list of names"),
        ({"networks": [{}]}, "networks is a list of names"),
        ({"width": 0}, "width is a whole number from 1 to 16384, not 0"),
        ({"width": 16.0}, "width is a whole number"),
        ({"channels": True}, "channels is a whole number from 1 to 4, not True"),
        ({"size": "28"}, "size is a whole number"),
        ({"latent_dim": 10**9}, "latent_dim is a whole number"),
        ({"name": 3}, "name is a text, not 3"),
        ({"title": None}, "title is a text"),
        ({"gallery": 7}, "gallery is a name or null, not 7"),
        ({"width": 32}, r"its config wants"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(
    tiny_folder: Path, changes: dict[str, Any], message: str
) -> None:
    reconfigure(tiny_folder, **changes)
    with pytest.raises(CheckpointError, match=message):
        model.load(str(tiny_folder))


def test_a_config_from_before_the_norm_was_a_setting_has_the_default(tiny_folder: Path) -> None:
    path = tiny_folder / hub.CONFIG_FILE
    fields = json.loads(path.read_text())
    assert fields.pop("norm") == "batch"
    path.write_text(json.dumps(fields))
    assert model.load(str(tiny_folder)).config == TINY


@pytest.mark.parametrize("key", ["name", "networks", "prior", "width", "family"])
def test_a_config_that_lacks_a_setting_is_refused(tiny_folder: Path, key: str) -> None:
    path = tiny_folder / hub.CONFIG_FILE
    fields = json.loads(path.read_text())
    del fields[key]
    path.write_text(json.dumps(fields))
    with pytest.raises(CheckpointError, match=rf"unknown \[\], missing \['{key}'\]"):
        model.load(str(tiny_folder))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "config.json is not valid JSON"),
        (b"", "config.json is not valid JSON"),
        (b"\xff\xfe{}", "config.json is not valid JSON"),
        (b"[" * 100_000, "config.json is not valid JSON"),
        (b"[1, 2]", "must hold one JSON object"),
        (b"null", "must hold one JSON object"),
    ],
)
def test_a_config_that_is_no_json_object_is_refused(tiny_folder: Path, content: bytes, message: str) -> None:
    (tiny_folder / hub.CONFIG_FILE).write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        model.load(str(tiny_folder))


def test_a_config_that_claims_to_be_huge_is_refused_before_anything_is_allocated(tiny_folder: Path) -> None:
    # 4 x 1024 x 1024 inputs to 16,384 units would be 256 GB of weights.
    reconfigure(tiny_folder, channels=4, size=1024, width=16384)
    with pytest.raises(CheckpointError, match="its config wants"):
        model.load(str(tiny_folder))


def test_an_oversized_weights_file_is_refused_unread(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "MAX_WEIGHTS_BYTES", 100)
    read = Path.read_bytes
    monkeypatch.setattr(
        Path, "read_bytes", lambda self: pytest.fail("read") if self.suffix == ".safetensors" else read(self)
    )
    with pytest.raises(CheckpointError, match="bytes, over the limit of 100: refused"):
        model.load(str(tiny_folder))


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("a pickle was opened",)


def test_pickles_are_never_opened(tiny_folder: Path) -> None:
    for file in ("pytorch_model.bin", "model.pt", "resume.pt", "model.pkl", "gallery.npz"):
        (tiny_folder / file).write_bytes(pickle.dumps(Bomb()))
    assert model.load(str(tiny_folder)).config == TINY
    (tiny_folder / ENCODER).write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CheckpointError, match="damaged"):
        model.load(str(tiny_folder))


def test_metrics_are_read_and_must_be_json(tiny_folder: Path) -> None:
    path = tiny_folder / model.METRICS_FILE
    figures = {"fingerprint": model.load(str(tiny_folder)).fingerprint, "one_nn": {"code": 97.4}}
    path.write_text(json.dumps(figures | {"training": {}}))
    assert model.load(str(tiny_folder)).metrics == figures | {"training": {}}
    path.write_text("{")
    with pytest.raises(CheckpointError, match=r"tiny/metrics\.json is not valid JSON"):
        model.load(str(tiny_folder))


# ------------------------------------------------------------------ names


@pytest.fixture
def bundled(tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoints/ folder with the models "a" and "b", beside a model that is not among them."""
    root = tmp_path / "checkpoints"
    for name in ("b", "a"):
        model.save(dataclasses.replace(TINY, name=name), model.load(str(tiny_folder)).networks, root / name)
    (root / "galleries" / "mnist").mkdir(parents=True)
    (root / "notes.txt").write_text("")
    monkeypatch.setattr(hub, "CHECKPOINTS", root)
    monkeypatch.chdir(root)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return root


def test_models_are_listed_in_order_and_only_where_there_is_a_config(bundled: Path, tmp_path: Path) -> None:
    assert hub.list_models() == ["a", "b"]
    assert hub.list_models(tmp_path) == ["checkpoints", "tiny"][1:]
    assert hub.list_models(tmp_path / "nowhere") == []


def test_a_bundled_name_wins_and_a_path_is_taken_as_it_is(
    bundled: Path, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert model.load("a").config.name == "a"
    for name in (str(tiny_folder), "tiny", "./tiny", "checkpoints/../tiny"):
        assert model.load(name).config.name == "tiny", name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "A model is named by"),
        ("a\0b", "A model is named by"),
        ("nothing", r"Model 'nothing' not found; available = \['a', 'b'\]"),
        ("../x", r"Model '../x' not found; available = \['a', 'b'\]"),
        ("../../etc/passwd", "not found; available"),
        ("/nowhere/at/all", "not found; available"),
        ("a b", "not found; available"),
        (".", "holds no config.json"),
        ("galleries", "holds no config.json"),
        ("galleries/mnist", "holds no config.json"),
        ("notes.txt", "not found; available"),
        ("x" * 5000, "is no usable path: File name too long"),
        ("~no-such-user/m", "is no usable path"),
        ("a/..x..", "not found; available"),
        ("user--x/y", "not found; available"),
        ("user/y", "neither a folder here nor a Hub repository"),
        ("https://example.org/m", "not found; available"),
    ],
)
def test_a_name_that_means_nothing_gets_one_sentence(bundled: Path, name: str, message: str) -> None:
    with pytest.raises(CheckpointError, match=message) as caught:
        model.load(name)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_bundled_name_cannot_climb_out_of_checkpoints(
    bundled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "some" / "where"
    elsewhere.mkdir(parents=True)
    monkeypatch.chdir(elsewhere)
    assert (bundled / ".." / "tiny" / hub.CONFIG_FILE).is_file()
    with pytest.raises(CheckpointError, match="not found"):
        model.load("../tiny")  # a path from here, and there is nothing


@pytest.mark.parametrize("file", FILES)
def test_a_folder_that_lacks_a_file_is_no_checkpoint(tiny_folder: Path, file: str) -> None:
    (tiny_folder / file).unlink()
    with pytest.raises(CheckpointError, match=r"no checkpoint"):
        model.load(str(tiny_folder))


def test_the_config_survives_its_own_json() -> None:
    config = dataclasses.replace(TINY, title="BiGAN · MNIST", gallery="mnist")
    assert ModelConfig.from_json(config.to_json(), "here") == config
    assert "·" in config.to_json()


def test_aliases_are_written_only_where_there_are_some() -> None:
    assert "aliases" not in TINY.to_json()
    config = dataclasses.replace(TINY, aliases=("0123456789abcdef", "f" * 16))
    assert ModelConfig.from_json(config.to_json(), "here") == config


@pytest.mark.parametrize("aliases", ["f" * 16, None, {}, ["f" * 15], ["F" * 16], [7], ["f" * 16 + "\n"]])
def test_aliases_that_are_no_fingerprints_are_refused(aliases: Any) -> None:
    text = json.dumps(TINY.to_dict() | {"aliases": aliases})
    with pytest.raises(CheckpointError, match="aliases is a list of fingerprints"):
        ModelConfig.from_json(text, "here")


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert model.resolve_device("auto") == model.resolve_device("cpu") == torch.device("cpu")
    for name in ("gpu", "meta", "mps", "cpu:x", ""):
        with pytest.raises(ValueError, match="The device is auto, cpu, cuda or cuda:N, not"):
            model.resolve_device(name)
    with pytest.raises(ValueError, match="no such CUDA GPU"):
        model.resolve_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert model.resolve_device("auto") == torch.device("cuda")
    assert model.resolve_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(ValueError, match="The device cuda:2: this machine has no such"):
        model.resolve_device("cuda:2")


def test_networks_of_the_run_are_recorded_where_the_checkpoint_lacks_some() -> None:
    assert "trained_networks" not in TINY.to_json()
    every = (*TINY.networks, "discriminator")
    config = dataclasses.replace(TINY, trained_networks=every)
    assert ModelConfig.from_json(config.to_json(), "config.json") == config


@pytest.mark.parametrize("names", ["generator", [7], ["generator"]])
def test_networks_of_the_run_that_cannot_be_are_refused(names: Any) -> None:
    text = json.dumps(TINY.to_dict() | {"trained_networks": names})
    with pytest.raises(CheckpointError, match="trained_networks"):
        ModelConfig.from_json(text, "config.json")
