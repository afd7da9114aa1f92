"""Item: one thing on the table. A latent of the current model, its picture, and where it came from."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace

from torch import Tensor

from ganlab.explorer import Explorer


@dataclass(frozen=True)
class Item:
    """z (1, latent_dim); image G(z) and x, the picture that was encoded to z, (1, C, H, W)."""

    z: Tensor
    image: Tensor
    caption: str
    x: Tensor | None = None
    notes: tuple[str, ...] = ()  # what preparation did to an upload
    moved_from: str = ""  # key of the item whose sliders made this one
    key: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def picture(self) -> Tensor:
        """What a person would call the picture: what was encoded, or else what the latent shows."""
        return self.image if self.x is None else self.x


def of_picture(explorer: Explorer, x: Tensor, caption: str, notes: tuple[str, ...] = ()) -> Item:
    z = explorer.encode(x)
    return Item(z, explorer.decode(z), caption, x, notes)


def of_latent(explorer: Explorer, z: Tensor, caption: str) -> Item:
    return Item(z, explorer.decode(z), caption)


def of_gallery(explorer: Explorer, index: int) -> Item:
    """A training picture by its index in the data set, as `Neighbour.index` names it."""
    pictures = explorer.gallery.pictures if explorer.gallery is not None else None
    row = (pictures.indices == index).nonzero().flatten()[:1] if pictures is not None else None
    if pictures is None or row is None or not len(row):
        raise ValueError(f"There is no training picture {index} in this model's gallery.")
    label, x = int(pictures.labels[row]), pictures.inputs(row)
    return of_picture(explorer, x, f"training {label} (no. {index})")


def moved_to(explorer: Explorer, item: Item) -> Item:
    """The item for another model: its picture is encoded anew, since latents do not travel."""
    if item.picture.shape[1:] != explorer.config.image_shape:
        raise ValueError(
            f"{item.caption} is {tuple(item.picture.shape[1:])}, {explorer.config.name} takes"
            f" {explorer.config.image_shape}."
        )
    return replace(of_picture(explorer, item.picture, item.caption, item.notes), key=item.key)
