"""From a run to a checkpoint: what is written is what was trained, whole or not at all."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from ganlab import gallery, hub, model, verify
from ganlab.config import CheckpointError
from ganlab.features import LEVELS
from ganlab.gallery import Gallery, Pictures, build_untrained
from tests.train.runs import publish_quickly, take
from train import publish as publishing
from train import run_folder
from train import upload as uploading
from train.config import TrainConfig
from train.data import datasets
from train.measure import latent_error
from train.publish import PublishError, publish
from train.run_folder import load_networks
from train.trainer import Trainer

pytestmark = pytest.mark.usefixtures("small_gallery", "few_samples")


def test_the_checkpoint_is_the_run(run, root):
    folder = publish_quickly(run, root)
    stored = model.load(str(folder))
    assert stored.config.name == "tiny-bigan"
    trained = load_networks(run, stored.config)
    for name, net in trained.items():
        for key, weight in net.named_parameters():
            assert torch.equal(stored.networks[name].get_parameter(key), weight.half().float()), key


def test_a_discriminator_can_be_left_out_and_untrained_networks_stay_the_same(run, root, digits):
    whole = publish_quickly(run, root)
    before = build_untrained(model.load(str(whole)).config, digits, names=["encoder"])
    folder = publish_quickly(run, root, without=["joint_discriminator"])
    config = model.load(str(folder)).config
    assert config.networks == ("generator", "encoder")
    assert config.trained_networks == ("generator", "encoder", "joint_discriminator")
    assert not (folder / "joint_discriminator.safetensors").exists()
    after = build_untrained(config, digits, names=["encoder"])
    for key, value in before["encoder"].state_dict().items():
        assert torch.equal(after["encoder"].state_dict()[key], value), key


@pytest.mark.parametrize("name", ["generator", "judge"])
def test_only_discriminators_can_be_left_out(run, root, name):
    with pytest.raises(PublishError, match=r"--without names one of \['joint_discriminator'\], .* not"):
        publish_quickly(run, root, without=[name])


def test_codes_are_those_of_the_stored_encoder(run, root, digits):
    stored = model.load(str(publish_quickly(run, root)))
    codes = Gallery.load(stored).codes
    pictures = digits
    with torch.inference_mode():
        expected = stored.encoder(pictures.inputs(slice(0, 300)))
    assert codes.shape == (300, 50)
    level = (expected.amax(0) - expected.amin(0)) / LEVELS
    assert ((codes - expected).abs() <= 0.51 * level + 1e-5).all()


def test_pictures_facts_and_card_are_there(run, root):
    folder = publish_quickly(run, root)
    assert {path.name for path in folder.iterdir()} == {
        "config.json", "generator.safetensors", "encoder.safetensors", "joint_discriminator.safetensors",
        "gallery.safetensors", "metrics.json",
        "samples.png", "reconstructions.png", "README.md",
    }  # fmt: skip
    training = json.loads((folder / "metrics.json").read_text())["training"]
    assert training["epochs"] == 1
    assert training["seed"] == 3
    assert training["precision"] == "fp32"
    assert training["images_per_second"] > 0
    assert training["commit"] == json.loads((run / "config.json").read_text())["commit"]
    text = (folder / "README.md").read_text()
    assert text.startswith("---\nlicense: mit\nlibrary_name: ganlab\n")
    assert 'ganlab.load("tiny-bigan")' in text
    assert "Not evaluated yet" in text


@pytest.mark.parametrize(
    "name", ["", "Tiny", "a/b", "../x", "a_b", "-a", "galleries", "judges", "ratios", "table", "a\n"]
)
def test_refuses_a_name(run, root, name):
    with pytest.raises(PublishError, match="a-z, 0-9 and hyphens"):
        publish_quickly(run, root, name)
    assert not root.exists()


def change_state(run, **changes):
    run_folder.write_state(run, run_folder.read_state(run, "cpu") | changes)


def test_refuses_an_unfinished_run_unless_allowed(run, root, tmp_path):
    partial = tmp_path / "partial"
    shutil.copytree(run, partial)
    settings = json.loads((partial / "config.json").read_text())
    settings["train"]["epochs"] = 5
    change_state(partial, settings=json.dumps(settings))
    with pytest.raises(PublishError, match="1 of 5 epochs"):
        publish_quickly(partial, root)
    folder = publish_quickly(partial, root, unfinished=True)
    assert json.loads((folder / "metrics.json").read_text())["training"]["epochs"] == 1


def test_epochs_logged_but_not_saved_do_not_count(run, root, tmp_path):
    ahead = tmp_path / "ahead"
    shutil.copytree(run, ahead)
    log = ahead / "metrics.jsonl"
    row = json.loads(log.read_text())
    row["step"] += 1
    log.write_text(json.dumps(row) + "\n")
    assert publish_quickly(ahead, root).is_dir()  # the state knows its epochs
    change_state(ahead, log=[])  # as of versions whose states did not
    with pytest.raises(PublishError, match="0 of 1 epochs"):
        publish_quickly(ahead, root)


def test_refuses_what_is_no_run(tmp_path, root):
    with pytest.raises(PublishError, match=r"holds no resume\.pt"):
        publish_quickly(tmp_path, root)


def test_refuses_to_replace_what_is_no_checkpoint(run, root):
    (root / "notes").mkdir(parents=True)
    (root / "notes" / "mine.txt").write_text("keep")
    with pytest.raises(PublishError, match="is no checkpoint"):
        publish_quickly(run, root, "notes")
    assert (root / "notes" / "mine.txt").read_text() == "keep"


# ---------------------------------------------------------------------- training pictures and figures


def test_without_the_shared_gallery_the_data_sets_pictures_calibrate(
    run, root, small_gallery, monkeypatch, digits
):
    with_gallery = model.load(str(publish_quickly(run, root, "one")))
    loads = []

    def load(*arguments, **shape):
        loads.append((*arguments, shape))
        return take(digits, 300)

    monkeypatch.setattr(datasets, "load", load)
    (small_gallery / gallery.TRAIN_FILE).unlink()
    without = model.load(str(publish_quickly(run, root, "two")))
    assert loads == [
        ("mnist", "nowhere", "train", {"size": 28, "channels": 1, "most": datasets.MAX_IN_MEMORY})
    ]
    for name, net in with_gallery.networks.items():
        for key, value in net.state_dict().items():
            assert torch.equal(value, without.networks[name].state_dict()[key]), key


@pytest.mark.usefixtures("no_download")
def test_missing_training_pictures_are_named(run, root, small_gallery, tmp_path):
    shutil.rmtree(small_gallery)
    with pytest.raises(ValueError, match=r"MNIST is incomplete in .*--data-root"):
        publish(run, "tiny-bigan", data_root=tmp_path / "empty", root=root, measured=False)
    assert not root.exists()


def test_a_shared_gallery_is_all_that_is_read_where_nothing_is_measured(run, root, monkeypatch):
    def unwanted(*_, **__):
        raise AssertionError("the data set is read")

    monkeypatch.setattr(datasets, "load", unwanted)
    assert publish_quickly(run, root).is_dir()


@pytest.mark.slow
def test_what_is_measured_is_in_the_checkpoint(run, root, monkeypatch, digits):
    held = Pictures(digits.pixels[300:340], digits.labels[300:340], digits.indices[300:340])
    monkeypatch.setattr(datasets, "load", lambda *_, **__: held)
    folder = publish(run, "tiny-bigan", data_root="nowhere", root=root)
    result = json.loads((folder / "metrics.json").read_text())
    stored = model.load(str(folder))
    assert result["evaluation"]["fingerprint"] == stored.fingerprint
    assert result["evaluation"]["gallery"] == "mnist train, 300"
    assert result["training"]["epochs"] == 1
    x = held.inputs(slice(None))
    with torch.inference_mode():
        error = (x - stored.generator(stored.encoder(x))).square().mean()
    assert result["reconstruction"]["mse"] == pytest.approx(float(error), rel=1e-4)
    assert f"fingerprint `{stored.fingerprint}`" in (folder / "README.md").read_text()
    assert {"identity", "frechet"} <= result.keys()


def test_codes_may_be_left_out(run, root, digits):
    folder = publish_quickly(run, root, codes=False)
    assert not (folder / gallery.CODES_FILE).exists()
    stored = model.load(str(folder))
    with torch.inference_mode():
        expected = stored.encoder(digits.inputs(slice(0, 300)))
    torch.testing.assert_close(Gallery.load(stored).codes, expected, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_a_mixture_is_fitted_to_the_stored_codes_and_described(run, root, monkeypatch, digits):
    monkeypatch.setattr(datasets, "load", lambda *_, **__: take(digits, 40))
    folder = publish(run, "tiny-mixed", data_root="nowhere", root=root, gaussians=3)
    stored = model.load(str(folder))
    assert stored.config.gaussians == 3
    codes = Gallery.load(stored).codes
    assert float(stored.mixture.weights.sum()) == pytest.approx(1, abs=2e-3)
    drawn = stored.mixture.draw(5000, seed=0)
    torch.testing.assert_close(drawn.mean(0), codes.mean(0), atol=0.05, rtol=0)
    result = json.loads((folder / "metrics.json").read_text())
    assert result["frechet"].keys() >= {"distance", "mixture", "floor"}
    latent = result["latent"]
    z = stored.mixture.draw(latent_error.SAMPLES, seed=0)
    again = stored.encoder(stored.generator(z))
    assert latent["mixture_mean_abs_error"] == pytest.approx(float((again - z).abs().mean()), rel=1e-3)
    text = (folder / "README.md").read_text()
    assert "mixture of 3 Gaussians" in text
    assert "G(z) for z from the mixture" in text
    assert "z of the mixture" in text


def test_a_model_without_codes_has_no_mixture(tmp_path, root, digits):
    pictures, out = digits, str(tmp_path / "run")
    settings = {"width": 16, "limit": 128, "epochs": 1, "precision": "fp32", "device": "cpu"}
    assert Trainer(TrainConfig("gan", out=out, **settings), pictures).train()
    with pytest.raises(PublishError, match="no encoder, and so no codes to fit 3 Gaussians"):
        publish_quickly(tmp_path / "run", root, gaussians=3)


@pytest.mark.slow
def test_few_features_are_stored_as_well(tmp_path, root, digits):
    pictures, out = digits, tmp_path / "run"
    settings = {
        "width": 4, "limit": 128, "epochs": 1, "precision": "fp32", "device": "cpu", "family": "conv",
        "prior": "normal", "feature_dim": 6, "contrast_weight": 0.1,
    }  # fmt: skip
    assert Trainer(TrainConfig("bigan-plus", out=str(out), **settings), pictures).train()
    folder = publish_quickly(out, root)
    stored = model.load(str(folder))
    features = Gallery.load(stored).features
    with torch.inference_mode():
        expected = stored.encoder.hidden(digits.inputs(slice(0, 300)))
    assert features.shape == (300, 6)
    torch.testing.assert_close(features, expected, rtol=0, atol=0.02)
    (folder / gallery.FEATURES_FILE).write_bytes(b"features")
    with pytest.raises(CheckpointError, match=r"tiny-bigan/features\.safetensors is damaged"):
        Gallery.load(stored)


@pytest.fixture
def own_run(tmp_path):
    """A run on a folder of 60 grey pictures of 16 x 16 in two classes; no gallery, no judge."""
    pixels = np.random.default_rng(0).integers(0, 256, (60, 20, 20), dtype=np.uint8)
    pixels[30:, :10] //= 4  # dark above
    for row, picture in enumerate(pixels):
        folder = tmp_path / "shades" / "ab"[row // 30]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / f"{row:02d}.png")
    source, out = str(tmp_path / "shades"), tmp_path / "runs" / "shades"
    config = TrainConfig(
        dataset=source, size=16, channels=1, width=16, latent_dim=4, batch_size=18, epochs=1,
        precision="fp32", out=str(out), device="cpu",
    )  # fmt: skip
    assert Trainer(config, datasets.load(source, "", "train", size=16, channels=1)).train()
    return out


def test_a_run_on_a_folder_of_ones_own_is_published_and_measured(own_run, root, tmp_path):
    folder = publish(own_run, "shades", data_root="nowhere", root=root)
    stored = model.load(str(folder))
    assert (stored.config.gallery, stored.config.dataset) == (None, "shades")
    assert stored.config.image_shape == (1, 16, 16)
    train, test = (
        datasets.load(str(tmp_path / "shades"), "", s, size=16, channels=1) for s in ("train", "test")
    )
    result = json.loads((folder / "metrics.json").read_text())
    assert result["evaluation"]["gallery"] == f"shades train, {len(train)}"
    assert result["evaluation"]["test"] == f"shades test, {len(test)}"
    parts = {
        "fingerprint",
        "evaluation",
        "training",
        "one_nn",
        "reconstruction",
        "latent",
        "codes",
        "directions",
    }
    assert set(result) == parts | {"fingerprint", "evaluation", "training"}
    E, x = stored.encoder, train.inputs(slice(None))
    with torch.inference_mode():
        h = E.second(torch.nn.functional.leaky_relu(E.first(x.flatten(1)), 0.2))
        distances = torch.cdist(E(test.inputs(slice(None))).double(), E(x).double())
    torch.testing.assert_close(E.second_norm.running_mean, h.mean(0), atol=2e-4, rtol=2e-3)
    share = float((train.labels[distances.argmin(1)] == test.labels).double().mean())
    assert result["one_nn"]["code"]["accuracy"] == pytest.approx(share)
    assert result["training"]["dataset"] == "shades"
    own = Gallery.load(stored)  # its pictures and their codes go with it
    assert torch.equal(own.pictures.pixels, train.pixels[own.pictures.indices])
    assert sorted(own.pictures.indices.tolist()) == train.indices.tolist()
    assert own.pictures.classes == train.classes == stored.config.classes
    assert (folder / gallery.CODES_FILE).is_file()
    assert sorted(gallery.load_test_pictures(stored).indices.tolist()) == test.indices.tolist()
    assert "Trained on shades." in (folder / "README.md").read_text()


# ---------------------------------------------------------------------- what goes wrong


def test_a_failure_leaves_the_old_checkpoint(run, root, monkeypatch):
    before = publish_quickly(run, root)
    kept = {path.name: path.read_bytes() for path in before.iterdir()}

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(publishing, "draw_pictures", full)
    with pytest.raises(OSError, match="No space"):
        publish_quickly(run, root)
    assert {path.name: path.read_bytes() for path in before.iterdir()} == kept
    assert [path.name for path in root.iterdir()] == ["tiny-bigan"]


def test_what_a_killed_one_left_is_no_checkpoint_and_goes_with_the_next(run, root, monkeypatch):
    folder = publish_quickly(run, root)
    left = root / ".ganlab-publish-abcd_123"
    shutil.copytree(folder, left / "tiny-other")
    shutil.copy(folder / "config.json", left)
    assert hub.list_models(root) == ["tiny-bigan"]
    monkeypatch.setattr(verify, "CHECKPOINTS", root)
    assert left not in verify.list_folders()
    publish_quickly(run, root)
    assert list(root.iterdir()) == [folder]


def test_publishing_again_replaces(run, root):
    folder = publish_quickly(run, root)
    (folder / "stale.txt").write_text("old")
    publish_quickly(run, root)
    assert not (folder / "stale.txt").exists()
    assert hub.list_models(root) == ["tiny-bigan"]


def test_what_has_changed_since_the_checkpoint_before_is_kept(run, root):
    with pytest.raises(PublishError, match="no checkpoint yet"):
        publish_quickly(run, root, change="it grew")
    first = model.load(str(publish_quickly(run, root)))
    assert first.config.replaced == {}
    second = model.load(str(publish_quickly(run, root, change="it grew")))
    assert second.config.replaced == {first.fingerprint: "it grew"}
    assert model.load(str(publish_quickly(run, root))).fingerprint == second.fingerprint  # carried over
    third = model.load(str(publish_quickly(run, root, change="it shrank")))
    assert third.config.replaced == {first.fingerprint: "it grew", second.fingerprint: "it shrank"}
    config = root / "tiny-bigan" / "config.json"
    config.write_text("{")
    assert model.load(str(publish_quickly(run, root))).config.replaced == {}


def test_a_file_too_large_for_a_space_is_refused(run, root, monkeypatch):
    monkeypatch.setattr(uploading, "MAX_FILE_BYTES", 20_000)
    with pytest.raises(PublishError, match="git repository"):
        publish_quickly(run, root)
    assert list(root.iterdir()) == []


def test_command_line_says_what_is_wrong_in_one_line(run, capsys):
    assert publishing.main([str(run / "absent"), "name"]) == 2
    assert publishing.main([str(run), "name", "--repo-id", "no-slash"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert all(line.startswith("error: ") for line in errors)
