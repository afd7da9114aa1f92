"""Inversion by optimisation: find the latent whose picture G(z) is nearest to a given picture.

`optimise`, for generators without an encoder and as a baseline for encoders, is gradient descent on the pixel
error from several starts; `hybrid` starts at E(x) and improves it. Both follow Zhu et al., *Generative Visual
Manipulation on the Natural Image Manifold* (arXiv 1609.03552), sections 3.1 and 3.3, with Adam (arXiv
1412.6980) as the optimiser.

Both are generators that yield after each step, a single forward and backward pass. Between two steps nothing
is computed and nothing is locked: whoever iterates decides when the next step runs, and a descent that is
closed, or no longer advanced, stops there. Within a step PyTorch releases the interpreter lock, so that calls
of other threads run meanwhile. (The first step of `optimise` includes the pass of the whole pool through G.)
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from ganlab import interruption, latent, metrics
from ganlab.networks import Encoder

METHODS = ("encoder", "optimise", "hybrid")
STEPS = 100
STARTS = 16
POOL = 4096  # samples of the prior from which the starts are chosen: one pass through G, worth many steps
POOL_SEEDS = 2**62  # offset of the pool's seeds
RATE = 0.1  # Adam's first step size, in latent units; it decays to 0 along a cosine
BETAS = (0.9, 0.999)
PATIENCE = 20  # steps: a picture whose error fell by less than TOLERANCE (relative) during them is finished
TOLERANCE = 1e-3
SHELL = 3.0  # standard deviations by which |z|^2 of a normal latent may differ from its mean
HYBRID_RATE = 0.05  # Adam's first step size from E(x), which is near the solution
# Weight of the feature error beside the pixel error. Both are relative: to the mean squared feature of x, and
# to the squared range of a pixel. Up to this weight it steadies the descent, whose result is the latent of
# least pixel error; a larger one also counts in choosing the result.
FEATURE_WEIGHT = 1e-3
CONTENT_WEIGHT = 0.01  # where content counts too: texture and objects stay, the pixel error grows little
MAX_FEATURE_WEIGHT = 100.0
# The penalty of a normal prior gives the most probable latent: for pixels with independent normal noise of
# deviation NOISE, -log p(x|z) - log p(z) is, times 2 NOISE^2 / pixels, the mean squared error plus
# NOISE^2 / pixels |z|^2. A uniform prior has no penalty inside its box.
NOISE = 0.05

Penalty = Callable[[Tensor, Tensor], Tensor]  # latents (M, D), their pictures -> added to each error (M,)


@dataclass(frozen=True)
class Objective:
    """What a descent minimises beside the pixel error: `counted` also chooses the best latent, `penalty` only
    leads to it."""

    penalty: Penalty | None = None
    counted: Penalty | None = None


PIXELS = Objective()

_Net = TypeVar("_Net", bound=nn.Module)


@dataclass(frozen=True)
class Step:
    """The state of a descent after one step; tensors are float32 on the CPU."""

    number: int  # from 1
    steps: int  # the most that the descent takes
    z: Tensor  # (N, latent_dim): the best latents so far
    trace: Tensor  # (number, N): after each step, the pixel error of the best latents so far

    @property
    def error(self) -> Tensor:
        """(N,): mean squared error per pixel of G(z)."""
        return self.trace[-1]


Progress = Callable[[Step], bool | None]  # called after each step; False stops the descent


@dataclass(frozen=True)
class Inversion:
    """Latents of N pictures; all tensors are float32 on the CPU."""

    z: Tensor  # (N, latent_dim)
    image: Tensor  # (N, C, H, W): G(z)
    error: Tensor  # (N,): mean squared error per pixel between G(z) and the picture
    trace: Tensor  # (steps taken, N): after each step, the best latents' error; its last row is `error`


@torch.inference_mode(False)
@torch.no_grad()
def finish(generator: nn.Module, steps: Iterator[Step], progress: Progress | None = None) -> Inversion:
    """Take all steps of a descent, or stop after one for which `progress` returns False; its result."""
    for step in steps:
        if progress is not None and progress(step) is False:
            break
    device = next((weight.device for weight in generator.parameters()), step.z.device)
    image = _freeze(generator)(step.z.to(device))
    return Inversion(step.z, image.cpu(), step.error, step.trace)


@torch.inference_mode(False)  # autograd refuses tensors of inference mode, so the caller's is switched off
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
    encoder: Encoder | None = None,
    feature_weight: float = 0.0,
) -> Iterator[Step]:
    """Invert pictures x (N, C, H, W) in [0, 1] by Adam on the mean squared pixel error; and on
    `feature_weight` times that of the encoder's features, relative to their mean square, if it is above 0.

    Each picture starts from the `starts` best of `pool` samples of the prior, whose seeds are separate from
    those of samples that people draw. Its result is the best latent that any of its starts reached, so never
    worse than the best of the pool. Latents stay where the prior has its mass: in the box for "uniform", near
    the shell |z|^2 = latent_dim for "normal". The result follows from the seed; a picture's does not depend
    on the others of its batch, except for rounding. All N * starts latents pass through G at once, in
    evaluation mode, so memory grows with N.

    Yields each step, at most `steps`, fewer once no picture's error falls any more. ValueError, when the
    first step is taken, for pictures of another shape, numbers that are not finite, or `steps` or `starts`
    below 1.
    """
    _check(x, steps)
    if not 1 <= starts <= pool:
        raise ValueError(f"Starts are between 1 and the pool's {pool} latents, not {starts}.")
    generator = _freeze(generator)
    x = x.to(next((weight.device for weight in generator.parameters()), x.device), torch.float32)
    z = _choose_starts(generator, draw_pool(prior, latent_dim, pool, seed).to(x.device), x, starts)
    objective = PIXELS
    if feature_weight > 0:
        if encoder is None:
            raise ValueError("Only a model with an encoder has features to compare.")
        features = _weigh_features(_freeze(encoder), x.repeat_interleave(starts, dim=0), feature_weight)
        counts = feature_weight > FEATURE_WEIGHT
        objective = Objective(counted=features) if counts else Objective(penalty=features)
    yield from _descend(generator, x, z, steps, rate, lambda z: _confine(z, prior), objective)


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
    feature_weight: float = FEATURE_WEIGHT,
) -> Iterator[Step]:
    """Invert pictures x (N, C, H, W) in [0, 1] by improving E(x).

    Minimises the pixel error, `feature_weight` times the error of the encoder's hidden features and the
    penalty of a normal prior (NOISE); latents stay in the box of a uniform prior. The result is the latent
    with the smallest pixel error of all steps, to which the weighted error of the features is added where it
    weighs more than FEATURE_WEIGHT. E(x) is the first step: the result is never worse. Nothing is random.
    Yields, and raises, as `optimise` does.
    """
    _check(x, steps)
    generator, encoder = _freeze(generator), _freeze(encoder)
    x = x.to(next((weight.device for weight in generator.parameters()), x.device), torch.float32)
    z = encoder(x)
    features = _weigh_features(encoder, x, feature_weight)
    weight = NOISE**2 / x[0].numel() if prior == "normal" else 0.0
    counts = feature_weight > FEATURE_WEIGHT

    def penalise(z: Tensor, images: Tensor) -> Tensor:
        prior_penalty = weight * z.square().sum(dim=1)
        return prior_penalty if counts else features(z, images) + prior_penalty

    def confine(z: Tensor) -> Tensor:
        return z.clamp(-1.0, 1.0) if prior == "uniform" else z

    objective = Objective(penalise, features if counts else None)
    yield from _descend(generator, x, z, steps, rate, confine, objective)


def _weigh_features(encoder: Encoder, x: Tensor, weight: float) -> Penalty:
    """`weight` times the error of the features (M,) of pictures against those of x (M, C, H, W): mean
    squared, relative to the mean square of the features of x."""
    target = encoder.hidden(x)
    scale = target.square().mean(dim=1).clamp(min=1e-12)

    def compute(_z: Tensor, images: Tensor) -> Tensor:
        error: Tensor = weight * ((encoder.hidden(images) - target).square().mean(dim=1) / scale)
        return error

    return compute


def check_weight(weight: object) -> float:
    """A weight of the features; ValueError for what is none or out of range."""
    if isinstance(weight, int | float) and not isinstance(weight, bool) and 0 <= weight <= MAX_FEATURE_WEIGHT:
        return float(weight)
    raise ValueError(f"feature_weight is a number from 0 to {MAX_FEATURE_WEIGHT:g}, not {weight!r}.")


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
    objective: Objective = PIXELS,
) -> Iterator[Step]:
    """Descend from latents z (N * starts, D), the starts of a picture next to each other."""
    starts = len(z) // len(x)
    target = x.repeat_interleave(starts, dim=0)
    count = len(x)
    best, best_z = torch.full((count, starts), torch.inf, device=x.device), z
    best_error = best
    active = torch.ones(count, 1, dtype=torch.bool, device=x.device)
    mean, square = torch.zeros_like(z), torch.zeros_like(z)
    trace: list[Tensor] = []
    scores: list[Tensor] = []
    for step in range(1, steps + 1):
        interruption.check()
        errors, score, gradient = _compute_gradient(generator, z, target, objective)
        better = active & (score.view(count, starts) < best)
        best = torch.where(better, score.view(count, starts), best)
        best_error = torch.where(better, errors.view(count, starts), best_error)
        best_z = torch.where(better.view(-1, 1), z, best_z)
        scores.append(best.amin(dim=1))
        trace.append(best_error.gather(1, best.argmin(dim=1, keepdim=True))[:, 0])
        yield Step(step, steps, _select_best(best, best_z).cpu(), torch.stack(trace).cpu())
        if step > PATIENCE:
            # Each picture stops by itself; its rows are still computed while others need the batch.
            active &= (scores[-1] < (1 - TOLERANCE) * scores[-1 - PATIENCE]).unsqueeze(1)
            if not active.any():
                return
        # Adam written out: the first use of torch.optim imports torch's compiler, which takes seconds.
        mean.lerp_(gradient, 1 - BETAS[0])
        square.lerp_(gradient.square(), 1 - BETAS[1])
        scale = (square / (1 - BETAS[1] ** step)).sqrt() + 1e-8
        step_size = rate * (1 + math.cos(math.pi * (step - 1) / steps)) / 2
        z = confine(z - step_size / (1 - BETAS[0] ** step) * mean / scale)


def _select_best(errors: Tensor, z: Tensor) -> Tensor:
    """The latents (N, D), out of z (N * starts, D), with the smallest errors (N, starts) of each picture."""
    count, starts = errors.shape
    return z[errors.argmin(dim=1) + starts * torch.arange(count, device=z.device)]


def _freeze(network: _Net) -> _Net:
    """The network if it is in evaluation mode and autograd can use it, else a copy that is: a shared model is
    never changed."""
    weights = [*network.parameters(), *network.buffers()]
    training = any(module.training for module in network.modules())
    if training or any(weight.is_inference() for weight in weights):
        return copy.deepcopy(network).eval()
    return network


def draw_pool(prior: str, latent_dim: int, count: int, seed: int) -> Tensor:
    """The pool (count, latent_dim). Its seeds are far from those of samples: inverting a sample would
    otherwise find that very latent among the starts, without any error. ValueError for a negative seed."""
    pool_seed = (seed + POOL_SEEDS) % (latent.MAX_SEED + 1) if seed >= 0 else seed  # which draw refuses
    return latent.draw(prior, latent_dim, count, pool_seed)


def _choose_starts(generator: nn.Module, pool: Tensor, x: Tensor, starts: int) -> Tensor:
    """The `starts` latents of the pool (P, D) with the smallest pixel error for each picture: (N * starts,
    D)."""
    images = generator(pool)
    if images.shape[1:] != x.shape[1:]:
        raise ValueError(
            f"The generator's pictures have the shape {tuple(images.shape[1:])}, not {tuple(x.shape[1:])}."
        )
    distances = torch.cdist(x.flatten(1), images.flatten(1))
    return pool[distances.topk(starts, largest=False).indices.flatten()]


def _compute_gradient(
    generator: nn.Module, z: Tensor, target: Tensor, objective: Objective
) -> tuple[Tensor, Tensor, Tensor]:
    """Pixel errors (M,) of G(z) against `target`; these with what is counted, by which latents are chosen;
    and the gradient (M, D) of each of these, and its penalty, with respect to its latent."""
    with torch.enable_grad():
        z = z.detach().requires_grad_()
        images = generator(z)
        errors = metrics.mse(images, target)
        score = errors if objective.counted is None else errors + objective.counted(z, images)
        loss = score if objective.penalty is None else score + objective.penalty(z, images)
        (gradient,) = torch.autograd.grad(loss.sum(), z)
    return errors.detach(), score.detach(), gradient


def _confine(z: Tensor, prior: str) -> Tensor:
    """The latents (M, D) nearest to z where the prior has its mass; G was never trained outside it.

    Uniform: the box. (The alternative z = tanh(u) ends at larger errors at every rate.) Normal: |z|^2 is
    chi-square distributed with mean D and variance 2 D, so almost all samples are within SHELL standard
    deviations of the shell |z|^2 = D; unconfined, Adam leaves it far behind.
    """
    if prior == "uniform":
        return z.clamp(-1.0, 1.0)
    dim = z.shape[1]
    slack = SHELL * math.sqrt(2 * dim)
    norm = z.norm(dim=1, keepdim=True).clamp(min=1e-12)
    low, high = math.sqrt(max(0.0, dim - slack)), math.sqrt(dim + slack)
    confined: Tensor = z * (norm.clamp(low, high) / norm)
    return confined
