"""A checkpoint's model card, README.md: every measured figure in it comes from metrics.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ganlab.config import ModelConfig
from ganlab.hub import CONFIG_FILE
from ganlab.model import read_metrics
from train.files import write_atomically
from train.measure import MEASUREMENTS
from train.measure.agreement import LEVELS
from train.report.text import NONE, Table, format_markdown, format_plain

CARD_FILE = "README.md"
SAMPLES_FILE = "samples.png"
RECONSTRUCTIONS_FILE = "reconstructions.png"
# Of models in colour, see train/report/contact.py; as JPEG files they are a fifth as large.
COLOUR_SAMPLES_FILE, COLOUR_RECONSTRUCTIONS_FILE = "samples.jpg", "reconstructions.jpg"
NEIGHBOURS_FILE, PATHS_FILE = "neighbours.jpg", "paths.jpg"
SAMPLE_SEED = 0

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
{_AFL}): a generator G maps latents to
pictures, an encoder E maps pictures to latents, and one discriminator that sees both, (x, E(x)) or
(G(z), z), trains the two.""",
    "bigan-plus": f"""\
A bidirectional GAN (Donahue, Krähenbühl and Darrell,
{_AFL}) whose reconstructions are judged too: a second
discriminator, that of ALICE (Li et al., [arXiv 1709.01215](https://arxiv.org/abs/1709.01215)), learns to
distinguish (x, x) from (x, G(E(x))), and G and E learn to make that impossible.""",
    "gan": """\
A generative adversarial network (Goodfellow et al., [*Generative Adversarial
Nets*](https://arxiv.org/abs/1406.2661)): a generator G maps latents to pictures, and a discriminator
D learns to distinguish them from real ones. It has no encoder: the app finds a picture's latent by
optimisation.""",
    "lr": f"""\
A latent regressor (a baseline of Donahue, Krähenbühl and Darrell,
{_AFL}): a plain GAN, and an encoder E that learns
to recover z from G(z). E never sees a real picture in training, and G learns nothing from E.""",
    "jlr": f"""\
A joint latent regressor (a baseline of Donahue, Krähenbühl and Darrell,
{_AFL}): a GAN, and an encoder E that learns to
recover z from G(z), while G also learns to make z easy to recover. E never sees a real picture in
training.""",
    "ae-l1": f"""\
An autoencoder with the networks of BiGAN (a baseline of Donahue, Krähenbühl and Darrell,
{_AFL}), trained on the absolute error of G(E(x)).
Nothing makes its codes follow the prior, so G(z) of a random z need not be a digit.""",
    "ae-l2": f"""\
An autoencoder with the networks of BiGAN (a baseline of Donahue, Krähenbühl and Darrell,
{_AFL}), trained on the squared error of G(E(x)).
Nothing makes its codes follow the prior, so G(z) of a random z need not be a digit.""",
}

ABOUT_COLOUR = f"""\
A bidirectional GAN in colour (Donahue, Krähenbühl and Darrell,
{_AFL}), with what R3GAN teaches (Huang et al.,
[arXiv 2501.05441](https://arxiv.org/abs/2501.05441)): D compares real and generated pairs of pictures and
latents (relativistic pairing, with the penalties R1 and R2), and all networks are residual, without
normalisation. G and E are joined by errors of the reconstruction: in features, in pixels, in latents. A
contrastive loss gives E features in which pictures of the same thing lie near each other."""

WHY_CLASSES_CHANGE = {
    "bigan": """\
- Reconstructions change class. Plain BiGAN has no term that ties G(E(x)) to x: only the joint distribution
  of pictures and latents is matched, so a reconstruction is a plausible digit that resembles the input and
  may be of another class. The published method behaves in the same way: its release reports a
  reconstruction error of {l2} where a random pair has {l2 baseline}.""",
    "lr": """\
- Reconstructions change class. E was trained on G's pictures only, so that its codes of real ones are
  uncertain.""",
    "jlr": """\
- Reconstructions change class. E was trained on G's pictures only, so that its codes of real ones are
  uncertain.""",
}

DATASETS = {
    "mnist": ("ylecun/mnist", "MNIST"),
    "cifar10": ("uoft-cs/cifar10", "CIFAR-10"),
    "imagenet64": (None, "50 classes of Tiny ImageNet"),
}

_CIFAR = """\
Weights and code: MIT. CIFAR-10 is by Alex Krizhevsky, Vinod Nair and Geoffrey Hinton
([*Learning Multiple Layers of Features from Tiny
Images*](https://www.cs.toronto.edu/~kriz/learning-features-2009-TR.pdf), 2009); none of its pictures
is here."""

_CIFAR_SHOWN = _CIFAR.replace("none of its pictures\nis here", "those shown\nhere are its authors'")
_IMAGENET = """\
Weights and code: MIT. Tiny ImageNet is by Stanford's course CS231n, of pictures of ImageNet (Russakovsky et
al., [arXiv 1409.0575](https://arxiv.org/abs/1409.0575)), whose terms allow research and no redistribution:
the few thumbnails here show what the model does, and no other picture of it is part of this checkpoint."""

LICENCE = {
    "mnist": """\
Weights and code: MIT. MNIST is by Yann LeCun, Corinna Cortes and Christopher J. C. Burges, from NIST
Special Databases 1 and 3, under [CC BY-SA 3.0](https://creativecommons.org/licenses/by-sa/3.0/); the
digits shown here, and the gallery of reference digits, stay under that licence.""",
    "cifar10": _CIFAR,
    "imagenet64": _IMAGENET,
}


def write(folder: Path, source: str | None = None) -> None:
    """Render `folder`/README.md; `source` is what ganlab.load takes, if not the folder's name."""
    config = ModelConfig.from_json((folder / CONFIG_FILE).read_text(encoding="utf-8"), CONFIG_FILE)
    files = (
        *(COLOUR_SAMPLES_FILE, COLOUR_RECONSTRUCTIONS_FILE, NEIGHBOURS_FILE, PATHS_FILE),
        *(SAMPLES_FILE, RECONSTRUCTIONS_FILE),
    )
    pictures = [file for file in files if (folder / file).is_file()]
    text = render(config, read_metrics(folder), source or config.name, pictures)
    write_atomically(folder / CARD_FILE, text)


def render(config: ModelConfig, metrics: dict[str, Any], source: str, pictures: list[str]) -> str:
    """The card: `metrics` as in metrics.json; `source` for ganlab.load; `pictures` are file names."""
    hub_dataset, dataset = DATASETS.get(config.dataset, (None, config.dataset))
    title = config.title or config.name
    trained_on = metrics.get("training", {}).get("dataset", dataset)
    trained_on = dataset if trained_on == config.dataset else trained_on
    blocks = [
        _front_matter(config, hub_dataset),
        f"# {title}",
        _describe_method(config),
        f"Latents have {config.latent_dim} dimensions and a {config.prior} prior; pictures are"
        f" {config.size} x {config.size}, {'grey' if config.channels == 1 else 'in colour'}."
        f" Trained on {trained_on}."
        + (" These are CIFAR-10's pictures after JPEG compression." if "JPEG" in trained_on else ""),
    ]
    if text := describe_latents(config):
        blocks.append(text)
    if set(config.trained_networks) - set(config.networks):
        blocks.append("Its discriminator, which only training needs, is not part of this checkpoint.")
    if file := next((name for name in pictures if name.startswith("samples.")), ""):
        blocks += [
            f"![Samples]({file})",
            f"G(z) for z from the {_name_source(config)}, seed {SAMPLE_SEED}, not selected.",
        ]
    if file := next((name for name in pictures if name.startswith("reconstructions.")), ""):
        blocks += [
            f"![Reconstructions]({file})",
            "Rows in pairs: the first test pictures, below each its reconstruction G(E(x)); not selected.",
        ]
    if NEIGHBOURS_FILE in pictures:
        blocks += [
            f"![Neighbours]({NEIGHBOURS_FILE})",
            "Held-out pictures, their reconstructions, and the training pictures that are nearest in the"
            " encoder's features; not selected.",
        ]
    if PATHS_FILE in pictures:
        blocks += [
            f"![Paths]({PATHS_FILE})",
            "Paths between the reconstructions of two test pictures, a row each; not selected.",
        ]
    blocks += ["## Use", _use(config, source), "## Training", _training(metrics.get("training", {}))]
    blocks += ["## Measured", _measured(config, metrics), "## Limits", _limits(config, metrics, dataset)]
    blocks += ["## Licence", _licence(config)]
    return "\n\n".join(blocks) + "\n"


def _describe_method(config: ModelConfig) -> str:
    """What was trained, and how."""
    if config.family == "residual" and config.method == "bigan-plus":
        return ABOUT_COLOUR
    return ABOUT.get(config.method, f"A GAN trained by the method {config.method!r}.")


def describe_latents(config: ModelConfig) -> str:
    """How latents lead to pictures, where it is more than G(z) of the prior; else ""."""
    texts = []
    if config.map_steps:
        texts.append(
            "Between its latents and the codes of its encoder is a latent map F, an invertible network"
            f" (`latent_map.safetensors`, {config.map_steps} steps of a rectified flow, as in Generative"
            " Latent Flow, Xiao, Yan and Amit, [arXiv 1905.10485](https://arxiv.org/abs/1905.10485)), fitted"
            " so that F(u) of u ~ N(0, I) is distributed as the codes of real pictures are. Every latent here"
            " is such a u: its picture is G(F(u)), and that of a picture x is the inverse of F at E(x)."
        )
    if config.gaussians:
        unless = "where it is chosen" if config.map_steps else "unless the prior is chosen"
        texts.append(
            f"After training, a mixture of {config.gaussians} Gaussians was fitted to the codes E(x) of the"
            " training pictures (`density.safetensors`). Samples are drawn from this mixture"
            f" {unless}."
        )
    return "\n\n".join(texts)


def _licence(config: ModelConfig) -> str:
    if config.dataset == "cifar10" and "encoder" in config.networks:
        return _CIFAR_SHOWN
    return LICENCE.get(config.dataset, "Weights and code: MIT.")


def _name_source(config: ModelConfig) -> str:
    """What samples are drawn from, as `Explorer.sources` begins."""
    return "mixture" if config.gaussians and not config.map_steps else "prior"


def _front_matter(config: ModelConfig, hub_dataset: str | None) -> str:
    tags = dict.fromkeys(["gan", config.method, config.dataset, "latent-space"])
    lines = ["---", "license: mit", "library_name: ganlab", "pipeline_tag: unconditional-image-generation"]
    lines += ["tags:", *(f"- {tag}" for tag in tags)]
    if hub_dataset:
        lines += ["datasets:", f"- {hub_dataset}"]
    return "\n".join([*lines, "---"])


def _use(config: ModelConfig, source: str) -> str:
    upload = "digit" if config.preparation == "digit" else "photo"
    lines = ["import ganlab", "", f'ex = ganlab.load("{source}")']
    if "generator" in config.networks:
        lines += [
            f"z = ex.sample(16, seed=0)  # latents of the {_name_source(config)}",
            "y = ex.decode(z)  # their pictures",
        ]
    if "encoder" in config.networks:
        lines += [
            f'x = ex.prepare("{upload}.png")  # a path, bytes, a PIL image or an array',
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
    return format_markdown(
        ["Setting", "Value"], [[n, str(v)] for n, v in zip(names, shown.values(), strict=True)]
    )


def _measured(config: ModelConfig, metrics: dict[str, Any]) -> str:
    about = metrics.get("evaluation")
    if not about:
        return f"Not evaluated yet: `python -m train.evaluate {config.name}`."
    heads, rows = list_figures(config, metrics)
    text = (
        f"{format_markdown(heads, rows)}\n\nMeasured by `{about['command']}` on {about['date']}, on the"
        f" stored weights (fingerprint `{about['fingerprint']}`): test set {about['test']}; gallery"
        f" {about['gallery']}; 1NN by Euclidean distance without normalisation; ± is one standard error."
    )
    if "frechet" in metrics:
        text += f" The judge is `{metrics['frechet']['judge']}`."
    if "histograms" in metrics.get("one_nn", {}):
        text += (
            f" Histograms have {LEVELS} x {LEVELS} x {LEVELS} bins of red, green and blue, compared by the"
            " square roots of their shares."
        )
    spaces, has_d = metrics.get("one_nn", {}), {"discriminator", "joint_discriminator"} & {*config.networks}
    if "discriminator" in spaces and not has_d:
        text += " D's features were measured on a copy of the same weights that still has D."
    if "perceptual" in metrics:
        text += (
            " The perceptual distance is that of the judge's convolutional features, of length 1 at each"
            " place (the form of arXiv 1801.03924, without learned weights)."
        )
    if any("untrained" in space for space in metrics.get("one_nn", {}).values()):
        text += (
            " The baseline of a 1NN is the same network with random weights and calibrated batch norm: only"
            " the difference is the merit of training."
        )
    if len(heads) == 4:
        text += (
            " Published: Table 1 of the paper, and for the other rows its release's log after 400"
            " epochs, in brackets the release's own baseline; the release's gallery has 50,000 digits."
        )
    return text


def _limits(config: ModelConfig, metrics: dict[str, Any], dataset: str) -> str:
    measured = {
        m.key: m.sentence(metrics[m.key]) for m in MEASUREMENTS if m.sentence is not None and m.key in metrics
    }
    points = [f"- {measured.pop('identity')}"] if "identity" in measured else []
    if why := WHY_CLASSES_CHANGE.get(config.method):  # after the share of those that do
        points.append(_fit_to_dataset(why, config))
    points += [f"- {sentence}" for sentence in measured.values()]
    if config.channels > 1 and "reconstruction" in metrics:
        points.append(f"- {_describe_reconstructions(metrics['reconstruction'])}")
    if config.family == "tutorial-gan-colour":
        points.append(
            "- Its networks are fully connected, as in a tutorial: samples have the data's colours and"
            " layouts, but no objects, and they are speckled."
        )
    points.append(
        f"- It was trained on pictures like those of {dataset} only: whatever picture it is given, it answers"
        " with one of those."
    )
    return "\n".join(points)


def _describe_reconstructions(figures: dict[str, Any]) -> str:
    """What reconstructions in colour keep, by their error."""
    if figures["mse"] >= figures["mse_mean_image"]:
        return (
            "What comes back has little to do with the picture: the mean of all pictures would be nearer to"
            " it. The network is small and its training was short."
        )
    return (
        "What comes back keeps colours and layout, and loses detail: small objects, faces and letters are not"
        " among what it can draw. Which class the judge sees is one question, and whether a person would take"
        " it for the same picture another."
    )


def _fit_to_dataset(why: str, config: ModelConfig) -> str:
    """One of WHY_CLASSES_CHANGE for the model's data set: digits and published figures are MNIST's."""
    if config.channels == 1:
        return why.format_map(PUBLISHED.get((config.method, "mnist"), {}))
    sentences = why.replace("plausible digit", "plausible picture").split(" The published")
    return sentences[0].rstrip()


# ---------------------------------------------------------------------- the table


def list_figures(config: ModelConfig, metrics: dict[str, Any]) -> Table:
    """Heads and rows: each figure, its baseline, and what was published where there is such a figure."""
    published = PUBLISHED.get((config.method, config.dataset), {})
    heads, cells = ["Figure", "Here", "Baseline"], []
    for row in (row for m in MEASUREMENTS if m.key in metrics for row in m.rows(metrics[m.key])):
        authors = published.get(row.published, NONE)
        if row.published_baseline in published:
            authors += f" ({published[row.published_baseline]})"
        cells.append([row.name, row.value, row.baseline, *([authors] if published else [])])
    return [*heads, *(["Published"] if published else [])], cells


def format_figures(config: ModelConfig, metrics: dict[str, Any]) -> str:
    """The same as aligned text for a terminal."""
    return format_plain(*list_figures(config, metrics))
