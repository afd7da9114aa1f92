"""Safetensors files: named tensors, and metadata as named texts. Only this module knows the format."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from ganlab.files import write_bytes

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
TYPES = (*FLOATS, torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


def write(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write CPU tensors of any shape and type to `path`, whole or not at all."""
    write_bytes(path, pack(tensors, metadata))


def write_module(path: Path, module: nn.Module) -> None:
    """Write a network's parameters and buffers, floats as float16."""
    state = module.state_dict().items()
    write(
        path,
        {key: (value.half() if value.is_floating_point() else value).detach().cpu() for key, value in state},
    )


def pack(tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> bytes:
    """The content of the file that `write` would write."""
    return safetensors.torch.save(_contiguous(tensors), metadata)


def unpack(content: bytes) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the metadata of a file's content. ValueError for any other content, for types that are
    not used here, and for numbers that are not finite."""
    try:
        tensors = safetensors.torch.load(content)
    except Exception as error:  # of the library's reader, or of torch for a type that it does not have
        raise ValueError(str(error) or type(error).__name__) from None
    for key, tensor in tensors.items():
        if tensor.dtype not in TYPES:
            raise ValueError(f"{key[:60]} holds numbers of the type {str(tensor.dtype)[6:]}")
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise ValueError(f"{key[:60]} holds numbers that are not finite")
    # The library hands out the metadata of files only, not of bytes. Its reader has checked the header: 8
    # bytes with the length of a JSON object, which is little-endian.
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return tensors, header.get("__metadata__") or {}


def _contiguous(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key: tensor.contiguous() for key, tensor in tensors.items()}
