"""The first line of a tab: in words what happened to the picture, or what the hand can do with it; then the
next step."""

from __future__ import annotations

from html import escape

from ganlab.explorer import Explorer
from ganlab.ui.html import markup


def promise_html(explorer: Explorer, text: str, *steps: str) -> str:
    """A tab's first line, marked with its model. `text` and the `steps` are HTML."""
    return markup.stage(explorer, line_html(text, *steps))


def line_html(text: str, *steps: str) -> str:
    """The line alone, for what is marked with its model already."""
    return f'<div class="gl-promise"><span>{text}</span>{"".join(steps)}</div>'


def step(text: str, tab: str) -> str:
    """A button that opens another tab, named by its id (static/glue/open.js)."""
    return (
        f'<button type="button" class="gl-button gl-step" data-open="{escape(tab)}">{escape(text)}</button>'
    )


def fold() -> str:
    """Shows and hides a tab's controls in a narrow window (static/sight.css); the page remembers it."""
    return '<details class="gl-details gl-fold" data-name="settings"><summary>settings</summary></details>'


def term(word: str, text: str = "") -> str:
    """A word of the glossary, which opens its entry on the Methods tab; `text` is how it is written here."""
    anchor = markup.get_anchor(word)
    return (
        f'<a class="gl-term" href="#{escape(anchor)}" data-open="methods" data-word="{escape(anchor)}">'
        f"{escape(text or word)}</a>"
    )
