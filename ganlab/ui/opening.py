"""Buttons and words in a tab's content that open another tab (static/glue/open.js)."""

from __future__ import annotations

import gradio as gr

from ganlab.ui.call import Answer, Call
from ganlab.ui.events import CLICK
from ganlab.ui.page import Page, Tabs


def listen(page: Page, tabs: Tabs, selected: gr.Tabs) -> None:
    """Let every tab's `opens` trigger "open" with the id of a tab as its value. `selected` opens a tab."""
    ids = {tab.id for tab in tabs.tabs}

    def open_tab(call: Call) -> Answer:
        if (key := call.text("value")) not in ids:
            return {}
        return {selected: gr.Tabs(selected=key), page.active: key, **tabs.render(call, key)}

    writes = {selected, page.active, *tabs.writes}
    for component in (each for tab in tabs.tabs for each in tab.opens):
        page.on(component.open, open_tab, tabs.reads, writes, **CLICK | tabs.waits)
