"""Methods: what each one trains, its losses, who sees what, what its models make, and the measured table."""

from __future__ import annotations

import random
from collections.abc import Sequence
from html import escape

import gradio as gr
from torch import Tensor

from ganlab.config import ModelConfig
from ganlab.explorer import Explorer
from ganlab.gallery import load_test_pictures
from ganlab.hub import CONFIG_FILE, resolve
from ganlab.ui.events import CLICK, LIVE
from ganlab.ui.html import markup
from ganlab.ui.page import Answer, Call, Page, Tab, html
from ganlab.ui.server.models import Models
from ganlab.ui.tabs.methods import diagrams, formulas
from ganlab.ui.tabs.methods.explained import EXPLAINED, ORDER, WORDS, Explained, Player
from ganlab.ui.tabs.methods.measured import commands, ratios_html, table_html

PICTURES = 8  # samples of a model, and test pictures that it gives back
NOTATION = "x is a picture, z a latent. 𝔼 is a mean over a batch, log the natural logarithm."
ABOUT_D = " {0}(·) is how probable {0} finds it that what it sees is real."
LEGEND = "Solid: what is passed on. Dashed: the gradient of a loss, back to the networks that it trains."


# ---------------------------------------------------------------------- what is explained


def _list(words: Sequence[str]) -> str:
    """ "G", "G and E", "G, E and D"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def sights(method: Explained) -> str:
    """Who sees what, in words."""
    said = []
    for letter in ORDER:
        given = method.list_inputs(letter)
        if not given:
            continue
        shown = [
            seen[0].text if len(seen) == 1 else f"({', '.join(term.text for term in seen)})" for seen in given
        ]
        real = any(term.text == "x" for seen in given for term in seen)
        never = ", never a real picture" if letter == "E" and not real else ""
        said.append(f"{letter} is given {' or '.join(shown)}{never}.")
    return " ".join(said)


def effect(player: Player) -> str:
    """Whom the gradient of a player's loss trains, passes and does not reach."""
    others = [letter for letter in player.reached if letter not in player.letters]
    cut = [letter for letter in player.used if letter not in player.reached]
    said = f"Trains {_list(player.letters)}."
    if others:
        said += f" {_list(others)} {'stays as it is' if len(others) == 1 else 'stay as they are'}."
    if cut:
        said += f" No gradient of it reaches {_list(cut)}."
    return said


def player_html(name: str, player: Player) -> str:
    shade = escape(diagrams.player_class(name))
    return (
        f'<section class="gl-player{shade}"><h3><i></i>Loss of {_list(player.letters)}</h3>'
        f"<p>Goal: {escape(player.goal)}.</p>"
        f'<div class="gl-formula" tabindex="0">{formulas.equation(player.symbol, player.loss)}</div>'
        f"<p><small>{escape(effect(player))}</small></p></section>"
    )


def explained_html(key: str) -> str:
    method = EXPLAINED[key]
    where = "".join(
        f'<div class="gl-where"><p>{escape(said)}</p>'
        f'<div class="gl-formula" tabindex="0">{formulas.equation(left, right)}</div></div>'
        for said, left, right in method.where
    )
    losses = "".join(player_html(name, player) for name, player in method.players.items())
    notation = NOTATION + "".join(ABOUT_D.format(letter) for letter in "DP" if method.list_inputs(letter))
    notes = "".join(f"<li>{escape(note)}</li>" for note in method.notes)
    return (
        f'<h2 class="gl-h gl-method">{escape(method.name)} <small>{escape(method.title)}</small></h2>'
        f'<p class="gl-lead">{escape(method.summary)}</p><div class="gl-lecture">'
        f'<figure class="gl-card gl-drawn">{diagrams.draw(method.diagram, f"method-{key}")}'
        f"<figcaption><span>{escape(sights(method))}<br>{escape(LEGEND)}</span></figcaption></figure>"
        f'<div class="gl-losses">{losses}{where}'
        f'<p class="gl-fine">{escape(notation)}</p><ul class="gl-fine">{notes}</ul></div></div>'
    )


def words_html() -> str:
    """What the words of all tabs mean, each where it can be linked to."""
    entries = "".join(
        f'<div id="word-{escape(word.lower().replace(" ", "-"))}"><dt>{escape(word)}</dt>'
        f"<dd>{escape(meaning)}</dd></div>"
        for word, meaning in WORDS.items()
    )
    return f'<h3 class="gl-h gl-part">words</h3><dl class="gl-glossary">{entries}</dl>'


# ---------------------------------------------------------------------- what its models make


def models_of(models: Models, method: str) -> list[str]:
    """Names of the models that a method trained, told from their settings alone: nothing is loaded."""
    found = []
    for name in models.list_names():
        try:
            config = models.get(name).config if name == models.default else _config(name)
        except (ValueError, OSError):  # no checkpoint that could be shown here; the picker says why
            continue
        if config.method == method:
            found.append(name)
    return found


def _config(name: str) -> ModelConfig:
    path = resolve(name) / CONFIG_FILE
    return ModelConfig.from_json(path.read_text(encoding="utf-8"), name)


def _strip(said: str, pictures: Tensor, alt: str) -> str:
    faces = "".join(markup.picture(x, "") for x in pictures)
    return (
        f'<div class="gl-strip"><span>{escape(said)}</span>'
        f'<div role="img" aria-label="{escape(alt)}">{faces}</div></div>'
    )


def pictures_html(explorer: Explorer, name: str, used: bool, seed: int) -> str:
    """What a model makes now: samples, and test pictures with what it gives back of them. `used`: it is
    the one in use already."""
    config, noun = explorer.config, f"{markup.noun(explorer.config)}s"
    samples = explorer.decode(explorer.sample(PICTURES, seed))
    of = f"samples G(z), {explorer.sources[0]}" if len(explorer.sources) > 1 else "samples G(z)"
    strips = [_strip(of, samples, f"{PICTURES} samples of seed {seed}")]
    tests = load_test_pictures(explorer.model)
    if tests is not None and "encoder" in explorer.model.networks:
        x = tests.inputs(slice(0, PICTURES))
        strips += [
            _strip(f"test {noun} x", x, f"the first {len(x)} test {noun}"),
            _strip("given back, G(E(x))", explorer.reconstruct(x), "their reconstructions"),
        ]
    title = f"<span>{escape(config.title or config.name)}</span>"
    use = (
        markup.button("in use", "use", name, "All tabs show this model already.")
        if used
        else markup.button("use this model", "use", name)
    )
    return (
        f'<figure class="gl-card gl-made"><div class="gl-title">{title}{use}</div>{"".join(strips)}</figure>'
    )


def results_html(models: Models, key: str, used: Explorer, seed: int) -> str:
    """The pictures of all models of a method."""
    names = models_of(models, key)
    heading = '<h3 class="gl-h gl-part">made now by its models</h3>'
    train = f'<h3 class="gl-h gl-part">trained by</h3>{commands(*EXPLAINED[key].commands)}'
    if not names:
        return heading + markup.reason("There is none here yet. The command below trains one.") + train
    figures = []
    for name in names:
        try:
            explorer = models.get(name)
            figures.append(pictures_html(explorer, name, explorer is used, seed))
        except ValueError as error:
            figures.append(markup.notice(str(error)))
    look = (
        f'<p class="gl-meter"><span>{escape(EXPLAINED[key].look_for)}</span>'
        f"{markup.button('other samples', 'another')} <small>seed {seed}</small></p>"
    )
    return f'{heading}{look}<div class="gl-models">{"".join(figures)}</div>{train}'


def stage_html(models: Models, key: object, used: Explorer, seed: int = 0) -> str:
    """All of one method; `used` is the model that the other tabs show. ValueError for an unknown method."""
    if not isinstance(key, str) or key not in EXPLAINED:
        raise ValueError(f"Method {key!r} is not explained; available = {list(EXPLAINED)}.")
    ratios = ""
    if EXPLAINED[key].shows_ratios:
        ratios = f'<h3 class="gl-h gl-part">the ratio of updates, D : G</h3>{ratios_html()}'
    return markup.stage(used, f"{explained_html(key)}{results_html(models, key, used, seed)}{ratios}")


# ---------------------------------------------------------------------- the tab


def build(page: Page) -> Tab:
    """The choice of a method, its explanation with what its models make, the measured table, the words."""

    def measured_html() -> str:
        return f'<h3 class="gl-h gl-part">all methods, measured</h3>{table_html()}'

    explorer = page.first.explorer
    own = explorer.config.method
    first = own if own in EXPLAINED else next(iter(EXPLAINED))
    followed = gr.State(explorer.fingerprint)  # of the model whose method was shown last by itself
    chosen = gr.Radio(
        [(method.name, key) for key, method in EXPLAINED.items()],
        value=first,
        label="Method",
        elem_id="method",
    )
    stage = html(stage_html(page.models, first, explorer), "methods", elem_id="methods-stage")
    table = html(measured_html(), elem_id="methods-table")
    html(words_html(), elem_id="methods-words")

    def render(call: Call) -> Answer:
        """Another model shows its own method, if it is explained; the table is read anew."""
        explorer = call.explorer
        if call[followed] == explorer.fingerprint:
            return {table: measured_html()}
        own = explorer.config.method
        key = own if own in EXPLAINED else call[chosen] if call[chosen] in EXPLAINED else first
        return {
            chosen: gr.update(value=key),
            followed: explorer.fingerprint,
            stage: stage_html(page.models, key, explorer),
            table: measured_html(),
        }

    def choose(call: Call) -> Answer:
        return {
            followed: call.explorer.fingerprint,
            stage: stage_html(page.models, call[chosen], call.explorer),
        }

    def another(call: Call) -> Answer:
        seed = random.randrange(1_000_000)
        return {stage: stage_html(page.models, call[chosen], call.explorer, seed)}

    page.on(chosen.input, choose, {chosen}, {followed, stage}, **LIVE)
    page.on(stage.another, another, {chosen}, {stage}, **CLICK)
    return Tab(render, writes={chosen, followed, stage, table}, reads={chosen, followed})
