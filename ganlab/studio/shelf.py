"""Shelves: latents of one checkpoint with what they are called, as one safetensors file.

The tensor "z" (N, latent_dim) is float32 and exact; the metadata hold the model's name, the checkpoint's
fingerprint and the captions.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import torch
from torch import Tensor

from ganlab import tensor_files
from ganlab.explorer import Explorer

MAX_BYTES = 1_000_000
MAX_LATENTS = 256


def pack(explorer: Explorer, z: Tensor, captions: Sequence[str]) -> bytes:
    """The file of latents (N, latent_dim) and their N captions."""
    told = {
        "model": explorer.config.name,
        "fingerprint": explorer.fingerprint,
        "captions": json.dumps(list(captions)),
    }
    return tensor_files.pack({"z": z.float()}, told)


def unpack(explorer: Explorer, content: bytes) -> tuple[Tensor, list[str]]:
    """Latents and captions of a file, which may be anybody's. ValueError for one that is no shelf, or one
    of another checkpoint."""
    if len(content) > MAX_BYTES:
        raise ValueError(f"A shelf has at most {MAX_BYTES / 1e6:.0f} MB, not {len(content) / 1e6:.1f}.")
    try:
        tensors, told = tensor_files.unpack(content)
        z = tensors["z"]
        captions = json.loads(told["captions"])
        model, fingerprint = str(told["model"]), str(told["fingerprint"])
    except (KeyError, ValueError, TypeError, RecursionError):
        raise ValueError("This file is no shelf: one is made by the button that saves the shelf.") from None
    if not explorer.accepts(fingerprint):
        raise ValueError(
            f"This shelf is of the model {model[:60]} ({fingerprint[:16]}), not of {explorer.config.name}"
            f" ({explorer.fingerprint}); latents mean nothing to another model."
        )
    if z.dim() != 2 or z.shape[1] != explorer.config.latent_dim or not 1 <= len(z) <= MAX_LATENTS:
        raise ValueError(
            f"A shelf holds from 1 to {MAX_LATENTS} latents of {explorer.config.latent_dim} numbers,"
            f" not {tuple(z.shape)}."
        )
    if z.dtype != torch.float32 or not torch.isfinite(z).all():
        raise ValueError("A shelf's latents are finite float32 numbers.")
    if not isinstance(captions, list) or len(captions) != len(z):
        raise ValueError("A shelf names each of its latents.")
    return z, [str(caption) for caption in captions]
