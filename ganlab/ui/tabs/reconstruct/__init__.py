"""Reconstruct, the home tab: a picture goes in, G(z) comes out, and one sentence says what happened to it.

z is E(x), or is searched by optimisation where there is no encoder.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from html import escape
from typing import Any

import gradio as gr
from torch import Tensor

from ganlab import images, outliers
from ganlab.explorer import Explorer, vote
from ganlab.gallery import explain_absence
from ganlab.ui import items
from ganlab.ui.call import Answer, Call, Component
from ganlab.ui.events import CLICK, LIVE, SLOW, STREAM, waits_on
from ganlab.ui.html import markup
from ganlab.ui.html.meters import figures_html, identity_html
from ganlab.ui.html.promise import line_html, step, term
from ganlab.ui.html.sentence import describe_scored
from ganlab.ui.html.spaces import EXPLAINED, bound_neighbours
from ganlab.ui.items import Item, shown_key
from ganlab.ui.pad import build_pad, listen_to_pad, pad_value
from ganlab.ui.page import Page, Tab, html
from ganlab.ui.preparation import PreparingError, in_background, preparing_html
from ganlab.ui.tabs.reconstruct import refine
from ganlab.ui.uploads import describe_view

MAX_EXAMPLES = 16
NEIGHBOURS = 5
POLARITIES = [("automatic", "auto"), ("dark ink", "dark"), ("light ink", "light")]
NO_ENCODER = (
    "This GAN has no encoder; it inverts by optimisation: of many latents it takes those whose"
    " pictures come nearest, and improves them step by step."
)


def examples_html(explorer: Explorer) -> str:
    """Test pictures to click."""
    examples = explorer.examples
    heading = '<h2 class="gl-h">examples from the test set</h2>'
    if examples is None:
        reason = markup.reason(f"None here: {explorer.parts.explain_missing_examples()}.")
        return markup.stage(explorer, heading + reason)
    if examples.kind != "data":
        heading = '<h2 class="gl-h">examples: the model\'s own reconstructions of test pictures</h2>'
    noun, count = markup.get_noun(explorer.config), min(MAX_EXAMPLES, len(examples))
    names = [f" {explorer.name_class(label)}" for label in examples.labels[:count].tolist()]
    tiles = [
        markup.tile(x, f"Test {noun}{names[i] if examples.are_labelled else ''}", "example", i)
        for i, x in enumerate(examples.inputs(slice(0, count)))
    ]
    return markup.stage(explorer, heading + markup.row(tiles, "Examples"))


def near_html(explorer: Explorer, x: Tensor) -> tuple[str, str]:
    """The nearest training pictures of x (1, C, H, W) in the model's first, most telling space; and their
    votes, which stand with the figures."""
    if not explorer.spaces:
        return markup.reason(f"No nearest training pictures: {explain_absence(explorer.model)}."), ""
    space, nouns = explorer.spaces[0], markup.name_gallery(explorer)
    near = explorer.neighbours(x, bound_neighbours(explorer, NEIGHBOURS), space)
    label, count = vote(near)
    named = markup.label(label, markup.get_gallery_classes(explorer))
    votes = f": {count} of {len(near)} are {named}" if near[0].name else ""
    row = (
        f'<h2 class="gl-h">nearest {nouns}</h2>'
        f"{markup.neighbour_row(explorer, near, f'Nearest {nouns}')}{markup.stand_in_html(explorer)}"
    )
    return row, f'<p class="gl-meter">nearest {nouns} in {EXPLAINED[space]}{votes}</p>'


def stage_html(explorer: Explorer, item: Item, whole: bool = False) -> str:
    """What happened to the picture, in a line; what the model sees, what it gives back, the difference;
    nearest neighbours; and the figures, behind "details", `whole` or without what is asked for later."""
    x, y, config = item.picture, item.image, explorer.config
    if item.x is None:  # a latent was sent here: what is reconstructed is its picture
        y = explorer.invert(x).image
    encodes = "encoder" in explorer.model.networks
    size = f"{config.size} x {config.size}{' in colour' if config.channels == 3 else ''}"
    way = (
        f"{term('reconstruction')} G(E(x))" if encodes else f"G(z), z by {term('inversion', 'optimisation')}"
    )
    (less, more), end = (
        (("less", "more"), "ink than the input")
        if config.preparation == "digit"
        else (("darker", "brighter"), "than the input")
    )
    legend = f'<b class="gl-less">{less}</b> and <b class="gl-more">{more}</b> {end}'
    notes = escape(", ".join((item.caption, size, *item.notes)))
    cards = (
        markup.card("What the model sees", x[0], f"what the model sees of {item.caption}", notes, "input")
        + markup.card("What comes back", y[0], f"reconstruction of {item.caption}", way, "reconstruction")
        + markup.card(
            "Difference",
            images.draw_difference(x[0], y[0]),
            f"difference: {less} and {more} {end}",
            legend,
            "difference",
        )
    )
    outlier, near, votes = None, "", ""
    try:
        with in_background():
            near, votes = near_html(explorer, x)
            outlier = outliers.score_picture(explorer, x)
    except PreparingError as error:
        near = near + preparing_html(explorer, error)
    later = "" if whole else shown_key(explorer, item)
    figures = (
        figures_html(explorer, x, y, outlier, later) + votes + ("" if encodes else markup.reason(NO_ENCODER))
    )
    sentence = escape(describe_scored(explorer, x, y, outlier))
    body = (
        f"{line_html(sentence, step('slide its latent', 'latent'))}"
        f'<div class="gl-cards" data-key="{escape(shown_key(explorer, item))}">{cards}</div>'
        f"{markup.details(figures, 'figures')}{near}"
    )
    return markup.stage(explorer, body, answers=item.pad_key)


def refined_html(explorer: Explorer, item: Item, refinement: refine.Refinement | None = None) -> str:
    """The optimised card of an item, with what the classifier sees once its descent has ended."""
    verdict = ""
    if refinement is not None and not refinement.running:
        verdict = identity_html(explorer, refinement.x, refinement.image)
    return refine.html_of(explorer, shown_key(explorer, item), refinement, verdict, item.pad_key)


def ink_settings(explorer: Explorer) -> dict[str, Any]:
    """The switch for an upload's ink, and why it does nothing where pictures are taken as they are."""
    if explorer.config.preparation == "digit":
        return {"interactive": True, "info": ""}  # None would leave the text of another model
    return {"interactive": False, "info": "This model takes pictures as they are."}


def is_new_to(call: Call, shown: Item) -> bool:
    """Whether a model of pictures was chosen in place of the one whose item was shown, so that it invites. A
    model of digits invites as the page opens, and never covers what a link leads to."""
    explorer = call.explorer
    return shown.fingerprint != explorer.fingerprint and explorer.config.preparation == "picture"


def build(page: Page) -> Tab:
    """The pad, the stage, the optimised card and the examples."""
    explorer, item = page.first.explorer, page.first.current
    shown = gr.State(item)  # what the stage shows; it may not be current any more
    view = gr.State(describe_view(explorer))  # for which the pad chooses squares
    with gr.Row(elem_classes="gl-bench"):
        with gr.Column(scale=0, min_width=306):
            pad = build_pad(pad_value(explorer, item, invites=True))
            settings = {"label": "Ink colour of uploads", "elem_id": "polarity", **ink_settings(explorer)}
            polarity = gr.Radio(POLARITIES, value="auto", **settings)
        with gr.Column(scale=1, min_width=300):
            first = stage_html(explorer, item)
            stage = html(
                first, "tiles", "open", "preparing", "later", elem_id="reconstruct-stage", elem_classes=SLOW
            )
            refined = html(refined_html(explorer, item), "tiles", "refine", elem_id="refine")
    examples = html(examples_html(explorer), "tiles")

    def show(call: Call, item: Item) -> Answer:
        page.work.drop(call.session)
        return {
            shown: item,
            stage: stage_html(call.explorer, item),
            refined: refined_html(call.explorer, item),
        }

    def render(call: Call) -> Answer:
        """What is shown already stays; so does the pad with its drawing when only the model changed."""
        if call.text("shown") == shown_key(call.explorer, call.current):
            # The page has drawn all of it and puts back what a server has lost, see ui/arrival.py.
            return {view: describe_view(call.explorer), shown: call.current}
        same_picture, before = call[shown].key == call.current.key, call[shown].fingerprint
        if same_picture and before == call.explorer.fingerprint and not call.event.get("late"):
            return {}
        new_view = describe_view(call.explorer)
        stays = same_picture and call[view] == new_view
        return {
            view: new_view,
            **({} if stays else {pad: pad_value(call.explorer, call.current, is_new_to(call, call[shown]))}),
            polarity: gr.update(**ink_settings(call.explorer)),
            examples: examples_html(call.explorer),
            **show(call, call.current),
        }

    def pick(call: Call) -> Answer:
        """An example or a neighbour."""
        if call.text("action") == "example":
            (item,) = items.from_examples(call.explorer, call.index())
        else:
            item = items.from_gallery(call.explorer, call.index())
        return {page.current: item, pad: pad_value(call.explorer, item), **show(call, item)}

    written = {shown, stage, refined}
    _listen_to_stage(page, stage, shown)
    listen_to_pad(page, pad, show, stage, written, polarity)
    for tiles in (stage, examples):
        page.on(tiles.pick, pick, writes={page.current, pad, *written}, **CLICK | waits_on(stage))
    _listen_to_refined(page, refined, shown)
    writes = {pad, view, polarity, examples, *written}
    return Tab(render, writes=writes, reads={shown, view}, opens=(stage,))


def _listen_to_stage(page: Page, stage: gr.HTML, shown: Component) -> None:
    """The stage, drawn again with what was not there yet, or had not been opened."""

    def redraw(call: Call, whole: bool = False) -> Answer:
        item = call[shown]
        stays = item.fingerprint != call.explorer.fingerprint
        return {} if stays else {stage: stage_html(call.explorer, item, whole)}

    def draw_whole(call: Call) -> Answer:
        return redraw(call, whole=True)

    page.on(stage.again, redraw, {shown}, {stage}, **LIVE)
    page.on(stage.later, draw_whole, {shown}, {stage}, **LIVE)


def _listen_to_refined(page: Page, refined: gr.HTML, shown: Component) -> None:
    """The optimised card: start, stop, and its result as the current latent."""
    result = gr.State(None)  # Refinement

    def improve(call: Call) -> Iterator[Answer]:
        """The descent. It ends within a step once it is stopped, another picture or model is chosen, or the
        visitor leaves. Nothing more of it is drawn once the stage shows something else."""
        item = call[shown]
        if item.fingerprint != call.explorer.fingerprint:
            return  # the stage is about to be drawn for another model
        key, content = shown_key(call.explorer, item), call.event.get("content")
        content = content if isinstance(content, bool) else None
        with page.work.run(call.session) as run:
            for part in refine.refinements(call.explorer, item, key, run, page.work.give_way, content):
                if run.dropped:
                    return
                yield {result: part, refined: refined_html(call.explorer, item, part)}

    def stop(call: Call) -> Answer:
        """A descent draws its end itself, so that "again" cannot be clicked before it is over. Where none is
        under way, the card shows what there is for the picture on the stage."""
        part = call[result]
        if page.work.stop(call.session) and part is not None and part.key == key_of(call):
            return {}
        part = None if part is None else replace(part, running=False)
        return {result: part, refined: refined_html(call.explorer, call[shown], part)}

    def use(call: Call) -> Answer:
        """The optimised latent becomes the current one; the stage still shows the picture that it began
        with. A server that did not optimise it itself takes it from the page."""
        part = call[result]
        if part is not None and part.key == key_of(call):
            return {page.current: refine.item_of(call.explorer, part, call[shown].caption)}
        return {page.current: refine.item_from_page(call.explorer, call.text("value"), call[shown].caption)}

    def key_of(call: Call) -> str:
        return shown_key(call.explorer, call[shown])

    page.on(refined.start, improve, {shown}, {result, refined}, **STREAM)
    page.on(refined.stop, stop, {shown, result}, {result, refined}, **CLICK)
    page.on(refined.pick, use, {shown, result}, {page.current}, **CLICK)
