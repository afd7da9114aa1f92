"""Inversion by optimisation: known solutions, invariants of the search, and what it leaves untouched."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganlab import inversion, latent, metrics
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.inversion import (
    FEATURE_WEIGHT,
    NOISE,
    PATIENCE,
    TOLERANCE,
    Inversion,
    Step,
    finish,
    hybrid,
    optimise,
)
from ganlab.model import LatentModel
from ganlab.networks import Encoder

DIM = 3
SHAPE = (1, 4, 4)


class Affine(nn.Module):
    """z (N, 3) -> z W^T + b as pictures (N, 1, 4, 4), the columns of W orthonormal: distances in z are
    distances in pixels, so the best latent of any region is the point of it nearest to W^T (x - b)."""

    def __init__(self) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(1)
        self.weight = nn.Parameter(torch.linalg.qr(torch.randn(16, DIM, generator=rng)).Q)
        self.bias = nn.Parameter(torch.rand(16, generator=rng))
        self.eval().requires_grad_(False)

    def forward(self, z: Tensor) -> Tensor:
        return (z @ self.weight.T + self.bias).view(-1, *SHAPE)

    def solution(self, x: Tensor) -> Tensor:
        return torch.linalg.lstsq(self.weight, (x.flatten(1) - self.bias).T).solution.T


def curved(seed: int = 2) -> nn.Module:
    """z (N, 3) -> (N, 1, 4, 4) in [0, 1], with local minima and layers that act otherwise in training."""
    rng = torch.Generator().manual_seed(seed)
    net = nn.Sequential(
        nn.Linear(DIM, 32),
        nn.BatchNorm1d(32),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(32, 16),
        nn.Sigmoid(),
        nn.Unflatten(1, SHAPE),
    )
    for weight in net.parameters():
        weight.data = torch.randn(weight.shape, generator=rng)
    return net.eval().requires_grad_(False)


def invert(x: Tensor, generator: nn.Module | None = None, prior: str = "uniform", **kwargs: Any) -> Inversion:
    kwargs = {"pool": 32, "latent_dim": DIM} | kwargs
    progress, generator = kwargs.pop("progress", None), generator or curved()
    return finish(generator, optimise(generator, prior, x, **kwargs), progress)


def improve(encoder: Guess, prior: str, x: Tensor, **kwargs: Any) -> Inversion:
    return finish(encoder.generator, hybrid(encoder.generator, encoder, prior, x, **kwargs))


def pictures(count: int, seed: int = 0) -> Tensor:
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(seed))


# ------------------------------------------------------------------ known solutions


@pytest.fixture
def no_early_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """All steps are done, even if what is left of the error is what no latent can remove."""
    monkeypatch.setattr(inversion, "TOLERANCE", -1.0)


@pytest.mark.usefixtures("no_early_end")
def test_an_affine_generator_is_inverted_by_least_squares() -> None:
    generator = Affine()
    inside = latent.draw("uniform", DIM, 5, seed=9) * 0.9
    beside = pictures(5) - 0.5
    beside = (beside.flatten(1) - beside.flatten(1) @ generator.weight @ generator.weight.T).view(-1, *SHAPE)
    x = generator(inside) + beside  # the nearest picture that G can make is G(inside)
    torch.testing.assert_close(generator.solution(x), inside)
    result = invert(x, generator)
    torch.testing.assert_close(result.z, inside, atol=5e-3, rtol=0)
    torch.testing.assert_close(result.error, beside.flatten(1).square().mean(1), atol=1e-5, rtol=0)
    torch.testing.assert_close(result.image, generator(result.z))


@pytest.mark.usefixtures("no_early_end")
def test_a_uniform_latent_stays_in_the_box_and_ends_at_its_nearest_point() -> None:
    generator = Affine()
    far = torch.tensor([[3.0, 0.5, -2.0], [-0.2, -4.0, 0.7]])
    result = invert(generator(far), generator)
    assert result.z.abs().max() <= 1
    torch.testing.assert_close(result.z, far.clamp(-1, 1), atol=5e-3, rtol=0)


@pytest.mark.usefixtures("no_early_end")
def test_a_normal_latent_stays_near_its_shell_and_ends_at_its_nearest_point() -> None:
    generator = Affine()
    near, far = torch.tensor([[-0.2, 0.4, 0.7], [1.0, -1.5, 0.3]]), torch.tensor([[30.0, 5.0, -20.0]])
    result = invert(generator(torch.cat([near, far])), generator, "normal", steps=200)
    # |z|^2 has mean 3 and deviation sqrt(6); three of these below the mean is no bound at all
    torch.testing.assert_close(result.z[:2], near, atol=5e-3, rtol=0)
    most = (3 + 3 * 6**0.5) ** 0.5
    assert result.z[2].norm() <= most + 1e-4
    least = (far.norm() - most) ** 2 / 16  # of 16 pixels, the error of any latent that is allowed
    assert least * 0.999 < result.error[2] < least * 1.02


def test_normal_latents_of_many_dimensions_keep_off_the_centre() -> None:
    dim, rng = 30, torch.Generator().manual_seed(0)
    generator = nn.Sequential(nn.Linear(dim, 64), nn.Unflatten(1, (1, 8, 8))).requires_grad_(False)
    generator[0].weight.copy_(torch.linalg.qr(torch.randn(64, dim, generator=rng)).Q)
    x = generator(torch.zeros(1, dim))
    result = invert(x, generator, "normal", latent_dim=dim)
    least = dim - 3 * (2 * dim) ** 0.5
    torch.testing.assert_close(result.z.square().sum(), torch.tensor(least), rtol=1e-3, atol=0)
    torch.testing.assert_close(result.error, torch.tensor([least / 64]), rtol=1e-3, atol=0)


@pytest.mark.parametrize("prior", latent.PRIORS)
def test_the_latent_of_a_generated_picture_is_recovered(prior: str) -> None:
    generator = curved()
    z = latent.draw(prior, DIM, 6, seed=5)
    x = generator(z)
    result = invert(x, generator, prior, pool=256, starts=16, steps=200)
    assert result.error.max() < 0.01 * x.flatten(1).var(0).mean()
    torch.testing.assert_close(result.error, metrics.mse(x, result.image), atol=1e-6, rtol=1e-4)


def test_the_steps_are_those_of_torchs_adam_with_cosine_decay() -> None:
    generator, steps = curved(), 15
    x = generator(latent.draw("uniform", DIM, 1, seed=6))
    result = invert(x, generator, starts=1, steps=steps, rate=0.1)
    pool = inversion.draw_pool("uniform", DIM, 32, seed=0)
    z = pool[metrics.mse(generator(pool), x).argmin()][None].requires_grad_()
    adam = torch.optim.Adam([z], lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    errors = []
    for _ in range(steps):
        error = metrics.mse(generator(z), x).sum()
        errors.append(error.detach())
        adam.zero_grad()
        error.backward()
        adam.step()
        schedule.step()
        z.data.clamp_(-1, 1)
    expected = torch.stack(errors).cummin(0).values
    assert expected[-1] < 0.9 * expected[0]
    torch.testing.assert_close(result.trace[:, 0], expected, rtol=1e-4, atol=1e-7)


@pytest.mark.slow
def test_digits_are_nearer_than_the_encoder_gets_them(bundled: Explorer, digits: Pictures) -> None:
    x = digits.inputs(slice(0, 4))
    result = bundled.invert(x, "optimise", steps=40)
    assert result.z.shape == (4, 50)
    assert result.z.abs().max() <= 1
    assert result.error.mean() < 0.5 * bundled.invert(x, "encoder").error.mean()


# ------------------------------------------------------------------ invariants of the search


@pytest.mark.parametrize("prior", latent.PRIORS)
def test_the_trace_never_rises_and_ends_at_the_error(prior: str) -> None:
    x = pictures(7)
    result = invert(x, prior=prior, steps=30)
    assert result.z.shape == (7, DIM)
    assert result.image.shape == x.shape
    assert result.trace.shape[1:] == result.error.shape == (7,)
    assert (result.trace.diff(dim=0) <= 0).all()
    assert torch.equal(result.trace[-1], result.error)
    assert (result.trace[-1] < result.trace[0]).all()


@pytest.mark.parametrize("seed", [0, 5, latent.MAX_SEED])
def test_a_sample_is_not_among_the_starts(seed: int) -> None:
    pool = inversion.draw_pool("normal", DIM, 200, seed)
    for other in (seed, 0, 1):
        assert torch.cdist(pool, latent.draw("normal", DIM, 200, other)).min() > 1e-3


def test_the_first_step_is_the_best_of_the_pool() -> None:
    generator, x = curved(), pictures(5)
    pool = inversion.draw_pool("uniform", DIM, 32, seed=4)
    errors = (generator(pool)[None] - x[:, None]).square().flatten(2).mean(2)  # (5, 32)
    result = invert(x, generator, steps=1, seed=4)
    torch.testing.assert_close(result.error, errors.amin(1))
    assert torch.equal(result.z, pool[errors.argmin(1)])
    for rate in (0.2, 50.0):  # not even with steps that lead nowhere is it lost
        assert (invert(x, generator, seed=4, rate=rate).error <= result.error).all()


def test_the_same_seed_gives_the_same_and_more_starts_nothing_worse() -> None:
    generator, x = curved(), pictures(3)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first = invert(x, generator, seed=7, steps=25)
    assert torch.equal(torch.random.get_rng_state(), before)
    again = invert(x, seed=7, steps=25)
    for name in ("z", "image", "error", "trace"):
        assert torch.equal(getattr(first, name), getattr(again, name)), name
    assert not torch.equal(invert(x, seed=8, steps=25).z, first.z)
    assert (invert(x, seed=7, starts=16, steps=25).error <= first.error + 1e-6).all()


def test_a_picture_does_not_depend_on_its_batch() -> None:
    """Not even on others that go on long after it has finished, or that finish long before."""
    generator = curved()
    x = torch.cat([pictures(4), generator(latent.draw("uniform", DIM, 2, seed=3)), torch.zeros(1, *SHAPE)])
    together = invert(x, generator)
    alone = [invert(picture[None], generator) for picture in x]
    lengths = [len(single.trace) for single in alone]
    assert min(lengths) < max(lengths) == len(together.trace)
    for index, single in enumerate(alone):
        torch.testing.assert_close(single.error[0], together.error[index], rtol=1e-3, atol=1e-7)
        torch.testing.assert_close(single.z[0], together.z[index], rtol=0, atol=1e-3)
        rest = together.trace[lengths[index] - 1 :, index]
        assert torch.equal(rest, rest[:1].expand_as(rest))


def test_steps_end_once_nothing_is_gained() -> None:
    generator = Affine()
    generator.weight.zero_()  # one picture, whatever the latent
    result = invert(pictures(2), generator, steps=500)
    assert len(result.trace) == PATIENCE + 1
    curve = invert(pictures(1), steps=500).trace[:, 0]
    assert PATIENCE < len(curve) < 500
    gains = 1 - curve[PATIENCE:] / curve[:-PATIENCE]
    assert gains[-1] <= TOLERANCE
    assert (gains[:-1] > TOLERANCE).all()


def test_progress_is_called_and_can_cancel() -> None:
    x, calls = pictures(2), []

    def progress(step: Step) -> bool:
        calls.append((step.number, step.steps, step.error))
        torch.testing.assert_close(metrics.mse(x, curved()(step.z)), step.error)
        return step.number < 6

    result = invert(x, steps=50, progress=progress)
    assert [(step, steps) for step, steps, _ in calls] == [(step, 50) for step in range(1, 7)]
    assert torch.equal(result.trace, torch.stack([errors for _, _, errors in calls]))
    torch.testing.assert_close(result.error, metrics.mse(x, result.image))
    assert torch.equal(result.trace, invert(x, steps=50).trace[:6])
    calls.clear()
    assert len(invert(x, steps=8, progress=calls.append).trace) == len(calls) == 8


# ------------------------------------------------------------------ from the encoder's answer


class Guess(Encoder):
    """The solution of `Affine`, off by a fixed step in the latent; its features are the codes."""

    def __init__(self, generator: Affine, off: float = 0.3) -> None:
        super().__init__()
        self.generator, self.off, self.prior = generator, off, "normal"

    def hidden(self, x: Tensor) -> Tensor:
        return (x.flatten(1) - self.generator.bias) @ self.generator.weight

    def logits(self, x: Tensor) -> Tensor:
        return self.hidden(x) + self.off


def test_hybrid_goes_from_the_encoders_answer_to_the_most_probable_latent() -> None:
    """Of an affine generator with the features h = W^T (x - b), the objective is quadratic: at z it is
    |x - G(z)|^2 / pixels + w |z - h|^2 / |h|^2 + NOISE^2 / pixels |z|^2, least at a multiple of h."""
    generator = Affine()
    x = generator(torch.randn(4, DIM, generator=torch.Generator().manual_seed(3)))
    h, pixels = generator.solution(x), 16
    fit = 1 / pixels + FEATURE_WEIGHT / h.square().sum(1, keepdim=True)
    least = fit / (fit + NOISE**2 / pixels) * h
    result = improve(Guess(generator), "normal", x, steps=400)
    assert (result.z - h).norm(dim=1).max() < 1.1 * (least - h).norm(dim=1).max() + 1e-3
    free = improve(Guess(generator), "uniform", 0.2 * (x - generator(0 * h)) + generator(0 * h))
    torch.testing.assert_close(free.z, 0.2 * h, atol=2e-3, rtol=0)


@pytest.mark.slow
def test_hybrid_starts_at_the_encoders_answer_and_is_never_worse(bundled: Explorer, digits: Pictures) -> None:
    x = digits.inputs(slice(0, 32))
    encoded, better = bundled.invert(x, "encoder"), bundled.invert(x, "hybrid", steps=30)
    torch.testing.assert_close(better.trace[0], encoded.error)
    assert (better.error <= encoded.error + 1e-9).all()
    assert better.error.mean() < 0.7 * encoded.error.mean()
    assert better.z.abs().max() <= 1
    assert (better.trace[1:] <= better.trace[:-1]).all()
    torch.testing.assert_close(better.error, metrics.mse(x, better.image))
    alone = bundled.invert(x[:1], "hybrid", steps=30)
    torch.testing.assert_close(alone.trace[:5, 0], better.trace[:5, 0], rtol=1e-3, atol=1e-6)
    single_step = bundled.invert(x, "hybrid", steps=1)
    torch.testing.assert_close(single_step.z, encoded.z)


def test_an_encoder_that_is_right_is_left_alone() -> None:
    generator = Affine()
    x = generator(torch.rand(2, DIM))
    result = improve(Guess(generator, off=0), "uniform", x, steps=40)
    torch.testing.assert_close(result.z, generator.solution(x), atol=1e-5, rtol=0)


def test_hybrid_is_cancelled_like_the_other(bundled: Explorer, digits: Pictures) -> None:
    x = digits.inputs(slice(0, 2))
    assert len(bundled.invert(x, "hybrid", progress=lambda step: step.number < 3).trace) == 3


def test_hybrid_needs_an_encoder(tiny_model: Any) -> None:
    bare = Explorer(LatentModel(tiny_model.config, {"generator": tiny_model.generator}, fingerprint=""))
    with pytest.raises(ValueError, match="no encoder; invert by optimisation instead"):
        bare.invert(torch.zeros(1, 1, 28, 28), "hybrid")
    with pytest.raises(ValueError, match="at least one step, not 0"):
        Explorer(tiny_model).invert(torch.zeros(1, 1, 28, 28), "hybrid", steps=0)


# ------------------------------------------------------------------ what is left as it was


def test_inference_mode_makes_no_difference() -> None:
    x = pictures(2)
    expected = invert(x, steps=10)
    with torch.inference_mode():
        generator = curved()  # even its weights are inference tensors
        result = invert(x * 1.0, generator, steps=10)
        assert torch.is_inference_mode_enabled()
    for name in ("z", "image", "error", "trace"):
        value = getattr(result, name)
        torch.testing.assert_close(value, getattr(expected, name))
        assert not value.requires_grad
        assert not value.is_inference()
        assert value.dtype == torch.float32
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("learning", [False, True])
def test_a_generator_in_training_is_used_as_in_evaluation_and_left_in_training(learning: bool) -> None:
    generator, x = curved(), pictures(2)
    expected = invert(x, generator, steps=10)
    generator.requires_grad_(learning)
    generator[1].train()  # the batch norm alone: its parent says that it is in evaluation
    before = copy.deepcopy(generator.state_dict())
    result = invert(x, generator, steps=10)
    assert torch.equal(result.z, expected.z)
    assert [module.training for module in generator] == [False, True, False, False, False, False, False]
    assert all(weight.requires_grad == learning and weight.grad is None for weight in generator.parameters())
    for key, value in generator.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_the_pictures_are_left_alone() -> None:
    x = pictures(2).requires_grad_()
    expected = x.detach().clone()
    result = invert(x, steps=5)
    assert torch.equal(x.detach(), expected)
    assert x.grad is None
    assert not result.error.requires_grad


# ------------------------------------------------------------------ errors of use


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": torch.zeros(1, 4, 4)}, r"\(N, C, H, W\) with N at least 1, not \(1, 4, 4\)"),
        ({"x": torch.zeros(0, *SHAPE)}, r"with N at least 1, not \(0, 1, 4, 4\)"),
        ({"x": torch.zeros(1, 3, 4, 4)}, r"pictures have the shape \(1, 4, 4\), not \(3, 4, 4\)"),
        ({"x": torch.full((1, *SHAPE), torch.nan)}, "finite numbers"),
        ({"steps": 0}, "at least one step, not 0"),
        ({"starts": 0}, "between 1 and the pool's 32 latents, not 0"),
        ({"starts": 33}, "between 1 and the pool's 32 latents, not 33"),
        ({"prior": "cauchy"}, r"Unknown prior 'cauchy'; available = \['uniform', 'normal'\]"),
        ({"seed": -1}, "A seed is a whole number"),
    ],
)
def test_inversion_refuses_what_makes_no_sense(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        invert(**{"x": pictures(1)} | changes)
