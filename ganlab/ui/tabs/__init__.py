"""The tabs, in the order of the page: id, title, and what builds each. A tab is a file here and a line
below."""

from __future__ import annotations

from collections.abc import Callable

from ganlab.ui.page import Page, Tab
from ganlab.ui.tabs import (
    code_map,
    compare,
    interpolate,
    latent,
    methods,
    neighbours,
    reconstruct,
    sample,
    training,
)

TABS: tuple[tuple[str, str, Callable[[Page], Tab]], ...] = (
    ("reconstruct", "Reconstruct", reconstruct.build),
    ("latent", "Latent", latent.build),
    ("interpolate", "Interpolate", interpolate.build),
    ("neighbours", "Neighbours", neighbours.build),
    ("sample", "Sample", sample.build),
    ("map", "Map", code_map.build),
    ("compare", "Compare", compare.build),
    ("methods", "Methods", methods.build),
    ("training", "Training", training.build),
)
