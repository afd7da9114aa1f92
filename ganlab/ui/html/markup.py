"""The page's building blocks as HTML. A function that is no verb is named after the element that it returns.

All text is escaped here; parameters that take HTML say so. Pictures are (C, H, W) in [0, 1].
"""

from __future__ import annotations

import colorsys
import functools
import re
from collections.abc import Sequence
from html import escape, unescape
from pathlib import Path

from torch import Tensor

from ganlab import images
from ganlab.config import ModelConfig
from ganlab.explorer import Explorer
from ganlab.gallery import Neighbour, explain_absence, name_label
from ganlab.pictures import KINDS

STATIC = Path(__file__).parent.parent / "static"
NO_PICTURE = '<div class="gl-empty" aria-hidden="true"></div>'

# One colour a class everywhere, distinguishable for colour-blind people too (Tol's "muted", and grey).
# Colour is never the only sign: the class always stands beside it.
PALETTE = (
    "#332288",
    "#88ccee",
    "#44aa99",
    "#117733",
    "#999933",
    "#ddcc77",
    "#cc6677",
    "#882255",
    "#aa4499",
    "#8a8a8a",
)

MORE_LIGHT, MORE_SATURATION = (0.42, 0.62, 0.52), (0.65, 0.5, 0.8)  # of further colours, one after the other
GOLDEN = 0.618034  # of the colour circle, from one further colour to the next: near numbers lie far apart

MAX_THUMBNAIL = 40  # pixels of a side that the smallest thumbnails can show

NO_CLASSIFIER = "No classifier for this data set, so class changes are not marked."
DIGIT_DATASETS = ("mnist", "emnist-digits")


def get_noun(config: ModelConfig) -> str:
    """What one picture of the model's data set is called: "digit" or "picture"."""
    return "digit" if config.dataset in DIGIT_DATASETS else "picture"


def model_attributes(explorer: Explorer) -> str:
    """Attributes that say which checkpoint an element belongs to."""
    return f'data-model="{escape(explorer.config.name)}" data-fingerprint="{escape(explorer.fingerprint)}"'


def stage(explorer: Explorer, body: str, classes: str = "", answers: str | None = None) -> str:
    """A tab's content, marked with its checkpoint, which the page compares with the header's to mark content
    that arrives late. `body` is HTML; `classes` are added to "gl-from-model"; `answers` belongs to
    what follows the tab's pad: what the pad calls the square that is shown, or "" for another picture."""
    names = f"gl-from-model {classes}".rstrip()
    key = "" if answers is None else f' data-answers="{escape(answers)}"'
    return f'<div class="{escape(names)}" {model_attributes(explorer)}{key}>{body}</div>'


def read_script(name: str) -> str:
    """The source of a script in static/glue/, for an HTML component's js_on_load."""
    return (STATIC / "glue" / name).read_text(encoding="utf-8")


def picture(x: Tensor, alt: str, size: str = "") -> str:
    """An <img>, drawn pixelated, but smooth where it has more pixels than a thumbnail; `size` is a CSS
    class."""
    fine = " gl-fine-grid" if x.shape[-1] > MAX_THUMBNAIL else ""
    return f'<img class="gl-picture {size}{fine}" alt="{escape(alt)}" src="{images.encode_data_uri(x)}">'


def card(title: str, x: Tensor | None, alt: str = "", below: str = "", file: str = "") -> str:
    """A large picture, or an empty frame, with its title; `below` is HTML. With `file`, a link saves the
    picture under that name."""
    body = NO_PICTURE if x is None else picture(x, alt or title, "gl-large")
    save = ""
    if x is not None and file:
        save = (
            f'<a class="gl-save" download="{escape(file)}.png" href="{images.encode_data_uri(x, 8)}"'
            f' aria-label="Save {escape(title)} as PNG">save</a>'
        )
    return (
        f'<figure class="gl-card"><div class="gl-title">{escape(title)}</div>{body}'
        f"<figcaption><span>{below}</span>{save}</figcaption></figure>"
    )


def tile(
    x: Tensor, alt: str, action: str, value: object = "", caption: str = "", selected: bool = False
) -> str:
    """A small picture that is a button: a click sends `action` and `value`. `caption` is HTML. Its name says
    what it shows, and what is read on it: people who speak to their computer say that."""
    marked = " gl-selected" if selected else ""
    alt = _include(alt, caption)
    text = f'<span class="gl-caption">{caption}</span>' if caption else ""
    return (
        f'<button type="button" class="gl-tile{marked}" data-action="{escape(action)}"'
        f' data-value="{escape(str(value))}" aria-label="{escape(alt)}" title="{escape(alt)}"'
        f' aria-pressed="{str(selected).lower()}">{picture(x, "")}{text}</button>'
    )


def _include(alt: str, caption: str) -> str:
    """The name of a tile, with the words of its caption (HTML) if it does not have them."""
    seen = " ".join(unescape(re.sub(r"<[^>]*>", " ", caption)).split())
    words = [re.sub(r"[^\w\s]", "", text).casefold() for text in (seen, alt)]
    return alt if words[0] in words[1] else f"{alt}; {seen}"


def still(x: Tensor, alt: str, caption: str) -> str:
    """A small picture that is no button. `caption` is HTML."""
    text = f'<figcaption class="gl-caption">{caption}</figcaption>'
    return f'<figure class="gl-tile gl-still" title="{escape(alt)}">{picture(x, alt)}{text}</figure>'


def button(text: str, action: str, value: object = "", disabled: str = "", kind: str = "") -> str:
    """A click sends `action` and `value`. `disabled` is the reason why it does not: a tooltip that screen
    readers read; `kind` is a CSS class."""
    off = f' disabled title="{escape(disabled)}"' if disabled else ""
    return (
        f'<button type="button" class="gl-button {kind}" data-action="{escape(action)}"'
        f' data-value="{escape(str(value))}"{off}>{escape(text)}</button>'
    )


@functools.lru_cache
def get_palette(count: int) -> tuple[str, ...]:
    """A colour for each of `count` classes: PALETTE, and beyond it colours of other hues."""
    further = [
        colorsys.hls_to_rgb((i * GOLDEN) % 1, MORE_LIGHT[i % 3], MORE_SATURATION[i % 3])
        for i in range(count - len(PALETTE))
    ]
    return (*PALETTE, *("#" + "".join(f"{round(255 * part):02x}" for part in rgb) for rgb in further))


def label(number: int, classes: Sequence[str] = ()) -> str:
    """A class: its colour and its name, one of `classes`, or its number where they are empty."""
    palette = get_palette(len(classes))
    colour, name = palette[number % len(palette)], escape(name_label(classes, number))
    return f'<span class="gl-label"><i style="background:{colour}"></i><span>{name}</span></span>'


def with_article(name: str) -> str:
    """ "a 7", "an 8", "a frog", "an airplane"."""
    return f"{'an' if name[:1].lower() in tuple('aeio8') else 'a'} {name}"


def get_anchor(term: str) -> str:
    """The id of a term's entry in the glossary."""
    return f"word-{term.lower().replace(' ', '-')}"


def name_gallery(explorer: Explorer) -> str:
    """What the pictures of the model's gallery are, as one reads it in a sentence: "training digits"."""
    kind = explorer.gallery.pictures.kind if explorer.gallery is not None else "data"
    names = {
        "data": "training {}s",
        "folder": "{}s of the gallery",
        "reconstructions": "reconstructions of training {}s",
        "samples": "samples",
    }
    return names[kind].format(get_noun(explorer.config))


def get_gallery_classes(explorer: Explorer) -> tuple[str, ...]:
    """The names of the gallery's labels; those of a large gallery need not be the model's classes."""
    return explorer.classes if explorer.gallery is None else explorer.gallery.classes


def stand_in_html(explorer: Explorer) -> str:
    """What stands in for training pictures, and how to get these; empty where nothing does."""
    kind = explorer.gallery.pictures.kind if explorer.gallery is not None else "data"
    if kind in ("data", "folder"):
        return ""
    return reason(
        f"Shown are {KINDS[kind]}, in place of the training pictures: {explain_absence(explorer.model)}."
    )


def row(tiles: list[str], what: str) -> str:
    """Tiles (HTML) side by side; `what` names the group for screen readers."""
    return f'<div class="gl-row" role="group" aria-label="{escape(what)}">{"".join(tiles)}</div>'


def neighbour_row(explorer: Explorer, neighbours: list[Neighbour], what: str) -> str:
    """Neighbours with label and distance; a click sends "neighbour" and the index in the data set."""
    classes = get_gallery_classes(explorer)
    tiles = [
        tile(
            n.image,
            f"Neighbour {rank}: {describe_neighbour(explorer, n)}, {n.distance:.2f} away",
            "neighbour",
            n.index,
            f'{label(n.label, classes) if n.name else ""} <small class="gl-figure">{n.distance:.2f}</small>',
        )
        for rank, n in enumerate(neighbours, 1)
    ]
    return row(tiles, what)


def describe_neighbour(explorer: Explorer, neighbour: Neighbour) -> str:
    """ "training picture of class 7"; "reconstruction of a training picture of class frog"."""
    kind = explorer.gallery.pictures.kind if explorer.gallery is not None else "data"
    what = {
        "data": "training picture",
        "folder": "picture",
        "reconstructions": "reconstruction of a training picture",
    }
    return what.get(kind, "sample") + (f" of class {neighbour.name}" if neighbour.name else "")


def notice(text: str) -> str:
    """What went wrong and what to do, announced by screen readers at once; nothing for an empty text."""
    return f'<p class="gl-notice" role="alert">{escape(text)}</p>' if text else ""


def reason(text: str) -> str:
    """Why something is absent or different, styled like a caption."""
    return f'<p class="gl-meter"><small>{escape(text)}</small></p>'


def details(body: str, name: str, summary: str = "details") -> str:
    """`body` (HTML), folded until it is opened; the page remembers under `name` whether it is open."""
    return (
        f'<details class="gl-details" data-name="{escape(name)}"><summary>{escape(summary)}</summary>'
        f"{body}</details>"
    )


def later(key: str, words: str) -> str:
    """In place of what takes time and lies folded: static/lib/later.js asks for it when it is opened. `key`
    names what it belongs to."""
    return f'<p class="gl-loading" data-later="{escape(key)}" role="status">{escape(words)}</p>'


def format_percent(share: float, digits: int = 1) -> str:
    """A share in [0, 1] as "98.6 %"."""
    return f"{100 * share:.{digits}f} %"
