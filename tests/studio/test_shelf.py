"""Shelves as files: what goes in comes out, and a stranger's file is refused with a sentence."""

from __future__ import annotations

import json
import re

import pytest
import torch
from safetensors.torch import save

from ganlab.explorer import Explorer
from ganlab.studio import shelf
from tests.conftest import CHANGE


def test_latents_and_captions_come_back_exactly(few_neighbours: Explorer) -> None:
    z = few_neighbours.sample(5, seed=3)
    captions = ["a", "ä “quoted”", "", "sample 3", "x" * 500]
    content = shelf.pack(few_neighbours, z, captions)
    latents, names = shelf.unpack(few_neighbours, content)
    assert torch.equal(latents, z)
    assert names == captions


def test_another_checkpoints_shelf_is_refused_by_name(few_neighbours: Explorer, bundled: Explorer) -> None:
    content = shelf.pack(bundled, bundled.sample(2, seed=0), ["a", "b"])
    with pytest.raises(ValueError, match=r"belongs to the model mnist-bigan \(.*not to mnist-ae-l1"):
        shelf.unpack(few_neighbours, content)


def test_a_shelf_of_an_earlier_fingerprint_comes_back(renewed: tuple[Explorer, Explorer]) -> None:
    before, after = renewed
    z = before.sample(2, seed=1)
    latents, captions = shelf.unpack(after, shelf.pack(before, z, ["a", "b"]))
    assert torch.equal(latents, z)
    assert captions == ["a", "b"]


def test_a_shelf_of_the_checkpoint_before_is_refused_with_what_has_changed(
    replaced: tuple[Explorer, Explorer],
) -> None:
    before, after = replaced
    with pytest.raises(ValueError, match=f"^This shelf was made with tiny before {re.escape(CHANGE)}; its"):
        shelf.unpack(after, shelf.pack(before, before.sample(1, seed=1), ["a"]))


def of(explorer: Explorer, z: torch.Tensor, captions: object) -> bytes:
    metadata = {"model": "x", "fingerprint": explorer.fingerprint, "captions": json.dumps(captions)}
    return save({"z": z}, metadata)


def test_a_file_that_is_no_shelf_gets_a_sentence(few_neighbours: Explorer) -> None:
    for content in (b"", b"\x08", b"x" * 100, save({"z": torch.zeros(1, 50)}), save({"y": torch.zeros(1)})):
        with pytest.raises(ValueError, match="no shelf"):
            shelf.unpack(few_neighbours, content)
    wrong = {
        "at most 1 MB": b"x" * (shelf.MAX_BYTES + 1),
        r"not \(2, 3\)": of(few_neighbours, torch.zeros(2, 3), ["a", "b"]),
        r"not \(300, 50\)": of(few_neighbours, torch.zeros(300, 50), ["a"] * 300),
        "no shelf": of(few_neighbours, torch.full((1, 50), torch.nan), ["a"]),
        "float32": of(few_neighbours, torch.zeros(1, 50, dtype=torch.float64), ["a"]),
        "caption for each": of(few_neighbours, torch.zeros(2, 50), ["a"]),
    }
    for sentence, content in wrong.items():
        with pytest.raises(ValueError, match=sentence):
            shelf.unpack(few_neighbours, content)
