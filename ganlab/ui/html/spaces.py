"""The spaces in which neighbours are looked up, in words."""

from __future__ import annotations

from html import escape

from ganlab import gallery as galleries
from ganlab.explorer import Explorer
from ganlab.ui.html import markup

MAX_NEIGHBOURS = 50  # at once
NAMES = {
    "features": "features",
    "code": "codes",
    "discriminator": "discriminator",
    "pixels": "pixels",
    "untrained": "untrained encoder",
}
EXPLAINED = {
    "features": "the encoder's hidden layer",
    "code": "the latent z = E(x)",
    "discriminator": "the discriminator's hidden layer",
    "pixels": "the raw picture, no model at all",
    "untrained": "the encoder's hidden layer with random weights, as before any training",
}


def list_choices(explorer: Explorer) -> list[tuple[str, str]]:
    """(name, space) of the spaces that the model has."""
    return [(NAMES[space], space) for space in explorer.spaces]


def explain_absence(explorer: Explorer, instead: str = "") -> str:
    """Why the model lacks some spaces, or all; empty where it has each. `instead` is a sentence on models
    that have an encoder, for one that does not."""
    encodes = "encoder" in explorer.model.networks
    if not explorer.spaces:
        reason = f"There are no neighbours to show: {galleries.explain_absence(explorer.model)}."
        return reason if encodes else f"This GAN has no encoder. {reason} {instead}".rstrip()
    reasons = []
    if not encodes:
        reasons.append("This GAN has no encoder, so it has no features, codes or untrained encoder.")
        reasons.append(instead)
    if explorer.gallery is not None and not explorer.gallery.own:
        reasons.append("Of this gallery only these are stored.")
    elif "discriminator" not in explorer.spaces:
        reasons.append("This checkpoint holds no discriminator.")
    return " ".join(filter(None, reasons))


def bound_neighbours(explorer: Explorer, k: int) -> int:
    """k, or as many as there are pictures: a gallery may be any folder's."""
    return k if explorer.gallery is None else min(k, len(explorer.gallery))


def worth_html(explorer: Explorer) -> str:
    """What each space is, and how often its nearest neighbour has the right class."""
    test = explorer.get_metrics("evaluation", "test")
    rows = []
    for space in explorer.spaces:
        accuracy = explorer.accuracy(space)
        worth = "not measured" if accuracy is None else f"1NN {markup.format_percent(accuracy, 2)}"
        rows.append(f"<dt>{escape(NAMES[space])}</dt><dd>{escape(EXPLAINED[space])}: {worth}</dd>")
    meaning = f"1NN: how often the nearest neighbour has the right class, on {test}." if test else ""
    table = f'<dl class="gl-keys">{"".join(rows)}</dl>'
    return table + (markup.reason(meaning) if meaning else "")
