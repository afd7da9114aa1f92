"""Formulas and diagrams as they are drawn: well-formed, named, and in accord with what they stand for."""

from __future__ import annotations

import itertools
import math
import re

import pytest

from ganlab.ui.tabs.methods import diagrams, formulas, lecture
from ganlab.ui.tabs.methods.explained import EXPLANATIONS
from tests.ui.parsed import elements

every = pytest.mark.parametrize("key", list(EXPLANATIONS))
PLAYERS = [(key, player) for key, method in EXPLANATIONS.items() for player in method.players]
every_player = pytest.mark.parametrize(("key", "player"), PLAYERS)


@every
def test_formulas_are_mathml_with_the_same_in_words(key: str) -> None:
    method = EXPLANATIONS[key]
    drawn = elements(lecture.lecture_html(key), "math")
    texts = [f"{player.symbol.text} = {player.loss.text}" for player in method.players.values()]
    texts += [f"{left.text} = {right.text}" for _, left, right in method.where]
    assert [element.get("aria-label") for element in drawn] == texts
    assert [element.get("alttext") for element in drawn] == texts
    for element, words in zip(drawn, texts, strict=True):
        assert {part.tag.partition("}")[0] for part in element.iter()} == {
            "{http://www.w3.org/1998/Math/MathML"
        }
        # What is drawn and what is read name the same letters, in the same order.
        letters = "".join(part.text or "" for part in element.iter() if part.tag.endswith("}mi"))
        read = words.replace("mean over", "𝔼").replace("sum over", "")
        assert letters == "".join(re.findall(r"𝔼|log|[a-zA-Z]", re.sub(r" of \[", "[", read))), words


def test_known_formulas_as_a_person_reads_them() -> None:
    D, E = EXPLANATIONS["bigan"].players["discriminator"], EXPLANATIONS["jlr"].players["generator"]
    assert D.loss.text == ("1/2 mean over x of [−log D(x, E(x))] + 1/2 mean over z of [−log(1 − D(G(z), z))]")
    assert E.loss.text == "mean over z of [−log D(G(z))] + 0.25 L_E"
    assert formulas.product(formulas.number("2"), formulas.total(formulas.symbol("<"), D.symbol)).text == (
        "2 (< + L_D)"
    )
    assert "<mi>&lt;</mi>" in formulas.equation(D.symbol, formulas.symbol("<"))


def test_ids_are_unique_and_diagrams_are_named() -> None:
    page = "".join(map(lecture.lecture_html, EXPLANATIONS)) + lecture.glossary_html()
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    drawings = elements(page, "svg")
    assert len(drawings) == len(EXPLANATIONS)
    for drawing in drawings:
        named = (drawing.get("aria-labelledby") or "").split()
        parts = {element.get("id"): element.text for element in drawing if element.get("id")}
        assert list(parts) == named
        assert all(parts.values())


def between(a: diagrams.Node, b: diagrams.Node) -> bool:
    """Whether box a lies in box b."""
    return abs(a.x - b.x) < b.width / 2 and abs(a.y - b.y) < b.height / 2


@every
def test_a_diagram_feeds_each_network_with_what_it_sees(key: str) -> None:
    nodes, arrows = EXPLANATIONS[key].diagram.nodes, EXPLANATIONS[key].diagram.arrows
    words = {"real picture x": "x", "z from the prior": "z"}

    def shown(node: diagrams.Node) -> tuple[str, ...]:
        inside = [element for element in nodes.values() if between(element, node) and element.kind != "pair"]
        return tuple(words.get(element.text, element.text) for element in inside)

    for letter in {node.text for node in nodes.values() if node.kind == "net"}:
        fed = {shown(nodes[arrow.start]) for arrow in arrows if arrow.end == letter and not arrow.player}
        assert fed == {tuple(term.text for term in seen) for seen in EXPLANATIONS[key].list_inputs(letter)}
        owners = {name for name, player in EXPLANATIONS[key].players.items() if letter in player.letters}
        assert {nodes[letter].player} == owners


@every_player
def test_a_diagrams_gradients_go_from_a_players_loss_to_its_networks(key: str, player: str) -> None:
    nodes = EXPLANATIONS[key].diagram.nodes
    arrows = [arrow for arrow in EXPLANATIONS[key].diagram.arrows if arrow.player == player]
    reached = {name for name, node in nodes.items() if node.kind == "loss" and node.player == player}
    assert reached
    for _ in arrows:
        reached |= {
            arrow.end for arrow in arrows if arrow.start in reached or nodes[arrow.start].kind == "loss"
        }
    networks = {name for name in reached if nodes[name].kind == "net"}
    ends = networks - {arrow.start for arrow in arrows}
    shown = EXPLANATIONS[key].players[player]
    assert ends <= set(shown.letters) <= networks <= set(shown.reached)


@every
def test_a_diagrams_boxes_lie_apart_and_its_arrows_end_beside_them(key: str) -> None:
    diagram = EXPLANATIONS[key].diagram
    (drawing,) = elements(diagrams.draw(diagram, key), "svg")
    assert drawing.get("viewBox") == f"0 0 {diagram.width} {diagram.height}"
    boxes = []
    for rect in drawing.iter("{http://www.w3.org/2000/svg}rect"):
        x, y, w, h = (float(rect.get(side) or "nan") for side in ("x", "y", "width", "height"))
        assert 0 < x < x + w < diagram.width
        assert 0 < y < y + h < diagram.height
        boxes.append((x, y, x + w, y + h))
    for a, b in itertools.combinations(boxes, 2):
        apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
        inside = (a[0] < b[0] and b[2] < a[2]) or (b[0] < a[0] and a[2] < b[2])  # a pair's frame
        assert apart or inside
    ways = [element.get("d") or "" for element in drawing.iter() if element.get("class") == "gl-way"]
    assert len(ways) == len(diagram.arrows)
    for way in ways:
        points = [tuple(map(float, pair)) for pair in re.findall(r"([\d.]+) ([\d.]+)", way)]
        for x, y in (points[0], points[-1]):
            gaps = [
                math.hypot(max(left - x, 0, x - right), max(top - y, 0, y - bottom))
                for left, top, right, bottom in boxes
            ]
            assert 1 < min(gap for gap in gaps if gap > 0) <= diagrams.GAP + 0.1, way
