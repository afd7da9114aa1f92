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
from ganlab.networks.latent_map import MAX_ITERATIONS, TOLERANCE, LatentMap

# Multiplications for a picture: 15 ms of a page with WebAssembly. Beyond that the server is as quick.
MAX_MULTIPLICATIONS = 400_000_000
LAYER_SETTINGS = ("leak", "doubles", "kernel", "adds", "enlarges", "patch")  # of a Layer, besides its tensors


def check_size(model: LatentModel) -> None:
    """ValueError where the generator is too large for a page."""
    if (count := model.multiplications) > MAX_MULTIPLICATIONS:
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
    what else a Layer holds. A sigmoid follows the last layer. A latent map adds what `pack_map` gives."""
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
        "layers": [{part: getattr(layer, part) for part in LAYER_SETTINGS} for layer in layers],
    }
    if model.latent_map is not None:
        map_tensors, metadata["map"] = pack_map(model.latent_map)
        tensors |= map_tensors
    return tensor_files.pack(tensors, {"ganlab": json.dumps(metadata)})


def pack_map(latent_map: LatentMap) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """A latent map's tensors, "map.input.weight" (inputs, outputs), "map.input.bias", the same of the blocks'
    layers "map.0.0", "map.0.1" and so on and of "map.output", "map.times" (steps, width), "map.mean" and
    "map.factor"; and what the page needs besides."""
    velocity, steps = latent_map.velocity, latent_map.steps
    layers = {"input": velocity.input, "output": velocity.output}
    for index, block in enumerate(velocity.list_blocks()):
        layers |= {f"{index}.{number}": layer for number, layer in enumerate(block)}
    tensors = {"map.mean": latent_map.mean.float(), "map.factor": latent_map.factor.float()}
    for name, layer in layers.items():
        tensors |= {f"map.{name}.weight": layer.weight.T.half(), f"map.{name}.bias": layer.bias.half()}
    times = torch.arange(steps, device=latent_map.mean.device) / steps
    tensors["map.times"] = velocity.embed_time(times)
    description = {
        "steps": steps,
        "blocks": len(velocity.blocks),
        "max_iterations": MAX_ITERATIONS,
        "tolerance": TOLERANCE,
    }
    return {name: tensor.detach().cpu() for name, tensor in tensors.items()}, description
