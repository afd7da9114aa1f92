"""Item: one thing on the table. A latent of a model, its picture, and where it came from."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ganlab.explorer import Explorer

MAX_CAPTION = 120  # characters of a caption that a page sends


@dataclass(frozen=True)
class Item:
    """z (1, latent_dim); image G(z) and x, the picture that was inverted to z, (1, C, H, W)."""

    z: Tensor
    image: Tensor
    caption: str
    fingerprint: str  # of the checkpoint that z belongs to
    x: Tensor | None = None
    notes: tuple[str, ...] = ()  # what preparation did to an upload
    moved_from: str = ""  # key of the item whose sliders made this one
    origin: Item | None = None  # the same in the model where it was made, for the way back
    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    since: float = field(default_factory=time.time)  # when it was made, or became current again

    @property
    def picture(self) -> Tensor:
        """What a person would call the picture: what was inverted, or else what the latent shows."""
        return self.image if self.x is None else self.x


def from_pictures(explorer: Explorer, x: Tensor, captions: Sequence[str]) -> list[Item]:
    """An item for each picture of x (N, C, H, W), inverted all at once: by the encoder where there is
    one, else by optimisation, which takes little longer for many than for one."""
    found = explorer.invert(x)
    rows = [slice(row, row + 1) for row in range(len(x))]
    return [
        Item(found.z[row], found.image[row], caption, explorer.fingerprint, x[row])
        for row, caption in zip(rows, captions, strict=True)
    ]


def from_picture(explorer: Explorer, x: Tensor, caption: str, notes: tuple[str, ...] = ()) -> Item:
    return replace(from_pictures(explorer, x, [caption])[0], notes=notes)


def from_latent(explorer: Explorer, z: Tensor, caption: str) -> Item:
    return Item(z, explorer.decode(z), caption, explorer.fingerprint)


def from_page(explorer: Explorer, told: object) -> Item:
    """A latent that a page moved to, with what it says of it. It is anybody's page: all is checked."""
    told = told if isinstance(told, dict) else {}
    z = explorer.unpack({"fingerprint": told.get("fingerprint"), "z": told.get("z")})
    return from_latent(explorer, z, str(told.get("about", ""))[:MAX_CAPTION])


def from_sample(
    explorer: Explorer, seed: int, index: int = 0, truncation: float = 1.0, source: str | None = None
) -> Item:
    """Sample `index` of a seed; where a model has more than one source of latents, it is named."""
    source = source or explorer.sources[0]
    z = explorer.sample(index + 1, seed, truncation, source)[index:]
    caption = f"sample {index} of seed {seed}"
    if len(explorer.sources) > 1:
        caption += f", {source}"
    if truncation != 1:
        caption += f", truncation {truncation:g}"
    return from_latent(explorer, z, caption)


def from_gallery(explorer: Explorer, index: int) -> Item:
    """A training picture by its index in the data set, as `Neighbour.index` names it."""
    x, label = explorer.get_training_picture(index)
    return from_picture(explorer, x, f"training {label} (no. {index})")


def adapt_to(explorer: Explorer, items: Sequence[Item]) -> list[Item]:
    """The items for another model: their pictures are inverted anew, since latents do not travel.

    An item of this model stays, and one that comes back to the model where it was made is what it was.
    """
    here: dict[str, Item] = {}
    away: dict[str, Item] = {}  # each only once
    for item in items:
        known = [each for each in (item, item.origin) if each and each.fingerprint == explorer.fingerprint]
        if known:
            here[item.key] = known[0]
        else:
            away[item.key] = item.origin or item
    if away:
        x = torch.cat([item.picture for item in away.values()])
        made = from_pictures(explorer, x, [item.caption for item in away.values()])
        for (key, item), new in zip(away.items(), made, strict=True):
            here[key] = replace(new, key=key, notes=item.notes, origin=item)
    return [here[item.key] for item in items]
