"""The page as a whole: header, tabs, shelf. Who is there; what each does stands in its own file."""

from __future__ import annotations

from dataclasses import replace

import gradio as gr

from ganlab.ui import arrival, model_picker, opening, shelf, switching
from ganlab.ui.call import Call
from ganlab.ui.events import SLOW
from ganlab.ui.html import markup
from ganlab.ui.html.header import header_html
from ganlab.ui.page import Page, Tab, Tabs, html, notice_area
from ganlab.ui.server import api
from ganlab.ui.server.blocks import Blocks
from ganlab.ui.server.models import Models
from ganlab.ui.tabs import TABS
from ganlab.ui.trail import Trail

CACHE = (600, 3600)  # seconds: how often, and how old, files of visitors are deleted


def build(models: Models) -> gr.Blocks:
    """The whole interface, opening with the default model."""
    with Blocks(title="ganlab", analytics_enabled=False, fill_width=True, delete_cache=CACHE) as blocks:
        picker, header = build_header(models)
        page = _build_page(models)
        shelf_page = replace(page, notice=notice_area(render=False))
        waits, waiting = html("", render=False, elem_classes="gl-waits"), gr.State({})
        visit = html("", "visit", render=False, elem_classes="gl-visits")
        with gr.Row(elem_classes="gl-frame"):
            with gr.Column(scale=1, min_width=300, elem_classes="gl-main"):
                selected, openings, tabs = _build_tabs(page)
            with gr.Column(scale=0, min_width=190, elem_classes="gl-side gl-shelf"):
                for part in (
                    *(view.component for view in page.views.values()),
                    shelf_page.notice,
                    waits,
                    visit,
                ):
                    part.render()
        frame = switching.Frame(picker, header, waits, waiting, selected, visit)
        page.register(tabs)
        switching.listen_to_tabs(page, tabs, frame, openings)
        switching.listen_to_picker(page, tabs, frame)
        arrival.listen(page, tabs, frame)
        shelf.listen(shelf_page, tabs, selected)
        opening.listen(replace(page, notice=None), tabs, selected)

        def leave(request: gr.Request) -> None:
            page.work.drop(str(request.session_hash))

        blocks.unload(leave)
        api.register(models)
    return blocks


def _build_tabs(page: Page) -> tuple[gr.Tabs, dict[str, gr.Tab], Tabs]:
    """The row of tabs, what opens each by its id, and the tabs themselves; each has a notice of its own."""
    openings, tabs = dict[str, gr.Tab](), list[Tab]()
    with gr.Tabs(selected=TABS[0][0], overflow_behavior="wrap", elem_id="tabs") as selected:
        for key, title, build_tab in TABS:
            with gr.Tab(title, id=key, elem_id=f"tab-{key}") as openings[key]:
                own = replace(page, notice=notice_area(), tab=key)
                tabs.append(replace(build_tab(own), id=key, notice=own.notice))
    return selected, openings, Tabs(tuple(tabs))


def build_header(models: Models) -> tuple[gr.HTML, gr.HTML]:
    """The line at the top: name, choice of a model, its figures; below it what is wrong with the default."""
    with gr.Row(elem_classes="gl-header"):
        html('<h1 class="gl-mark">ganlab</h1>', elem_classes="gl-brand")
        picker = model_picker.build(models)
        figures = header_html(models.get(models.default))
        header = html(figures, "stale", "details", "tabs", "tour", elem_classes=["gl-figures", SLOW])
    if models.notice:
        html(markup.notice(models.notice), elem_classes="gl-notices")
    return picker, header


def _build_page(models: Models) -> Page:
    """The visitor's state as a page opens, and the shelf's components that show it."""
    explorer = models.get(models.default)
    first = Call(explorer, models.default, *switching.open_shelf(explorer))
    page = Page(
        models,
        first,
        model=gr.State(models.default),
        current=gr.State(first.current),
        ends=gr.State(first.ends),
        kept=gr.State(first.kept),
        trail=gr.State(Trail()),
        notice=notice_area(),
        active=gr.State(TABS[0][0]),
        views={},
    )
    shelf.build(page)
    arrival.build(page)
    return page
