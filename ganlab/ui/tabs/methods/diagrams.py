"""Diagrams of the data flow in a method: inline SVG, drawn from a short description.

Solid arrows are data; dashed arrows are gradients, in the colour of the player whose loss they come from; a
network has the colour of its owner. Only class names are written here: the style sheet has the colours, for
light and dark pages.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

OFFSET = 9.0  # between a gradient's arrow and the data's
GAP = 3.0  # between an arrow and the box it touches
HEAD = 8.0  # length of an arrow's head
HEIGHTS = {"data": 30, "real": 30, "net": 38, "loss": 32, "pair": 46}

Point = tuple[float, float]


@dataclass(frozen=True)
class Node:
    """A box with its centre at (x, y). `kind`: "real" (a real picture), "data", "net", "loss", or "pair", a
    frame around two that enter a network together. `player` owns the network or the loss."""

    x: float
    y: float
    text: str
    kind: str = "data"
    width: float = 76
    player: str = ""

    @property
    def height(self) -> float:
        return HEIGHTS[self.kind]


@dataclass(frozen=True)
class Arrow:
    """From node to node, perhaps `via` corners; with a `player`, a gradient of its loss. A gradient is drawn
    on a `side` of the line: 1 right, -1 left, 0 on the line."""

    start: str
    end: str
    player: str = ""
    via: tuple[Point, ...] = ()
    side: int = 1


@dataclass(frozen=True)
class Label:
    """Text beside an arrow, which starts at (x, y)."""

    x: float
    y: float
    text: str
    player: str = ""


@dataclass(frozen=True)
class Diagram:
    """Nodes and arrows; screen readers read `title` and `description`."""

    title: str
    description: str
    nodes: Mapping[str, Node]
    arrows: tuple[Arrow, ...]
    labels: tuple[Label, ...] = ()
    width: int = 400
    height: int = 350


def draw(diagram: Diagram, key: str) -> str:
    """The diagram as <svg>; `key` keeps the ids of several on one page apart."""
    nodes = diagram.nodes
    frames = [_draw_node(node) for node in nodes.values() if node.kind == "pair"]
    arrows = [_draw_arrow(nodes, arrow) for arrow in diagram.arrows]
    boxes = [_draw_node(node) for node in nodes.values() if node.kind != "pair"]
    labels = [_draw_label(label) for label in diagram.labels]
    title, description = f"{key}-title", f"{key}-description"
    return (
        f'<svg class="gl-diagram" viewBox="0 0 {diagram.width} {diagram.height}" role="img"'
        f' aria-labelledby="{escape(title)} {escape(description)}" xmlns="http://www.w3.org/2000/svg">'
        f'<title id="{escape(title)}">{escape(diagram.title)}</title>'
        f'<desc id="{escape(description)}">{escape(diagram.description)}</desc>'
        f"{''.join(frames + arrows + boxes + labels)}</svg>"
    )


def player_class(player: str) -> str:
    """The CSS class that gives a player its colour; "" without a player."""
    return f" gl-of-{player.replace('_', '-')}" if player else ""


def _draw_node(node: Node) -> str:
    w, h = node.width, node.height
    radius = h / 2 if node.kind == "loss" else 6
    return (
        f'<g class="gl-node gl-{escape(node.kind)}{escape(player_class(node.player))}">'
        f'<rect x="{node.x - w / 2:g}" y="{node.y - h / 2:g}" width="{w:g}" height="{h:g}" rx="{radius:g}"/>'
        + (f'<text x="{node.x:g}" y="{node.y:g}">{escape(node.text)}</text>' if node.text else "")
        + "</g>"
    )


def _draw_label(label: Label) -> str:
    shade = escape(player_class(label.player))
    return f'<text class="gl-words-on{shade}" x="{label.x:g}" y="{label.y:g}">{escape(label.text)}</text>'


def _draw_arrow(nodes: Mapping[str, Node], arrow: Arrow) -> str:
    start, end = nodes[arrow.start], nodes[arrow.end]
    points = [(start.x, start.y), *arrow.via, (end.x, end.y)]
    if arrow.player and arrow.side:
        points = _shift_right(points[0], points[-1], OFFSET * arrow.side)
    points[0] = _leave_box(start, points[0], points[1])
    points[-1] = _leave_box(end, points[-1], points[-2])
    shade = f"gl-gradient{player_class(arrow.player)}" if arrow.player else "gl-flow"
    path = " ".join(f"{'L' if i else 'M'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(points))
    return (
        f'<g class="{escape(shade)}"><path class="gl-way" d="{path}"/>'
        f'<path class="gl-head" d="{_draw_head(points[-2], points[-1])}"/></g>'
    )


def _unit(a: Point, b: Point) -> Point:
    length = math.dist(a, b) or 1.0
    return (b[0] - a[0]) / length, (b[1] - a[1]) / length


def _shift_right(a: Point, b: Point, offset: float) -> list[Point]:
    """The line from a to b, shifted by `offset` to its right."""
    dx, dy = _unit(a, b)
    return [(a[0] - dy * offset, a[1] + dx * offset), (b[0] - dy * offset, b[1] + dx * offset)]


def _leave_box(node: Node, inside: Point, towards: Point) -> Point:
    """The point GAP beyond where the line from `inside` the node's box to a point outside leaves the box."""
    dx, dy = _unit(inside, towards)
    distances = []
    for start, step, centre, half in (
        (inside[0], dx, node.x, node.width / 2),
        (inside[1], dy, node.y, node.height / 2),
    ):
        if abs(step) > 1e-9:
            distances.append((centre + math.copysign(half, step) - start) / step)
    distance = min(distances) + GAP
    return inside[0] + dx * distance, inside[1] + dy * distance


def _draw_head(a: Point, b: Point) -> str:
    """A triangle at b for a line that comes from a."""
    dx, dy = _unit(a, b)
    x, y = b[0] - dx * HEAD, b[1] - dy * HEAD
    half = HEAD * 0.45
    return (
        f"M{b[0]:.1f} {b[1]:.1f} L{x - dy * half:.1f} {y + dx * half:.1f}"
        f" L{x + dy * half:.1f} {y - dx * half:.1f} Z"
    )


# ---------------------------------------------------------------------- the methods

REAL, PRIOR = "real picture x", "z from the prior"


def net(x: float, y: float, letter: str, player: str, width: float = 64) -> Node:
    return Node(x, y, letter, "net", width, player)


def loss(x: float, y: float, networks: str, player: str, width: float = 104) -> Node:
    return Node(x, y, f"loss of {networks}", "loss", width, player)


GAN = Diagram(
    "Data and gradients in a GAN",
    "A latent z from the prior goes into G and becomes the picture G(z). D sees real pictures x and generated"
    " ones G(z), one at a time. The gradient of D's loss trains D; that of G's loss goes back through D and"
    " G(z) and trains G.",
    {
        "x": Node(95, 24, REAL, "real", 130),
        "z": Node(290, 24, PRIOR, width=130),
        "G": net(290, 92, "G", "generator"),
        "G(z)": Node(290, 158, "G(z)"),
        "D": net(192, 228, "D", "discriminator", 96),
        "loss D": loss(110, 308, "D", "discriminator"),
        "loss G": loss(275, 308, "G", "generator"),
    },
    (
        Arrow("x", "D"),
        Arrow("z", "G"),
        Arrow("G", "G(z)"),
        Arrow("G(z)", "D"),
        Arrow("D", "loss D"),
        Arrow("D", "loss G"),
        Arrow("loss D", "D", "discriminator"),
        Arrow("loss G", "D", "generator"),
        Arrow("D", "G(z)", "generator"),
        Arrow("G(z)", "G", "generator"),
    ),
    height=330,
)

BIGAN = Diagram(
    "Data and gradients in a BiGAN: D sees two kinds of pairs",
    "On one side a real picture x goes into E and becomes its code: the pair (x, E(x)). On the other side a"
    " latent z from the prior goes into G and becomes a picture: the pair (G(z), z). D sees pairs of both"
    " kinds. The gradient of D's loss trains D; that of the loss of G and E goes back through D to E(x) and"
    " to G(z), and trains E and G.",
    {
        "x": Node(102, 24, REAL, "real", 130),
        "z": Node(298, 24, PRIOR, width=130),
        "E": net(143, 96, "E", "generator_encoder"),
        "G": net(257, 96, "G", "generator_encoder"),
        "real pair": Node(102, 168, "", "pair", 172),
        "fake pair": Node(298, 168, "", "pair", 172),
        "its x": Node(60, 168, "x", "real", 72),
        "E(x)": Node(143, 168, "E(x)", width=72),
        "G(z)": Node(257, 168, "G(z)", width=72),
        "its z": Node(340, 168, "z", width=72),
        "D": net(200, 250, "D", "discriminator", 110),
        "loss D": loss(104, 328, "D", "discriminator"),
        "loss GE": loss(292, 328, "G and E", "generator_encoder", 140),
    },
    (
        Arrow("x", "its x"),
        Arrow("x", "E"),
        Arrow("E", "E(x)"),
        Arrow("z", "its z"),
        Arrow("z", "G"),
        Arrow("G", "G(z)"),
        Arrow("real pair", "D"),
        Arrow("fake pair", "D"),
        Arrow("D", "loss D"),
        Arrow("D", "loss GE"),
        Arrow("loss D", "D", "discriminator"),
        Arrow("loss GE", "D", "generator_encoder"),
        Arrow("D", "E(x)", "generator_encoder"),
        Arrow("D", "G(z)", "generator_encoder"),
        Arrow("E(x)", "E", "generator_encoder"),
        Arrow("G(z)", "G", "generator_encoder"),
    ),
)

BIGAN_PLUS = Diagram(
    "Data and gradients in BiGAN+: D and P see two kinds of pairs each",
    "As in a BiGAN, D sees the pairs (x, E(x)) and (G(z), z). Beside it, the code E(x) goes into G and"
    " becomes the reconstruction G(E(x)), and P sees a picture with itself, (x, x), or with its"
    " reconstruction, (x, G(E(x))). The gradient of their loss trains D and P; that of the loss of G and E"
    " goes back through D to E(x) and to G(z), and through P to G(E(x)), and trains E and G.",
    {
        "x": Node(102, 24, REAL, "real", 130),
        "z": Node(308, 24, PRIOR, width=130),
        "E": net(143, 96, "E", "generator_encoder"),
        "G": net(267, 96, "G", "generator_encoder"),
        "real pair": Node(102, 172, "", "pair", 172),
        "fake pair": Node(308, 172, "", "pair", 172),
        "its x": Node(60, 172, "x", "real", 72),
        "E(x)": Node(143, 172, "E(x)", width=72),
        "G(z)": Node(267, 172, "G(z)", width=72),
        "its z": Node(350, 172, "z", width=72),
        "D": net(205, 248, "D", "discriminator", 80),
        "loss D": loss(72, 248, "D", "discriminator", 96),
        "loss GE": loss(342, 248, "G and E", "generator_encoder", 126),
        "same pair": Node(102, 324, "", "pair", 172),
        "near pair": Node(308, 324, "", "pair", 172),
        "first x": Node(60, 324, "x", "real", 72),
        "itself": Node(143, 324, "x", "real", 72),
        "compared x": Node(263, 324, "x", "real", 66),
        "G(E(x))": Node(346, 324, "G(E(x))", width=80),
        "P": net(205, 400, "P", "discriminator", 80),
        "loss P": loss(72, 400, "P", "discriminator", 96),
        "loss GE by P": loss(342, 400, "G and E", "generator_encoder", 126),
    },
    (
        *BIGAN.arrows,
        Arrow("E(x)", "G"),
        Arrow("G", "G(E(x))", via=((416, 96), (416, 324))),
        Arrow("same pair", "P"),
        Arrow("near pair", "P"),
        Arrow("P", "loss P"),
        Arrow("P", "loss GE by P"),
        Arrow("loss P", "P", "discriminator"),
        Arrow("loss GE by P", "P", "generator_encoder"),
        Arrow("P", "G(E(x))", "generator_encoder"),
        Arrow("G(E(x))", "G", "generator_encoder", via=((430, 332), (430, 84)), side=0),
        Arrow("G", "E(x)", "generator_encoder"),
    ),
    width=444,
    height=424,
)


def regressor(joint: bool) -> Diagram:
    """LR; with `joint`, the gradient of the regression goes on from E to G."""
    further = (
        "and, a quarter of it, goes on through E and G(z) and trains G as well"
        if joint
        else "and stops there"
    )
    arrows: tuple[Arrow, ...] = (
        Arrow("x", "D"),
        Arrow("z", "G"),
        Arrow("G", "G(z)"),
        Arrow("G(z)", "D"),
        Arrow("G(z)", "E"),
        Arrow("D", "loss D"),
        Arrow("D", "loss G"),
        Arrow("E", "loss E"),
        Arrow("z", "loss E", via=((384, 24), (384, 318))),
        Arrow("loss D", "D", "discriminator"),
        Arrow("loss G", "D", "generator"),
        Arrow("D", "G(z)", "generator"),
        Arrow("G(z)", "G", "generator"),
        Arrow("loss E", "E", "encoder"),
    )
    if joint:
        arrows += (Arrow("loss E", "E", "generator", side=-1), Arrow("E", "G(z)", "generator", side=-1))
        label = Label(300, 200, "× 0.25", "generator")
    else:
        label = Label(296, 200, "no gradient", "encoder")
    return Diagram(
        "Data and gradients in a GAN with a latent regressor",
        "A latent z from the prior goes into G and becomes the picture G(z). D sees real pictures x and"
        " generated ones. E sees generated ones only, and its output is compared with z. The gradient of D's"
        " loss trains D, that of G's loss goes back through D and trains G; that of E's loss trains E"
        f" {further}.",
        {
            "x": Node(80, 24, REAL, "real", 130),
            "z": Node(240, 24, PRIOR, width=130),
            "G": net(240, 90, "G", "generator"),
            "G(z)": Node(240, 156, "G(z)"),
            "D": net(118, 236, "D", "discriminator", 90),
            "E": net(300, 236, "E", "encoder", 70),
            "loss D": loss(58, 318, "D", "discriminator", 92),
            "loss G": loss(172, 318, "G", "generator", 92),
            "loss E": loss(300, 318, "E", "encoder", 92),
        },
        arrows,
        (label,),
        height=340,
    )


AUTOENCODER = Diagram(
    "Data and gradients in an autoencoder",
    "A real picture x goes into E and becomes its code E(x), which goes into G and becomes the reconstruction"
    " G(E(x)). The loss compares that with x. Its gradient goes all the way back and trains G and E.",
    {
        "x": Node(115, 24, REAL, "real", 130),
        "E": net(115, 90, "E", "generator_encoder"),
        "E(x)": Node(115, 156, "E(x)"),
        "G": net(115, 222, "G", "generator_encoder"),
        "G(E(x))": Node(115, 288, "G(E(x))", width=86),
        "loss": loss(300, 288, "G and E", "generator_encoder", 140),
    },
    (
        Arrow("x", "E"),
        Arrow("E", "E(x)"),
        Arrow("E(x)", "G"),
        Arrow("G", "G(E(x))"),
        Arrow("G(E(x))", "loss"),
        Arrow("x", "loss", via=((300, 24),)),
        Arrow("loss", "G(E(x))", "generator_encoder"),
        Arrow("G(E(x))", "G", "generator_encoder"),
        Arrow("G", "E(x)", "generator_encoder"),
        Arrow("E(x)", "E", "generator_encoder"),
    ),
    height=312,
)
