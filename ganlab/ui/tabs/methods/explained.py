"""What the Methods tab says of each method: its players, their losses as formulas, who sees what.

This is content for people. Nothing else in the app depends on it, and a checkpoint of a method that is not
here works as any other. G, E, D, x and z are the field's names; D(.) is D's probability of "real", the
sigmoid of its logit; E_x and E_z are means over a batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ganlab.ui.tabs.methods import diagrams
from ganlab.ui.tabs.methods.diagrams import Diagram
from ganlab.ui.tabs.methods.formulas import (
    Term,
    call,
    difference,
    fixed,
    hat,
    log,
    mean,
    minus,
    named,
    norm,
    number,
    product,
    ratio,
    sum_over,
    symbol,
    total,
)

# Networks by their names in a checkpoint, as the formulas call them.
LETTERS = {
    "generator": "G",
    "encoder": "E",
    "discriminator": "D",
    "joint_discriminator": "D",
    "pair_discriminator": "P",
}
ORDER = "GEDP"


def _called(term: Term, through: bool = True) -> Iterator[str]:
    """The functions in a term; unless `through`, without those in what is held fixed."""
    if term.kind == "call":
        yield term.name
    if through or term.kind != "fixed":
        for part in term.parts:
            yield from _called(part, through)


@dataclass(frozen=True)
class Player:
    """`owns` networks, the only ones that the gradient of its loss changes."""

    owns: tuple[str, ...]
    loss: Term
    wants: str

    @property
    def letters(self) -> tuple[str, ...]:
        return tuple(LETTERS[network] for network in self.owns)

    @property
    def symbol(self) -> Term:
        """The name of its loss: L_G,E."""
        return symbol("L", ", ".join(self.letters))

    @property
    def reached(self) -> list[str]:
        """Networks that a gradient of the loss reaches, whether it changes them or only goes through."""
        return [letter for letter in ORDER if letter in set(_called(self.loss, through=False))]

    @property
    def used(self) -> list[str]:
        """Networks in the loss."""
        return [letter for letter in ORDER if letter in set(_called(self.loss))]


@dataclass(frozen=True)
class Explained:
    """A method. `players` go by the names that training gives them."""

    name: str
    title: str
    summary: str
    players: Mapping[str, Player]
    diagram: Diagram
    notes: tuple[str, ...]
    where: tuple[tuple[str, Term, Term], ...] = ()  # words, and an equation for what the losses use
    look: str = ""  # what to look for in the pictures that its models make
    commands: tuple[str, ...] = ()
    ratios: bool = False  # the place for what the ratio of updates does

    def sees(self, letter: str) -> list[tuple[Term, ...]]:
        """What a network is given, each once; a fixed value as what it is the value of."""
        calls = (
            tuple(seen.parts[0] if seen.kind == "fixed" else seen for seen in term.parts)
            for player in self.players.values()
            for term in player.loss.walk()
            if term.kind == "call" and term.name == letter
        )
        return list(dict.fromkeys(calls))


# ---------------------------------------------------------------------- formulas

x, z, one, half = symbol("x"), symbol("z"), number("1"), number("1/2")
d = symbol("d")
G_z, E_x = call("G", z), call("E", x)
G_E_x = call("G", E_x)
MADE = fixed(hat("x"), G_z)


def real(*seen: Term, by: str = "D") -> Term:
    """The cross-entropy of D's answer with "real"."""
    return minus(log(call(by, *seen)))


def fake(*seen: Term, by: str = "D") -> Term:
    return minus(log(difference(one, call(by, *seen))))


def tell_apart(*pairs: tuple[Term, ...]) -> Term:
    """D's loss: real ones first, fake ones second."""
    return total(
        product(half, mean("x", real(*pairs[0]))),
        product(half, mean("z", fake(*pairs[1]))),
    )


PAIRED = tell_apart((x, E_x), (G_z, z))
SWAPPED = total(product(half, mean("x", fake(x, E_x))), product(half, mean("z", real(G_z, z))))


FOOL = mean("z", real(G_z))
t_i, p_i = symbol("t", "i"), symbol("p", "i")
H = call("H", symbol("t"), symbol("p"))
CROSS_ENTROPY = minus(
    product(
        ratio(one, d),
        sum_over(
            "i", total(product(t_i, log(p_i)), product(difference(one, t_i), log(difference(one, p_i))))
        ),
    )
)


def find(made: Term) -> Term:
    """How badly E finds z in a picture G(z), both as numbers from 0 to 1."""
    two = number("2")
    guess = total(call("E", made), one)
    return mean("z", call("H", ratio(total(z, one), two), ratio(guess, two)))


def regressions(made: Term, said: str = "") -> tuple[tuple[str, Term, Term], ...]:
    """What the regression on a picture G(z) uses, and its other form. `said` explains `made`."""
    squared = mean("z", product(ratio(one, d), norm(2, difference(call("E", made), z))))
    return (
        *(((f"where {said},", made, G_z),) if said else ()),
        ("where H is the cross-entropy, a mean over the d numbers of a latent,", H, CROSS_ENTROPY),
        ("or, with --regression l2:", symbol("L", "E"), squared),
    )


def regressed(weight: str = "") -> Mapping[str, Player]:
    """The players of a GAN with a regressor beside it; with a weight, the regression is G's as well."""
    found = find(G_z if weight else MADE)
    encoder = Player(("encoder",), found, "to find the z that a generated picture was made from")
    fool = total(FOOL, product(number(weight), named(encoder.symbol, found))) if weight else FOOL
    also = ", and to make pictures whose z is easy to find" if weight else ""
    return {
        "discriminator": DISCRIMINATOR,
        "generator": Player(("generator",), fool, f"D to take its pictures for real{also}"),
        "encoder": encoder,
    }


def autoencoder(order: int) -> Mapping[str, Player]:
    """E and G on the reconstruction error alone."""
    error = mean("x", norm(order, difference(x, G_E_x)))
    return {"generator_encoder": Player(("generator", "encoder"), error, "every picture back as it was")}


DISCRIMINATOR = Player(
    ("discriminator",), tell_apart((x,), (G_z,)), "to tell real pictures from generated ones"
)

# ---------------------------------------------------------------------- the methods

EXPLAINED: dict[str, Explained] = {
    "gan": Explained(
        "GAN",
        "generative adversarial networks",
        "A generator learns to make pictures that a discriminator cannot tell from real ones. There is no"
        " encoder.",
        {
            "discriminator": DISCRIMINATOR,
            "generator": Player(("generator",), FOOL, "D to take its pictures for real"),
        },
        diagrams.GAN,
        (
            "G does not minimise log(1 − D(G(z))), whose gradient fades where D is sure, but maximises"
            " log D(G(z)): the non-saturating form, used by all methods with a D here.",
            "Without an encoder a picture is inverted by optimisation: latents are moved until G(z) looks"
            " like it. Its neighbours can be looked up in D's last hidden layer.",
        ),
        look="G(z) should look like the data, and no two alike.",
        commands=(
            "python -m train gan --family tutorial-gan",
            "python -m train gan --family tutorial-gan-colour --dataset cifar10",
            "python -m train gan --family tutorial-gan --d-steps 5",
        ),
        ratios=True,
    ),
    "bigan": Explained(
        "BiGAN",
        "bidirectional GAN",
        "Generator and encoder play together against one discriminator, which sees pairs: a picture with its"
        " code, (x, E(x)), or a latent with its picture, (G(z), z).",
        {
            "discriminator": Player(
                ("joint_discriminator",),
                PAIRED,
                "to tell a picture with its code from a latent with its picture",
            ),
            "generator_encoder": Player(
                ("generator", "encoder"),
                SWAPPED,
                "D to be wrong about both: it is D's loss with the labels swapped",
            ),
        },
        diagrams.BIGAN,
        (
            "Where the two kinds of pairs cannot be told apart, E inverts G, although E never sees a"
            " generated picture and G never sees a code.",
            "No term asks for x = G(E(x)) itself, so a reconstruction may change its class.",
        ),
        look="Do the reconstructions keep the class of what is above them?",
        commands=("python -m train bigan", "python -m train bigan --family tutorial-bigan"),
    ),
    "bigan-plus": Explained(
        "BiGAN+",
        "bidirectional GAN whose reconstructions are judged",
        "BiGAN, and a second discriminator P that sees a picture with itself, (x, x), or with its"
        " reconstruction, (x, G(E(x))). So a picture comes back as itself.",
        {
            "discriminator": Player(
                ("joint_discriminator", "pair_discriminator"),
                total(
                    *PAIRED.parts,
                    product(half, mean("x", real(x, x, by="P"))),
                    product(half, mean("x", fake(x, G_E_x, by="P"))),
                ),
                "to tell a picture with its code from a latent with its picture, and a picture with itself"
                " from one with its reconstruction",
            ),
            "generator_encoder": Player(
                ("generator", "encoder"),
                total(*SWAPPED.parts, mean("x", real(x, G_E_x, by="P"))),
                "D to be wrong about both, and P to take each reconstruction for the picture itself",
            ),
        },
        diagrams.BIGAN_PLUS,
        (
            "P is that of ALICE (Li et al., 2017): what it cannot tell from x is x, which bounds how much"
            " of x its code leaves open.",
            "Settings add to this, and the bundled model has them all: a squared error of G(E(x)), and one"
            " of E(G(z)); a pull of the codes to the prior; noise on codes, so that near codes give near"
            " pictures; codes of other pictures, moved, as the latents of D's game; pictures changed as"
            " uploads differ from MNIST; and a contrast that brings the features of two changed views"
            " of a picture together.",
            "The codes of real pictures do not fill the prior. A mixture of Gaussians can be fitted to them"
            " after training (python -m train.publish --gaussians); Sample then draws from it, and says so.",
        ),
        look="Do the reconstructions keep the class and the hand of what is above them?",
        commands=("python -m train bigan-plus --family conv", "python -m train bigan-plus --preset mnist"),
    ),
    "lr": Explained(
        "LR",
        "latent regressor",
        "A plain GAN, and beside it an encoder that learns to find z in G(z). It never sees a real picture"
        " while it learns.",
        regressed(),
        diagrams.regressor(joint=False),
        (
            "No gradient of the regression reaches G: G and D are those of a plain GAN.",
            "z and E's answer are both brought from [−1, 1] to [0, 1], where a cross-entropy can compare"
            " them, as in the paper's release. The squared error is the lecture's.",
        ),
        regressions(MADE, "x̂ is a generated picture held fixed"),
        "E learnt on samples alone. How well does it read real pictures?",
        ("python -m train lr", "python -m train lr --regression l2"),
    ),
    "jlr": Explained(
        "JLR",
        "joint latent regressor",
        "As LR, but a quarter of the regression also trains the generator, to make pictures whose z is easy"
        " to find. The encoder never sees a real picture while it learns.",
        regressed("0.25"),
        diagrams.regressor(joint=True),
        (
            "The gradient of the regression goes through E, which G's turn leaves as it is, and on into G.",
            "The weight is the authors': one of 1 “results in a degenerate solution”.",
        ),
        regressions(G_z),
        "E learnt on samples alone, but G had to make them easy to read.",
        ("python -m train jlr", "python -m train jlr --regression-weight 0.25 --regression l2"),
    ),
    "ae-l1": Explained(
        "AE l1",
        "autoencoder, absolute error",
        "No game and no prior: encoder and generator learn to give every picture back, judged by the"
        " absolute difference.",
        autoencoder(1),
        diagrams.AUTOENCODER,
        (
            "The differences are summed over a picture's pixels, so that they outweigh the penalty on the"
            " weights.",
            "It is the baseline: the same networks as BiGAN's, without D.",
        ),
        look="Reconstructions are close. Nothing ties the codes to the prior, so G(z) of a drawn z need not"
        " look like the data.",
        commands=("python -m train ae-l1",),
    ),
    "ae-l2": Explained(
        "AE l2",
        "autoencoder, squared error",
        "No game and no prior: encoder and generator learn to give every picture back, judged by the squared"
        " difference.",
        autoencoder(2),
        diagrams.AUTOENCODER,
        (
            "The differences are summed over a picture's pixels, so that they outweigh the penalty on the"
            " weights.",
            "It is the baseline: the same networks as BiGAN's, without D.",
        ),
        look="Reconstructions are close. Nothing ties the codes to the prior, so G(z) of a drawn z need not"
        " look like the data.",
        commands=("python -m train ae-l2",),
    ),
}

# ---------------------------------------------------------------------- words

WORDS = {
    "latent": "z, the list of numbers that a generator turns into a picture. The latent of a picture is"
    " also called its code.",
    "prior": "The distribution that latents are drawn from in training: in every dimension uniform on"
    " [−1, 1], or normal.",
    "generator": "G, the network that makes the picture G(z) of a latent z.",
    "encoder": "E, the network that gives a picture x its latent E(x).",
    "discriminator": "D, the network that says how probable it is that what it sees is real: a picture, or"
    " a pair of a picture and a latent.",
    "reconstruction": "G(E(x)): what comes back when a picture is encoded and decoded again.",
    "inversion": "Finding a latent whose picture is a given one: by asking an encoder, or by optimisation,"
    " which improves latents step by step.",
    "interpolation": "A way from one latent to another, with the picture of each step: a line inside the"
    " box for a uniform prior, a great circle for a normal one.",
    "nearest neighbour": "The training picture closest to a given one, by Euclidean distance between raw"
    " pixels, codes, or a network's hidden layer. 1NN is the share of test pictures whose nearest neighbour"
    " has their class.",
    "EGr": "The paper's reconstruction error: the mean of the L2 norm of x − G(E(x)). Beside it stands what"
    " the reconstruction of another picture would score.",
    "identity": "The share of test pictures in which the judge, an independent classifier, finds"
    " the same class in x and in G(E(x)).",
    "Fréchet distance": "How far samples are from real pictures as a whole: the distance between two"
    " Gaussians, fitted to the judge's features of both. Lower is better; even real pictures do not score 0.",
}
