"""Formulas as MathML, which browsers draw themselves, with the same in plain text for screen readers.

A formula is built of terms. A term holds its MathML, its plain text, and its meaning: `kind` and `parts`,
from which tests compute its value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from html import escape

EXPECTATION = "𝔼"
APPLY = "&#x2061;"  # invisible, between a function and its arguments
THIN = '<mspace width="0.17em"/>'
BRACKETED = ("sum", "difference")  # kinds that need brackets after log


@dataclass(frozen=True)
class Term:
    """A part of a formula. `name` is that of a symbol, a function, or the variable of a mean."""

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


def symbol(name: str, subscript: str = "") -> Term:
    """A letter, perhaps with a subscript: symbol("L", "G, E")."""
    if not subscript:
        return Term("symbol", name, _mi(name), name=name)
    letters = "<mo>,</mo>".join(_mi(letter) for letter in subscript.split(", "))
    text = f"{name}_{subscript.replace(', ', '')}"
    return Term("symbol", text, f"<msub>{_mi(name)}<mrow>{letters}</mrow></msub>", name=text)


def hat(name: str) -> Term:
    """A letter with a hat."""
    return Term(
        "symbol", f"{name}\u0302", f'<mover accent="true">{_mi(name)}<mo>^</mo></mover>', name=name + "^"
    )


def number(value: str) -> Term:
    """ "1", "0.25" or "1/2"."""
    fraction = Fraction(value)
    mathml = (
        f"<mfrac><mn>{fraction.numerator}</mn><mn>{fraction.denominator}</mn></mfrac>"
        if "/" in value
        else f"<mn>{escape(value)}</mn>"
    )
    return Term("number", value, mathml, name=value)


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
    mathml = _bracketed(term.mathml) if bracketed else term.mathml
    return Term("log", f"log{text}", _row("<mi>log</mi>", f"<mo>{APPLY}</mo>", THIN, mathml), (term,))


def total(*terms: Term) -> Term:
    """a + b + ...; an equation gives each term its own line."""
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
    (text_a, mathml_a), (text_b, mathml_b) = (
        (f"({t.text})", _bracketed(t.mathml)) if t.kind in BRACKETED else (t.text, t.mathml) for t in (a, b)
    )
    return Term("product", f"{text_a} {text_b}", _row(mathml_a, THIN, mathml_b), (a, b))


def ratio(a: Term, b: Term) -> Term:
    text = f"({a.text})" if a.parts else a.text
    return Term("ratio", f"{text}/{b.text}", f"<mfrac>{a.mathml}{b.mathml}</mfrac>", (a, b))


def norm(order: int, term: Term) -> Term:
    """The l1 norm, or the square of the l2 norm: `order` 1 or 2."""
    mathml = _row('<mo form="prefix">‖</mo>', term.mathml, '<mo form="postfix">‖</mo>')
    if order == 1:
        return Term("l1", f"‖{term.text}‖₁", f"<msub>{mathml}<mn>1</mn></msub>", (term,))
    return Term("l2", f"‖{term.text}‖₂²", f"<msubsup>{mathml}<mn>2</mn><mn>2</mn></msubsup>", (term,))


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
    """The value of the term, written as `name`; no gradient passes through it."""
    return Term("fixed", name.text, name.mathml, (term,), name.name)


def named(name: Term, meaning: Term) -> Term:
    """`meaning`, written as `name`."""
    return Term("named", name.text, name.mathml, (meaning,), name.name)


def equation(left: Term, right: Term) -> str:
    """left = right as a <math> block; a sum takes one line a term, so that it fits a phone."""
    lines = right.parts if right.kind == "sum" else (right,)
    rows = [
        f"<mtr><mtd>{left.mathml if i == 0 else ''}</mtd><mtd><mo>{'=' if i == 0 else '+'}</mo></mtd>"
        f"<mtd>{line.mathml}</mtd></mtr>"
        for i, line in enumerate(lines)
    ]
    text = escape(f"{left.text} = {right.text}")
    return (
        f'<math xmlns="http://www.w3.org/1998/Math/MathML" display="block" aria-label="{text}"'
        f' alttext="{text}"><mtable displaystyle="true">{"".join(rows)}</mtable></math>'
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
