"""What a handler is given and what it answers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ganlab.explorer import Explorer
from ganlab.studio import portable
from ganlab.ui.html import markup
from ganlab.ui.items import Ends, Item

Component: TypeAlias = Any  # gr.components.Component
Answer: TypeAlias = dict[Component, Any]  # new values by component; what is missing stays as it is


@dataclass(frozen=True)
class Call:
    """What a handler knows when it is called. `call[component]` is a value as the page sent it: unchecked."""

    explorer: Explorer  # of the model that the visitor uses now
    model: str  # its name among those on offer
    current: Item  # of that model, like `ends` and `kept`
    ends: Ends
    kept: tuple[Item, ...] = ()
    values: Mapping[Component, Any] = field(default_factory=dict)
    event: Mapping[str, Any] = field(default_factory=dict)  # what a script of ours sent with trigger()
    session: str = ""
    query: Mapping[str, str] = field(default_factory=dict)  # of the page's address

    def __getitem__(self, component: Component) -> Any:
        return self.values[component]

    def text(self, name: str) -> str:
        """What the event carries under `name`, as text."""
        return str(self.event.get(name, ""))

    def index(self, name: str = "value") -> int:
        """A number from 0 that the event carries; ValueError for anything else."""
        text = self.text(name)
        if not (text.isascii() and text.isdecimal()) or len(text) > 18:
            raise ValueError(f"A picture is named by its number, not {text[:40]!r}.")
        return int(text)


def latents_payload(call: Call) -> dict[str, Any]:
    """What a script of ours that moves latents itself starts from: the current one, A and B, when this was
    written, what the classes look like and are called, what a picture is called, and why the server draws the
    pictures, if it does."""
    a, b = (None if item is None else item.z[0].tolist() for item in call.ends)
    return {
        "model": call.model,
        "fingerprint": call.explorer.fingerprint,
        "aliases": call.explorer.config.aliases,
        "time": time.time(),
        "z": call.current.z[0].tolist(),
        "caption": call.current.caption,
        "a": a,
        "b": b,
        "palette": markup.get_palette(len(call.explorer.classes)),
        "classes": call.explorer.classes,
        "noun": markup.get_noun(call.explorer.config),
        "server": portable.explain_limit(call.explorer.model),
    }
