"""python -m train.light NAME...: fit the light that says like or unlike while a hand moves, and measure it.

Writes light.safetensors beside the weights, which the page evaluates (`ganlab.light`). It is fitted to the
verdicts of the gauge (`ganlab.outliers`) on pictures that a person comes to from half of the test pictures:
their reconstructions, paths, sliders, samples and latents far out. metrics.json keeps as "light" how often
both agree on as many pictures that come from the other half.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from ganlab import latent, light, metrics, outliers
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.light import Light
from ganlab.outliers import Gauge
from train.measure.batches import map_batches
from train.measure.measurement import Figures, Measurement, Subject, require_judged_digits
from train.measure.travel import STEPS, compute_paths, list_pairs
from train.report.text import Table, format_percent

SEED = 0  # of samples and of sliders
CODES = 2_000  # test pictures of each half
FAR = 1.6  # times the typical length: what two sliders at their ends give
DECAY = 1e-4  # of the weights of standardised inputs
ITERATIONS = 100
MIN_DEVIATION = 1e-2  # of an input: what hardly varies must not gain a large weight


def list_latents(explorer: Explorer, x: Tensor, labels: Tensor, seed: int) -> dict[str, Tensor]:
    """By their name, latents (M, D) that a person comes to from test pictures x (N, C, H, W) with `labels`
    (N,); M is N, or the number of pairs in succession of different classes."""
    z, config = map_batches(explorer.encode, x), explorer.config
    pairs = list_pairs(labels)
    sets = {"reconstructions": z}
    sets |= {
        f"samples of the {source}": explorer.sample(len(z), seed, source=source)
        for source in explorer.sources
    }
    sets |= {f"path, {name}": latents for name, latents in compute_paths(explorer, z, pairs).items()}
    if explorer.model.latent_map is not None:  # another way between two pictures
        a, b = (explorer.to_codes(z[rows]) for rows in pairs.unbind(1))
        sets["path between codes, middle"] = explorer.from_codes((a + b) / 2)
    sets["sliders"] = _move_sliders(explorer, z, seed)
    noise = latent.draw(config.prior, config.latent_dim, len(z), seed + 1)
    sets["far out"] = FAR * noise if config.prior == "normal" else noise.sign()
    return sets


def _move_sliders(explorer: Explorer, z: Tensor, seed: int) -> Tensor:
    """Each of z (N, D) moved by one slider, drawn at random of all but the local ones, by up to STEPS steps
    either way."""
    rng = torch.Generator().manual_seed(seed)
    kinds = [kind for kind in explorer.directions.kinds if kind != "local"]
    directions = [d for kind in kinds for d in explorer.directions.get(kind)]
    vectors = torch.stack([direction.vector for direction in directions])
    deviations = torch.tensor([direction.deviation for direction in directions])
    chosen = torch.randint(len(directions), (len(z),), generator=rng)
    amounts = STEPS * (2 * torch.rand(len(z), generator=rng) - 1) * deviations[chosen]
    shifted = z + amounts[:, None] * vectors[chosen]
    return shifted if explorer.config.prior == "normal" else shifted.clamp(-1, 1)


def fit(inputs: Tensor, unlike: Tensor) -> Light:
    """A light for inputs (N, S) and the gauge's verdicts (N,), both of which must occur: else ValueError.

    Logistic regression by L-BFGS, from zero; pictures of both verdicts have the same weight in all.
    """
    share = float(unlike.double().mean())
    if not 0 < share < 1:
        raise ValueError("The gauge gives all pictures the same verdict, to which no light can be fitted.")
    mean, deviation = inputs.double().mean(0), inputs.double().std(0).clamp(min=MIN_DEVIATION)
    standardised, target = (inputs.double() - mean) / deviation, unlike.double()
    importance = torch.where(unlike, 0.5 / share, 0.5 / (1 - share))
    weight = torch.zeros(inputs.shape[1] + 1, dtype=torch.double, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight], max_iter=ITERATIONS, line_search_fn="strong_wolfe")

    def compute_loss() -> Tensor:
        optimiser.zero_grad()
        scores = standardised @ weight[:-1] + weight[-1]
        loss = binary_cross_entropy_with_logits(scores, target, importance)
        loss = loss + DECAY * weight[:-1].square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(compute_loss)  # type: ignore[no-untyped-call]
    final = weight.detach()
    scaled = final[:-1] / deviation
    return Light(scaled.float(), float(final[-1] - scaled @ mean))


def measure_light(explorer: Explorer, test: Pictures, codes: int) -> tuple[Light, Figures]:
    """A light fitted on the first `codes` of the test pictures, and how well it agrees with the gauge on the
    first of the other half. The gauge is the checkpoint's, or else calibrated on `test`."""
    half = len(test) // 2
    gauge = Gauge.load(explorer) or Gauge.from_statistics(
        *outliers.compute_statistics(explorer, test.inputs(slice(None)))
    )

    def judge(start: int, seed: int) -> dict[str, tuple[Tensor, Tensor]]:
        rows = slice(start, start + min(codes, half))
        sets = list_latents(explorer, test.inputs(rows), test.labels[rows], seed)
        return {name: _judge(explorer, z, gauge) for name, z in sets.items()}

    fitted = fit(*(torch.cat(parts) for parts in zip(*judge(0, SEED).values(), strict=True)))
    held = judge(half, SEED + 2)
    inputs, unlike = (torch.cat(parts) for parts in zip(*held.values(), strict=True))
    figures = {
        "count": len(unlike),
        "unlike": float(unlike.double().mean()),
        **_compare(fitted.score(inputs), unlike),
        "logit_auroc": _compare(-inputs[:, -2], unlike)["auroc"],  # of the judge's largest logit alone
        "sets": {
            name: {
                "count": len(verdicts),
                "unlike": float(verdicts.double().mean()),
                **_compare(fitted.score(seen), verdicts),
            }
            for name, (seen, verdicts) in held.items()
        },
    }
    return fitted, figures


def _judge(explorer: Explorer, z: Tensor, gauge: Gauge) -> tuple[Tensor, Tensor]:
    """The light's inputs (N, S) for G(z), and whether the gauge calls it unlike (N,)."""
    x = map_batches(explorer.decode, z)
    scores = outliers.score_pictures(explorer, x, gauge)
    assert scores is not None
    return light.compute_inputs(explorer, z, x), scores.are_outliers


def _compare(scores: Tensor, unlike: Tensor) -> Figures:
    """Agreement of scores (N,), which are above 0 for unlike, with the gauge's verdicts (N,): the shares of
    its like and unlike pictures that get the same verdict, and the AUROC; None where a verdict is missing."""
    both = bool(unlike.any()) and not bool(unlike.all())
    return {
        "agreement": {
            name: float((verdict[rows]).double().mean()) if bool(rows.any()) else None
            for name, rows, verdict in (("like", ~unlike, scores <= 0), ("unlike", unlike, scores > 0))
        },
        "auroc": metrics.auroc(scores[unlike], scores[~unlike]) if both else None,
    }


def _measure(subject: Subject) -> Figures:
    """Writes light.safetensors."""
    assert subject.model.folder is not None
    fitted, figures = measure_light(subject.explorer, subject.test, CODES)
    fitted.save(subject.explorer, subject.model.folder)
    return figures


def _explain_absence(subject: Subject) -> str:
    if subject.gallery is None:
        return f"{subject.name} has no gallery, and so no gauge whose verdict a light could give."
    return require_judged_digits(subject)


def compare(models: Mapping[str, Figures]) -> Table:
    """One row for each model."""
    heads = [
        "Model",
        "Pictures",
        "unlike by the gauge",
        "of its like, the light agrees",
        "of its unlike",
        "AUROC",
    ]
    heads.append("AUROC of the judge's largest logit")
    rows = [
        [
            name,
            f"{figures['count']:,}",
            *map(
                format_percent,
                (figures["unlike"], figures["agreement"]["like"], figures["agreement"]["unlike"]),
            ),
            f"{figures['auroc']:.3f}",
            f"{figures['logit_auroc']:.3f}",
        ]
        for name, figures in models.items()
    ]
    return heads, rows


MEASUREMENT = Measurement(
    key="light",
    measure=_measure,
    explain_absence=_explain_absence,
    command="light",
    description=__doc__,
    title="The light",
    introduction="""\
While a hand moves, a light beside the picture says whether it is like or unlike the training pictures. It
estimates the verdict of the app's gauge from what the judge sees and from the latent's length, in the page.
How often both agree, on reconstructions, samples, paths, sliders and latents far out, of test pictures that
the light was not fitted to.""",
    compare=compare,
)
