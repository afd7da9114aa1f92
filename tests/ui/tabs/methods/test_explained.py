"""What the Methods tab says of each method, held against the code that trains it."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganlab.ui.tabs.methods import lecture
from ganlab.ui.tabs.methods.explained import EXPLANATIONS, GLOSSARY, LETTERS
from ganlab.ui.tabs.methods.formulas import Term
from tests.conftest import TINY
from tests.train.methods.nets import assert_close, batch, gradients, opinionated
from tests.ui.parsed import elements
from train.__main__ import read_arguments
from train.methods import METHODS

every = pytest.mark.parametrize("key", list(METHODS))
PLAYERS = [(key, player) for key, method in METHODS.items() for player in method.players]
every_player = pytest.mark.parametrize(("key", "player"), PLAYERS)


class Computed:
    """Values of terms, for networks and a batch."""

    def __init__(self, key: str) -> None:
        self.nets = opinionated(METHODS[key].networks)
        if "prior" in getattr(METHODS[key], "decodes", ()):  # G normalises latents and codes in one batch
            self.nets["generator"].eval()
        x, z = batch()
        self.values: dict[str, Any] = {"x": x, "z": z, "d": z.shape[1]}
        self.definitions = {
            left.name: right for _, left, right in EXPLANATIONS[key].where if left.kind == "call"
        }

    def call(self, name: str, given: list[Tensor]) -> Tensor:
        if name in self.definitions:
            old, self.values = self.values, {**self.values, "t_i": given[0], "p_i": given[1]}
            value = self(self.definitions[name])
            self.values = old
            return value
        (network,) = (net for net in self.nets if LETTERS[net] == name)
        if name == "P":
            given = [torch.cat(given, 1)]
        output: Tensor = self.nets[network](*given)
        return torch.sigmoid(output) if name in "DP" else output

    def __call__(self, term: Term) -> Any:
        parts = [] if term.kind == "fixed" else [self(part) for part in term.parts]
        if term.kind == "call":
            return self.call(term.name, parts)
        return {
            "symbol": lambda: self.values[term.name],
            "number": lambda: float(Fraction(term.name)),
            "fixed": lambda: self(term.parts[0]).detach(),
            "named": lambda: parts[0],
            "minus": lambda: -parts[0],
            "log": lambda: parts[0].log(),
            "sum": lambda: sum(parts),
            "difference": lambda: parts[0] - parts[1],
            "product": lambda: parts[0] * parts[1],
            "ratio": lambda: parts[0] / parts[1],
            "l1": lambda: parts[0].flatten(1).abs().sum(1),
            "l2": lambda: parts[0].flatten(1).square().sum(1),
            "sum over": lambda: parts[0].sum(1),
            "mean": lambda: parts[0].mean(),
        }[term.kind]()


def assert_same_loss(mine: Tensor, theirs: Tensor, nets: dict[str, nn.Module], owns: tuple[str, ...]) -> None:
    """One value, gradients that reach the same networks, and the same gradients for the owner."""
    assert mine.item() == pytest.approx(theirs.item(), rel=1e-5)
    for name, net in nets.items():
        ours, others = gradients(mine, net), gradients(theirs, net)
        assert {k: v is None for k, v in ours.items()} == {k: v is None for k, v in others.items()}, name
        if name in owns:
            assert_close(ours, others, rtol=1e-4)


def test_every_method_and_every_player_is_explained() -> None:
    explained = {
        key: {name: player.owns for name, player in method.players.items()}
        for key, method in EXPLANATIONS.items()
    }
    assert sorted(EXPLANATIONS) == sorted(METHODS)
    assert explained == {key: dict(METHODS[key].players) for key in EXPLANATIONS}


@every_player
def test_a_formula_is_the_loss_that_training_computes(key: str, player: str) -> None:
    computed, shown = Computed(key), EXPLANATIONS[key].players[player]
    theirs = METHODS[key]().losses(computed.nets, computed.values["x"], computed.values["z"])[player]
    assert_same_loss(computed(shown.loss), theirs, computed.nets, shown.owns)


@pytest.mark.parametrize("key", ["lr", "jlr"])
def test_the_other_form_of_the_regression_too(key: str) -> None:
    computed = Computed(key)
    (other,) = (right for words, _, right in EXPLANATIONS[key].where if "--regression l2" in words)
    method = METHODS[key](regression="l2")
    theirs = method.losses(computed.nets, computed.values["x"], computed.values["z"])["encoder"]
    assert_same_loss(computed(other), theirs, computed.nets, ("encoder",))


@every_player
def test_whom_a_gradient_reaches_is_said_as_it_is(key: str, player: str) -> None:
    computed, shown = Computed(key), EXPLANATIONS[key].players[player]
    loss = METHODS[key]().losses(computed.nets, computed.values["x"], computed.values["z"])[player]
    reached = {
        LETTERS[name]
        for name, net in computed.nets.items()
        if any(gradient is not None for gradient in gradients(loss, net).values())
    }
    assert set(shown.reached) == reached
    trained, *others = re.findall(r"[^.]+\.", lecture.describe_gradient(shown))
    assert set(re.findall(r"\b[GEDP]\b", trained)) == {LETTERS[name] for name in METHODS[key].players[player]}
    passed = {
        letter
        for sentence in others
        if "Passes through" in sentence
        for letter in re.findall(r"\b[GEDP]\b", sentence)
    }
    assert passed == reached - set(shown.letters)
    cut = {
        letter
        for sentence in others
        if "No gradient" in sentence
        for letter in re.findall(r"\b[GEDP]\b", sentence)
    }
    assert cut == ({"G"} if (key, player) == ("lr", "encoder") else set())


COUNT = len(batch()[0])


class Witness(nn.Module):
    """A network that remembers what it was given, each batch apart."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net, self.given = net, list[tuple[Tensor, ...]]()

    def forward(self, *given: Tensor, batches: int = 1) -> Any:
        self.given += zip(*(batch.split(COUNT) for batch in given), strict=True)
        return self.net(*given, batches=batches) if batches > 1 else self.net(*given)

    def logits(self, x: Tensor) -> Any:
        self.given.append((x,))
        return self.net.logits(x)


@every
def test_who_sees_what_is_what_the_networks_are_given(key: str) -> None:
    nets = opinionated(METHODS[key].networks)
    if "prior" in getattr(METHODS[key], "decodes", ()):
        nets["generator"].eval()
    x, z = batch()
    values = {"x": x, "z": z, "G(z)": nets["generator"](z)}
    if "encoder" in nets:
        values["E(x)"] = nets["encoder"](x)
        values["G(E(x))"] = nets["generator"](values["E(x)"])

    def name(value: Tensor) -> str:
        (term,) = (term for term, v in values.items() if v.shape == value.shape and v.allclose(value))
        return term

    witnesses = {network: Witness(net) for network, net in nets.items()}
    METHODS[key]().losses(witnesses, x, z)
    if pairs := witnesses.get("pair_discriminator"):
        pairs.given = [seen.chunk(2, 1) for (seen,) in pairs.given]
    given = {
        LETTERS[network]: {tuple(map(name, seen)) for seen in witness.given}
        for network, witness in witnesses.items()
    }
    for letter, seen in given.items():
        assert {tuple(term.text for term in terms) for terms in EXPLANATIONS[key].list_inputs(letter)} == seen
    blind = "E" in given and ("x",) not in given["E"]
    assert ("never a real picture" in lecture.describe_inputs(EXPLANATIONS[key])) == blind


@every
def test_the_commands_are_ones_that_training_takes(key: str) -> None:
    for command in EXPLANATIONS[key].commands:
        program, *arguments = command.removeprefix("python -m ").split()
        assert program == "train"
        config, _ = read_arguments(arguments)
        assert config.method == key


def test_the_words_of_the_interface_are_explained() -> None:
    terms = ["".join(element.itertext()) for element in elements(lecture.glossary_html(), "dt")]
    assert terms == list(GLOSSARY)
    assert {
        "latent", "encoder", "generator", "discriminator", "prior", "reconstruction", "inversion",
        "interpolation", "nearest neighbour", "EGr", "Fréchet distance", "identity",
    } == set(terms)  # fmt: skip
    assert TINY.prior in GLOSSARY["prior"]
