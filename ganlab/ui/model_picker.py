"""The choice of a model at the top of the page: a list, and where any may be opened, a field for its name."""

from __future__ import annotations

from collections.abc import Collection
from html import escape

import gradio as gr

from ganlab.ui.html import markup
from ganlab.ui.server.models import Models

FIELD = """
<form class="gl-another" hidden>
  <input type="text" class="gl-select" aria-label="Folder or Hub id of a model"
    placeholder="folder, or user/repo" autocapitalize="none" autocomplete="off" spellcheck="false">
  <button class="gl-button">open</button>
</form>
"""


def picker_html(names: list[str], chosen: str, allow_any: bool, broken: Collection[str] = ()) -> str:
    """The list of models; with `allow_any`, also what opens one that is not on it. Of the `broken` ones it
    says so; who chooses one reads what is wrong."""
    options = "".join(
        _option(name, f"{name} (broken)" if name in broken else name, name == chosen) for name in names
    )
    another = _option("", "another...", False) if allow_any else ""
    return (
        f'<select class="gl-select" aria-label="Model">{options}{another}</select>'
        f"{FIELD if allow_any else ''}"
    )


def _option(value: str, text: str, chosen: bool) -> str:
    return f'<option value="{escape(value)}"{" selected" if chosen else ""}>{escape(text)}</option>'


def build(models: Models) -> gr.HTML:
    """The component, whose value is the name of the model in use. It sends "choose" with another name as its
    value (static/lib/model-picker.js)."""
    names = models.list_names()
    broken = [name for name in names if models.find_fault(name)]
    page = picker_html(names, models.default, models.allow_any, broken)
    return gr.HTML(
        models.default,
        html_template=page.translate({ord("{"): "&#123;", ord("$"): "&#36;"}),  # Gradio fills in ${...}
        js_on_load=markup.read_script("model-picker.js"),
        apply_default_css=False,
        elem_id="model-picker",
        scale=0,
        min_width=220,
    )
