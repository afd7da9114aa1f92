"""Items: latents with their pictures, where they came from, and how they get to another model."""

from __future__ import annotations

import contextlib
import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor

from ganlab.explorer import Explorer
from ganlab.images import Box, PreparedPicture
from ganlab.pictures import Pictures, name_label

MAX_CAPTION = 120  # characters of a caption that a page sends
ADDRESS = re.compile(  # see `from_address`
    r"(?:(test|training)-(\d{1,10})|sample-(\d{1,19})-(\d{1,3})(?:-(prior|mixture)(?:-([01](?:\.\d{1,6})?))?)?)",
    re.ASCII,
)


@dataclass(frozen=True)
class Item:
    """z (1, latent_dim); image G(z) and x, the picture that was inverted to z, (1, C, H, W) in [0, 1]."""

    z: Tensor
    image: Tensor
    caption: str
    fingerprint: str  # of the checkpoint that z belongs to
    x: Tensor | None = None
    notes: tuple[str, ...] = ()  # what preparation did to an upload
    digits: tuple[Box, ...] = ()  # of an upload: all digits that were seen, x first
    doubt: str = ""  # why preparation was unsure of an upload
    page_key: str = ""  # what the page that made the latent calls it
    pad_key: str = ""  # what the pad calls the square of an upload that x is
    origin: Item | None = None  # the same in the model where it was made, for the way back
    address: str = ""  # a short name that leads to it in the same model, see `from_address`; or none
    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    since: float = field(default_factory=time.time)  # when it was made, or became current again

    @property
    def picture(self) -> Tensor:
        """What a person would call the picture: what was inverted, or else what the latent shows."""
        return self.image if self.x is None else self.x


class Ends(NamedTuple):
    """The ends of a path, A and B."""

    a: Item | None
    b: Item | None

    def with_end(self, name: str, item: Item | None) -> Ends:
        """A copy with another A or B; ValueError for another name."""
        if name not in ("A", "B"):
            raise ValueError(f"A path has the ends A and B, not {name!r}.")
        return self._replace(a=item) if name == "A" else self._replace(b=item)


class Shelf(NamedTuple):
    """The current picture, the ends of a path and what was kept, all of one shape."""

    current: Item
    ends: Ends
    kept: tuple[Item, ...]

    @property
    def items(self) -> list[Item]:
        return [self.current, *(item for item in self.ends if item is not None), *self.kept]


class Opened(tuple[Item, ...]):
    """What was kept, of a page that opens anew: nobody has dropped what is not in it, so that the browser
    forgets nothing (static/glue/shelf.js)."""


Waiting: TypeAlias = dict[tuple[int, ...], Shelf]  # by shape (C, H, W): shelves that the model does not take


# ---------------------------------------------------------------------- where items come from


def from_pictures(explorer: Explorer, x: Tensor, captions: Sequence[str]) -> list[Item]:
    """An item for each picture of x (N, C, H, W), inverted all at once: by the encoder where there is
    one, else by optimisation, which takes little longer for many than for one."""
    inversion = explorer.invert(x)
    rows = [slice(row, row + 1) for row in range(len(x))]
    return [
        Item(inversion.z[row], inversion.image[row], caption, explorer.fingerprint, x[row])
        for row, caption in zip(rows, captions, strict=True)
    ]


def from_picture(explorer: Explorer, x: Tensor, caption: str, notes: tuple[str, ...] = ()) -> Item:
    """An item for one picture x (1, C, H, W)."""
    return replace(from_pictures(explorer, x, [caption])[0], notes=notes)


def from_upload(explorer: Explorer, prepared: PreparedPicture, caption: str) -> Item:
    """An item for a prepared upload, which keeps what preparation says of it."""
    item = from_picture(explorer, prepared.x, caption, prepared.notes)
    return replace(item, digits=prepared.digits, doubt=prepared.doubt)


def from_latent(explorer: Explorer, z: Tensor, caption: str) -> Item:
    """An item for a latent z (1, latent_dim)."""
    return Item(z, explorer.decode(z), caption, explorer.fingerprint)


def from_page(explorer: Explorer, payload: object) -> Item:
    """The latent that a page sent as {"fingerprint", "z", "about"}, "about" being its caption. Anybody can
    send it, so all is checked; ValueError for a latent that is none or is another checkpoint's."""
    sent = payload if isinstance(payload, dict) else {}
    z = explorer.unpack({"fingerprint": sent.get("fingerprint"), "z": sent.get("z")})
    return from_latent(explorer, z, str(sent.get("about", ""))[:MAX_CAPTION])


def from_page_code(explorer: Explorer, payload: dict[str, Any]) -> Item:
    """`from_page` for a code that the page sent as "code" in place of the latent "z" that it has."""
    code = explorer.unpack({"fingerprint": payload.get("fingerprint"), "z": payload.get("code")})
    return from_page(explorer, {**payload, "z": explorer.from_codes(code)[0].tolist()})


def from_sample(
    explorer: Explorer, seed: int, index: int = 0, truncation: float = 1.0, source: str | None = None
) -> Item:
    """Sample `index` of a seed; where a model has more than one source of latents, it is named."""
    source = source or explorer.sources[0]
    z = explorer.sample(1, seed, truncation, source, first=index)
    caption, address = f"sample {index} of seed {seed}", f"sample-{seed}-{index}"
    if len(explorer.sources) > 1:
        caption += f", {source}"
    if source != explorer.sources[0] or truncation != 1:
        address += f"-{source}"
    if truncation != 1:
        caption += f", truncation {truncation:g}"
        address += f"-{truncation:g}"
    return replace(from_latent(explorer, z, caption), address=address)


def from_gallery(explorer: Explorer, index: int) -> Item:
    """A training picture by its index in the data set, as `Neighbour.index` names it."""
    x, label = explorer.get_training_picture(index)
    assert explorer.gallery is not None
    item = from_picture(explorer, x, describe(explorer, explorer.gallery.pictures, "training", label, index))
    return replace(item, address=f"training-{index}")


def describe(explorer: Explorer, pictures: Pictures, split: str, label: int, index: int) -> str:
    """A caption: "training 7 (no. 12)", "test picture (no. 3)", "reconstruction of test frog (no. 9)"."""
    name = explorer.name_class(label) if pictures.are_labelled else "picture"
    if pictures.kind == "folder":
        name = name_label(pictures.classes, label) if pictures.are_labelled else name
        return f"gallery {name} (no. {index})"
    before = "" if pictures.kind == "data" else f"{pictures.kind.removesuffix('s')} of "
    return f"{before}{split} {name} (no. {index})"


def from_examples(explorer: Explorer, *indices: int) -> list[Item]:
    """Test pictures by their positions among the model's examples, inverted all at once; ValueError for a
    position that it does not have."""
    examples = explorer.examples
    for index in indices:
        if examples is None or not 0 <= index < len(examples):
            raise ValueError(f"There is no example {index}.")
    assert examples is not None
    rows = torch.tensor(indices)
    captions = [
        describe(explorer, examples, "test", int(examples.labels[i]), int(examples.indices[i]))
        for i in indices
    ]
    inverted = from_pictures(explorer, examples.inputs(rows), captions)
    return [replace(item, address=f"test-{index}") for item, index in zip(inverted, indices, strict=True)]


def from_address(explorer: Explorer, address: str) -> Item:
    """What an item's address names: "test-3" (the example at position 3), "training-1234" (its index in the
    data set), "sample-SEED-INDEX", also followed by "-SOURCE" and "-TRUNCATION". Anybody can write one;
    ValueError for what names nothing."""
    match = ADDRESS.fullmatch(address)
    if match is None:
        raise ValueError("The picture in this link has no such name. Copy the link whole.")
    split, number, seed, index, source, truncation = match.groups()
    if split == "test":
        return from_examples(explorer, int(number))[0]
    if split == "training":
        return from_gallery(explorer, int(number))
    return from_sample(explorer, int(seed), int(index), float(truncation or 1), source)


# ---------------------------------------------------------------------- to another model


def adapt_to(explorer: Explorer, items: Sequence[Item]) -> list[Item]:
    """The items for another model: their pictures are inverted anew, since latents do not travel.

    An item of this model stays, and one that comes back to the model where it was made is what it was.
    """
    own: dict[str, Item] = {}
    foreign: dict[str, Item] = {}  # each only once
    for item in items:
        fitting = [each for each in (item, item.origin) if each and _is_of(explorer, each)]
        if fitting:
            own[item.key] = fitting[0]
        else:
            foreign[item.key] = item.origin or item
    if foreign:
        x = torch.cat([item.picture for item in foreign.values()])
        inverted = from_pictures(explorer, x, [item.caption for item in foreign.values()])
        for (key, item), new in zip(foreign.items(), inverted, strict=True):
            address = item.address if _names_the_same(explorer, item) else ""
            upload = replace(new, notes=item.notes, digits=item.digits, doubt=item.doubt, address=address)
            own[key] = replace(upload, key=key, pad_key=item.pad_key, origin=item)
    return [own[item.key] for item in items]


def _is_of(explorer: Explorer, item: Item) -> bool:
    """Whether an item's latent is the model's; an origin that a page brought back may be anybody's."""
    if item.fingerprint != explorer.fingerprint:
        return False
    try:
        explorer.check_latents(item.z)
    except ValueError:
        return False
    return True


def _names_the_same(explorer: Explorer, item: Item) -> bool:
    """Whether the address of an item of another model leads to the same picture in this one."""
    match = ADDRESS.fullmatch(item.address)
    if match is None or match[1] is None:
        return False
    number = int(match[2])
    if match[1] == "training":
        with contextlib.suppress(ValueError):
            return torch.equal(explorer.get_training_picture(number)[0], item.picture)
        return False
    examples = explorer.examples
    if examples is None or number >= len(examples):
        return False
    return torch.equal(examples.inputs(torch.tensor([number])), item.picture)


def adapt_shelf(explorer: Explorer, shelf: Shelf) -> Shelf:
    """The same pictures for another model, which takes their shape."""
    adapted = {item.key: item for item in adapt_to(explorer, shelf.items)}
    a, b = (item and adapted[item.key] for item in shelf.ends)
    # The same picture may lie in several slots; since when it is current only the current one records.
    current = replace(adapted[shelf.current.key], since=shelf.current.since)
    return Shelf(current, Ends(a, b), tuple(adapted[item.key] for item in shelf.kept))


def shown_key(explorer: Explorer, item: Item) -> str:
    """Names a picture as shown by a model: the same key means that nothing has to be drawn again."""
    return f"{explorer.fingerprint}/{item.key}"
