"""What ails a BiGAN in training: figures of its players on probes that stay the same, for `train.lost`."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganlab import metrics
from ganlab.pictures import Pictures
from train.calibration import calibrate
from train.measure.one_nn import nearest_accuracy
from train.trainer import Trainer

EDGE = 0.99  # a code beyond it lies at the edge of the prior's box


def measure_symptoms(trainer: Trainer, x: Tensor, z: Tensor) -> dict[str, float]:
    """Figures of a run of the method bigan on probes x (N, C, H, W) in [0, 1] and z (N, latent_dim), in
    training mode and fp32; the run itself stays as it is."""
    nets = copy.deepcopy(trainer.updates.nets)  # the copies' running statistics may change
    statistics = getattr(trainer.updates.method, "batches", 2)
    with torch.no_grad():
        figures = _look_at_codes(nets, x, z, statistics) | _look_at_pictures(nets, x, z)
    figures |= _look_at_gradient(nets, x, z, statistics)
    for player, optimiser in trainer.updates.optimisers.items():
        figures |= {f"{player}_{name}": value for name, value in _look_at_adam(optimiser).items()}
    return figures


@torch.no_grad()
def measure_quality(trainer: Trainer, pictures: Pictures, test: Pictures) -> dict[str, float]:
    """Figures of a run as a checkpoint would have them, batch norm calibrated on `pictures`: the squared
    error a pixel of reconstructions of `test`, and the share of `test` whose nearest of `pictures` in E's
    hidden layer, and in its codes, has its label."""
    nets = copy.deepcopy(trainer.updates.nets)
    for net in nets.values():
        net.eval()
    calibrate(trainer.model_config, nets, pictures)
    encoder: Any = nets["encoder"]
    x, labels = test.inputs(slice(None)), test.labels
    return {
        "mse": metrics.mse(x, nets["generator"](encoder(x))).mean().item(),
        "one_nn_features": nearest_accuracy(encoder.hidden, pictures, x, labels),
        "one_nn_codes": nearest_accuracy(encoder, pictures, x, labels),
    }


def _look_at_codes(nets: dict[str, nn.Module], x: Tensor, z: Tensor, batches: int) -> dict[str, float]:
    """What D says of both kinds of pairs, what it would say of real pictures beside codes that are not
    theirs, and how far E's codes have gone to the edge of the box."""
    G, E, D = nets["generator"], nets["encoder"], nets["joint_discriminator"]
    encoder: Any = E
    logits = encoder.logits(x)
    codes, painted = encoder.to_latents(logits), G(z)
    pictures = torch.cat([x, painted])
    real, fake = D(pictures, torch.cat([codes, z]), batches=batches).chunk(2)
    other, _ = D(pictures, torch.cat([z.flip(0), z]), batches=batches).chunk(2)
    right = torch.cat([real > 0, fake < 0])
    return {
        "d_real": real.mean().item(),
        "d_made": fake.mean().item(),
        "d_other_codes": other.mean().item(),
        "separated": right.float().mean().item(),
        "code_logit": logits.abs().mean().item(),
        "codes_at_edge": (codes.abs() > EDGE).float().mean().item(),
        "code_spread": codes.std(0).mean().item(),
    }


def _look_at_pictures(nets: dict[str, nn.Module], x: Tensor, z: Tensor) -> dict[str, float]:
    """How much G's pictures differ, how far their mean is from that of real ones, what is left of the slope
    of their sigmoid (1: all of it), and the smallest variance that G's and D's batch norm divides by."""
    painted = nets["generator"](z).flatten(1)
    real = x.flatten(1)
    norms = [m for m in nets["joint_discriminator"].modules() if isinstance(m, nn.BatchNorm1d)]
    variances = [v for norm in norms if (v := norm.running_var) is not None]
    return {
        "diversity": (painted.std(0).mean() / real.std(0).mean()).item(),
        "drift": (painted.mean(0) - real.mean(0)).abs().mean().item(),
        "slope": 4 * (painted * (1 - painted)).mean().item(),
        "d_variance": min((v.min().item() for v in variances), default=0.0),
    }


def _look_at_gradient(nets: dict[str, nn.Module], x: Tensor, z: Tensor, batches: int) -> dict[str, float]:
    """The gradient of G's loss by its pictures: its length, and the shares of its energy that would move the
    mean of all pictures, and make all of them brighter or darker in proportion."""
    with torch.no_grad():
        codes, painted = nets["encoder"](x), nets["generator"](z)
    painted.requires_grad_()
    _, fake = nets["joint_discriminator"](
        torch.cat([x, painted]), torch.cat([codes, z]), batches=batches
    ).chunk(2)
    (gradient,) = torch.autograd.grad(softplus(-fake).sum(), painted)
    gradient, painted = gradient.flatten(1), painted.detach().flatten(1)
    energy = gradient.square().sum(1).mean().clamp(min=1e-30)
    brightness = (gradient * painted).sum(1).mean().square() / painted.square().sum(1).mean()
    return {
        "pull": energy.sqrt().item(),
        "pull_in_common": (gradient.mean(0).square().sum() / energy).item(),
        "pull_on_brightness": (brightness / energy).item(),
    }


def _look_at_adam(optimiser: torch.optim.Adam) -> dict[str, float]:
    """The length of the last gradient, the root of the mean second moment, and the mean length of a
    weight's step in units of the learning rate (0 before the first step)."""
    states = [state for state in optimiser.state.values() if state]
    if not states:
        return {"gradient": 0.0, "second_moment": 0.0, "stride": 0.0}
    weights = [p for group in optimiser.param_groups for p in group["params"] if p.grad is not None]
    beta1, beta2 = optimiser.param_groups[0]["betas"]
    steps = float(states[0]["step"])
    seconds = [state["exp_avg_sq"] / (1 - beta2**steps) for state in states]
    firsts = [state["exp_avg"] / (1 - beta1**steps) for state in states]
    strides = [(m.abs() / (v.sqrt() + 1e-8)).sum() for m, v in zip(firsts, seconds, strict=True)]
    count = sum(v.numel() for v in seconds)
    squares = [w.grad.float().square().sum() for w in weights if w.grad is not None]
    return {
        "gradient": sum(squares, torch.zeros(())).sqrt().item(),
        "second_moment": (sum(v.sum().item() for v in seconds) / count) ** 0.5,
        "stride": sum(s.item() for s in strides) / count,
    }
