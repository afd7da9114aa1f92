"""What Reconstruct says of a picture and its reconstruction: each figure beside what it compares with."""

from __future__ import annotations

from html import escape

import torch
from torch import Tensor

from ganlab import metrics, outliers
from ganlab.explorer import Explorer
from ganlab.ui.html import markup

STEPS = 8  # of the fixed point


def error_html(explorer: Explorer, error: float) -> str:
    """The error with its unit, its baselines and where it lies among the test set's, if measured."""
    said = [f"<b>error {error:.4f}</b>"]
    noun = markup.noun(explorer.config)
    if quantiles := explorer.get_metrics("reconstruction", "mse_quantiles"):
        said.append(f"better than {100 * metrics.percentile_of(error, quantiles):.0f} % of test {noun}s")
    for key, name in (("mse_mean_image", "mean image"), ("mse_random_pair", f"random {noun}")):
        if (baseline := explorer.get_figure("reconstruction", key)) is not None:
            said.append(f"{name} {baseline:.3f}")
    unit = "<small>mean squared error per pixel, pixels 0 to 1</small>"
    return f'<p class="gl-meter"><span>{" · ".join(said)}</span> {unit}</p>'


def identity_html(explorer: Explorer, x: Tensor, y: Tensor) -> str:
    """Which class the judge sees in x and in y (1, C, H, W), in words; nothing where there is no judge."""
    judge = explorer.judge
    if judge is None:
        return ""
    sure, classes = judge.probabilities(torch.cat([x, y])).max(dim=1)
    before, after = (
        f"looks like {markup.label(int(label))} ({markup.percent(float(share), 0)})"
        for label, share in zip(classes, sure, strict=True)
    )
    verdict = "the class is kept" if classes[0] == classes[1] else "the class flips"
    return (
        f'<p class="gl-meter">{before} → {after}: <b>{verdict}</b> <small>as a classifier sees it that is'
        f" right on {markup.percent(judge.accuracy)} of the test {markup.noun(explorer.config)}s</small></p>"
    )


def unusual_html(explorer: Explorer, x: Tensor) -> str:
    """How unlike the model's own pictures this one is, with a plain warning; nothing where it was not
    measured what is usual."""
    reading = outliers.read(explorer, x)
    if reading is None:
        return ""
    noun, share = markup.noun(explorer.config), reading.share
    place = "all" if share >= 1 else markup.percent(share, 1 if share >= outliers.LIMIT else 0)
    said = f"more unusual than {place} of test {noun}s"
    names = {
        "error": "error",
        "neighbour": "distance to the nearest neighbour",
        "code": "improbability of the code",
        "discriminator": "taken for made by D",
        "judge": "no class seen by the judge",
    }
    parts = ", ".join(f"{names[key]} {value:+.1f}" for key, value in reading.deviating.items())
    small = f"standard deviations from the usual of its nearest class: {parts}"
    if (auroc := explorer.get_figure("outliers", "auroc")) is not None:
        small += f"; tells other things from {noun}s with an AUROC of {auroc:.3f}"
    if reading.unlike:
        head = f"<b>unlike the {noun}s it knows</b>"
        small = f"whatever it is given, it answers with a {noun} · {small}"
    else:
        head = f"<b>like other {noun}s</b>"
    return f'<p class="gl-meter"><span>{head} · {said}</span> <small>{escape(small)}</small></p>'


def fixed_point_html(explorer: Explorer, x: Tensor) -> str:
    """x, G(E(x)), G(E(G(E(x)))), ...: how far each step still moves, and where the class was lost."""
    if "encoder" not in explorer.model.networks:
        return ""
    path = explorer.repeat_reconstruction(x, STEPS)[:, 0]
    drift = metrics.mse(path[1:], path[:-1]).tolist()
    classes = explorer.judge.labels(path).tolist() if explorer.judge is not None else None

    def step(k: int) -> str:
        caption = "input" if k == 0 else f"{drift[k - 1]:.4f}"
        named = "" if classes is None else f"{markup.label(classes[k])} "
        said = "the input" if k == 0 else f"step {k}, {drift[k - 1]:.4f} from the step before"
        if classes is not None:
            said += f", looks like {classes[k]}"
        return markup.still(path[k], said, f"{named}<small>{caption}</small>")

    steps = [step(k) for k in range(STEPS + 1)]
    verdict = ""
    if classes is not None:
        lost = next((k for k, label in enumerate(classes) if label != classes[0]), None)
        verdict = " · the class is kept" if lost is None else f" · the class flips at step {lost}"
    meaning = (
        "Below each: how far it moved in this step, as mean squared error. A model that knows a picture"
        " leaves it where it is."
    )
    return (
        f'<h3 class="gl-h">encoded and decoded again and again{verdict}</h3>'
        f"{markup.row(steps, 'x, G(E(x)), G(E(G(E(x)))) and so on')}"
        f"{markup.reason(meaning)}"
    )
