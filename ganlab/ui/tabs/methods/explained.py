"""What the Methods tab says about each method: its players, their losses as formulas, who sees what.

This is text for visitors. Nothing else in the app depends on it, and a checkpoint of a method that is not
here works like any other. G, E, D, x and z are the field's names; D(.) is D's probability of "real", the
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


def _iterate_calls(term: Term, into_fixed: bool = True) -> Iterator[str]:
    """Names of the functions in a term; unless `into_fixed`, without those in parts held fixed."""
    if term.kind == "call":
        yield term.name
    if into_fixed or term.kind != "fixed":
        for part in term.parts:
            yield from _iterate_calls(part, into_fixed)


@dataclass(frozen=True)
class Player:
    """One side of the training: the networks that it `owns`, which its loss alone trains, and its goal."""

    owns: tuple[str, ...]
    loss: Term
    goal: str

    @property
    def letters(self) -> tuple[str, ...]:
        return tuple(LETTERS[network] for network in self.owns)

    @property
    def symbol(self) -> Term:
        """The name of its loss: L_G,E."""
        return symbol("L", ", ".join(self.letters))

    @property
    def reached(self) -> list[str]:
        """Networks that the gradient of the loss reaches, whether it trains them or only passes through."""
        return [letter for letter in ORDER if letter in set(_iterate_calls(self.loss, into_fixed=False))]

    @property
    def used(self) -> list[str]:
        """Networks in the loss."""
        return [letter for letter in ORDER if letter in set(_iterate_calls(self.loss))]


@dataclass(frozen=True)
class Explanation:
    """A method. `players` have the names that training gives them; `where` defines what the losses use, each
    with words and an equation; `look_for` says what to look for in its models' pictures."""

    name: str
    title: str
    summary: str
    players: Mapping[str, Player]
    diagram: Diagram
    notes: tuple[str, ...]
    where: tuple[tuple[str, Term, Term], ...] = ()
    look_for: str = ""
    commands: tuple[str, ...] = ()
    shows_ratios: bool = False  # whether the study of update ratios belongs to it

    def list_inputs(self, letter: str) -> list[tuple[Term, ...]]:
        """The arguments that the losses give to a network, each once; a fixed value as its definition."""
        calls = (
            tuple(part.parts[0] if part.kind == "fixed" else part for part in term.parts)
            for player in self.players.values()
            for term in player.loss.walk()
            if term.kind == "call" and term.name == letter
        )
        return list(dict.fromkeys(calls))


# ---------------------------------------------------------------------- formulas

x, z, d, ONE, HALF = symbol("x"), symbol("z"), symbol("d"), number("1"), number("1/2")
G_z, E_x = call("G", z), call("E", x)
G_E_x = call("G", E_x)
FIXED_SAMPLE = fixed(hat("x"), G_z)


def real(*inputs: Term, by: str = "D") -> Term:
    """−log D(inputs), the cross-entropy of D's answer with "real"."""
    return minus(log(call(by, *inputs)))


def fake(*inputs: Term, by: str = "D") -> Term:
    """−log(1 − D(inputs)), the cross-entropy of D's answer with "generated"."""
    return minus(log(difference(ONE, call(by, *inputs))))


def discriminate(real_inputs: tuple[Term, ...], fake_inputs: tuple[Term, ...]) -> Term:
    """D's loss."""
    return total(
        product(HALF, mean("x", real(*real_inputs))),
        product(HALF, mean("z", fake(*fake_inputs))),
    )


PAIRED = discriminate((x, E_x), (G_z, z))
SWAPPED = total(product(HALF, mean("x", fake(x, E_x))), product(HALF, mean("z", real(G_z, z))))
NON_SATURATING = mean("z", real(G_z))
t_i, p_i = symbol("t", "i"), symbol("p", "i")
H = call("H", symbol("t"), symbol("p"))
CROSS_ENTROPY = minus(
    product(
        ratio(ONE, d),
        sum_over(
            "i", total(product(t_i, log(p_i)), product(difference(ONE, t_i), log(difference(ONE, p_i))))
        ),
    )
)


def regression(sample: Term) -> Term:
    """The cross-entropy between z and E(G(z)), both scaled from [−1, 1] to [0, 1]; `sample` is G(z)."""
    two = number("2")
    prediction = total(call("E", sample), ONE)
    return mean("z", call("H", ratio(total(z, ONE), two), ratio(prediction, two)))


def regression_definitions(sample: Term, words: str = "") -> tuple[tuple[str, Term, Term], ...]:
    """Definitions that the regression uses, and its squared form. `words` explain `sample`."""
    squared = mean("z", product(ratio(ONE, d), norm(2, difference(call("E", sample), z))))
    return (
        *(((f"where {words},", sample, G_z),) if words else ()),
        ("where H is the cross-entropy, a mean over the d dimensions of a latent,", H, CROSS_ENTROPY),
        ("or, with --regression l2:", symbol("L", "E"), squared),
    )


def regressor_players(weight: str = "") -> Mapping[str, Player]:
    """The players of a GAN with a latent regressor; with a weight, the regression trains G too."""
    loss = regression(G_z if weight else FIXED_SAMPLE)
    encoder = Player(("encoder",), loss, "predict the z of a generated picture")
    generator_loss, generator_goal = NON_SATURATING, "make pictures that D takes for real"
    if weight:
        generator_loss = total(NON_SATURATING, product(number(weight), named(encoder.symbol, loss)))
        generator_goal += ", and whose z is easy to predict"
    return {
        "discriminator": DISCRIMINATOR,
        "generator": Player(("generator",), generator_loss, generator_goal),
        "encoder": encoder,
    }


def autoencoder_players(order: int) -> Mapping[str, Player]:
    """E and G, trained on the reconstruction error alone: `order` 1 or 2."""
    error = mean("x", norm(order, difference(x, G_E_x)))
    return {"generator_encoder": Player(("generator", "encoder"), error, "reconstruct every picture")}


DISCRIMINATOR = Player(
    ("discriminator",), discriminate((x,), (G_z,)), "tell real pictures from generated ones"
)

AUTOENCODER_NOTES = (
    "The differences are summed over the pixels of a picture, so that they outweigh weight decay.",
    "This is the baseline: the networks of BiGAN, without D.",
)
AUTOENCODER_LOOK = (
    "Reconstructions are close. Nothing ties the codes to the prior, so samples G(z) need not look like the"
    " data."
)

# ---------------------------------------------------------------------- the methods

EXPLANATIONS: dict[str, Explanation] = {
    "gan": Explanation(
        "GAN",
        "generative adversarial networks",
        "A generator learns to make pictures that a discriminator cannot tell from real ones. There is no"
        " encoder.",
        {
            "discriminator": DISCRIMINATOR,
            "generator": Player(("generator",), NON_SATURATING, "make pictures that D takes for real"),
        },
        diagrams.GAN,
        (
            "G does not minimise log(1 − D(G(z))), whose gradient vanishes where D is confident, but"
            " maximises log D(G(z)): the non-saturating loss, used by all methods with a D here.",
            "Without an encoder, a picture is inverted by optimisation: gradient descent on latents until"
            " G(z) resembles it. Its neighbours can be looked up in D's last hidden layer.",
        ),
        look_for="Samples G(z) should look like the data, and differ from each other.",
        commands=(
            "python -m train gan --family tutorial-gan",
            "python -m train gan --family tutorial-gan-colour --dataset cifar10",
            "python -m train gan --family tutorial-gan --d-steps 5",
        ),
        shows_ratios=True,
    ),
    "bigan": Explanation(
        "BiGAN",
        "bidirectional GAN",
        "Generator and encoder are trained together against one discriminator. It sees pairs: a picture with"
        " its code, (x, E(x)), or a latent with its picture, (G(z), z).",
        {
            "discriminator": Player(
                ("joint_discriminator",),
                PAIRED,
                "tell a picture with its code from a latent with its picture",
            ),
            "generator_encoder": Player(
                ("generator", "encoder"),
                SWAPPED,
                "make D wrong about both: this is D's loss with the labels swapped",
            ),
        },
        diagrams.BIGAN,
        (
            "If D cannot tell the two kinds of pairs apart, E inverts G, although E never sees a generated"
            " picture and G never sees a code.",
            "No term of the loss compares x with G(E(x)), so a reconstruction may change its class.",
        ),
        look_for="Do the reconstructions keep the class of the pictures above them?",
        commands=("python -m train bigan", "python -m train bigan --family tutorial-bigan"),
    ),
    "bigan-plus": Explanation(
        "BiGAN+",
        "bidirectional GAN with a discriminator of reconstructions",
        "BiGAN with a second discriminator P, which sees a picture with itself, (x, x), or with its"
        " reconstruction, (x, G(E(x))). This makes reconstructions faithful.",
        {
            "discriminator": Player(
                ("joint_discriminator", "pair_discriminator"),
                total(
                    *PAIRED.parts,
                    product(HALF, mean("x", real(x, x, by="P"))),
                    product(HALF, mean("x", fake(x, G_E_x, by="P"))),
                ),
                "tell a picture with its code from a latent with its picture, and a picture with itself from"
                " a picture with its reconstruction",
            ),
            "generator_encoder": Player(
                ("generator", "encoder"),
                total(*SWAPPED.parts, mean("x", real(x, G_E_x, by="P"))),
                "make D wrong about both, and make P take each reconstruction for the picture itself",
            ),
        },
        diagrams.BIGAN_PLUS,
        (
            "P is the discriminator of ALICE (Li et al., 2017): it bounds the conditional entropy of x given"
            " its code.",
            "The bundled model adds further terms, each a setting: a squared error of G(E(x)) and of E(G(z));"
            " a penalty on codes far from the prior; noise on codes, so that similar codes give similar"
            " pictures; shifted codes of other pictures as latents in D's loss; augmented pictures, which"
            " differ from MNIST as uploads do; and a contrastive loss on the features of two augmented views"
            " of a picture.",
            "The codes of real pictures do not fill the prior: what lies between them decodes to rubble. The"
            " bundled model therefore has a latent map F, an invertible network fitted to the codes"
            " (python -m train.latent_map): its latents are u of N(0, I), its pictures G(F(u)).",
            "In a second stage (--from-checkpoint) the game goes on with F(u) as G's latents; a discriminator"
            " of single pictures joins D, and E is held near the codes that F was fitted to.",
            "The models of colour pictures play another game, that of R3GAN: D says which of a real and a"
            " generated pair is more real, and a penalty keeps its gradients small. They have no P: D judges"
            " (G(E(x)), E(x)) as one more generated pair.",
        ),
        look_for="Do the reconstructions keep the class and the handwriting of the pictures above them?",
        commands=(
            "python -m train bigan-plus --family conv",
            "python -m train bigan-plus --preset mnist",
            "python -m train bigan-plus --preset cifar10",
            "python -m train bigan-plus --preset mnist-second --from-checkpoint NAME",
        ),
    ),
    "lr": Explanation(
        "LR",
        "latent regressor",
        "A plain GAN and an encoder that learns to predict z from G(z). In training, the encoder never sees a"
        " real picture.",
        regressor_players(),
        diagrams.regressor(joint=False),
        (
            "No gradient of the regression reaches G: G and D are those of a plain GAN.",
            "z and E's output are both scaled from [−1, 1] to [0, 1] and compared by cross-entropy, as in the"
            " paper's release. The squared error is that of the lecture.",
        ),
        regression_definitions(FIXED_SAMPLE, "x̂ is a generated picture held fixed"),
        "E was trained on samples alone. How well does it encode real pictures?",
        ("python -m train lr", "python -m train lr --regression l2"),
    ),
    "jlr": Explanation(
        "JLR",
        "joint latent regressor",
        "As LR, but a quarter of the regression loss also trains the generator, so that z is easy to predict"
        " from its pictures. In training, the encoder never sees a real picture.",
        regressor_players("0.25"),
        diagrams.regressor(joint=True),
        (
            "The gradient of the regression passes through E, which G's update does not train, into G.",
            "The weight is the authors': a weight of 1 “results in a degenerate solution”.",
        ),
        regression_definitions(G_z),
        "E was trained on samples alone, but G had to make them easy to encode.",
        ("python -m train jlr", "python -m train jlr --regression-weight 0.25 --regression l2"),
    ),
    "ae-l1": Explanation(
        "AE l1",
        "autoencoder, absolute error",
        "No discriminator and no prior: encoder and generator learn to reconstruct every picture, measured"
        " by the absolute difference.",
        autoencoder_players(1),
        diagrams.AUTOENCODER,
        AUTOENCODER_NOTES,
        look_for=AUTOENCODER_LOOK,
        commands=("python -m train ae-l1",),
    ),
    "ae-l2": Explanation(
        "AE l2",
        "autoencoder, squared error",
        "No discriminator and no prior: encoder and generator learn to reconstruct every picture, measured"
        " by the squared difference.",
        autoencoder_players(2),
        diagrams.AUTOENCODER,
        AUTOENCODER_NOTES,
        look_for=AUTOENCODER_LOOK,
        commands=("python -m train ae-l2",),
    ),
}

# ---------------------------------------------------------------------- the glossary

GLOSSARY = {
    "latent": "z, the vector of numbers that a generator turns into a picture. The latent of a given picture"
    " is also called its code.",
    "prior": "The distribution from which latents are drawn in training: in every dimension uniform on"
    " [−1, 1], or normal.",
    "generator": "G, the network that turns a latent z into a picture G(z).",
    "encoder": "E, the network that turns a picture x into its latent E(x).",
    "discriminator": "D, the network that estimates the probability that its input is real: a picture, or a"
    " pair of a picture and a latent.",
    "reconstruction": "G(E(x)): a picture encoded and decoded again.",
    "inversion": "Finding the latent of a given picture: with an encoder, or by optimisation, which improves"
    " latents step by step.",
    "interpolation": "A path from one latent to another, with the picture of each step: a straight line for a"
    " uniform prior, a great circle for a normal one.",
    "nearest neighbour": "The training picture closest to a given one, by Euclidean distance between pixels,"
    " codes, or features from a network's hidden layer. 1NN is the share of test pictures whose nearest"
    " neighbour has the same class.",
    "EGr": "The paper's reconstruction error: the mean L2 norm of x − G(E(x)). It is compared with the error"
    " against the reconstruction of another picture.",
    "identity": "The share of test pictures for which the judge, a separate classifier, sees the same class"
    " in x and in G(E(x)).",
    "Fréchet distance": "How far samples are from real pictures as a whole: the distance between two"
    " Gaussians fitted to the classifier's features of both. Lower is better; even real pictures do not"
    " score 0.",
}
