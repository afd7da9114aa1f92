"""The judge's file for the page: tests/js/judge.test.js evaluates it."""

from __future__ import annotations

import json
from pathlib import Path

import torch

import ganlab
from ganlab import tensor_files
from ganlab.explorer import Explorer
from ganlab.judge import Judge, JudgeConfig, Network
from ganlab.light import Light, count_inputs
from ganlab.model import LatentModel
from ganlab.studio import portable_judge


def unpack(explorer: Explorer) -> tuple[dict, dict]:
    tensors, metadata = tensor_files.unpack(portable_judge.pack(explorer))
    return tensors, json.loads(metadata["ganlab"])


def test_weights_are_the_judges_own(bundled: Explorer) -> None:
    tensors, metadata = unpack(bundled)
    judge = bundled.judge
    assert judge is not None
    assert metadata["judge"] == judge.fingerprint
    assert [layer["convolves"] for layer in metadata["layers"]] == [True] * 5 + [False] * 2
    assert [layer["pools"] for layer in metadata["layers"]] == [True, False, True, False, True, False, False]
    torch.testing.assert_close(tensors["6.weight"].float().T, judge.network.output.weight, rtol=0, atol=0)
    sizes = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    assert sizes < 500_000  # bytes that each page fetches


def test_averages_come_before_the_linear_layer(tiny_model: LatentModel) -> None:
    """The weights stay small: it is the page that averages."""
    config = JudgeConfig("tiny", 3, 52, 5, (2, 3, 4), 6, 0.0, 0.0, 0, grid=3)
    explorer = Explorer(tiny_model)
    explorer.judge = Judge(config, Network(config), "f" * 16)
    tensors, metadata = unpack(explorer)
    assert [layer["averages"] for layer in metadata["layers"]] == [0] * 5 + [3, 0]
    assert tensors["5.weight"].shape == (3 * 3 * 4, 6)


def test_a_model_of_other_pictures_gets_a_reason_instead(colour_model: str) -> None:
    tensors, metadata = unpack(ganlab.load(colour_model))
    assert tensors == {}
    assert metadata["reason"] == metadata["light_reason"] == "There is no classifier for this data set."


def test_the_light_comes_with_how_often_it_agrees_with_the_gauge(
    tiny_model: LatentModel, tiny_folder: Path
) -> None:
    explorer = Explorer(tiny_model)
    tensors, metadata = unpack(explorer)
    assert "light.weight" not in tensors
    assert "train.light" in metadata["light_reason"]
    assert explorer.judge is not None
    Light(torch.ones(count_inputs(explorer.judge)), 0.5).save(explorer, tiny_folder)
    tensors, metadata = unpack(explorer)
    assert float(tensors["light.bias"]) == 0.5
    assert (metadata["light_reason"], metadata["agreement"]) == ("", None)  # not measured
    figures = {"fingerprint": explorer.fingerprint, "agreement": {"like": 0.9, "unlike": 0.8}}
    explorer.metrics["light"] = figures
    assert unpack(explorer)[1]["agreement"] == {"like": 0.9, "unlike": 0.8}
    explorer.metrics["light"] = figures | {"fingerprint": "of other weights"}
    assert unpack(explorer)[1]["agreement"] is None
