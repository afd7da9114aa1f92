"""Tensor files: what is written is what is read, from a path and from bytes, and anything else is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors
import torch
from torch import nn

from ganlab import tensor_files

TENSORS = {
    "a": torch.arange(6, dtype=torch.int16).view(2, 3),
    "b": torch.eye(3)[:, :2].T,  # not contiguous
    "none": torch.empty(0, 4),
}


@pytest.mark.parametrize("metadata", [None, {"fingerprint": "0" * 16, "names": '["ä", "“"]'}])
def test_tensors_and_metadata_come_back(metadata: dict[str, str] | None, tmp_path: Path) -> None:
    tensor_files.write(tmp_path / "file", TENSORS, metadata)
    for content in ((tmp_path / "file").read_bytes(), tensor_files.pack(TENSORS, metadata)):
        tensors, labels = tensor_files.unpack(content)
        assert labels == (metadata or {})
        assert tensors.keys() == TENSORS.keys()
        for key, tensor in TENSORS.items():
            assert tensors[key].dtype == tensor.dtype
            assert torch.equal(tensors[key], tensor)


def test_metadata_are_those_that_the_library_reads(tmp_path: Path) -> None:
    tensor_files.write(tmp_path / "file", TENSORS, {"names": "ä"})
    with safetensors.safe_open(tmp_path / "file", "pt") as file:
        assert file.metadata() == {"names": "ä"}


def test_a_network_is_written_in_half_precision(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    tensor_files.write_module(tmp_path / "file", network)
    tensors, _ = tensor_files.unpack((tmp_path / "file").read_bytes())
    assert tensors["0.weight"].dtype == torch.float16
    assert tensors["1.num_batches_tracked"].dtype == torch.int64
    assert torch.equal(tensors["0.weight"], network[0].weight.half())


def test_anything_else_is_refused() -> None:
    whole = tensor_files.pack(TENSORS, {"names": "x"})
    for content in (b"", b"\x08", b"not safetensors", whole[:-1], whole[:40], whole + b"\0"):
        with pytest.raises(ValueError, match=r"."):
            tensor_files.unpack(content)
