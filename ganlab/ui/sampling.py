"""What a seed, a count and a truncation are worth, and what samples are drawn from, in words."""

from __future__ import annotations

from dataclasses import dataclass

from ganlab.explorer import Explorer
from ganlab.ui.html import markup

MAX_COUNT = 256  # samples in one call
SOURCES = ("prior", "mixture")
PRIORS = {"normal": "N(0, I)", "uniform": "uniform on [−1, 1]"}


@dataclass(frozen=True)
class Draw:
    """Which samples: the first `count` of a seed, at a truncation in [0, 1]."""

    seed: int
    count: int
    truncation: float


def read_draw(seed: object, count: object, truncation: object) -> Draw:
    """Numbers as a person or a client sent them; ValueError for what is none or out of range."""
    try:
        draw = Draw(int(seed), int(count), float(truncation))  # type: ignore[call-overload,arg-type]
    except (TypeError, ValueError, OverflowError):
        raise ValueError("A seed and a count are whole numbers, truncation is between 0 and 1.") from None
    if not 1 <= draw.count <= MAX_COUNT:
        raise ValueError(f"From 1 to {MAX_COUNT} samples can be drawn at once, not {draw.count}.")
    return draw


def choose_source(explorer: Explorer, source: object) -> str:
    """Where the model draws latents from when `source`, or None, is asked for: a model without a mixture has
    its prior only. ValueError for a source that no model has."""
    if source not in (None, *SOURCES):
        raise ValueError(f"Samples are of one of {list(SOURCES)}, not {source!r}.")
    return str(source) if source in explorer.sources else explorer.sources[0]


def list_sources(explorer: Explorer) -> list[tuple[str, str]]:
    """Labels and names of all sources: those of the model in its order, then what it lacks."""
    labels = {
        "prior": f"the prior {PRIORS[explorer.config.prior]}",
        "mixture": "mixture fitted to the codes",
    }
    return [(labels[source], source) for source in dict.fromkeys((*explorer.sources, *SOURCES))]


def describe_source(explorer: Explorer, source: str) -> str:
    """What latents of a source are, in words."""
    config = explorer.config
    if source == "mixture":
        return (
            f"a mixture of {config.gaussians} Gaussians, fitted after training to the codes of the training"
            f" {markup.get_noun(config)}s"
        )
    text = f"the prior, {PRIORS[config.prior]}"
    return text if explorer.model.latent_map is None else f"{text}, which a latent map takes to codes"
