"""What all tabs share: the visitor's state, how an event becomes an answer, and what a tab is.

A handler gets one `Call` and returns an `Answer`, {component: new value}; what is missing stays as it is.
An error of use, a ValueError, becomes the sentence in the tab's notice.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import gradio as gr

from ganlab.explorer import Explorer
from ganlab.interruption import InterruptedWorkError
from ganlab.ui.call import Answer, Call, Component
from ganlab.ui.events import SLOW, waits_on
from ganlab.ui.html import markup
from ganlab.ui.items import Shelf, adapt_shelf
from ganlab.ui.server.models import Models
from ganlab.ui.server.reading import speak
from ganlab.ui.work import LongWork

NO_EVENT = gr.EventData(None, {})


class View(NamedTuple):
    """The HTML that shows a state, and how it is drawn for a model."""

    component: gr.HTML
    draw: Callable[[Explorer, Any], str]


class Setting(NamedTuple):
    """A control of a tab whose value is part of the page's address, and how a text in an address is read:
    ValueError for what is none."""

    component: Component
    read: Callable[[Explorer, str], Any]


@dataclass(frozen=True)
class Tab:
    """A tab's side of the bargain: how it is drawn when it is opened, or the model or the pictures
    changed."""

    render: Callable[[Call], Answer]
    writes: set[Component]  # all that `render` may answer with
    reads: set[Component] = field(default_factory=set)  # whose values `render` needs
    opens: tuple[Component, ...] = ()  # with buttons or words that open another tab, see `opening`
    address: Mapping[str, Setting] = field(default_factory=dict)  # by their names in the page's address
    id: str = ""  # set by the frame, like `notice`
    notice: Component = None


@dataclass(frozen=True)
class Tabs:
    """All tabs, for handlers that draw some of them."""

    tabs: tuple[Tab, ...]

    @property
    def reads(self) -> set[Component]:
        return {component for tab in self.tabs for component in tab.reads}

    @property
    def writes(self) -> set[Component]:
        return {component for tab in self.tabs for component in (*tab.writes, tab.notice)}

    @property
    def waits(self) -> dict[str, Any]:
        """Settings of an event that draws tabs: parts that may take seconds show it."""
        return waits_on(
            *(part for part in self.writes if SLOW in (getattr(part, "elem_classes", None) or ()))
        )

    def render(self, call: Call, *ids: str) -> Answer:
        """The named tabs, drawn anew; an error of use becomes the sentence of its tab."""
        answer: Answer = {}
        for tab in self.tabs:
            if tab.id in ids:
                try:
                    answer |= {**tab.render(call), tab.notice: ""}
                except ValueError as error:
                    answer[tab.notice] = markup.notice(speak(error))
        return answer


@dataclass(frozen=True)
class Page:
    """A visitor's state, and the way in which tabs and shelf listen to events. Every tab has a copy with
    its own notice."""

    models: Models
    first: Call  # what the page opens with
    model: gr.State  # name of the model in use
    current: gr.State  # Item
    ends: gr.State  # Ends
    kept: gr.State  # tuple of Items
    trail: gr.State  # Trail of neighbours that were followed
    notice: gr.HTML | None  # where sentences of this tab appear; None drops them
    active: gr.State  # id of the tab in use
    views: dict[gr.State, View]  # which the answers' states are shown by
    work: LongWork = field(default_factory=LongWork)
    tab: str = ""  # id of the tab that this copy belongs to
    deferred: list[Callable[[Tabs], None]] = field(default_factory=list)  # see `on`

    def on(
        self,
        event: Callable[..., Any],
        function: Callable[[Call], Answer] | Callable[[Call], Iterator[Answer]],
        reads: Iterable[Component] = (),
        writes: Iterable[Component] = (),
        **settings: Any,
    ) -> Any:
        """Let `function` answer `event`, a component's listener such as `button.click`.

        It may read the components `reads` and write the components `writes`. The visitor's state comes with
        every call and the views of a state follow it by themselves. A generator function answers more than
        once and needs the settings STREAM. Returns Gradio's dependency, for its `then`; None in a tab if
        the current picture is written: that may arrive when another tab is in use, which the same answer then
        draws anew, so that such a listener is registered once all tabs are there.

        All clicks of one visitor are handled one after the other in the order in which they arrived: they
        go to /run/predict (queue=False in `events`), where the middleware of ui/server/sessions.py lets one
        request of a session through at a time. Only STREAM events run beside them.
        """
        if self.tab and self.current in {*writes}:
            self.deferred.append(lambda tabs: self._on_in_tab(tabs, event, function, reads, writes, settings))
            return None
        outputs = {*writes} if self.notice is None else {self.notice, *writes}
        outputs |= {view.component for state, view in self.views.items() if state in outputs}
        states = {self.model, self.current, self.ends, self.kept}
        return event(self._handler(function), states | set(reads), outputs, **settings)

    def register(self, tabs: Tabs) -> None:
        """Let the listeners that were waiting for all tabs answer from now on."""
        for register in self.deferred:
            register(tabs)

    def _on_in_tab(
        self,
        tabs: Tabs,
        event: Callable[..., Any],
        function: Callable[[Call], Any],
        reads: Iterable[Component],
        writes: Iterable[Component],
        settings: dict[str, Any],
    ) -> None:
        def draw_active_too(call: Call) -> Answer:
            answer: Answer = function(call)
            if self.current not in answer or call[self.active] == self.tab:
                return answer
            ends = answer.get(self.ends, call.ends)
            changed = replace(call, current=answer[self.current], ends=ends)
            return {**answer, **tabs.render(changed, call[self.active])}

        outside = replace(self, tab="")
        outside.on(
            event,
            draw_active_too,
            {self.active, *reads, *tabs.reads},
            {*writes, *tabs.writes},
            **settings,
        )

    def _handler(self, function: Callable[[Call], Any]) -> Callable[..., Any]:
        """The function as Gradio calls it."""

        def answer(values: dict[Any, Any], request: gr.Request = None, event: gr.EventData = NO_EVENT) -> Any:
            with self.work.answering():
                try:
                    call = self._read(values, request, event)
                    return self._complete(call, function(call)) if call else gr.skip()
                except ValueError as error:
                    return self._say(speak(error)) or gr.skip()
                except InterruptedWorkError:  # the visitor is gone
                    return gr.skip()

        def answers(
            values: dict[Any, Any], request: gr.Request = None, event: gr.EventData = NO_EVENT
        ) -> Iterator[Any]:
            try:
                if call := self._read(values, request, event):
                    for part in function(call):
                        yield self._complete(call, part)
            except ValueError as error:
                yield self._say(speak(error)) or gr.skip()
            except InterruptedWorkError:  # the visitor is gone
                return

        return answers if inspect.isgeneratorfunction(function) else answer

    def _read(self, values: dict[Any, Any], request: Any, event: gr.EventData) -> Call | None:
        """The call, or None for an event of a picture of a model that has been replaced since."""
        explorer = self.models.get(values[self.model])
        data = event._data if isinstance(event._data, dict) else {}
        if "fingerprint" in data and not explorer.accepts(data["fingerprint"]):
            noun = "shelf" if "kept" in data else "latent"
            if change := explorer.config.explain_replacement(data["fingerprint"], noun):
                raise ValueError(change)  # from a page, or of a visit, before the checkpoint was replaced
            return None
        shelf = Shelf(values[self.current], values[self.ends], values[self.kept])
        if any(item.fingerprint != explorer.fingerprint for item in shelf.items):
            shelf = adapt_shelf(explorer, shelf)  # an answer in parts began with the model before
        session = str(getattr(request, "session_hash", None) or "")
        query = dict(getattr(request, "query_params", None) or {})
        return Call(explorer, values[self.model], *shelf, values, data, session, query)

    def _complete(self, call: Call, answer: Answer) -> Answer:
        """The answer with the views of its states and without the sentence of an earlier error. Long work for
        another picture or model than it leaves current ends here."""
        answer = {**self._say(""), **answer}
        model = answer.get(self.model, call.model)
        if model != call.model or answer.get(self.current, call.current).key != call.current.key:
            self.work.stop(call.session)
        for state, view in self.views.items():
            if state in answer:
                answer[view.component] = view.draw(self.models.get(model), answer[state])
        return answer or gr.skip()

    def _say(self, text: str) -> Answer:
        return {} if self.notice is None else {self.notice: markup.notice(text)}


def html(value: str, *scripts: str, **settings: Any) -> gr.HTML:
    """An HTML component. `scripts` of static/glue run with it and may trigger events for Python to hear."""
    code = "\n".join(markup.read_script(f"{name}.js") for name in scripts) or None
    return gr.HTML(value, js_on_load=code, apply_default_css=False, **settings)


def notice_area(**settings: Any) -> gr.HTML:
    """Where a tab says what went wrong; takes no room while it is empty."""
    return html("", elem_classes="gl-notices", **settings)
