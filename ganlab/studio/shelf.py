"""Shelves: latents of one checkpoint with their captions, as one safetensors file.

The tensor "z" (N, latent_dim) is float32 and exact. The metadata hold the model's name, the checkpoint's
fingerprint and the captions as a JSON list.
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
    metadata = {
        "model": explorer.config.name,
        "fingerprint": explorer.fingerprint,
        "captions": json.dumps(list(captions)),
    }
    return tensor_files.pack({"z": z.float()}, metadata)


def unpack(explorer: Explorer, content: bytes) -> tuple[Tensor, list[str]]:
    """Latents (N, latent_dim) and N captions of a file, which may come from anybody. ValueError for a file
    that is no shelf, or one of another checkpoint."""
    if len(content) > MAX_BYTES:
        raise ValueError(f"A shelf has at most {MAX_BYTES / 1e6:.0f} MB, not {len(content) / 1e6:.1f}.")
    try:
        tensors, metadata = tensor_files.unpack(content)
        z = tensors["z"]
        captions = json.loads(metadata["captions"])
        model, fingerprint = str(metadata["model"]), str(metadata["fingerprint"])
    except (KeyError, ValueError, TypeError, RecursionError):
        raise ValueError(
            "This file is no shelf. The button that saves the shelf writes such files."
        ) from None
    if not explorer.accepts(fingerprint):
        raise ValueError(
            explorer.config.explain_replacement(fingerprint, "shelf")
            or f"This shelf belongs to the model {model[:60]} ({fingerprint[:16]}), not to"
            f" {explorer.config.name} ({explorer.fingerprint}); another model's latents mean nothing to it."
        )
    if z.dim() != 2 or z.shape[1] != explorer.config.latent_dim or not 1 <= len(z) <= MAX_LATENTS:
        raise ValueError(
            f"A shelf holds from 1 to {MAX_LATENTS} latents of {explorer.config.latent_dim} numbers,"
            f" not {tuple(z.shape)}."
        )
    if z.dtype != torch.float32:
        raise ValueError("A shelf's latents are float32 numbers.")
    if not isinstance(captions, list) or len(captions) != len(z):
        raise ValueError("A shelf has a caption for each of its latents.")
    return z, [str(caption) for caption in captions]
