"""The figures are what a slow, plain computation gives, and the bundled checkpoint is a trained one."""

import json
import re

import numpy as np
import pytest
import torch

from ganlab import gallery, latent, metrics, model, networks
from ganlab.config import ModelConfig
from ganlab.gallery import Pictures, load_pictures
from ganlab.hub import CHECKPOINTS
from ganlab.judge import Judge
from train.data import datasets
from train.measure import batches, evaluate, frechet, latent_error
from train.measure.one_nn import nearest_accuracy
from train.studies import table

DIGITS = CHECKPOINTS / "galleries" / "mnist"
BUNDLED = "mnist-bigan"


def rows(pictures, start, stop):
    part = slice(start, stop)
    return Pictures(pictures.pixels[part], pictures.labels[part], pictures.indices[part])


def config_of(**changes):
    settings = {
        "name": "tiny", "method": "bigan", "dataset": "mnist", "family": "paper", "channels": 1, "size": 28,
        "networks": ("generator", "encoder", "joint_discriminator"), "latent_dim": 10, "prior": "uniform",
        "width": 16, "gallery": "mnist",
    }  # fmt: skip
    return ModelConfig(**(settings | changes))


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A checkpoint of a narrow random model, 300 digits as its gallery and 40 others as the test set.

    The data set has these two splits as well; `make.requests` records which were read, and in which shape.
    """

    def load(dataset, root, split, **shape):
        make.requests.append((dataset, root, split, shape))
        return rows(digits, 300, 340) if split == "test" else rows(digits, 0, 300)

    def make(**changes):
        config = config_of(**changes)
        nets = networks.build(config)
        networks.initialise(nets, seed=5)
        folder = tmp_path / "tiny"
        model.save(config, nets, folder)
        (folder / "metrics.json").write_text('{"training": {"epochs": 7}}')
        return folder

    digits = load_pictures(DIGITS / gallery.TEST_FILE)
    monkeypatch.setattr(gallery, "GALLERIES", tmp_path / "galleries")
    (tmp_path / "galleries" / "mnist").mkdir(parents=True)
    gallery.save_pictures(tmp_path / "galleries" / "mnist" / gallery.TRAIN_FILE, rows(digits, 0, 300))
    make.requests = []
    monkeypatch.setattr(datasets, "load", load)
    monkeypatch.setattr(frechet, "SAMPLES", 200)
    monkeypatch.setattr(latent_error, "SAMPLES", 200)
    monkeypatch.setattr(batches, "BATCH", 16)  # several batches, the last one incomplete
    return make


def nearest(points, references, labels):
    distances = np.linalg.norm(points[:, None].astype(np.float64) - references[None], axis=2)
    return labels[distances.argmin(1)]


def plain_frechet(a, b):
    """With A^T A and B^T B the covariances, the trace of their product's root is the sum of A B^T's
    singular values."""
    apart = ((a.mean(0) - b.mean(0)) ** 2).sum() + a.var(0, ddof=1).sum() + b.var(0, ddof=1).sum()
    A, B = ((some - some.mean(0)) / np.sqrt(len(some) - 1) for some in (a, b))
    return apart - 2 * np.linalg.svd(A @ B.T, compute_uv=False).sum()


@pytest.mark.slow
def test_figures_equal_a_plain_computation(tiny, capsys):
    folder = tiny()
    assert evaluate.main([str(folder)]) == 0
    figures = json.loads((folder / "metrics.json").read_text())
    stored = model.load(str(folder))
    digits = load_pictures(DIGITS / gallery.TEST_FILE)
    X, X_labels = digits.inputs(slice(0, 300)), digits.labels[:300].numpy()
    x, labels = digits.inputs(slice(300, 340)), digits.labels[300:340].numpy()
    E, G = stored.encoder, stored.generator
    with torch.inference_mode():
        y = G(E(x))
        spaces = {"features": E.hidden, "code": E, "logits": E.logits, "pixels": lambda some: some.flatten(1)}
        for space, function in spaces.items():
            guess = nearest(function(x).numpy(), function(X).numpy(), X_labels)
            accuracy = (guess == labels).mean()
            assert figures["one_nn"][space]["accuracy"] == pytest.approx(accuracy), space
            error = (accuracy * (1 - accuracy) / 40) ** 0.5
            assert figures["one_nn"][space]["standard_error"] == pytest.approx(error, rel=1e-5)
        z = latent.draw("uniform", 10, 200, 0)
        again = E(G(z))

    x, y, flat = x.numpy(), y.numpy(), X.flatten(1).numpy()
    other = np.concatenate([x[1:], x[:1]])

    def l2(a, b):
        return np.sqrt(((a - b) ** 2).sum((1, 2, 3))).mean()

    r = figures["reconstruction"]
    assert r["l2"] == pytest.approx(l2(x, y), rel=1e-5)
    assert r["l2_random_pair"] == pytest.approx(l2(other, y), rel=1e-5)
    assert r["l2_ratio"] == pytest.approx(l2(x, y) / l2(other, y), rel=1e-5)
    assert r["l2_real_pair"] == pytest.approx(l2(other, x), rel=1e-5)
    assert r["mse"] == pytest.approx(((x - y) ** 2).mean(), rel=1e-5)
    assert r["mse_random_pair"] == pytest.approx(((other - y) ** 2).mean(), rel=1e-5)
    mean = flat.mean(0).reshape(1, 28, 28)
    assert r["mse_mean_image"] == pytest.approx(((x - mean) ** 2).mean(), rel=1e-5)
    percentiles = np.percentile(((x - y) ** 2).mean((1, 2, 3)), range(101))
    np.testing.assert_allclose(r["mse_quantiles"], percentiles, rtol=1e-4)

    z, again = z.numpy(), again.numpy()
    assert figures["latent"]["mean_abs_error"] == pytest.approx(np.abs(again - z).mean(), rel=1e-4)
    independent = np.abs(z - np.concatenate([z[1:], z[:1]])).mean()
    assert figures["latent"]["mean_abs_error_random_pair"] == pytest.approx(independent, rel=1e-4)

    judge = Judge.load("mnist")
    with torch.inference_mode():
        before, after = (judge.network(torch.from_numpy(some)).numpy().argmax(1) for some in (x, y))
    i = figures["identity"]
    assert i["share"] == pytest.approx((after == before).mean())
    assert i["standard_error"] == pytest.approx((i["share"] * (1 - i["share"]) / 40) ** 0.5, rel=1e-5)
    assert i["label_agreement"] == pytest.approx((after == labels).mean())
    assert i["judge_accuracy"] == pytest.approx((before == labels).mean())
    assert i["judge"] == figures["frechet"]["judge"] == judge.fingerprint

    with torch.inference_mode():
        samples = G(latent.draw("uniform", 10, 40, 1))
        features = [judge.network.hidden(some).double().numpy() for some in (samples, torch.from_numpy(x))]
    assert figures["frechet"]["distance"] == pytest.approx(plain_frechet(*features), rel=1e-4)
    assert figures["frechet"]["n"] == 40

    about = figures["evaluation"]
    assert about["fingerprint"] == stored.fingerprint
    assert about["test"] == "mnist test, 40"
    assert figures["training"] == {"epochs": 7}
    printed = capsys.readouterr().out
    assert "97.39 %" in printed
    assert "9.60" in printed
    card = (folder / "README.md").read_text()
    assert f"{100 * i['share']:.2f} ± {100 * i['standard_error']:.2f} % of" in card
    assert f"fingerprint `{stored.fingerprint}`" in card


@pytest.mark.slow
def test_the_same_figures_every_time(tiny):
    folder = tiny()
    test = datasets.load("mnist", "", "test")
    first, second = evaluate.evaluate(folder, test), evaluate.evaluate(folder, test)
    for figures in (first, second):
        for when in ("seconds", "date", "commit"):
            figures["evaluation"].pop(when)
    assert first == second


def test_untrained_is_the_start_of_a_run_with_calibrated_batch_norm():
    digits = load_pictures(DIGITS / gallery.TEST_FILE)
    fresh = gallery.build_untrained(config_of(), digits, seed=0)["encoder"]
    nets = networks.build(config_of())
    networks.initialise(nets, 0)
    assert torch.equal(fresh.first.weight, nets["encoder"].first.weight)
    assert not torch.equal(fresh.second_norm.running_var, torch.ones(16))
    assert not fresh.training


def test_calibration_sees_batches_of_one_size():
    digits = load_pictures(DIGITS / gallery.TEST_FILE)
    assert [len(x) for x in gallery.iterate_batches(rows(digits, 0, 30))] == [30]
    many = Pictures(digits.pixels.repeat(3, 1, 1, 1), digits.labels.repeat(3), digits.indices.repeat(3))
    assert [len(x) for x in gallery.iterate_batches(many)] == [512, 512]


def test_without_an_encoder_only_what_needs_none(tiny, capsys):
    folder = tiny(networks=("generator",), method="gan")
    figures = evaluate.evaluate(folder, datasets.load("mnist", "", "test"))
    said = capsys.readouterr().out
    assert re.search(r"^unlike +– +tiny is no model of digits with an encoder\.$", said, re.MULTILINE)
    assert "not measured yet: python -m train.memorization tiny" in said
    assert set(figures) == {"fingerprint", "evaluation", "training", "one_nn", "frechet"}
    assert set(figures["one_nn"]) == {"pixels"}
    card = (folder / "README.md").read_text()
    assert "ex.encode" not in card
    assert "sees the same class" not in card


def test_a_data_set_without_a_judge_has_neither_identity_nor_frechet(tiny):
    folder = tiny(dataset="kmnist")
    figures = evaluate.evaluate(folder, datasets.load("kmnist", "", "test"))
    always = {"fingerprint", "evaluation", "training"}
    assert set(figures) - always == {"one_nn", "reconstruction", "latent", "codes"}
    card = (folder / "README.md").read_text()
    assert "judge" not in card
    assert "97.39 %" not in card


# ------------------------------------------------------------------ which pictures


def test_a_model_with_a_gallery_reads_the_test_set_only(tiny):
    assert evaluate.main([str(tiny()), "--data-root", "there"]) == 0
    assert tiny.requests == [
        ("mnist", "there", "test", {"size": 28, "channels": 1, "most": datasets.MAX_IN_MEMORY})
    ]


@pytest.mark.slow
def test_without_a_gallery_the_training_pictures_take_its_place(tiny):
    folder = tiny()
    shared = evaluate.evaluate(folder, datasets.load("mnist", "", "test"))
    folder = tiny(gallery=None)
    tiny.requests.clear()
    assert evaluate.main([str(folder), "--data-root", "there"]) == 0
    shape = {"size": 28, "channels": 1, "most": datasets.MAX_IN_MEMORY}
    assert tiny.requests == [("mnist", "there", split, shape) for split in ("test", "train")]
    figures = json.loads((folder / "metrics.json").read_text())
    assert figures["evaluation"]["gallery"] == shared["evaluation"]["gallery"] == "mnist train, 300"
    for key in ("one_nn", "frechet", "reconstruction", "latent", "identity"):
        assert figures[key] == shared[key], key


def test_without_any_training_pictures_the_function_refuses(tiny):
    with pytest.raises(ValueError, match=r"^tiny has no gallery: its training pictures are needed\.$"):
        evaluate.evaluate(tiny(gallery=None), datasets.load("mnist", "", "test"))


def test_a_model_of_a_folder_is_measured_on_the_folder_that_is_named(tiny, capsys):
    folder = tiny(dataset="my pictures", gallery=None)
    assert evaluate.main([str(folder), "--dataset", "here/my pictures", "--data-root", "there"]) == 0
    shape = {"size": 28, "channels": 1, "most": datasets.MAX_IN_MEMORY}
    assert tiny.requests == [("here/my pictures", "there", split, shape) for split in ("test", "train")]
    assert "one_nn" in json.loads((folder / "metrics.json").read_text())
    capsys.readouterr()
    assert evaluate.main([str(folder)]) == 2
    assert "'my pictures': say where it lies with --dataset." in capsys.readouterr().err
    assert evaluate.main([str(tiny()), "--dataset", "elsewhere"]) == 2
    assert "tiny is a model of mnist: leave --dataset away." in capsys.readouterr().err


def test_errors_are_one_sentence(tiny, monkeypatch, capsys):
    assert evaluate.main(["absent"]) == 2
    assert evaluate.main([]) == 2

    def absent(dataset, root, split, **shape):
        raise ValueError(f"{dataset} is incomplete in {root}.")

    monkeypatch.setattr(datasets, "load", absent)
    assert evaluate.main([str(tiny(gallery=None)), "--data-root", "there"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 3
    assert "available" in errors[0]
    assert "--table" in errors[1]
    assert errors[2] == "error: mnist is incomplete in there."


def test_the_table_is_asked_for_alone_or_beside_names(tiny, monkeypatch, capsys):
    monkeypatch.setattr(table, "write", lambda: "the page")
    assert evaluate.main(["--table"]) == 0
    assert capsys.readouterr().out == "the page\n"
    assert tiny.requests == []
    assert evaluate.main([str(tiny()), "--table"]) == 0
    printed = capsys.readouterr().out
    assert "1NN, features" in printed
    assert printed.endswith("the page\n")


# ------------------------------------------------------------------ the checkpoint that comes with the app


@pytest.fixture(scope="module")
def bundled():
    if not (CHECKPOINTS / BUNDLED).is_dir():
        pytest.skip(f"checkpoints/{BUNDLED} is not published yet")
    stored = model.load(BUNDLED)
    pictures = rows(load_pictures(DIGITS / gallery.TRAIN_FILE), 0, 10_000)
    return stored, pictures, gallery.build_untrained(stored.config, pictures, seed=0)["encoder"]


@pytest.mark.slow
def test_bundled_encoder_inverts_its_generator_better_than_an_untrained_one(bundled):
    stored, _, fresh = bundled
    x = load_pictures(DIGITS / gallery.TEST_FILE).inputs(slice(None))
    with torch.inference_mode():
        trained = metrics.l2(x, stored.generator(stored.encoder(x))).mean()
        untrained = metrics.l2(x, stored.generator(fresh(x))).mean()
    assert trained < 0.85 * untrained


@pytest.mark.slow
def test_bundled_codes_tell_digits_apart_better_than_untrained_ones(bundled):
    stored, pictures, fresh = bundled
    test = load_pictures(DIGITS / gallery.TEST_FILE)

    trained, untrained = (
        nearest_accuracy(encoder, pictures, test.inputs(slice(None)), test.labels)
        for encoder in (stored.encoder, fresh)
    )
    assert trained - untrained > 2 * metrics.standard_error(untrained, len(test))
