"""A generator as one safetensors file for the page: layers with batch norm folded in, in half precision.

ganlab/ui/static/lib/generator.js evaluates it. The file is made on demand from the loaded model, so it exists
for every checkpoint, also for those of the Hub, and is never out of date.
"""

from __future__ import annotations

import json
from typing import Any

import torch
from torch import Tensor

from ganlab import tensor_files
from ganlab.model import LatentModel
from ganlab.networks.latent_map import LEAK, MAX_LOG_SCALE, LatentMap

# Multiplications for a picture: about 50 ms of plain JavaScript. Beyond that the server is as quick.
MAX_MULTIPLICATIONS = 150_000_000


def count_multiplications(model: LatentModel) -> int:
    """Multiplications that the page makes for one picture."""
    total = units = 0
    for layer in model.fold_generator():
        pixels = units // len(layer.weight) if layer.doubles else 1
        total += pixels * layer.weight.numel()
        if layer.skip is not None:
            total += layer.skip.numel()
        units = (4 * pixels if layer.doubles else 1) * len(layer.bias)
    if model.latent_map is not None:
        total += sum(weight.numel() for weight in model.latent_map.parameters() if weight.dim() == 2)
    return total


def check_size(model: LatentModel) -> None:
    """ValueError where the generator is too large for a page."""
    if (count := count_multiplications(model)) > MAX_MULTIPLICATIONS:
        raise ValueError(
            f"The generator of {model.config.name} takes {count / 1e6:.0f} million multiplications for a"
            f" picture; a page can do {MAX_MULTIPLICATIONS / 1e6:.0f} million at most, so the server makes"
            " its pictures."
        )


def explain_limit(model: LatentModel) -> str:
    """Why the server makes this model's pictures; empty where a page does."""
    try:
        check_size(model)
    except ValueError as error:
        return str(error)
    return ""


def pack(model: LatentModel) -> bytes:
    """The file: tensors "0.weight", "0.bias", "0.skip", "1.weight", ... (see `networks.folding.Layer`), and
    in the metadata's "ganlab" the fingerprint, the latent's length, the picture's shape, and for each layer
    its slope below zero and whether it doubles a grid. A sigmoid follows the last layer. A latent map adds
    what `pack_map` gives."""
    layers = model.fold_generator()
    tensors = {
        f"{index}.{part}": tensor.to(torch.float16)
        for index, layer in enumerate(layers)
        for part in ("weight", "bias", "skip")
        if isinstance(tensor := getattr(layer, part), Tensor)
    }
    metadata: dict[str, Any] = {
        "fingerprint": model.fingerprint,
        "latent_dim": model.config.latent_dim,
        "shape": model.config.image_shape,
        "layers": [{"leak": layer.leak, "doubles": layer.doubles} for layer in layers],
    }
    if model.latent_map is not None:
        map_tensors, metadata["map"] = pack_map(model.latent_map)
        tensors |= map_tensors
    return tensor_files.pack(tensors, {"ganlab": json.dumps(metadata)})


def pack_map(latent_map: LatentMap) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """A latent map's tensors, "map.0.order", "map.0.0.weight" (inputs, outputs), "map.0.0.bias" and so on,
    and what the page needs besides."""
    tensors: dict[str, Tensor] = {}
    steps = latent_map.steps()
    for index, (order, coupling) in enumerate(steps):
        tensors[f"map.{index}.order"] = order.cpu().int()
        for number, layer in enumerate(coupling.linears()):
            tensors[f"map.{index}.{number}.weight"] = layer.weight.T.cpu().half()
            tensors[f"map.{index}.{number}.bias"] = layer.bias.cpu().half()
    description = {
        "couplings": len(steps),
        "kept": steps[0][1].kept,
        "max_log_scale": MAX_LOG_SCALE,
        "leak": LEAK,
    }
    return tensors, description
