"""The figures of a picture x and its reconstruction y, which stand behind "details".

Pictures are (1, C, H, W) in [0, 1]. Every figure stands beside what it is to be compared with; what was not
measured for a checkpoint is left out.
"""

from __future__ import annotations

from html import escape

import torch
from torch import Tensor

from ganlab import metrics, outliers
from ganlab.explorer import Explorer
from ganlab.outliers import OutlierScore
from ganlab.ui.html import markup

STEPS = 8  # of repeated reconstruction
STATISTICS = {  # names of what ganlab.outliers reads
    "error": "error",
    "neighbour": "distance to the nearest neighbour",
    "code": "improbability of the code",
    "discriminator": "D's certainty that (x, E(x)) is generated",
    "judge": "the classifier's doubt",
}


def figures_html(
    explorer: Explorer, x: Tensor, y: Tensor, outlier: OutlierScore | None, later: str = ""
) -> str:
    """The figures of a reconstruction; `outlier` is what the gauge says of x. With `later`, a key of what is
    shown, the repeated reconstruction is left to those who open it, see `markup.later`."""
    figures = (
        error_html(explorer, explorer.error(x, y))
        + identity_html(explorer, x, y)
        + unusual_html(explorer, outlier)
    )
    if "encoder" not in explorer.model.networks:
        return figures
    repeated = markup.later(later, "being reconstructed") if later else fixed_point_html(explorer, x)
    return figures + markup.details(repeated, "repeated", "repeated reconstruction")


def error_html(explorer: Explorer, error: float) -> str:
    """The mean squared error per pixel with its baselines and its rank among the test set's."""
    facts = [f"<b>error {error:.4f}</b>"]
    noun = markup.get_noun(explorer.config)
    if (share := explorer.rank_error(error)) is not None:
        facts.append(f"better than {100 * share:.0f} % of test {noun}s")
    for key, name in (("mse_mean_image", "mean image"), ("mse_random_pair", f"random {noun}")):
        if (baseline := explorer.get_figure("reconstruction", key)) is not None:
            facts.append(f"{name} {baseline:.3f}")
    unit = "<small>mean squared error per pixel, pixels 0 to 1</small>"
    return f'<p class="gl-meter"><span>{" · ".join(facts)}</span> {unit}</p>'


def identity_html(explorer: Explorer, x: Tensor, y: Tensor) -> str:
    """The classes that the classifier sees in x and in y; empty where the data set has no classifier."""
    judge = explorer.judge
    if judge is None:
        return ""
    shares, classes = judge.probabilities(torch.cat([x, y])).max(dim=1)
    before, after = (
        f"looks like {markup.label(int(label), explorer.classes)} ({markup.format_percent(float(share), 0)})"
        for label, share in zip(classes, shares, strict=True)
    )
    verdict = "the class is kept" if classes[0] == classes[1] else "the class changes"
    accuracy = f"{markup.format_percent(judge.accuracy)} of the test {markup.get_noun(explorer.config)}s"
    return (
        f'<p class="gl-meter">{before} → {after}: <b>{verdict}</b> <small>as seen by a separate classifier'
        f" that is right on {accuracy}</small></p>"
    )


def unusual_html(explorer: Explorer, outlier: OutlierScore | None) -> str:
    """How unlike the test pictures a picture is, and by which measures; empty where that was not measured."""
    if outlier is None:
        return ""
    noun, share = markup.get_noun(explorer.config), outlier.share
    amount = "all" if share >= 1 else markup.format_percent(share, 1 if share >= outliers.MIN_SHARE else 0)
    verdict = "unlike" if outlier.is_outlier else "like"
    parts = ", ".join(f"{STATISTICS[key]} {value:+.1f}" for key, value in outlier.z_scores.items())
    small = f"standard deviations from the mean of its class: {parts}"
    if (auroc := explorer.get_figure("outliers", "auroc")) is not None:
        small += f"; separates other pictures from {noun}s with an AUROC of {auroc:.3f}"
    return (
        f'<p class="gl-meter"><span><b>{verdict} the test {noun}s</b> · more unusual than {amount} of them'
        f"</span> <small>{escape(small)}</small></p>"
    )


def fixed_point_html(explorer: Explorer, x: Tensor) -> str:
    """Repeated reconstruction, x, G(E(x)), G(E(G(E(x)))), ...: how much each step changes, and where the
    class changes. ValueError for a model without an encoder."""
    path = explorer.repeat_reconstruction(x, STEPS)[:, 0]
    changes = metrics.mse(path[1:], path[:-1]).tolist()
    classes = explorer.judge.labels(path).tolist() if explorer.judge is not None else None

    def step_html(k: int) -> str:
        caption = "input" if k == 0 else f"{changes[k - 1]:.4f}"
        alt = "the input" if k == 0 else f"step {k}, {changes[k - 1]:.4f} from the step before"
        if classes is None:
            return markup.still(path[k], alt, f"<small>{caption}</small>")
        alt += f", looks like {explorer.name_class(classes[k])}"
        return markup.still(
            path[k], alt, f"{markup.label(classes[k], explorer.classes)} <small>{caption}</small>"
        )

    steps = [step_html(k) for k in range(STEPS + 1)]
    meaning = (
        "Each picture is the reconstruction of the one before; below it, the mean squared error between them."
    )
    if classes is None:
        verdict, meaning = "", f"{meaning} {markup.NO_CLASSIFIER}"
    else:
        change = next((k for k, label in enumerate(classes) if label != classes[0]), None)
        verdict = " · the class is kept" if change is None else f" · the class changes at step {change}"
    return (
        f'<h2 class="gl-h">repeated reconstruction{verdict}</h2>'
        f"{markup.row(steps, 'x, G(E(x)), G(E(G(E(x)))) and so on')}"
        f"{markup.reason(meaning)}"
    )
