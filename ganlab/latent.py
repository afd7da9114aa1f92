"""The latent space: priors, seeded sampling, truncation, interpolation.

A latent is one row of a float32 tensor (N, latent_dim). Two priors: "uniform" on [-1, 1] (the BiGAN
paper's) and "normal", N(0, I).
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral

import numpy as np
import torch
from torch import Tensor

PRIORS = ("uniform", "normal")
MAX_SEED = 2**63 - 1
MAX_FIRST = 2**53  # of a sample's number
DEVIATIONS = {"uniform": 3**-0.5, "normal": 1.0}  # standard deviation of each dimension of a prior


def draw(
    prior: str, latent_dim: int, count: int, seed: int, truncation: float = 1.0, first: int = 0
) -> Tensor:
    """Samples `first` to `first + count - 1` of the prior (count, latent_dim), float32. A sample depends on
    its number and the seed alone, and none before it is drawn: the millionth costs as much as the first.

    A seed, from 0 to MAX_SEED, gives the same latents on every machine: the bits come from NumPy's Philox
    stream, which NumPy promises never to change, not from a library's float sampler. `truncation` in [0, 1]
    shrinks latents towards the prior's centre: uniform on [-t, t], or N(0, t^2 I). ValueError for arguments
    out of range.
    """
    for name, value in (("seed", seed), ("number of latents", count), ("sample's number", first)):
        if not isinstance(value, Integral):
            raise ValueError(f"A {name} is a whole number, not {value!r}.")
    if not 0 <= seed <= MAX_SEED:
        raise ValueError(f"A seed is a whole number from 0 to 2^63 - 1, not {seed}.")
    if not 0.0 <= truncation <= 1.0:
        raise ValueError(f"Truncation is a number from 0 to 1, not {truncation}.")
    if count < 1:
        raise ValueError(f"At least one latent has to be drawn, not {count}.")
    if not 0 <= first <= MAX_FIRST:
        raise ValueError(f"A sample's number is a whole number from 0 to 2^53, not {first}.")
    bits = _read_bits(seed, first * latent_dim, count * latent_dim)
    # 52 bits plus half a bit: exact in float64 and strictly inside (0, 1), so that the normal quantile is
    # finite. (With 53 bits the largest value would round up to 1.)
    unit = ((bits >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52
    u = torch.from_numpy(unit).view(count, latent_dim)
    if prior == "uniform":
        z = 2.0 * u - 1.0
    elif prior == "normal":
        z = torch.special.ndtri(u)
    else:
        raise ValueError(f"Unknown prior {prior!r}; available = {list(PRIORS)}.")
    return (z * truncation).float()


def _read_bits(seed: int, start: int, count: int) -> np.ndarray:
    """`count` of the 64-bit numbers of a seed's stream, from the one with number `start` on."""
    stream = np.random.Philox(key=seed)
    blocks, skipped = divmod(start, 4)  # each step of the counter gives four numbers
    if blocks:
        stream.advance(blocks)
    return stream.random_raw(skipped + count)[skipped:]


def interpolate(a: Tensor, b: Tensor, steps: int, prior: str) -> Tensor:
    """A path (steps, latent_dim) from a to b, both (latent_dim,), with exact ends.

    It follows the prior: a straight line inside the box for "uniform", `slerp` for "normal". ValueError for
    fewer than 2 steps, or latents of different shapes.
    """
    return connect(a, b, steps, WAYS[WAYS_OF_PRIORS[prior]])


def connect(a: Tensor, b: Tensor, steps: int, way: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
    """A path (steps, latent_dim) from a to b along a way, which gives the latents (T, D) at t (T, 1) in
    [0, 1]; its ends are exact. ValueError as for `interpolate`."""
    if steps < 2:
        raise ValueError(f"A path needs at least its two ends, not {steps} steps.")
    if a.shape != b.shape or a.dim() != 1:
        raise ValueError(f"Two latents of one shape are needed, not {tuple(a.shape)} and {tuple(b.shape)}.")
    path = way(a, b, torch.linspace(0.0, 1.0, steps, dtype=a.dtype).unsqueeze(1))
    return torch.cat([a.unsqueeze(0), path[1:-1], b.unsqueeze(0)])


def lerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """The straight line from a to b, both (D,), at t (T, 1) in [0, 1]: (T, D)."""
    return a + t * (b - a)


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Spherical interpolation of a and b, both (D,), at t (T, 1) in [0, 1]: (T, D) (Shoemake 1985; White,
    arXiv 1609.04468).

    The direction follows the great circle and the length changes linearly, so norms stay between those of the
    ends. It is a straight line where the great circle is undefined (parallel, opposite or zero latents).
    """
    length_a, length_b = a.norm(), b.norm()
    if length_a == 0 or length_b == 0:
        return lerp(a, b, t)
    unit_a, unit_b = a.double() / length_a, b.double() / length_b
    # atan2 keeps its precision where acos of a dot product near +-1 loses it (Kahan).
    omega = 2 * torch.atan2((unit_a - unit_b).norm(), (unit_a + unit_b).norm())
    if torch.sin(omega) < 1e-6:
        return lerp(a, b, t)
    direction = (torch.sin((1 - t) * omega) * unit_a + torch.sin(t * omega) * unit_b) / torch.sin(omega)
    path: Tensor = direction * (length_a + t * (length_b - length_a))
    return path.to(a.dtype)


WAYS = {"lerp": lerp, "slerp": slerp}
WAYS_OF_PRIORS = {"uniform": "lerp", "normal": "slerp"}


def principal_directions(covariance: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The first `count` principal components of codes with this covariance (D, D): unit directions (count,
    D), and the codes' standard deviations (count,) along them, largest first.

    Signs are fixed (largest entry positive), so that a slider turns the same way on every machine.
    """
    variances, vectors = torch.linalg.eigh(covariance.double())
    order = torch.argsort(variances, descending=True)[:count]
    directions = vectors[:, order].T
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))
    return (directions * largest.sign()).float(), variances[order].clamp(min=0).sqrt().float()


def move(z: Tensor, directions: Tensor, amounts: Tensor, prior: str) -> Tensor:
    """z (D,) plus `amounts` (K,) times `directions` (K, D): (D,), clamped to the box of a uniform prior."""
    target = z + amounts @ directions
    return target.clamp(-1.0, 1.0) if prior == "uniform" else target
