"""The explanation of a method as HTML: its diagram, its losses as formulas; and the glossary of all tabs."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ganlab.ui.html import markup
from ganlab.ui.tabs.methods import diagrams, formulas
from ganlab.ui.tabs.methods.explained import EXPLANATIONS, GLOSSARY, ORDER, Explanation, Player

NOTATION = "x is a picture, z a latent. 𝔼 is a mean over a batch, log the natural logarithm."
NOTATION_D = " {0}(·) is the probability, according to {0}, that its input is real."
LEGEND = "Solid arrows: data. Dashed arrows: the gradient of a loss, back to the networks that it trains."


def lecture_html(key: str) -> str:
    """What there is to know about a method of EXPLANATIONS."""
    method = EXPLANATIONS[key]
    losses = "".join(player_html(name, player) for name, player in method.players.items())
    definitions = "".join(
        f'<div class="gl-where"><p>{escape(words)}</p>{_formula_html(left, right)}</div>'
        for words, left, right in method.where
    )
    notation = NOTATION + "".join(NOTATION_D.format(letter) for letter in "DP" if method.list_inputs(letter))
    notes = "".join(f"<li>{escape(note)}</li>" for note in method.notes)
    return (
        f'<h2 class="gl-h gl-method">{escape(method.name)} <small>{escape(method.title)}</small></h2>'
        f'<p class="gl-lead">{escape(method.summary)}</p><div class="gl-lecture">'
        f'<figure class="gl-card gl-drawn">{diagrams.draw(method.diagram, f"method-{key}")}'
        f"<figcaption><span>{escape(describe_inputs(method))}<br>{escape(LEGEND)}</span></figcaption></figure>"
        f'<div class="gl-losses">{losses}{definitions}'
        f'<p class="gl-fine">{escape(notation)}</p><ul class="gl-fine">{notes}</ul></div></div>'
    )


def player_html(name: str, player: Player) -> str:
    """A player's loss, its goal, and which networks its gradient trains."""
    colour = escape(diagrams.player_class(name))
    return (
        f'<section class="gl-player{colour}"><h3><i></i>Loss of {_join(player.letters)}</h3>'
        f"<p>Goal: {escape(player.goal)}.</p>{_formula_html(player.symbol, player.loss)}"
        f"<p><small>{escape(describe_gradient(player))}</small></p></section>"
    )


def _formula_html(left: formulas.Term, right: formulas.Term) -> str:
    return f'<div class="gl-formula" tabindex="0">{formulas.equation(left, right)}</div>'


def describe_inputs(method: Explanation) -> str:
    """Which inputs each network sees in training, in words."""
    sentences = []
    for letter in ORDER:
        inputs = method.list_inputs(letter)
        if not inputs:
            continue
        texts = [
            terms[0].text if len(terms) == 1 else f"({', '.join(term.text for term in terms)})"
            for terms in inputs
        ]
        sees_real = any(term.text == "x" for terms in inputs for term in terms)
        never = ", never a real picture" if letter == "E" and not sees_real else ""
        sentences.append(f"{letter} sees {' or '.join(texts)}{never}.")
    return " ".join(sentences)


def describe_gradient(player: Player) -> str:
    """Which networks the gradient of a player's loss trains, passes through, and does not reach."""
    passed = [letter for letter in player.reached if letter not in player.letters]
    unreached = [letter for letter in player.used if letter not in player.reached]
    text = f"Trains {_join(player.letters)}."
    if passed:
        text += f" Passes through {_join(passed)} without training {'it' if len(passed) == 1 else 'them'}."
    if unreached:
        text += f" No gradient reaches {_join(unreached)}."
    return text


def _join(words: Sequence[str]) -> str:
    """ "G", "G and E", "G, E and D"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def glossary_html() -> str:
    """The terms of all tabs, each with an id, so that it can be linked to."""
    entries = "".join(
        f'<div id="{escape(markup.get_anchor(term))}" tabindex="-1"><dt>{escape(term)}</dt>'
        f"<dd>{escape(meaning)}</dd></div>"
        for term, meaning in GLOSSARY.items()
    )
    return f'<h3 class="gl-h gl-part">glossary</h3><dl class="gl-glossary">{entries}</dl>'
