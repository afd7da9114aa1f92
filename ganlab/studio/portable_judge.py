"""The judge as one safetensors file for the page, and with it the light of a model.

ganlab/ui/static/lib/judge.js and light.js evaluate them, so that a label and a hint of whether a picture is
like the training pictures follow the hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ganlab import tensor_files
from ganlab.explorer import Explorer
from ganlab.judge import Judge
from ganlab.light import find_light, get_typical_length
from ganlab.networks.folding import get_scale_and_shift


def pack(explorer: Explorer) -> bytes:
    """The file of a model's judge; without a judge one that holds no tensors, and says why.

    Tensors "0.weight", "0.scale", "0.shift", "1.weight", ...: a convolution (3 x 3, padding 1) has the weight
    (9 * inputs, outputs) with the rows in the order of (y, x, input), as pictures are (H, W, C); a linear
    layer (inputs, outputs). A layer averages its input to a grid of `averages` pixels a side where that is
    not 0, multiplies, takes the maximum of each 2 x 2 where it pools, scales and shifts each output, and, but
    for the last, clips below zero. Weights are exactly the judge's.
    The light adds "light.weight" and "light.bias". The metadata's "ganlab" has the fingerprints of model and
    judge, the shape (C, H, W) of pictures, for each layer whether it is a convolution and pools, the typical
    length of latents, how often the light agrees with the gauge, and reasons for what is lacking.
    """
    judge = explorer.judge
    metadata: dict[str, Any] = {"fingerprint": explorer.fingerprint, "reason": "", "layers": []}
    if judge is None:
        reason = explorer.parts.explain_missing_judge()
        metadata |= {"reason": reason, "light_reason": reason, "agreement": None}
        return tensor_files.pack({}, {"ganlab": json.dumps(metadata)})
    layers = _list_layers(judge)
    tensors = {
        f"{index}.{part}": tensor for index, layer in enumerate(layers) for part, tensor in layer[0].items()
    }
    light, reason = find_light(explorer)
    if light is not None:
        tensors |= {"light.weight": light.weight, "light.bias": torch.tensor([light.bias])}
    metadata |= {
        "judge": judge.fingerprint,
        "shape": judge.config.image_shape,
        "layers": [settings for _, settings in layers],
        "light_reason": reason,
        "typical_length": get_typical_length(explorer.config),
        "agreement": None if reason else _get_agreement(explorer),
    }
    return tensor_files.pack(tensors, {"ganlab": json.dumps(metadata)})


def _get_agreement(explorer: Explorer) -> dict[str, float] | None:
    """Of the pictures that the gauge calls like and unlike the training pictures, the shares that the light
    calls so too; None where `python -m train.light` has not measured these weights."""
    stored = explorer.get_metrics("light")
    if not isinstance(stored, Mapping) or stored.get("fingerprint") != explorer.fingerprint:
        return None
    like, unlike = (explorer.get_figure("light", "agreement", side) for side in ("like", "unlike"))
    return None if like is None or unlike is None else {"like": like, "unlike": unlike}


def _list_layers(judge: Judge) -> list[tuple[dict[str, Tensor], dict[str, Any]]]:
    """Of each layer its tensors, and whether it is a convolution, pools, and averages its input."""
    modules = list(judge.network.hidden)
    layers, averages = [], 0
    for index, module in enumerate(modules):
        if isinstance(module, nn.Conv2d):
            pools = isinstance(modules[index + 1], nn.MaxPool2d)
            weight = module.weight.permute(2, 3, 1, 0).flatten(0, 2)
            settings: dict[str, Any] = {"convolves": True, "pools": pools, "averages": 0}
            layers.append((_describe(weight, modules[index + 1 + pools]), settings))
        elif isinstance(module, nn.AdaptiveAvgPool2d):
            averages = judge.config.grid
        elif isinstance(module, nn.Linear):
            outputs, channels = module.out_features, judge.config.widths[-1]
            grid = module.weight.view(outputs, channels, -1)  # (outputs, C, H * W)
            settings = {"convolves": False, "pools": False, "averages": averages}
            layers.append((_describe(grid.permute(2, 1, 0).flatten(0, 1), modules[index + 1]), settings))
    output = judge.network.output
    ones = torch.ones_like(output.bias)
    last = {"weight": output.weight.T.half(), "scale": ones, "shift": output.bias.clone()}
    layers.append((last, {"convolves": False, "pools": False, "averages": 0}))
    return [({part: x.cpu() for part, x in tensors.items()}, settings) for tensors, settings in layers]


def _describe(weight: Tensor, norm: nn.Module) -> dict[str, Tensor]:
    """A layer without bias, and the batch norm behind it: pooling may lie between, and its scale may be
    negative, so it is not folded into the weight."""
    assert isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d)
    scale, shift = get_scale_and_shift(norm)
    return {"weight": weight.half(), "scale": scale.float(), "shift": shift.float()}
