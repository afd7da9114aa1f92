"""The line at the top: the model's name and two measured figures; all figures open on demand.

Every figure comes from the checkpoint's metrics.json and stands beside what it is to be compared with; what
was not measured is left out.
"""

from __future__ import annotations

from html import escape
from typing import NamedTuple

from ganlab.explorer import Explorer
from ganlab.ui.html import markup

SPACES = {  # spaces of the nearest neighbours' measurement, and their names in full
    "features": "hidden layer",
    "code": "codes",
    "discriminator": "discriminator",
    "pixels": "raw pixels",
}


# What a first visit is offered is hidden for others (static/lib/tour.js).
TOUR = (
    '<span class="gl-tour"><button type="button" class="gl-button" data-do="tour"><span class="gl-offer">New'
    ' here? Take the\u00a0</span>tour</button><button type="button" class="gl-button gl-offer"'
    ' data-do="no-tour">no, thanks</button></span>'
)


class Part(NamedTuple):
    """A piece of a sentence: a template for figures of one group of metrics.json. A key may be a path a/b."""

    template: str
    group: str
    keys: tuple[str, ...]


FIGURES: dict[str, tuple[Part, ...]] = {
    "keeps the class": (
        Part("{:.2%} ± {:.2%}", "identity", ("share", "standard_error")),
        Part("; class by a separate classifier, right on {:.2%}", "identity", ("judge_accuracy",)),
    ),
    "keeps it after 8 reconstructions in a row": (
        Part("{:.2%} ± {:.2%}", "rounds", ("last", "standard_error")),
    ),
    "unlike digits, by the gauge": (
        Part("samples of the prior {:.1%}; ", "unlike", ("samples/prior/share",)),
        Part("samples of the mixture {:.1%}; ", "unlike", ("samples/mixture/share",)),
        Part("middles of paths {:.1%}", "unlike", ("paths/middle/share",)),
        Part("; ends of principal sliders {:.1%}", "unlike", ("sliders/principal/share",)),
        Part("; reconstructions {:.1%}", "unlike", ("reconstructions/share",)),
        Part("; real digits {:.1%}", "unlike", ("real/share",)),
    ),
    **{
        f"1NN, {name}": (
            Part("{:.2%} ± {:.2%}", "one_nn", (f"{space}/accuracy", f"{space}/standard_error")),
            Part("; untrained {:.2%}", "one_nn", (f"{space}/untrained",)),
        )
        for space, name in SPACES.items()
    },
    "Fréchet distance, classifier features": (
        Part("mixture samples {:.3f}; ", "frechet", ("mixture",)),
        Part("prior samples {:.3f} ({:,.0f} samples)", "frechet", ("distance", "n")),
        Part("; real pictures {:.3f}", "frechet", ("floor",)),
    ),
    "reconstruction error |x − G(E(x))|": (
        Part("{:.2f}; of another picture {:.2f}", "reconstruction", ("l2", "l2_random_pair")),
    ),
    "mean squared error per pixel": (
        Part(
            "{:.4f}; the mean image {:.4f}, a random pair {:.4f}",
            "reconstruction",
            ("mse", "mse_mean_image", "mse_random_pair"),
        ),
    ),
    "latent error |E(G(z)) − z|": (
        Part("{:.3f}; of another latent {:.3f}", "latent", ("mean_abs_error", "mean_abs_error_random_pair")),
    ),
}


def header_html(explorer: Explorer) -> str:
    """The line, and behind "about" the table of all figures."""
    config = explorer.config
    names = [f"<b>{escape(config.title or config.name)}</b>", f"{config.latent_dim} latents"]
    facts = []
    if (share := explorer.get_figure("identity", "share")) is not None:
        what = "digit" if markup.get_noun(config) == "digit" else "class"
        facts.append(f"keeps the {what} {markup.format_percent(share)}")
    unlike = explorer.get_figure("unlike", "samples", explorer.sources[0], "share")
    if unlike is not None:
        facts.append(f"samples like {markup.get_noun(config)}s {markup.format_percent(1 - unlike)}")
    else:
        accuracies = (explorer.accuracy(space) for space in ("features", "discriminator"))
        if (accuracy := next((value for value in accuracies if value is not None), None)) is not None:
            facts.append(f"1NN {markup.format_percent(accuracy, 2)}")
    table = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in list_figures(explorer)
    )
    return (
        f'<div class="gl-facts" {markup.model_attributes(explorer)}><span>{" · ".join(names)}'
        f'<span class="gl-measured">{"".join(f" · {fact}" for fact in facts)}</span></span>'
        f'<details class="gl-about"><summary aria-label="About this model">about</summary>'
        f"<dl>{table}</dl></details>{TOUR}</div>"
    )


def list_figures(explorer: Explorer) -> list[tuple[str, str]]:
    """(name, text) of the model's settings and measured figures."""
    rows = [
        ("latent prior", explorer.config.prior),
        ("fingerprint", explorer.fingerprint),
        ("training", _describe_training(explorer)),
        *((name, "".join(_fill(explorer, part) for part in parts)) for name, parts in FIGURES.items()),
        ("measured by", _describe_evaluation(explorer)),
    ]
    nouns = f"{markup.get_noun(explorer.config)}s"
    return [(name.replace("digits", nouns), text.replace("digits", nouns)) for name, text in rows if text]


def _fill(explorer: Explorer, part: Part) -> str:
    """The part with its figures; empty where one of them is missing."""
    values = [explorer.get_figure(part.group, *key.split("/")) for key in part.keys]
    return "" if None in values else part.template.format(*values).replace("%", " %")


def _describe_training(explorer: Explorer) -> str:
    parts = [
        _fill(explorer, Part("{:.0f} epochs", "training", ("epochs",))),
        _fill(explorer, Part("seed {:.0f}", "training", ("seed",))),
        *(str(explorer.get_metrics("training", key) or "") for key in ("updates", "precision")),
        _fill(explorer, Part("{:.0f} s", "training", ("seconds",))),
    ]
    return ", ".join(part for part in parts if part)


def _describe_evaluation(explorer: Explorer) -> str:
    command, date = (explorer.get_metrics("evaluation", key) for key in ("command", "date"))
    return f"{command} ({date})" if command else "not yet measured: python -m train.evaluate"
