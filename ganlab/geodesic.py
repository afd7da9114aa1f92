"""The shortest way between two latents, measured in pictures: a discretised geodesic of a generator.

A path through latents z_0 ... z_n has the length sum |f(z_i+1) - f(z_i)|, where f(z) describes the picture
G(z): its pixels, or a classifier's features of it. With both ends fixed, `shorten` lowers the energy
sum |f(z_i+1) - f(z_i)|^2 of a path of straight pieces. Its minimum is the shortest path, passed at an even
speed (Shao, Kumar and Fletcher, *The Riemannian Geometry of Deep Generative Models*, arXiv 1711.08014; Chen
et al., *Metrics for Deep Generative Models*, arXiv 1711.01204).

The descent is L-BFGS in coordinates in which neighbouring latents move together, so that what a latent in
the middle learns reaches the whole path in one step. It draws no random numbers: the same ends give the same
path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ganlab import interruption

PIECES = 12  # of a path, straight ones: between them lie the latents that are optimised
SAMPLES = 3  # pictures on each piece: with its ends alone, a piece could lead through anything
STEPS = 40  # of the descent, each a pass of PIECES * SAMPLES latents through G and back
FINE_PIECES = 72  # a multiple of PIECES, by which the length of any path is measured
HISTORY = 10  # steps that L-BFGS remembers
BACKTRACKS = 4  # times that a step is shortened before the descent starts afresh from the gradient
DECREASE = 1e-4  # share of the expected decrease that a step has to reach (Armijo)

Describe = Callable[[Tensor], Tensor]  # latents (N, D) -> what their pictures are like (N, F)


@dataclass(frozen=True)
class Step:
    """The state of a descent after one step."""

    number: int  # from 1
    steps: int  # the most that the descent takes
    path: Tensor  # (PIECES + 1, D): the best path so far
    energy: float  # of that path


@torch.inference_mode(False)  # autograd refuses tensors of inference mode, so the caller's is switched off
@torch.no_grad()
def shorten(describe: Describe, start: Tensor, prior: str, steps: int = STEPS) -> Iterator[Step]:
    """Lower the energy of a path from `start` (PIECES + 1, D), whose ends stay: at most `steps` passes
    through G, each a step. Latents of a "uniform" prior stay in its box."""
    start = start.clone()
    count = len(start) - 2
    laplacian = (
        2 * torch.eye(count) - torch.eye(count).roll(1, 0).tril(-1) - torch.eye(count).roll(-1, 0).triu(1)
    )
    # start + spread @ w: the energy's curvature with respect to w is the same at every latent of the path.
    spread = torch.linalg.inv(torch.linalg.cholesky(laplacian)).T.to(start)
    ends = describe(start[[0, -1]])
    t = torch.linspace(0, 1, (count + 1) * SAMPLES + 1).unsqueeze(1)[1:-1].to(start)

    def to_latents(w: Tensor) -> Tensor:
        inner = start[1:-1] + spread @ w
        confined: Tensor = inner.clamp(-1.0, 1.0) if prior == "uniform" else inner
        return confined

    def compute(w: Tensor) -> tuple[float, Tensor]:
        with torch.enable_grad():
            w = w.detach().requires_grad_()
            inner = resample(torch.cat([start[:1], to_latents(w), start[-1:]]), t)
            features = torch.cat([ends[:1], describe(inner), ends[1:]])
            energy = features.diff(dim=0).square().sum()
            (gradient,) = torch.autograd.grad(energy, w)
        return float(energy.detach()), gradient

    for number, (w, energy) in enumerate(minimise(compute, torch.zeros_like(start[1:-1]), steps), 1):
        yield Step(number, steps, torch.cat([start[:1], to_latents(w), start[-1:]]).cpu(), energy)


def minimise(
    compute: Callable[[Tensor], tuple[float, Tensor]], w: Tensor, steps: int
) -> Iterator[tuple[Tensor, float]]:
    """L-BFGS with backtracking (Nocedal and Wright, *Numerical Optimization*, chapter 7) from w; `compute`
    gives a value and its gradient. Yields the best argument and value after each of `steps` computations;
    fewer where no step lowers the value."""
    # Written out: the first use of torch.optim imports torch's compiler, which takes seconds.
    value, gradient = compute(w)
    yield w, value
    memory: list[tuple[Tensor, Tensor]] = []  # steps and changes of the gradient, the latest last
    direction, shrink, failures = _first_direction(value, gradient), 1.0, 0
    for _ in range(steps - 1):
        interruption.check()
        step = shrink * direction
        new_value, new_gradient = compute(w + step)
        if new_value <= value + DECREASE * float((gradient * step).sum()):
            change = new_gradient - gradient
            if float((step * change).sum()) > 1e-10 * float(change.square().sum()):
                memory = [*memory, (step, change)][-HISTORY:]
            w, value, gradient = w + step, new_value, new_gradient
            direction, shrink, failures = _quasi_newton_direction(gradient, memory), 1.0, 0
        else:
            shrink, failures = shrink / 4, failures + 1
            if failures == BACKTRACKS:
                if not memory:
                    return
                memory, direction, shrink, failures = [], _first_direction(value, gradient), 1.0, 0
        yield w, value
        if not bool(direction.any()):
            return


def _first_direction(value: float, gradient: Tensor) -> Tensor:
    """Down the gradient, half as far as where a straight line would reach 0."""
    return -0.5 * value / gradient.square().sum().clamp(min=1e-30) * gradient


def _quasi_newton_direction(gradient: Tensor, memory: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Minus the inverse curvature, as the memory knows it, times the gradient (two loops)."""
    result, weights = -gradient, []
    for step, change in reversed(memory):
        weight = (step * result).sum() / (step * change).sum()
        result = result - weight * change
        weights.append(weight)
    if memory:
        step, change = memory[-1]
        result = result * ((step * change).sum() / change.square().sum())
    for (step, change), weight in zip(memory, reversed(weights), strict=True):
        result = result + step * (weight - (change * result).sum() / (step * change).sum())
    return result


def resample(path: Tensor, t: Tensor) -> Tensor:
    """The latents (T, D) at t (T, 1) in [0, 1] of a path (P + 1, D), along straight pieces of equal time."""
    position = t[:, 0].to(torch.float64) * (len(path) - 1)
    piece = position.floor().long().clamp(0, len(path) - 2)
    rest = (position - piece).unsqueeze(1).to(path.dtype)
    return path[piece] + rest * (path[piece + 1] - path[piece])


def refine(path: Tensor) -> Tensor:
    """A path of straight pieces as FINE_PIECES + 1 latents."""
    return resample(path, torch.linspace(0, 1, FINE_PIECES + 1).unsqueeze(1))


@torch.no_grad()
def measure_length(describe: Describe, path: Tensor) -> float:
    """The sum of the distances between what follows each other on a path (T, D)."""
    return float(describe(path).diff(dim=0).norm(dim=1).sum())
