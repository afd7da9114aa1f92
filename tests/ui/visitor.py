"""A visitor of the page without a browser: sends events to its handlers and keeps what they answer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import gradio as gr

from ganlab.ui import app
from ganlab.ui.call import Answer, Call
from ganlab.ui.page import Page, Tab, notice_area
from ganlab.ui.server.models import Models


class Visitor:
    """One session. With `build`, the page has that tab only; `tab` and `page` are then to be looked at.
    `models` may be a whole page that is built already: several visitors may come to it."""

    tab: Tab
    page: Page

    def __init__(self, models: Models | gr.Blocks, build: Callable[[Page], Tab] | None = None) -> None:
        if isinstance(models, gr.Blocks):
            self.blocks = models
        elif build is None:
            self.blocks = app.build(models)
        else:
            with gr.Blocks() as self.blocks:
                frame = app._build_page(models)
                self.page = replace(frame, notice=notice_area())
                self.tab = build(self.page)
        parts = self.blocks.blocks.values()
        self.values = {part: part.value for part in parts if hasattr(part, "value")}

    def find(self, elem_id: str) -> Any:
        parts = self.blocks.blocks.values()
        (part,) = [part for part in parts if getattr(part, "elem_id", "") == elem_id]
        return part

    def handler(self, elem_id: str, event: str) -> Any:
        """Gradio's record of the function that answers an event."""
        for function in self.blocks.fns.values():
            if (self.find(elem_id)._id, event) in function.targets:
                return function
        raise AssertionError(f"nothing listens to {event} of {elem_id}")

    def send(self, elem_id: str, event: str, **data: Any) -> Answer:
        """The answer to an event that carries `data`; of several answers, the last."""
        function = self.handler(elem_id, event)
        values = {part: self.values[part] for part in function.inputs}
        answer = function.fn(values, SimpleNamespace(session_hash="visitor"), gr.EventData(None, data))
        for part in answer if inspect.isgenerator(answer) else [answer]:
            self.keep(part)
            answer = part
        return {} if answer == gr.skip() else answer

    def keep(self, answer: Answer) -> None:
        if answer == gr.skip():
            return
        for part, value in answer.items():
            if not isinstance(value, dict) or value.get("__type__") != "update":
                self.values[part] = value
            elif "value" in value:
                self.values[part] = value["value"]

    def render(self, **changes: Any) -> Answer:
        """The tab drawn anew; `changes` are of the call."""
        page = self.page
        explorer = page.models.get(self.values[page.model])
        state = (self.values[part] for part in (page.model, page.current, page.ends, page.kept))
        answer = self.tab.render(replace(Call(explorer, *state, self.values), **changes))
        self.keep(answer)
        return answer
