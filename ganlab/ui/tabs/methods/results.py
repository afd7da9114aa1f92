"""What the models of a method produce: samples and reconstructions, generated when the tab is shown."""

from __future__ import annotations

from html import escape

from torch import Tensor

from ganlab.config import ModelConfig
from ganlab.explorer import Explorer
from ganlab.hub import resolve
from ganlab.model import read_config
from ganlab.ui.html import markup
from ganlab.ui.server.models import Models
from ganlab.ui.tabs.methods.explained import EXPLANATIONS
from ganlab.ui.tabs.methods.measured import commands

PICTURES = 8  # samples of a model, and test pictures that it reconstructs


def results_html(models: Models, key: str, used: Explorer, seed: int) -> str:
    """The pictures of all models of a method, and the commands that train it."""
    heading = '<h3 class="gl-h gl-part">pictures from its models</h3>'
    training = f'<h3 class="gl-h gl-part">how to train it</h3>{commands(*EXPLANATIONS[key].commands)}'
    names = list_models_of(models, key)
    if not names:
        return (
            heading
            + markup.reason("No model here was trained by it. The command below trains one.")
            + training
        )
    figures: list[tuple[bool, bool, str]] = []  # the model in use first, then those of the same pictures
    for name in names:
        try:
            explorer = models.get(name)
            others = explorer.config.dataset != used.config.dataset
            text = pictures_html(explorer, name, explorer is used, seed)
            figures.append((explorer is not used, others, text))
        except ValueError as error:
            figures.append((True, True, markup.notice(str(error))))
    figures.sort(key=lambda figure: figure[:2])
    hint = (
        f'<p class="gl-meter"><span>{escape(EXPLANATIONS[key].look_for)}</span>'
        f"{markup.button('new samples', 'another')} <small>seed {seed}</small></p>"
    )
    return f'{heading}{hint}<div class="gl-models">{"".join(text for *_, text in figures)}</div>{training}'


def list_models_of(models: Models, method: str) -> list[str]:
    """Names of the models that a method trained, from their settings alone: only the default is loaded."""
    names = []
    for name in models.list_names():
        try:
            config = models.get(name).config if name == models.default else _read_config(name)
        except (ValueError, OSError):  # a checkpoint that cannot be shown here; the picker says why
            continue
        if config.method == method:
            names.append(name)
    return names


def _read_config(name: str) -> ModelConfig:
    return read_config(resolve(name), name)[0]


def pictures_html(explorer: Explorer, name: str, used: bool, seed: int) -> str:
    """Samples of a model, and test pictures above their reconstructions. `used`: all tabs show this model."""
    config, noun = explorer.config, f"{markup.get_noun(explorer.config)}s"
    samples = explorer.decode(explorer.sample(PICTURES, seed))
    source = f", {explorer.sources[0]}" if len(explorer.sources) > 1 else ""
    strips = [_strip_html(f"samples G(z){source}", samples, f"{PICTURES} samples of seed {seed}")]
    tests = explorer.examples
    if tests is not None and "encoder" in explorer.model.networks:
        x = tests.inputs(slice(0, PICTURES))
        title = f"test {noun} x" if tests.kind == "data" else f"{tests.kind} of test {noun} x"
        strips += [
            _strip_html(title, x, f"the first {len(x)} {title.removesuffix(' x')}"),
            _strip_html("reconstructions G(E(x))", explorer.reconstruct(x), "their reconstructions"),
        ]
    title = f"<span>{escape(config.title or config.name)}</span>"
    button = (
        markup.button("in use", "use", name, "All tabs already show this model.")
        if used
        else markup.button("use this model", "use", name)
    )
    return (
        f'<figure class="gl-card gl-made"><div class="gl-title">{title}{button}</div>'
        f"{''.join(strips)}</figure>"
    )


def _strip_html(title: str, pictures: Tensor, alt: str) -> str:
    row = "".join(markup.picture(x, "") for x in pictures)
    return (
        f'<div class="gl-strip"><span>{escape(title)}</span>'
        f'<div role="img" aria-label="{escape(alt)}">{row}</div></div>'
    )
