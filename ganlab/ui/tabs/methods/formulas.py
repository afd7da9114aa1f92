"""Formulas that browsers draw themselves: MathML, with the same in plain text for who cannot see it.

A formula is built of terms, each of which knows how it is drawn, how it is read, and what it means: its
`kind` and `parts`, from which it can be computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from html import escape

EXPECTATION = "𝔼"
APPLY = "&#x2061;"  # stands unseen between a function and its arguments
THIN = '<mspace width="0.17em"/>'
BRACKETED = ("sum", "difference")  # kinds that need brackets behind a log


@dataclass(frozen=True)
class Term:
    """A piece of a formula. `name` is what a symbol, a function or a mean's variable is called."""

    kind: str
    text: str
    mathml: str = field(compare=False, repr=False)
    parts: tuple[Term, ...] = ()
    name: str = ""

    def walk(self) -> Iterator[Term]:
        """This term and all in it."""
        yield self
        for part in self.parts:
            yield from part.walk()


def symbol(name: str, low: str = "") -> Term:
    """A letter, perhaps with something below it: symbol("L", "G, E")."""
    if not low:
        return Term("symbol", name, _mi(name), name=name)
    letters = "<mo>,</mo>".join(_mi(letter) for letter in low.split(", "))
    text = f"{name}_{low.replace(', ', '')}"
    return Term("symbol", text, f"<msub>{_mi(name)}<mrow>{letters}</mrow></msub>", name=text)


def hat(name: str) -> Term:
    """A letter with a hat."""
    return Term(
        "symbol", f"{name}\u0302", f'<mover accent="true">{_mi(name)}<mo>^</mo></mover>', name=name + "^"
    )


def number(value: str) -> Term:
    """ "1", "0.25" or "1/2"."""
    shown = Fraction(value)
    drawn = (
        f"<mfrac><mn>{shown.numerator}</mn><mn>{shown.denominator}</mn></mfrac>"
        if "/" in value
        else f"<mn>{escape(value)}</mn>"
    )
    return Term("number", value, drawn, name=value)


def call(function: str, *arguments: Term) -> Term:
    """D(x, E(x))."""
    return Term(
        "call",
        f"{function}({', '.join(a.text for a in arguments)})",
        _row(_mi(function), f"<mo>{APPLY}</mo>", _bracketed("<mo>,</mo>".join(a.mathml for a in arguments))),
        arguments,
        function,
    )


def minus(term: Term) -> Term:
    return Term("minus", f"−{term.text}", _row('<mo form="prefix">−</mo>', term.mathml), (term,))


def log(term: Term) -> Term:
    bracketed = term.kind in BRACKETED
    text = f"({term.text})" if bracketed else f" {term.text}"
    drawn = _bracketed(term.mathml) if bracketed else term.mathml
    return Term("log", f"log{text}", _row("<mi>log</mi>", f"<mo>{APPLY}</mo>", THIN, drawn), (term,))


def total(*terms: Term) -> Term:
    """a + b + ...: as lines of their own where it is a whole side of an equation."""
    return Term(
        "sum",
        " + ".join(term.text for term in terms),
        _row("<mo>+</mo>".join(term.mathml for term in terms)),
        terms,
    )


def difference(a: Term, b: Term) -> Term:
    return Term("difference", f"{a.text} − {b.text}", _row(a.mathml, "<mo>−</mo>", b.mathml), (a, b))


def product(a: Term, b: Term) -> Term:
    """a b, side by side; sums in brackets."""
    shown = [
        (f"({t.text})", _bracketed(t.mathml)) if t.kind in BRACKETED else (t.text, t.mathml) for t in (a, b)
    ]
    drawn = _row(shown[0][1], THIN, shown[1][1])
    return Term("product", f"{shown[0][0]} {shown[1][0]}", drawn, (a, b))


def ratio(a: Term, b: Term) -> Term:
    text = f"({a.text})" if a.parts else a.text
    return Term("ratio", f"{text}/{b.text}", f"<mfrac>{a.mathml}{b.mathml}</mfrac>", (a, b))


def norm(order: int, term: Term) -> Term:
    """The l1 norm, or the square of the l2 norm: the sum of what all numbers of the term are off."""
    drawn = _row('<mo form="prefix">‖</mo>', term.mathml, '<mo form="postfix">‖</mo>')
    if order == 1:
        return Term("l1", f"‖{term.text}‖₁", f"<msub>{drawn}<mn>1</mn></msub>", (term,))
    return Term("l2", f"‖{term.text}‖₂²", f"<msubsup>{drawn}<mn>2</mn><mn>2</mn></msubsup>", (term,))


def mean(over: str, term: Term) -> Term:
    """The expectation over x or z: in training, the mean over a batch."""
    return Term(
        "mean",
        f"mean over {over} of [{term.text}]",
        _row(f"<msub>{_mi(EXPECTATION)}{_mi(over)}</msub>", _bracketed(term.mathml, "[]")),
        (term,),
        over,
    )


def sum_over(index: str, term: Term) -> Term:
    return Term(
        "sum over",
        f"sum over {index} of [{term.text}]",
        _row(f"<munder><mo>∑</mo>{_mi(index)}</munder>", _bracketed(term.mathml, "[]")),
        (term,),
        index,
    )


def fixed(name: Term, term: Term) -> Term:
    """Written as `name`: the value of the term, through which no gradient goes back."""
    return Term("fixed", name.text, name.mathml, (term,), name.name)


def named(name: Term, meaning: Term) -> Term:
    """Written as `name`, and means `meaning`."""
    return Term("named", name.text, name.mathml, (meaning,), name.name)


def equation(left: Term, right: Term) -> str:
    """left = right as a <math> block; a sum takes a line for each term, so that it fits a phone."""
    lines = right.parts if right.kind == "sum" else (right,)
    rows = [
        f"<mtr><mtd>{left.mathml if i == 0 else ''}</mtd><mtd><mo>{'=' if i == 0 else '+'}</mo></mtd>"
        f"<mtd>{line.mathml}</mtd></mtr>"
        for i, line in enumerate(lines)
    ]
    said = escape(f"{left.text} = {right.text}")
    return (
        f'<math xmlns="http://www.w3.org/1998/Math/MathML" display="block" aria-label="{said}"'
        f' alttext="{said}"><mtable displaystyle="true">{"".join(rows)}</mtable></math>'
    )


def _mi(name: str) -> str:
    return f"<mi>{escape(name)}</mi>"


def _row(*parts: str) -> str:
    return f"<mrow>{''.join(parts)}</mrow>"


def _bracketed(inside: str, pair: str = "()") -> str:
    return _row(
        f'<mo form="prefix">{pair[0]}</mo>',
        inside,
        f'<mo form="postfix">{pair[1]}</mo>',
    )
