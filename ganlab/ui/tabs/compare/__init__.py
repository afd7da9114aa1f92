"""Compare: one picture through every model that fits it, one row a model, all in the same columns.

The page asks for the next part as long as rows lack something (static/glue/compare.js), and drops the answer
if a newer comparison has begun by then. What has been computed so far lies in the visitor's session.
"""

from __future__ import annotations

from dataclasses import replace
from html import escape

import gradio as gr
from torch import Tensor

from ganlab import images
from ganlab.explorer import Explorer
from ganlab.ui import items
from ganlab.ui.call import Answer, Call
from ganlab.ui.events import CLICK, LIVE, SLOW, waits_on
from ganlab.ui.html import markup
from ganlab.ui.html.promise import promise_html, step, term
from ganlab.ui.items import Item, shown_key
from ganlab.ui.pad import build_pad, listen_to_pad, pad_value
from ganlab.ui.page import Page, Tab, html
from ganlab.ui.tabs.compare.comparison import NEIGHBOURS, Comparison, Reading, Row, advance, start

CALM = 250  # ms without a new picture before what takes longer is begun: a moving pen waits for nothing
COLUMNS = ("model", "reconstruction", "difference", "error", "class", "nearest training pictures")


def summary(comparison: Comparison) -> str:
    """How many models keep the class, and which comes closest, as plain text."""
    answered = comparison.answered
    if not answered:
        return "" if comparison.complete else "The models are at work."
    so_far = "" if comparison.settled else " so far"
    sentences = []
    if comparison.reading is not None:
        kept = sum(not comparison.flips(row) for row in answered)
        if len(comparison.rows) == 1:
            sentences.append(
                f"The model {'keeps' if kept else 'does not keep'} the {comparison.reading.name}."
            )
        else:
            verb = "keeps" if kept == 1 else "keep"
            sentences.append(
                f"{kept} of {len(answered)} models{so_far} {verb} the {comparison.reading.name}."
            )
    if (closest := comparison.closest) is not None:
        sentences.append(f"Closest{so_far}: {closest.called}.")
    return " ".join(sentences)


def _seen(reading: Reading) -> str:
    name = markup.label(reading.label, reading.classes)
    return f"looks like {name} ({markup.format_percent(reading.share, 0)})"


def _head(comparison: Comparison) -> str:
    """The picture as every model here sees it, once for all rows."""
    notes = ", ".join((f"{comparison.x.shape[2]} x {comparison.x.shape[3]}", *comparison.notes))
    seen = [escape(comparison.caption)]
    if comparison.reading is not None:
        seen.append(_seen(comparison.reading))
    used = comparison.rows[0].config
    words = ("less", "more") if used is not None and used.preparation == "digit" else ("darker", "brighter")
    less, more = (
        f'<b class="gl-{kind}">{word}</b>' for kind, word in zip(("less", "more"), words, strict=True)
    )
    end = "ink than the picture" if words[0] == "less" else "than the picture"
    figures = markup.reason(f"{comparison.judge} Error: mean squared, per pixel, pixels 0 to 1.")
    return (
        f'<div class="gl-input"><figure>{markup.picture(comparison.x[0], comparison.caption, "gl-face")}'
        f"<figcaption>what the models see</figcaption></figure>"
        f'<div><p class="gl-verdict" role="status">{escape(summary(comparison))}</p>'
        f"<p>{' · '.join(seen)}</p>"
        f"<p><small>{escape(notes)}. Difference: {less} and {more} {end}.</small></p>"
        f"{markup.details(figures, 'figures')}</div></div>"
    )


def _model(row: Row, used: bool) -> str:
    title = row.config.title if row.config is not None else ""
    lines = [title] if title and title != row.called else []
    if row.encodes:
        lines.append("encoder")
    elif row.config is not None:
        lines.append(f"optimised, {row.steps} steps" if row.steps else "no encoder: optimised")
    if used:
        lines.append("in use")
    text = "".join(f"<small>{escape(line)}</small>" for line in lines)
    return f'<th scope="row" role="rowheader"><b>{escape(row.called)}</b>{text}</th>'


def _face(x: Tensor | None, alt: str) -> str:
    """A picture, or the room for one."""
    return '<div class="gl-face gl-blank"></div>' if x is None else markup.picture(x, alt, "gl-face")


def _error(comparison: Comparison, row: Row) -> str:
    if row.image is None:
        return "<small>computing</small>"
    text = f"<b>{row.error:.4f}</b>"
    if row.mean_image is not None:
        text += f"<small>mean image {row.mean_image:.4f}</small>"
    if row is comparison.closest:
        text += f'<span class="gl-word">{"closest" if comparison.settled else "closest so far"}</span>'
    return text


def _judged(comparison: Comparison, row: Row) -> str:
    if row.image is None:
        return ""
    if row.reading is None or comparison.reading is None:
        return "<small>no classifier</small>"
    if comparison.flips(row):
        verdict = f'<span class="gl-word gl-flip">changes to {escape(row.reading.name)}</span>'
    else:
        verdict = f"<small>keeps the {escape(comparison.reading.name)}</small>"
    return f"<span>{_seen(row.reading)}</span>{verdict}"


def _near(row: Row) -> str:
    if row.near == ():
        return "<small>no gallery</small>"
    if row.near is None:
        tiles = ['<div class="gl-tile gl-blank"></div>'] * NEIGHBOURS
    else:
        tiles = [
            markup.tile(
                n.image,
                f"Neighbour {rank} of {row.called}: {caption}, {n.distance:.2f} away. Compare it",
                "neighbour",
                f"{n.index} {row.name}",
                markup.label(n.label, row.classes) if n.name else "",
            )
            for rank, (n, caption) in enumerate(zip(row.near, row.near_captions, strict=True), 1)
        ]
    space = "by its codes" if row.encodes else "by its picture's pixels"
    if row.near_captions and not row.near_captions[0].startswith("training"):
        space += ", among pictures of its own, not training pictures"
    tiles_html = markup.row(tiles, f"Nearest training pictures of {row.called}")
    return f"{tiles_html}<small>{space}</small>"


def _row(comparison: Comparison, row: Row) -> str:
    first = _model(row, used=not row.name)
    if row.problem:
        span = f' colspan="{len(COLUMNS) - 1}" aria-colspan="{len(COLUMNS) - 1}"'
        return (
            f'<tr role="row" class="gl-failed">{first}<td role="cell"{span}>{escape(row.problem)}</td></tr>'
        )
    image = None if row.image is None else row.image[0]
    change = None if image is None else images.draw_difference(comparison.x[0], image)
    cells = (
        _face(image, f"reconstruction by {row.called}"),
        _face(change, f"difference picture of {row.called}"),
        _error(comparison, row),
        _judged(comparison, row),
        _near(row),
    )
    rest = "".join(
        f'<td role="cell" data-column="{column}">{body}</td>'
        for column, body in zip(COLUMNS[1:], cells, strict=True)
    )
    return f'<tr role="row">{first}{rest}</tr>'


def explain_search(names: list[str]) -> str:
    """What it means that models without an encoder are compared too; nothing without any."""
    if not names:
        return ""
    has, its = ("has", "its") if len(names) == 1 else ("have", "their")
    return markup.reason(
        f"{', '.join(names)} {has} no encoder: {its} latents are searched by optimisation. The error says"
        " what the generator can draw at best, and is no rival of an encoder's, which looks once."
    )


def stage_html(comparison: Comparison) -> str:
    """All of it. data-more tells the page how many ms to wait before it asks for more, or that there
    is no more."""
    pause = CALM if comparison.answered else 0
    more = "" if comparison.complete else str(pause)
    heads = "".join(f'<th scope="col" role="columnheader">{name}</th>' for name in COLUMNS)
    rows = "".join(_row(comparison, row) for row in comparison.rows)
    searched = [row.called for row in comparison.rows if row.config is not None and not row.encodes]
    unfit = f'<p class="gl-meter"><small>Not compared: {escape(" ".join(comparison.unfit))}</small></p>'
    return (
        f'<div class="gl-compare gl-from-model" data-fingerprint="{escape(comparison.fingerprint)}"'
        f' data-answers="{escape(comparison.answers)}" data-began="{comparison.began}" data-more="{more}">'
        f'{_head(comparison)}<table role="table" aria-label="Models compared"><thead role="rowgroup">'
        f'<tr role="row">{heads}</tr></thead><tbody role="rowgroup">{rows}</tbody></table>'
        f"{explain_search(searched)}{unfit if comparison.unfit else ''}</div>"
    )


def lead_html(explorer: Explorer) -> str:
    """What the hand can do here."""
    noun = markup.get_noun(explorer.config)
    text = f"Draw or drop a {noun}: every model gives its own {term('reconstruction')} of it."
    return promise_html(explorer, text, step("how they learn", "methods"))


# ---------------------------------------------------------------------- the tab


def build(page: Page) -> Tab:
    """The pad and the table, which the page asks to complete part by part."""
    models = page.models
    state = gr.State(None)  # Comparison
    lead = html(lead_html(page.first.explorer), "open")
    with gr.Row(elem_classes="gl-bench"):
        with gr.Column(scale=0, min_width=306):
            pad = build_pad(elem_id="compare-pad")
        with gr.Column(scale=1, min_width=300):
            stage = html("", "tiles", "compare", elem_id="compare-stage", elem_classes=SLOW)
    part = gr.HTML(None, html_template="", js_on_load=markup.read_script("compare-part.js"), visible="hidden")

    def render(call: Call) -> Answer:
        """What is shown already stays, with all its answers."""
        last = call[state]
        if last is not None and last.key == shown_key(call.explorer, call.current):
            return {}
        begun = start(models, call.explorer, call.current)
        # Of another model, the same picture: a drawing or an upload stays on the pad in its full size.
        same = (
            last is not None
            and last.key.endswith(f"/{call.current.key}")
            and last.preparation == call.explorer.config.preparation
        )
        answer = {lead: lead_html(call.explorer), state: begun, stage: stage_html(begun)}
        return answer if same else {**answer, pad: pad_value(call.explorer, call.current)}

    def show(call: Call, item: Item) -> Answer:
        """A new picture, with what the encoders answer at once."""
        begun = advance(models, call.explorer, start(models, call.explorer, item))
        return {state: begun, stage: stage_html(begun)}

    def pick(call: Call) -> Answer:
        """A neighbour, by its index and the model in whose gallery it lies; no name is the model in use."""
        index, _, name = call.text("value").partition(" ")
        if not (index.isascii() and index.isdecimal()) or len(index) > 18:
            raise ValueError("A training picture is named by its number.")
        item = items.from_gallery(models.get(name) if name else call.explorer, int(index))
        (item,) = items.adapt_to(call.explorer, [item])
        return {page.current: item, pad: pad_value(call.explorer, item), **show(call, item)}

    def more(call: Call) -> Answer:
        """The next part of what the current picture needs. A part of an older comparison may have been
        written after a newer one had begun, and the current picture may have changed in another tab.

        What is begun anew here counts as begun with what the page shows: a picture that is on its way
        meanwhile is newer, and must not be replaced by this one."""
        began, last = call.event.get("began"), call[state]
        began = began if isinstance(began, int) else 0
        if last is None or last.began < began or last.key != shown_key(call.explorer, call.current):
            last = replace(start(models, call.explorer, call.current), began=began)
        last = advance(models, call.explorer, last)
        return {state: last, part: {"began": last.began, "html": stage_html(last)}}

    listen_to_pad(page, pad, show, stage, {state, stage})
    picked = {page.current, pad, state, stage}
    page.on(stage.pick, pick, writes=picked, **CLICK | waits_on(stage))
    page.on(stage.more, more, {state}, {state, part}, **LIVE)  # an old `began` has the page ask again
    return Tab(render, writes={lead, state, pad, stage}, reads={state}, opens=(lead,))
