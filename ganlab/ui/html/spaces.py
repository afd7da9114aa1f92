"""The spaces in which neighbours are looked up, in words."""

from __future__ import annotations

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
    """(label, space) of the spaces that the model has; a label holds the measured 1NN accuracy."""
    choices = []
    for space in explorer.spaces:
        accuracy = explorer.accuracy(space)
        measured = f" · 1NN {markup.percent(accuracy, 2)}" if accuracy is not None else ""
        choices.append((NAMES[space] + measured, space))
    return choices


def describe_spaces(explorer: Explorer) -> str:
    """What the accuracies are, and why the model lacks some spaces."""
    if not explorer.spaces:
        return "This model has no gallery of training pictures, so there are no neighbours to show."
    test = explorer.get_metrics("evaluation", "test")
    text = (
        f"1NN: how often the nearest neighbour has the right class, on {test}" if test else "not measured yet"
    )
    if "encoder" not in explorer.model.networks:
        text += "; this GAN has no encoder, so it has no features, codes or untrained encoder"
    if "discriminator" not in explorer.spaces:
        text += "; this checkpoint holds no discriminator"
    return text
