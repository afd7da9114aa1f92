"""Inversion by optimisation: the latent whose picture G(z) comes nearest to a given picture.

`optimise`, for generators without an encoder and as a yardstick for encoders, is gradient descent on the
pixel error from several starts; `hybrid` starts at the encoder's answer instead and improves it. Both are
from Zhu et al., *Generative Visual Manipulation on the Natural Image Manifold* (arXiv 1609.03552),
sections 3.1 and 3.3, with Adam (arXiv 1412.6980) as the optimiser.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from ganlab import latent, metrics
from ganlab.networks import Encoder

METHODS = ("encoder", "optimise", "hybrid")
STEPS = 100
STARTS = 16
POOL = 4096  # prior draws among which the starts are chosen: one pass through G, worth many steps
POOL_SEEDS = 2**62  # where the pool's seeds begin
RATE = 0.1  # Adam's first step, in units of the latent; it falls to 0 along a cosine
BETAS = (0.9, 0.999)
PATIENCE = 20  # a picture whose error fell by less than TOLERANCE (relative) in these steps is done
TOLERANCE = 1e-3
SHELL = 3.0  # standard deviations of |z|^2 that a normal latent may lie off its mean
HYBRID_RATE = 0.05  # Adam's first step from the encoder's answer, which is near already
# Weight of the features' error beside the pixels'. Both are shares: of the mean squared feature of x, and
# of the squared range of a pixel.
FEATURE_WEIGHT = 1e-3
# The pull to a normal prior is that of the most probable latent: of pixels with independent normal noise
# of deviation NOISE, -log p(x|z) - log p(z) is, times 2 NOISE^2 / pixels, the mean squared error plus
# NOISE^2 / pixels |z|^2. A uniform prior pulls nowhere inside its box.
NOISE = 0.05

Extra = Callable[[Tensor, Tensor], Tensor]  # latents (M, D), their pictures -> what to add to each error (M,)

_Net = TypeVar("_Net", bound=nn.Module)


@dataclass(frozen=True)
class Step:
    """How far a descent has come, all float32 on the CPU."""

    number: int  # of this step, from 1
    steps: int  # at most
    z: Tensor  # (N, latent_dim): the best so far
    trace: Tensor  # (number, N): the least error so far after each step

    @property
    def error(self) -> Tensor:
        """(N,): mean squared error a pixel of G(z)."""
        return self.trace[-1]


Progress = Callable[[Step], bool | None]


@dataclass(frozen=True)
class Inversion:
    """Latents found for N pictures, all float32 on the CPU."""

    z: Tensor  # (N, latent_dim)
    image: Tensor  # (N, C, H, W): G(z)
    error: Tensor  # (N,): mean squared error a pixel between G(z) and the picture
    trace: Tensor  # (steps done, N): the least error so far after each step; its last row is `error`


@torch.inference_mode(False)
@torch.no_grad()
def finish(generator: nn.Module, steps: Iterator[Step], progress: Progress | None = None) -> Inversion:
    """Take all steps. `progress` hears of each; when it returns False, the result so far is returned."""
    for step in steps:
        if progress is not None and progress(step) is False:
            break
    device = next((weight.device for weight in generator.parameters()), step.z.device)
    image = _frozen(generator)(step.z.to(device))
    return Inversion(step.z, image.cpu(), step.error, step.trace)


@torch.inference_mode(False)  # autograd refuses tensors made in inference mode, so a caller's is left
@torch.no_grad()
def optimise(
    generator: nn.Module,
    prior: str,
    x: Tensor,
    *,
    latent_dim: int,
    steps: int = STEPS,
    starts: int = STARTS,
    pool: int = POOL,
    rate: float = RATE,
    seed: int = 0,
) -> Iterator[Step]:
    """Invert pictures x (N, C, H, W) in [0, 1] by Adam on the mean squared pixel error.

    Of `pool` latents drawn from the prior, apart from what samples are, the `starts` best of each picture
    are its starts; the best latent seen on any way is its result, so it is never worse than the best of
    the pool. Latents stay where the prior has its mass: in the box for "uniform", near the shell
    |z|^2 = latent_dim for "normal". The result follows from the seed, and a picture's does not depend on
    the others of its batch (apart from rounding). All N * starts latents go through G at once, in
    evaluation mode: memory grows with N.

    Yields each step; they end early once no picture gains any more.
    """
    _check(x, steps)
    if not 1 <= starts <= pool:
        raise ValueError(f"Starts are between 1 and the pool's {pool} latents, not {starts}.")
    generator = _frozen(generator)
    x = x.to(next((weight.device for weight in generator.parameters()), x.device), torch.float32)
    z = _starts(generator, drawn(prior, latent_dim, pool, seed).to(x.device), x, starts)
    yield from _descend(generator, x, z, steps, rate, lambda moved: _inside(moved, prior))


@torch.inference_mode(False)
@torch.no_grad()
def hybrid(
    generator: nn.Module,
    encoder: Encoder,
    prior: str,
    x: Tensor,
    *,
    steps: int = STEPS,
    rate: float = HYBRID_RATE,
) -> Iterator[Step]:
    """Invert pictures x (N, C, H, W) in [0, 1] by improving E(x).

    Descends on the pixel error, the error of the encoder's hidden features (FEATURE_WEIGHT) and a pull to
    a normal prior (NOISE); a uniform prior's box is not left. The result is the latent of least pixel error
    on the way, E(x) included: never worse than the encoder's. Nothing is random. Yields as `optimise` does.
    """
    _check(x, steps)
    generator, encoder = _frozen(generator), _frozen(encoder)
    x = x.to(next((weight.device for weight in generator.parameters()), x.device), torch.float32)
    z, wanted = encoder(x), encoder.hidden(x)
    scale = wanted.square().mean(dim=1).clamp(min=1e-12)
    pull = NOISE**2 / x[0].numel() if prior == "normal" else 0.0

    def extra(moved: Tensor, images: Tensor) -> Tensor:
        apart = (encoder.hidden(images) - wanted).square().mean(dim=1) / scale
        added: Tensor = FEATURE_WEIGHT * apart + pull * moved.square().sum(dim=1)
        return added

    def confine(moved: Tensor) -> Tensor:
        return moved.clamp(-1.0, 1.0) if prior == "uniform" else moved

    yield from _descend(generator, x, z, steps, rate, confine, extra)


def _check(x: Tensor, steps: int) -> None:
    if x.dim() != 4 or not len(x):
        raise ValueError(f"Pictures to invert are (N, C, H, W) with N at least 1, not {tuple(x.shape)}.")
    if not torch.isfinite(x).all():
        raise ValueError("A picture to invert holds finite numbers only.")
    if steps < 1:
        raise ValueError(f"Inversion takes at least one step, not {steps}.")


def _descend(
    generator: nn.Module,
    x: Tensor,
    z: Tensor,
    steps: int,
    rate: float,
    confine: Callable[[Tensor], Tensor],
    extra: Extra | None = None,
) -> Iterator[Step]:
    """From latents z (N starts, D), the starts of a picture in a row, to the best seen of each picture."""
    starts = len(z) // len(x)
    target = x.repeat_interleave(starts, dim=0)
    count = len(x)
    best, best_z = torch.full((count, starts), torch.inf, device=x.device), z
    active = torch.ones(count, 1, dtype=torch.bool, device=x.device)
    mean, square = torch.zeros_like(z), torch.zeros_like(z)
    trace: list[Tensor] = []
    for step in range(1, steps + 1):
        errors, gradient = _gradient(generator, z, target, extra)
        better = active & (errors.view(count, starts) < best)
        best = torch.where(better, errors.view(count, starts), best)
        best_z = torch.where(better.view(-1, 1), z, best_z)
        trace.append(best.amin(dim=1))
        yield Step(step, steps, _best(best, best_z).cpu(), torch.stack(trace).cpu())
        if step > PATIENCE:
            # Each picture stops on its own; its rows go on, unheard, as long as others need the batch.
            active &= (trace[-1] < (1 - TOLERANCE) * trace[-1 - PATIENCE]).unsqueeze(1)
            if not active.any():
                return
        # Adam by hand: the first use of torch.optim imports torch's compiler, which takes seconds.
        mean.lerp_(gradient, 1 - BETAS[0])
        square.lerp_(gradient.square(), 1 - BETAS[1])
        scale = (square / (1 - BETAS[1] ** step)).sqrt() + 1e-8
        now = rate * (1 + math.cos(math.pi * (step - 1) / steps)) / 2
        z = confine(z - now / (1 - BETAS[0] ** step) * mean / scale)


def _best(errors: Tensor, z: Tensor) -> Tensor:
    """Of each picture's starts, with errors (N, starts) and latents z (N starts, D), the best: (N, D)."""
    count, starts = errors.shape
    return z[errors.argmin(dim=1) + starts * torch.arange(count, device=z.device)]


def _frozen(network: _Net) -> _Net:
    """The network if autograd can use it as it is, else a copy: a shared model is never changed."""
    weights = [*network.parameters(), *network.buffers()]
    training = any(module.training for module in network.modules())
    if training or any(weight.is_inference() for weight in weights):
        return copy.deepcopy(network).eval()
    return network


def drawn(prior: str, latent_dim: int, pool: int, seed: int) -> Tensor:
    """The pool (pool, latent_dim). Its seeds lie far from those of samples: else a sample that is inverted
    would be found among the starts, at no error."""
    moved = (seed + POOL_SEEDS) % (latent.MAX_SEED + 1) if seed >= 0 else seed  # which is then refused
    return latent.draw(prior, latent_dim, pool, moved)


def _starts(generator: nn.Module, drawn: Tensor, x: Tensor, starts: int) -> Tensor:
    """Of latents `drawn` (P, D), the `starts` with the least pixel error for each picture: (N starts, D)."""
    images = generator(drawn)
    if images.shape[1:] != x.shape[1:]:
        raise ValueError(
            f"The generator makes pictures of shape {tuple(images.shape[1:])}, not {tuple(x.shape[1:])}."
        )
    distances = torch.cdist(x.flatten(1), images.flatten(1))
    return drawn[distances.topk(starts, largest=False).indices.flatten()]


def _gradient(generator: nn.Module, z: Tensor, target: Tensor, extra: Extra | None) -> tuple[Tensor, Tensor]:
    """Pixel errors of G(z) (M,), and the gradient (M, D) of each, with what is added to it, by its latent."""
    with torch.enable_grad():
        z = z.detach().requires_grad_()
        images = generator(z)
        errors = metrics.mse(images, target)
        whole = errors if extra is None else errors + extra(z, images)
        (gradient,) = torch.autograd.grad(whole.sum(), z)
    return errors.detach(), gradient


def _inside(z: Tensor, prior: str) -> Tensor:
    """The nearest latents (M, D) where the prior has its mass; beyond it G was never trained.

    Uniform: the box. (Its alternative, z = tanh(u), ends at larger errors at every rate.) Normal: |z|^2
    is chi-square with mean D and variance 2 D, so almost all draws lie within SHELL standard deviations
    of the shell |z|^2 = D; left free, Adam runs far beyond it.
    """
    if prior == "uniform":
        return z.clamp(-1.0, 1.0)
    dim = z.shape[1]
    slack = SHELL * math.sqrt(2 * dim)
    norm = z.norm(dim=1, keepdim=True).clamp(min=1e-12)
    inside: Tensor = z * (norm.clamp(math.sqrt(max(0.0, dim - slack)), math.sqrt(dim + slack)) / norm)
    return inside
