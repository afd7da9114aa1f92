"""The trail of somebody who follows neighbours from picture to picture, to walk back along."""

from __future__ import annotations

import json
from dataclasses import replace
from html import escape
from typing import Any, NamedTuple

from ganlab.explorer import Explorer
from ganlab.ui import items, snapshots
from ganlab.ui.html import markup
from ganlab.ui.items import Item

MAX_STEPS = 12  # pictures behind the current one; the oldest are forgotten


class Trail(NamedTuple):
    """The pictures that led to the one with the key `head`, oldest first."""

    steps: tuple[Item, ...] = ()
    head: str = ""

    def follow(self, current: Item, key: str) -> Trail:
        """The trail after a step from the current picture to the one with this key; another one begins where
        the current picture was not reached along this one."""
        steps = self.steps if self.head == current.key else ()
        return Trail((*steps, current)[-MAX_STEPS:], key)

    def back_to(self, index: int) -> Trail:
        """The trail as it was when its picture `index` was current; ValueError for one that it has not."""
        if not 0 <= index < len(self.steps):
            raise ValueError("The trail has no such picture.")
        return Trail(self.steps[:index], self.steps[index].key)

    def return_to(self, item: Item) -> Trail:
        """The trail after an item of it became current again in another way, such as the browser's Back."""
        for index, step in enumerate(self.steps):
            if step.key == item.key or (item.address and step.address == item.address):
                return Trail(self.steps[:index], item.key)
        return self


def trail_html(explorer: Explorer, trail: Trail, current: Item) -> str:
    """Small pictures of the way to the current one, each a way back; nothing where there was none."""
    fitting = [step.image.shape[1:] == explorer.config.image_shape for step in trail.steps]
    if trail.head != current.key or not trail.steps or not all(fitting):
        return ""
    tiles = "".join(
        f"<li>{markup.tile(step.picture[0], f'Back to {step.caption}', 'back', index)}</li>"
        for index, step in enumerate(trail.steps)
    )
    here = f'<li aria-current="step">{markup.picture(current.picture[0], f"here: {current.caption}")}</li>'
    packed = escape(json.dumps([_pack_step(step) for step in trail.steps]))
    return (
        f'<nav class="gl-trail" aria-label="The way here" data-items="{packed}">'
        f"<span>the way here</span><ol>{tiles}{here}</ol></nav>"
    )


def _pack_step(step: Item) -> dict[str, Any] | None:
    if step.address:
        return {"key": step.key, "address": step.address}
    return snapshots.pack(step)


def unpack_trail(explorer: Explorer, fingerprint: object, fields: object, head: str) -> Trail:
    """The trail to the item `head` that a page sent as its stage had it; none for anything else."""
    if not isinstance(fields, list) or not explorer.accepts(fingerprint):
        return Trail()
    steps = []
    for each in fields[-MAX_STEPS:]:
        sent = each if isinstance(each, dict) else {}
        try:
            if "z" in sent:
                steps.append(snapshots.unpack(explorer, fingerprint, sent))
                continue
            item = items.from_address(explorer, str(sent.get("address")))
        except ValueError:
            return Trail()
        key = str(sent.get("key"))
        steps.append(replace(item, key=key) if snapshots.KEY.fullmatch(key) else item)
    return Trail(tuple(steps), head)
