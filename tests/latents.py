"""The fixture "latent", and how fixtures write numbers and bytes; see `tests.fixtures`."""

from __future__ import annotations

import base64
import itertools
from typing import Any

import torch
from torch import Tensor

from ganlab import latent

T = (0.0, 0.2, 0.5, 0.9, 1.0)


def to_list(values: Tensor) -> Any:
    """Numbers as nested lists, with the digits that float32 has."""
    if values.dim():
        return [to_list(value) for value in values]
    return float(f"{float(values):.8g}") if values.is_floating_point() else int(values)


def to_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def interpolate(a: Tensor, b: Tensor, t: float, prior: str) -> Tensor:
    """The latent at one t of `latent.interpolate`, whose ends are exact."""
    if t in (0.0, 1.0):
        return b if t else a
    return latent.slerp(a, b, torch.tensor([[t]]))[0] if prior == "normal" else a + t * (b - a)


def make_latent() -> dict[str, Any]:
    """Steps, truncation, interpolation and blends, for both priors, and pairs whose circle is undefined."""
    cases = []
    for prior in latent.PRIORS:
        a, b, c, d = latent.draw(prior, 6, 4, seed=1)
        pairs = [(a, b), (a, 2 * a), (a, -a), (a, torch.zeros(6)), (a, a + 1e-4 * b)]
        directions = torch.nn.functional.normalize(latent.draw("normal", 6, 2, seed=2), dim=1)
        amounts, deviations = torch.tensor([1.5, -2.0]), torch.tensor([0.7, 1.3])
        centre = 0.1 * c
        cases.append(
            {
                "prior": prior,
                "corners": to_list(torch.stack([a, b, c, d])),
                "steps": [
                    {"direction": {"vector": to_list(v), "deviation": float(s)}, "amount": float(n)}
                    for v, s, n in zip(directions, deviations, amounts, strict=True)
                ],
                "moved": to_list(latent.move(a, directions, amounts * deviations, prior)),
                "centre": to_list(centre),
                "truncated": {t: to_list(centre + t * (a - centre)) for t in T},
                "interpolated": [
                    {
                        "a": to_list(start),
                        "b": to_list(end),
                        "at": [{"t": t, "z": to_list(interpolate(start, end, t, prior))} for t in T],
                    }
                    for start, end in pairs
                ],
                "blended": [
                    {
                        "x": x,
                        "y": y,
                        "z": to_list(
                            interpolate(interpolate(a, b, x, prior), interpolate(c, d, x, prior), y, prior)
                        ),
                    }
                    for x, y in itertools.product((0.0, 0.3, 1.0), repeat=2)
                ],
            }
        )
    return {"cases": cases}
