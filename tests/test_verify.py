"""verify: what is bundled is whole and says so; what is not is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import ganlab
from ganlab import sums, tensor_files, verify
from ganlab.__main__ import main
from ganlab.hub import CHECKPOINTS
from ganlab.model import load, read_config, weights_file
from train import sums as written

FINGERPRINTS = {  # latents and links carry them
    "cifar10-bigan-plus": "f1b0ee8a00f6ede8",
    "cifar10-gan": "8f59be51d952db74",
    "imagenet64-bigan": "59716e63db4f1a6b",
    "imagenet64-bigan-plus": "439781aa625d902c",
    "mnist-ae-l1": "be5982df36d76393",
    "mnist-ae-l2": "76e563098579f58a",
    "mnist-bigan": "6bab887980f54133",
    "mnist-bigan-plus": "e3be9054186dfe81",
    "mnist-gan": "3700e21f86c90836",
    "mnist-jlr": "b629d97336972ab7",
    "mnist-lr": "ecfa85713b9e1683",
}


def test_all_that_is_bundled_has_its_sums_and_its_fingerprint() -> None:
    for folder in verify.list_folders():
        assert verify.compare_files(folder) == [], folder.name
    for name, fingerprint in FINGERPRINTS.items():
        assert json.loads((CHECKPOINTS / name / "metrics.json").read_text())["fingerprint"] == fingerprint
    assert FINGERPRINTS.keys() == set(ganlab.list_models())


def test_fingerprints_do_not_know_of_sums() -> None:
    for name, fingerprint in FINGERPRINTS.items():
        config, text = read_config(CHECKPOINTS / name, name)
        weights = (CHECKPOINTS / name / weights_file(network) for network in config.networks)
        content = b"".join([text.encode(), *(path.read_bytes() for path in weights)])
        assert sums.compute(content)[:16] == fingerprint, name
    assert load("mnist-gan").fingerprint == FINGERPRINTS["mnist-gan"]


def test_the_command_names_what_is_wrong(tiny_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(tiny_folder)]) == 2
    assert "was written before files had sums" in capsys.readouterr().out
    written.write(tiny_folder)
    assert main(["verify", str(tiny_folder)]) == 0
    assert "as it was published" in capsys.readouterr().out
    (tiny_folder / "resume.pt").write_bytes(b"")
    assert main(["verify", str(tiny_folder)]) == 2
    said = capsys.readouterr()
    owner = f"{tiny_folder.parent.name}/tiny"
    assert f"{owner}/resume.pt is no part of {owner}, whose description does not name it." in said.out
    assert said.err == "error: 1 of 1 are not as they were published.\n"
    assert ganlab.load(str(tiny_folder)).config.name == "tiny"  # it is in nobody's way
    path = tiny_folder / "encoder.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"\xff")
    assert main(["verify", str(tiny_folder)]) == 2
    said = capsys.readouterr()
    assert "tiny/encoder.safetensors is damaged" in said.out
    assert "tiny/resume.pt is no part of" in said.out
    assert said.err == "error: 1 of 1 are not as they were published.\n"
    (tiny_folder / "resume.pt").unlink()
    tensors, metadata = tensor_files.unpack(whole)
    key = next(key for key, tensor in tensors.items() if tensor.is_floating_point())
    path.write_bytes(
        tensor_files.pack(tensors | {key: torch.full_like(tensors[key], float("nan"))}, metadata)
    )
    written.write(tiny_folder)
    assert main(["verify", str(tiny_folder)]) == 2
    assert f"{key} holds numbers that are not finite" in capsys.readouterr().out
    assert main(["verify", "judges/absent"]) == 2
