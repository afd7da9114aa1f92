"""A checkpoint's model card, README.md: every measured figure in it comes from metrics.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ganlab.config import ModelConfig
from ganlab.hub import CONFIG_FILE
from ganlab.model import read_metrics
from train.files import write_atomically

CARD_FILE = "README.md"
SAMPLES_FILE = "samples.png"
RECONSTRUCTIONS_FILE = "reconstructions.png"
SAMPLE_SEED = 0
NONE = "–"

# What the authors published for (method, data set): Table 1 of arXiv 1605.09782, and the log of its
# release after 400 epochs. Their 1NN gallery has 50,000 digits.
PUBLISHED: dict[tuple[str, str], dict[str, str]] = {
    ("bigan", "mnist"): {
        "features": "97.39 %",
        "features untrained": "96.84 %",
        "logits": "92.10 %",
        "logits untrained": "91.50 %",
        "l2": "5.95",
        "l2 baseline": "9.60",
        "l2_ratio": "0.62",
    },
    ("lr", "mnist"): {"features": "97.44 %", "features untrained": "96.84 %", "discriminator": "97.30 %"},
    ("jlr", "mnist"): {"features": "97.13 %", "features untrained": "96.84 %"},
    ("ae-l1", "mnist"): {"features": "97.63 %", "features untrained": "96.84 %"},
    ("ae-l2", "mnist"): {"features": "97.58 %", "features untrained": "96.84 %"},
}

_AFL = "[*Adversarial Feature Learning*](https://arxiv.org/abs/1605.09782)"
ABOUT = {
    "bigan": f"""\
A bidirectional GAN (Donahue, Krähenbühl and Darrell,
{_AFL}): a generator G makes pictures of
latents, an encoder E finds latents of pictures, and one discriminator that sees both, (x, E(x)) or
(G(z), z), trains the two.""",
    "bigan-plus": f"""\
A bidirectional GAN (Donahue, Krähenbühl and Darrell,
{_AFL}) whose reconstructions are judged too: a second
discriminator, that of ALICE (Li et al., [arXiv 1709.01215](https://arxiv.org/abs/1709.01215)), learns to tell
(x, x) from (x, G(E(x))), and G and E learn to leave it no difference.""",
    "gan": """\
A generative adversarial network (Goodfellow et al., [*Generative Adversarial
Nets*](https://arxiv.org/abs/1406.2661)): a generator G makes pictures of latents, and a discriminator D
learns to tell them from real ones. It has no encoder: the app finds a picture's latent by optimisation.""",
    "lr": f"""\
A latent regressor (a baseline of Donahue, Krähenbühl and Darrell,
{_AFL}): a plain GAN, and an encoder E that learns
to find z in G(z). E never sees a real picture in training, and G learns nothing from E.""",
    "jlr": f"""\
A joint latent regressor (a baseline of Donahue, Krähenbühl and Darrell,
{_AFL}): a GAN, and an encoder E that learns to find
z in G(z), while G also learns to make z easy to find. E never sees a real picture in training.""",
    "ae-l1": f"""\
An autoencoder with the networks of BiGAN (a baseline of Donahue, Krähenbühl and Darrell,
{_AFL}), trained on the absolute error of G(E(x)).
Nothing makes its codes follow the prior, so G(z) of a random z need not be a digit.""",
    "ae-l2": f"""\
An autoencoder with the networks of BiGAN (a baseline of Donahue, Krähenbühl and Darrell,
{_AFL}), trained on the squared error of G(E(x)).
Nothing makes its codes follow the prior, so G(z) of a random z need not be a digit.""",
}

WHY_CLASSES_CHANGE = {
    "bigan": """\
- Reconstructions change class. Plain BiGAN has no term that ties G(E(x)) to x: only the joint distribution
  of pictures and latents is matched, so a reconstruction is a plausible digit that resembles the input and
  may be of another class. That is the published method's own behaviour: its release reports a
  reconstruction error of {l2} where a random pair has {l2 baseline}.""",
    "lr": """\
- Reconstructions change class. E was trained on G's pictures only; what it says of a real one is a guess.""",
    "jlr": """\
- Reconstructions change class. E was trained on G's pictures only; what it says of a real one is a guess.""",
}

DATASETS = {
    "mnist": ("ylecun/mnist", "MNIST"),
    "cifar10": ("uoft-cs/cifar10", "CIFAR-10"),
}

_CIFAR = """\
Weights and code: MIT. CIFAR-10 is by Alex Krizhevsky, Vinod Nair and Geoffrey Hinton
([*Learning Multiple Layers of Features from Tiny
Images*](https://www.cs.toronto.edu/~kriz/learning-features-2009-TR.pdf), 2009); none of its pictures
is here."""

LICENCE = {
    "mnist": """\
Weights and code: MIT. MNIST is by Yann LeCun, Corinna Cortes and Christopher J. C. Burges, from NIST
Special Databases 1 and 3, under [CC BY-SA 3.0](https://creativecommons.org/licenses/by-sa/3.0/); the
digits shown here, and the gallery of reference digits, stay under that licence.""",
    "cifar10": _CIFAR,
}

SPACES = {
    "features": "features (hidden layer)",
    "code": "code (z)",
    "logits": "logits (z before the box)",
    "discriminator": "discriminator (hidden layer)",
    "pixels": "raw pixels (no model)",
}


def write(folder: Path, source: str | None = None) -> None:
    """Render `folder`/README.md; `source` is what ganlab.load takes, if not the folder's name."""
    config = ModelConfig.from_json((folder / CONFIG_FILE).read_text(encoding="utf-8"), CONFIG_FILE)
    pictures = [file for file in (SAMPLES_FILE, RECONSTRUCTIONS_FILE) if (folder / file).is_file()]
    text = render(config, read_metrics(folder), source or config.name, pictures)
    write_atomically(folder / CARD_FILE, text)


def render(config: ModelConfig, found: dict[str, Any], source: str, pictures: list[str]) -> str:
    hub_dataset, dataset = DATASETS.get(config.dataset, (None, config.dataset))
    title = config.title or config.name
    trained_on = found.get("training", {}).get("dataset", dataset)
    trained_on = dataset if trained_on == config.dataset else trained_on
    blocks = [
        _front_matter(config, hub_dataset),
        f"# {title}",
        ABOUT.get(config.method, f"A GAN trained by the method {config.method!r}."),
        f"Latents have {config.latent_dim} dimensions and a {config.prior} prior; pictures are"
        f" {config.size} x {config.size}, {'grey' if config.channels == 1 else 'in colour'}."
        f" Trained on {trained_on}."
        + (" These are CIFAR-10's pictures after JPEG compression." if "JPEG" in trained_on else ""),
    ]
    if config.gaussians:
        blocks.append(
            f"After training, a mixture of {config.gaussians} Gaussians was fitted to the codes E(x) of the"
            " training pictures (`density.safetensors`). Samples are of this mixture unless the prior is"
            " asked for."
        )
    if SAMPLES_FILE in pictures:
        blocks += [
            f"![Samples]({SAMPLES_FILE})",
            f"G(z) for z from {'the mixture' if config.gaussians else 'the prior'}, seed {SAMPLE_SEED}, not"
            " selected.",
        ]
    if RECONSTRUCTIONS_FILE in pictures:
        blocks += [
            f"![Reconstructions]({RECONSTRUCTIONS_FILE})",
            "Rows in pairs: the first test pictures, below each its reconstruction G(E(x)); not selected.",
        ]
    blocks += ["## Use", _use(config, source), "## Training", _training(found.get("training", {}))]
    blocks += ["## Measured", _measured(config, found), "## Limits", _limits(config, found, dataset)]
    blocks += ["## Licence", LICENCE.get(config.dataset, "Weights and code: MIT.")]
    return "\n\n".join(blocks) + "\n"


def _front_matter(config: ModelConfig, hub_dataset: str | None) -> str:
    tags = dict.fromkeys(["gan", config.method, config.dataset, "latent-space"])
    lines = ["---", "license: mit", "library_name: ganlab", "pipeline_tag: unconditional-image-generation"]
    lines += ["tags:", *(f"- {tag}" for tag in tags)]
    if hub_dataset:
        lines += ["datasets:", f"- {hub_dataset}"]
    return "\n".join([*lines, "---"])


def _use(config: ModelConfig, source: str) -> str:
    lines = ["import ganlab", "", f'ex = ganlab.load("{source}")']
    if "generator" in config.networks:
        lines += [
            f"z = ex.sample(16, seed=0)  # latents of the {'mixture' if config.gaussians else 'prior'}",
            "y = ex.decode(z)  # their pictures",
        ]
    if "encoder" in config.networks:
        lines += [
            'x = ex.prepare("digit.png")  # a path, bytes, a PIL image or an array',
            "z = ex.encode(x)  # its latent",
            "y = ex.reconstruct(x)  # G(E(x))",
            "near = ex.neighbours(x, k=5)  # the most similar training pictures",
        ]
    return "\n".join(
        ["```python", *lines, "```", "", f"Or in the browser: `python app.py --model {source}`."]
    )


def _training(training: dict[str, Any]) -> str:
    if not training:
        return "Not recorded."
    shown = {key: value for key, value in training.items() if value is not None}
    if "seconds" in shown:
        shown["seconds"] = f"{shown['seconds']:.0f}"
    if "images_per_second" in shown:
        shown["images_per_second"] = f"{shown['images_per_second']:.0f}"
    names = [key.replace("_", " ") for key in shown]
    return markdown(["Setting", "Value"], [[n, str(v)] for n, v in zip(names, shown.values(), strict=True)])


def _measured(config: ModelConfig, found: dict[str, Any]) -> str:
    about = found.get("evaluation")
    if not about:
        return f"Not evaluated yet: `python -m train.evaluate {config.name}`."
    heads, rows = figures(config, found)
    text = (
        f"{markdown(heads, rows)}\n\nMeasured by `{about['command']}` on {about['date']}, on the stored"
        f" weights (fingerprint `{about['fingerprint']}`): test set {about['test']}; gallery"
        f" {about['gallery']}; 1NN by Euclidean distance without normalisation; ± is one standard error."
    )
    if "frechet" in found:
        text += f" The judge is `{found['frechet']['judge']}`."
    if any("untrained" in space for space in found["one_nn"].values()):
        text += (
            " The baseline of a 1NN is the same network with random weights, only its batch norm calibrated:"
            " training is to be credited with the difference alone."
        )
    if len(heads) == 4:
        text += (
            " Published: Table 1 of the paper, and for the other rows its release's log after 400"
            " epochs, in brackets the release's own baseline; the release's gallery has 50,000 digits."
        )
    return text


def _limits(config: ModelConfig, found: dict[str, Any], dataset: str) -> str:
    points = []
    if "identity" in found:
        kept = found["identity"]
        points.append(
            f"- The judge, a classifier (hash `{kept['judge']}`, right on {percent(kept['judge_accuracy'])}"
            " of the originals), sees the same class in x and G(E(x)) for"
            f" {percent(kept['share'], kept['standard_error'])} of the test pictures."
        )
    if why := WHY_CLASSES_CHANGE.get(config.method):
        points.append(why.format_map(PUBLISHED.get((config.method, "mnist"), {})))
    if world := found.get("real_world"):
        points.append(_real_world(world))
    if others := found.get("outliers"):
        points.append(_outliers(others))
    if memory := found.get("memorization"):
        points.append(f"- {memorization(memory)}")
    if config.family == "tutorial-gan-colour":
        points.append(
            "- Its networks are fully connected, as a tutorial has them: samples have the data's colours and"
            " layouts, but no objects, and they are speckled."
        )
    points.append(
        f"- It knows only pictures like those of {dataset}: whatever else it is given, it answers with"
        " one of those."
    )
    return "\n".join(points)


FAILING = 0.9  # of a kind of upload: below it the card names the kind


def _real_world(found: dict[str, Any]) -> str:
    failing = [
        f"{kind} ({100 * one['reconstructed']:.0f} %)"
        for kind, one in found["kinds"].items()
        if one["reconstructed"] < FAILING
    ]
    return (
        f"- Of {found['count']} digits from outside MNIST (fonts and pens, on lined or shaded paper,"
        f" photographed; `{found['command']}`) the judge still sees the right one in"
        f" {percent(found['prepared'])} after preparation and in"
        f" {percent(found['reconstructed'], found['standard_error'])} of the reconstructions. Kinds below"
        f" {100 * FAILING:.0f} %: {', '.join(failing) or 'none'}."
    )


def memorization(found: dict[str, Any]) -> str:
    """What python -m train.memorization found, in a sentence or two."""
    return (
        f"Of {found['samples']:,} samples of the {found['source']} {found['closer']:,}"
        f" ({percent(found['closer'] / found['samples'])}) are closer to a training picture, by their pixels,"
        f" than all but {found['percentile']} % of the test pictures are (`{found['command']}`); the median"
        f" distance is {found['median']:.2f}, of test pictures {found['median_real']:.2f}. Of as many"
        " training and test pictures the nearest to a sample is a training picture for"
        f" {percent(found['nearer_to_training'], found['nearer_to_training_error'])}; where nothing is"
        " memorized, for 50 %."
    )


def _outliers(found: dict[str, Any]) -> str:
    kinds = ", ".join(f"{kind} {one['auroc']:.3f}" for kind, one in found["sets"].items())
    return (
        f"- The gauge that warns of what is no digit tells other things from digits with an AUROC of"
        f" {found['auroc']:.3f} ({kinds}; `{found['command']}`)."
    )


# ---------------------------------------------------------------------- the table


def figures(config: ModelConfig, found: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Heads and rows: each figure, its baseline, and what was published where there is such a figure."""
    paper = PUBLISHED.get((config.method, config.dataset), {})
    rows: list[list[str]] = []

    def add(what: str, value: str, baseline: str = NONE, key: str = "", published_baseline: str = "") -> None:
        published = paper.get(key, NONE)
        if published_baseline in paper:
            published += f" ({paper[published_baseline]})"
        rows.append([what, value, baseline, published])

    for space, nn in found.get("one_nn", {}).items():
        baseline = f"{percent(nn['untrained'])} untrained" if "untrained" in nn else NONE
        accuracy = percent(nn["accuracy"], nn["standard_error"])
        add(f"1NN, {SPACES.get(space, space)}", accuracy, baseline, space, f"{space} untrained")
    if r := found.get("reconstruction"):
        other = f"{r['l2_random_pair']:.2f} random pair"
        add("Reconstruction, L2 of x − G(E(x))", f"{r['l2']:.2f}", other, "l2", "l2 baseline")
        add("The same as a share of its baseline", f"{r['l2_ratio']:.2f}", NONE, "l2_ratio")
        add("L2 between two different test pictures", f"{r['l2_real_pair']:.2f}")
        blind = f"{r['mse_mean_image']:.4f} mean picture, {r['mse_random_pair']:.4f} random pair"
        add("Reconstruction, squared error a pixel", f"{r['mse']:.4f}", blind)
        q = r["mse_quantiles"]
        add("The same: median (5 % to 95 % of pictures)", f"{q[50]:.4f} ({q[5]:.4f} to {q[95]:.4f})")
    if z := found.get("latent"):
        for key, named in (("", ""), ("mixture_", ", z of the mixture")):
            if f"{key}mean_abs_error" in z:
                other = f"{z[f'{key}mean_abs_error_random_pair']:.3f} random pair"
                add(f"Latent, mean abs of E(G(z)) − z{named}", f"{z[f'{key}mean_abs_error']:.3f}", other)
    if c := found.get("codes"):
        prior = f"0 and {c['deviation_prior']:.3f} of the prior"
        spread = f"{c['deviation']:.3f} ({c['deviation_least']:.3f} to {c['deviation_most']:.3f})"
        add(
            "Codes: mean abs of their mean; deviation (least to most)",
            f"{c['mean_abs']:.3f}; {spread}",
            prior,
        )
        chance = f"{c['energy_by_chance']:.4f} once in 20 by chance"
        add("Codes, energy distance from the prior", f"{c['energy']:.4f} (p = {c['p']:.3f})", chance)
    if w := found.get("paths"):
        fade = f"{percent(w['cross_fade'])} ({percent(w['cross_fade_lowest'])}) in a cross-fade"
        value = f"{percent(w['confidence'])} ({percent(w['lowest'])})"
        add("Between two digits, how sure the judge is: mean (lowest)", value, fade)
    if i := found.get("identity"):
        add(
            "Identity: the judge sees the same class in x and G(E(x))",
            percent(i["share"], i["standard_error"]),
        )
        judge = f"{percent(i['judge_accuracy'])} of x"
        add("The judge's class of G(E(x)) is the label", percent(i["label_agreement"]), judge)
    if f := found.get("frechet"):
        floor = f"{f['floor']:.3f} real pictures"
        of = {"distance": "the prior", "mixture": "the mixture"} if "mixture" in f else {"distance": ""}
        for key, source in of.items():
            named = f"samples{' of ' if source else ''}{source}"
            add(f"Fréchet distance of {f['n']:,} {named}, judge features", f"{f[key]:.3f}", floor)
    heads = ["Figure", "Here", "Baseline", "Published"]
    return (heads, rows) if paper else (heads[:3], [row[:3] for row in rows])


def table(config: ModelConfig, found: dict[str, Any]) -> str:
    """The same as aligned text for a terminal."""
    return aligned(*figures(config, found))


def aligned(heads: list[str], rows: list[list[str]]) -> str:
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in [heads, *rows]]
    return "\n".join([lines[0].rstrip(), "-" * len(lines[0]), *(line.rstrip() for line in lines[1:])])


def markdown(heads: list[str], rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in [heads, ["---"] * len(heads), *rows])


def percent(share: float, error: float | None = None) -> str:
    return f"{100 * share:.2f} %" if error is None else f"{100 * share:.2f} ± {100 * error:.2f} %"
