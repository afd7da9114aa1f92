"""Every kind of model gets a card that says what it is, and figures only where they were measured."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ganlab.config import ModelConfig
from tests.conftest import TINY
from train.methods import METHODS
from train.report import card

PICTURES = [card.SAMPLES_FILE, card.RECONSTRUCTIONS_FILE]


def config_of(method: str, **changes: Any) -> ModelConfig:
    return dataclasses.replace(TINY, method=method, networks=METHODS[method].networks, **changes)


def measured(method: str, **changes: Any) -> dict[str, Any]:
    """Figures as train.evaluate writes them of a model of this method."""
    networks = METHODS[method].networks
    spaces = [("features", 0.91), ("code", 0.82), ("logits", 0.83)] if "encoder" in networks else []
    one_nn: dict[str, dict[str, float]] = {
        space: {"accuracy": share, "standard_error": 0.0042, "untrained": share - 0.1}
        for space, share in spaces
    }
    if "discriminator" in networks:
        one_nn["discriminator"] = {"accuracy": 0.77, "standard_error": 0.0042, "untrained": 0.66}
    one_nn["pixels"] = {"accuracy": 0.9691, "standard_error": 0.0017}
    metrics: dict[str, Any] = {
        "evaluation": {
            "command": "python -m train.evaluate tiny", "date": "2026-01-02", "fingerprint": "f00",
            "gallery": "mnist train, 60000", "test": "mnist test, 10000",
        },
        "training": {"method": method, "dataset": "MNIST", "epochs": 3, "seconds": 12.6, "commit": None},
        "one_nn": one_nn,
        "frechet": {"distance": 1.23456, "floor": 0.0371, "n": 10_000, "judge": "a-judge"},
    }  # fmt: skip
    if "encoder" in networks:
        metrics["reconstruction"] = {
            "l2": 5.871, "l2_random_pair": 9.52, "l2_ratio": 0.617, "l2_real_pair": 9.96, "mse": 0.0493,
            "mse_random_pair": 0.1182, "mse_mean_image": 0.0675,
            "mse_quantiles": [i / 1000 for i in range(101)],
        }  # fmt: skip
        metrics["latent"] = {"mean_abs_error": 0.5461, "mean_abs_error_random_pair": 0.667}
        metrics["identity"] = {
            "share": 0.7385, "standard_error": 0.0044, "label_agreement": 0.7301, "judge": "a-judge",
            "judge_accuracy": 0.9959,
        }  # fmt: skip
    return metrics | changes


def rendered(method: str, metrics: dict[str, Any] | None = None, **changes: Any) -> str:
    return card.render(config_of(method, **changes), metrics or measured(method), "tiny", PICTURES)


ABOUT = {
    "bigan": "one discriminator that sees both",
    "bigan-plus": "whose reconstructions are judged too",
    "gan": "generative adversarial network",
    "lr": "E never sees a real picture in training, and G learns nothing from E.",
    "jlr": "while G also learns to make z easy to recover",
    "ae-l1": "absolute error of G(E(x))",
    "ae-l2": "squared error of G(E(x))",
}


@pytest.mark.parametrize("method", METHODS)
def test_it_says_what_the_model_is(method: str) -> None:
    text = rendered(method)
    for other, said in ABOUT.items():
        assert (said in text) == (other == method), other
    assert "Trained on MNIST." in text
    assert f"- {method}\n" in text
    assert "JPEG" not in text
    assert "{" not in text.replace("```", "")  # no place left unfilled


@pytest.mark.parametrize("method", METHODS)
def test_its_figures_are_those_measured(method: str) -> None:
    text, encodes = rendered(method), method != "gan"
    assert ("| 1NN, features (hidden layer) | 91.00 ± 0.42 % | 81.00 % untrained |" in text) == encodes
    judged = method in ("gan", "lr", "jlr")
    assert ("| 1NN, discriminator (hidden layer) | 77.00 ± 0.42 % | 66.00 % untrained |" in text) == judged
    assert "| 1NN, raw pixels (no model) | 96.91 ± 0.17 % | – |" in text
    assert "| Fréchet distance of 10,000 samples, judge features | 1.235 | 0.037 real pictures |" in text
    assert "The judge is `a-judge`." in text
    identity = "| Identity: the judge sees the same class in x and G(E(x)) | 73.85 ± 0.44 % |"
    assert (identity in text) == encodes
    assert ("| The judge's class of G(E(x)) is the label | 73.01 % | 99.59 % of x |" in text) == encodes
    limit = "right on 99.59 % of the originals), sees the same class in x and G(E(x)) for 73.85 ± 0.44 % of"
    assert (limit in text) == encodes
    assert ("ex.encode(x)" in text) == ("E(G(z)) − z" in text) == ("Reconstruction, L2" in text) == encodes
    assert "the same network with random weights" in text


@pytest.mark.parametrize(
    ("method", "features"),
    [("bigan", 97.39), ("lr", 97.44), ("jlr", 97.13), ("ae-l1", 97.63), ("ae-l2", 97.58), ("gan", None)],
)
def test_published_figures_stand_beside_those_of_mnist_only(method: str, features: float | None) -> None:
    text = rendered(method)
    published = f"{features:.2f} % (96.84 %)" if features else "Published"
    assert (published in text) == (features is not None)
    assert ("97.30 %" in text) == (method == "lr")  # D, which the paper reports of the GAN
    assert "Published" not in rendered(method, dataset="kmnist")


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        ("bigan", "reports a\n  reconstruction error of 5.95 where a random pair has 9.60."),
        ("lr", "E was trained on G's pictures only"),
        ("jlr", "E was trained on G's pictures only"),
        ("ae-l2", None),
        ("gan", None),
    ],
)
def test_why_classes_change(method: str, reason: str | None) -> None:
    for dataset in ("mnist", "kmnist"):
        text = rendered(method, dataset=dataset)
        assert ("Reconstructions change class" in text) == (reason is not None)
        assert reason is None or reason in text


@pytest.mark.parametrize("source", ["CIFAR-10", "CIFAR-10 (JPEG)"])
def test_jpeg_copies_of_cifar10_are_named(source: str) -> None:
    metrics = measured("gan", training={"method": "gan", "dataset": source})
    text = rendered("gan", metrics, dataset="cifar10", channels=3, size=32, family="conv")
    assert f"Trained on {source}." in text
    assert ("These are CIFAR-10's pictures after JPEG compression." in text) == ("JPEG" in source)
    assert "32 x 32, in colour" in text
    assert "- uoft-cs/cifar10" in text
    assert "Krizhevsky" in text
    assert "Cortes" not in text


def test_what_was_not_measured_is_not_there() -> None:
    text = rendered("lr", {"training": {"epochs": 3}})
    assert "Not evaluated yet: `python -m train.evaluate tiny`." in text
    assert "judge" not in text
    assert "±" not in text
    assert "Not recorded." in card.render(config_of("gan"), {}, "tiny", [])
    blind = {key: value for key, value in measured("lr").items() if key not in ("frechet", "identity")}
    assert "judge" not in rendered("lr", blind)


def test_the_terminals_table_has_the_same_cells() -> None:
    config, metrics = config_of("lr"), measured("lr")
    heads, rows = card.list_figures(config, metrics)
    lines = card.format_figures(config, metrics).splitlines()
    assert len(lines) == len(rows) + 2
    for cells, line in zip([heads, *rows], [lines[0], *lines[2:]], strict=True):
        assert [cell.strip() for cell in cells] == [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_a_discriminator_that_is_not_included_is_mentioned() -> None:
    said = "Its discriminator, which only training needs, is not part of this checkpoint."
    assert said not in rendered("lr")
    fewer = dataclasses.replace(
        config_of("lr"), networks=("generator", "encoder"), trained_networks=METHODS["lr"].networks
    )
    assert said in card.render(fewer, measured("lr"), "tiny", PICTURES)


def test_a_latent_map_is_explained_and_samples_come_from_the_prior() -> None:
    networks = (*METHODS["bigan"].networks, "latent_map")
    mapped = dataclasses.replace(
        TINY, networks=networks, prior="normal", map_width=8, map_blocks=1, map_steps=2
    )
    text = card.render(mapped, {}, "tiny", PICTURES)
    assert "its picture is G(F(u)), and that of a picture x is the inverse of F at E(x)." in text
    assert "G(z) for z from the prior" in text
    both = card.render(dataclasses.replace(mapped, gaussians=7), {}, "tiny", PICTURES)
    assert "from this mixture where it is chosen." in both
    assert "latents of the prior" in both
    mixed = rendered("bigan", gaussians=7)
    assert "latent map" not in mixed
    assert "from this mixture unless the prior is chosen." in mixed
    assert "latents of the mixture" in mixed


COLOUR = {"channels": 3, "size": 64, "dataset": "imagenet64", "preparation": "picture"}


def test_in_colour_published_figures_and_digits_are_not_mentioned() -> None:
    text = rendered("bigan", **COLOUR)
    assert "so a reconstruction is a plausible picture" in text
    for word in ("digit", "5.95", "The published method"):
        assert word not in text
    assert 'ex.prepare("photo.png")' in text
    assert "research and no redistribution" in text


@pytest.mark.parametrize(("error", "words"), [(0.03, "keeps colours and layout"), (0.07, "has little to do")])
def test_what_reconstructions_in_colour_keep_follows_from_their_error(error: float, words: str) -> None:
    metrics = measured("bigan-plus")
    metrics["reconstruction"]["mse"] = error  # that of the mean picture is 0.0675
    sentences = [
        line for line in rendered("bigan-plus", metrics, **COLOUR).splitlines() if "comes back" in line
    ]
    assert len(sentences) == 1
    assert words in sentences[0]
    assert "comes back" not in rendered("bigan-plus", metrics)


def test_pictures_of_cifar10_are_shown_by_models_with_an_encoder_alone() -> None:
    small = {**COLOUR, "dataset": "cifar10", "size": 32}
    assert "those shown here are its authors'" in " ".join(rendered("bigan", **small).split())
    assert "none of its pictures is here" in " ".join(rendered("gan", **small).split())
