"""From a run to a checkpoint: what is written is what was trained, whole or not at all."""

import json
import shutil

import huggingface_hub
import pytest
import torch

from ganlab import gallery, model
from ganlab.gallery import Gallery, Pictures, load_pictures
from ganlab.model import CHECKPOINTS
from train import publish as publishing
from train.config import TrainConfig
from train.publish import PublishError, publish, upload
from train.trainer import Trainer, published_networks

TEST_PICTURES = CHECKPOINTS / "galleries" / "mnist" / "test.npz"


def first(pictures, count):
    return Pictures(pictures.pixels[:count], pictures.labels[:count], pictures.indices[:count])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Two steps of a narrow model on real digits."""
    out = tmp_path_factory.mktemp("runs") / "tiny"
    config = TrainConfig(width=16, limit=256, epochs=1, precision="fp32", seed=3, out=str(out), device="cpu")
    assert Trainer(config, load_pictures(TEST_PICTURES)).train()
    return out


@pytest.fixture(autouse=True)
def small_gallery(tmp_path, monkeypatch):
    """300 digits as the shared gallery, 20 held out."""
    folder = tmp_path / "galleries" / "mnist"
    folder.mkdir(parents=True)
    digits = load_pictures(TEST_PICTURES)
    gallery.save_pictures(folder / gallery.TRAIN_FILE, first(digits, 300))
    gallery.save_pictures(folder / gallery.TEST_FILE, first(digits, 20))
    monkeypatch.setattr(gallery, "GALLERIES", tmp_path / "galleries")
    return folder


@pytest.fixture
def root(tmp_path):
    return tmp_path / "checkpoints"


def quick(run, root, name="tiny-bigan", **options):
    return publish(run, name, data_root="nowhere", root=root, measured=False, **options)


def test_the_checkpoint_is_the_run(run, root):
    folder = quick(run, root)
    stored = model.load(str(folder))
    assert stored.config.name == "tiny-bigan"
    trained = published_networks(run, stored.config)
    for name, net in trained.items():
        for key, weight in net.named_parameters():
            assert torch.equal(stored.networks[name].get_parameter(key), weight.half().float()), key


def test_codes_are_those_of_the_stored_encoder(run, root):
    stored = model.load(str(quick(run, root)))
    codes = Gallery.load(stored).codes
    pictures = load_pictures(TEST_PICTURES)
    with torch.inference_mode():
        expected = stored.encoder(pictures.inputs(slice(0, 300)))
    assert codes.shape == (300, 50)
    assert torch.equal(codes, expected.half().float()) or (codes - expected).abs().max() < 1e-3


def test_batch_norm_is_calibrated_on_all_data(run, root):
    stored = model.load(str(quick(run, root)))
    E = stored.encoder
    with torch.inference_mode():
        h = torch.nn.functional.leaky_relu(
            E.first(load_pictures(TEST_PICTURES).inputs(slice(0, 300)).flatten(1)), 0.2
        )
        h = E.second(h)
    torch.testing.assert_close(E.second_norm.running_mean, h.mean(0), atol=2e-4, rtol=2e-3)
    torch.testing.assert_close(E.second_norm.running_var, h.var(0), atol=1e-5, rtol=5e-3)


def test_discriminator_is_calibrated_on_real_and_fake_in_equal_parts(run, root):
    stored = model.load(str(quick(run, root)))
    norm = stored.networks["joint_discriminator"].second_norm
    assert int(norm.num_batches_tracked) == 2  # one batch of each, the gallery being small


def test_pictures_facts_and_card_are_there(run, root):
    folder = quick(run, root)
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


@pytest.mark.parametrize("name", ["", "Tiny", "a/b", "../x", "a_b", "-a", "galleries", "a\n"])
def test_refuses_a_name(run, root, name):
    with pytest.raises(PublishError, match="a-z, 0-9 and hyphens"):
        quick(run, root, name)
    assert not root.exists()


def test_refuses_an_unfinished_run_unless_told(run, root, tmp_path):
    partial = tmp_path / "partial"
    shutil.copytree(run, partial)
    settings = json.loads((partial / "config.json").read_text())
    settings["train"]["epochs"] = 5
    (partial / "config.json").write_text(json.dumps(settings))
    with pytest.raises(PublishError, match="1 of 5 epochs"):
        quick(partial, root)
    folder = quick(partial, root, unfinished=True)
    assert json.loads((folder / "metrics.json").read_text())["training"]["epochs"] == 1


def test_epochs_logged_but_not_saved_do_not_count(run, root, tmp_path):
    ahead = tmp_path / "ahead"
    shutil.copytree(run, ahead)
    log = ahead / "metrics.jsonl"
    row = json.loads(log.read_text())
    row["step"] += 1
    log.write_text(json.dumps(row) + "\n")
    with pytest.raises(PublishError, match="0 of 1 epochs"):
        quick(ahead, root)


def test_refuses_what_is_no_run(tmp_path, root):
    with pytest.raises(PublishError, match=r"holds no config\.json"):
        quick(tmp_path, root)


def test_refuses_to_replace_what_is_no_checkpoint(run, root):
    (root / "notes").mkdir(parents=True)
    (root / "notes" / "mine.txt").write_text("keep")
    with pytest.raises(PublishError, match="is no checkpoint"):
        quick(run, root, "notes")
    assert (root / "notes" / "mine.txt").read_text() == "keep"


def test_a_missing_gallery_is_named(run, root, small_gallery):
    shutil.rmtree(small_gallery)
    with pytest.raises(PublishError, match=r"python -m train\.gallery mnist"):
        quick(run, root)
    assert list(root.iterdir()) == []


def test_a_failure_leaves_the_old_checkpoint(run, root, monkeypatch):
    before = quick(run, root)
    kept = {path.name: path.read_bytes() for path in before.iterdir()}

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(publishing, "draw_pictures", full)
    with pytest.raises(OSError, match="No space"):
        quick(run, root)
    assert {path.name: path.read_bytes() for path in before.iterdir()} == kept
    assert [path.name for path in root.iterdir()] == ["tiny-bigan"]


def test_publishing_again_replaces(run, root):
    folder = quick(run, root)
    (folder / "stale.txt").write_text("old")
    quick(run, root)
    assert not (folder / "stale.txt").exists()
    assert model.list_models(root) == ["tiny-bigan"]


def test_a_file_too_large_for_a_space_is_refused(run, root, monkeypatch):
    monkeypatch.setattr(publishing, "MAX_FILE_BYTES", 20_000)
    with pytest.raises(PublishError, match="git repository"):
        quick(run, root)
    assert list(root.iterdir()) == []


def test_command_line_says_what_is_wrong_in_one_line(run, capsys):
    assert publishing.main([str(run / "absent"), "name"]) == 2
    assert publishing.main([str(run), "name", "--repo-id", "no-slash"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert all(line.startswith("error: ") for line in errors)


class FakeHub:
    def __init__(self):
        self.calls = []

    def create_repo(self, repo_id, exist_ok):
        self.calls.append(repo_id)

    def upload_folder(self, *, repo_id, folder_path, commit_message, delete_patterns):
        self.files = {str(path.relative_to(folder_path)) for path in folder_path.rglob("*") if path.is_file()}
        self.card = (folder_path / "README.md").read_text()
        assert delete_patterns == ["*.safetensors"]
        return "https://hub/commit"


def test_upload_stands_alone(run, root, monkeypatch):
    hub = FakeHub()
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: hub)
    folder = quick(run, root)
    card = (folder / "README.md").read_text()
    assert upload(folder, "someone/tiny") == "https://hub/commit"
    assert hub.calls == ["someone/tiny"]
    assert {
        "generator.safetensors",
        "gallery/train.npz",
        "gallery/test.npz",
        "gallery.safetensors",
    } <= hub.files
    assert 'ganlab.load("someone/tiny")' in hub.card
    assert (folder / "README.md").read_text() == card
    assert not (folder / "gallery").exists()


def test_upload_that_is_refused_says_what_to_do(run, root, monkeypatch):
    class Refusing(FakeHub):
        def create_repo(self, repo_id, exist_ok):
            raise OSError("Token is required")

    monkeypatch.setattr(huggingface_hub, "HfApi", Refusing)
    with pytest.raises(PublishError, match="hf auth login"):
        upload(quick(run, root), "someone/tiny")
