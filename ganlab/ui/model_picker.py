"""The choice of a model at the top of the page: a list, and where any may be opened, a field for its name."""

from __future__ import annotations

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


def picker_html(names: list[str], chosen: str, allow_any: bool) -> str:
    """The list of models; with `allow_any`, also what opens one that is not on it."""
    options = "".join(_option(name, name, name == chosen) for name in names)
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
    page = picker_html(models.list_names(), models.default, models.allow_any)
    return gr.HTML(
        models.default,
        html_template=page.translate({ord("{"): "&#123;", ord("$"): "&#36;"}),  # Gradio fills in ${...}
        js_on_load=markup.read_script("model-picker.js"),
        apply_default_css=False,
        elem_id="model-picker",
        scale=0,
        min_width=220,
    )
