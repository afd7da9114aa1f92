"""docs/results.md, all of it, and the table of models in the project's README, from what is stored."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ganlab.config import ModelConfig
from ganlab.hub import CHECKPOINTS, CONFIG_FILE, list_models
from ganlab.model import read_metrics
from train.files import write_atomically
from train.measure import MEASUREMENTS
from train.report import card
from train.report.text import NONE, format_markdown

README = CHECKPOINTS.parent / "README.md"
RESULTS = CHECKPOINTS.parent / "docs" / "results.md"
PAGES = CHECKPOINTS / "table"  # pages that the commands of studies write, each a file NAME.md
COMMAND = "python -m train.report"
MARKS = re.compile(r"(?P<start><!-- models -->\n).*?(?P<end><!-- end -->)", flags=re.S)
LINKED = "../checkpoints"  # from docs/

INTRODUCTION = f"""\
# Results

This page is written by `{COMMAND}` from the files in [`checkpoints`](../checkpoints); every table names
the command that measured it. "Judge" is a classifier of the data set's pictures; the Fréchet distance is
computed in its features. Models of digits, and `cifar10-gan`, were trained on one or two cores of a CPU,
the others in colour on a GPU, all with seed 0, and measured on the test pictures of their data sets: 10,000,
of Tiny ImageNet's 50 classes 1,250."""

# Checkpoints whose figures are shown in full; the cards of the others hold theirs.
DETAILED = {
    "mnist-bigan-plus": """\
The model that the app opens with: a convolutional BiGAN whose reconstructions keep their digit. It adds
to BiGAN a second discriminator that sees reconstructions (ALICE, [arXiv
1709.01215](https://arxiv.org/abs/1709.01215)), errors of pictures and latents, a term that pulls the
codes to the prior, noise on the codes, augmented views as uploads bring them, and a contrastive loss for
its features.""",
    "mnist-bigan": """\
The BiGAN of Donahue, Krähenbühl and Darrell, *Adversarial Feature Learning* ([arXiv
1605.09782](https://arxiv.org/abs/1605.09782)), with the networks, prior, losses and optimiser of its
release, at a shorter schedule. Its reconstructions often resemble the input and sometimes change class:
that is the behaviour of the published method. "Published" is the paper's Table 1 or the log of its
release, after 400 epochs.""",
    "imagenet64-bigan-plus": """\
BiGAN+ on 64 x 64 pictures of 50 classes of ImageNet, the paper's last experiment (section 4.2) in a form that
a GPU trains in minutes: residual networks and the game of R3GAN, errors in features, pixels and latents, a
contrastive loss, a latent map.""",
    "imagenet64-bigan": """\
BiGAN's game alone on the same pictures, as in the paper, with the residual networks of
`imagenet64-bigan-plus` at a third of their width: the paper's convolutional networks fell onto one picture
in three forms (see "Colour: what was tried").""",
    "cifar10-bigan-plus": """\
The networks and the game of `imagenet64-bigan-plus` on 32 x 32 pictures of CIFAR-10.""",
}

# Title and introduction of each study's page.
STUDIES = {
    "colour": (
        "Colour: what was tried",
        """\
Sizes, steps and losses that were tried for the models in colour, with the figures by which they were
chosen.""",
    ),
    "ablation": (
        "The parts of BiGAN+",
        """\
What each part adds, at a smaller width and with few epochs, so that all rows could be trained alike. G
and E are joined most by an error of the reconstruction, that of the pair discriminator or that of the
pixels; the latent error and the noise on codes improve samples; codes as latents and augmented views cost
some accuracy on MNIST's own digits and serve uploads and sliders, which this table does not measure; the
contrastive loss improves the features. Spectral norm, the high learning rate and the width matter more
than most parts.""",
    ),
    "stages": (
        "The latent map and the second stage",
        """\
What the latent map and the second stage add to the default model, each alone and both together, and what an
autoencoder with a latent map reaches without the adversarial game.""",
    ),
    "latent-maps": (
        "Kinds of latent map",
        """\
Invertible maps between N(0, I) and the codes of the default model, each fitted with the same small budget:
coupling flows, fitted by likelihood (RealNVP, arXiv 1605.08803; neural spline flows, arXiv 1906.04032), and
velocities, fitted by flow matching (arXiv 2210.02747) in one round, in a second round along straight lines
(arXiv 2209.03003), and in a third on where the few steps end. Pairs of a batch may be chosen by optimal
transport (arXiv 2302.00482), and a weak velocity may guide the first (arXiv 2406.02507). The page can pay
for six Euler steps, and not for twenty of Heun's.""",
    ),
    "table": (
        "The paper's table",
        """\
Table 1 of the paper, measured again. One of BiGAN's five seeds was lost in its third epoch: D separated
all pairs, and G collapsed to one picture. BiGAN has a row with that run and a row without it. The single
runs are in [`checkpoints/table`](../checkpoints/table).""",
    ),
    "split": (
        "The paper's split",
        """\
The release's script scores training digits that it set aside instead of the test set, and those are
easier. Measured in the same way, our checkpoints score as the paper's do, after a quarter or half of its
epochs.""",
    ),
    "ratios": (
        "The ratio of updates",
        """\
The tutorial's GAN on MNIST with different numbers of updates of D and G. Samples are in the app's
Methods tab and in [`checkpoints/ratios`](../checkpoints/ratios).""",
    ),
}


def write() -> None:
    """Write docs/results.md, and the README's table where there is a README."""
    RESULTS.parent.mkdir(exist_ok=True)
    write_atomically(RESULTS, render())
    if README.is_file():
        write_atomically(README, update_readme(README.read_text(encoding="utf-8")))


def update_readme(text: str) -> str:
    """`text` with today's table of models between `<!-- models -->` and `<!-- end -->`."""
    return MARKS.sub(lambda match: f"{match['start']}{format_models('checkpoints')}\n{match['end']}", text)


def render() -> str:
    """docs/results.md."""
    sections = [INTRODUCTION, _section("Models", "", format_models(LINKED))]
    sections += [
        _section(f"`{name}`", text, format_checkpoint(name))
        for name, text in DETAILED.items()
        if (CHECKPOINTS / name / CONFIG_FILE).is_file() and "evaluation" in read_metrics(CHECKPOINTS / name)
    ]
    metrics = {name: read_metrics(CHECKPOINTS / name) for name in list_models()}
    for m in MEASUREMENTS:
        models = {name: groups[m.key] for name, groups in metrics.items() if m.key in groups}
        if m.compare is not None and models:
            command = f"`python -m train.{m.command} {' '.join(models)}`"
            table = format_markdown(*m.compare(models))
            sections.append(_section(m.title, m.introduction, f"{table}\n\n{command}"))
    for name, (title, introduction) in STUDIES.items():
        page = PAGES / f"{name}.md"
        if page.is_file():
            sections.append(_section(title, introduction, page.read_text(encoding="utf-8").strip()))
    return "\n\n".join(sections) + "\n"


def _section(title: str, introduction: str, body: str) -> str:
    return "\n\n".join(part for part in (f"## {title}", introduction, body) if part)


def format_checkpoint(name: str) -> str:
    """All figures of one checkpoint, and the command that measured them."""
    folder = CHECKPOINTS / name
    config = ModelConfig.from_json((folder / CONFIG_FILE).read_text(encoding="utf-8"), CONFIG_FILE)
    metrics = read_metrics(folder)
    about = metrics["evaluation"]
    latents = card.describe_latents(config)
    return (
        (f"{latents}\n\n" if latents else "") + f"{format_markdown(*card.list_figures(config, metrics))}\n\n"
        f"Measured by `{about['command']}` on {about['date']}; test set: {about['test']}; gallery:"
        f" {about['gallery']}; ± is one standard error. Its [model card]({LINKED}/{name}/README.md) says"
        " more."
    )


def format_models(folder: str) -> str:
    """A row for each bundled checkpoint, with the columns of all measurements; `folder` is where its link
    finds the checkpoints."""
    columns = [(m.key, head, cell) for m in MEASUREMENTS for head, cell in m.columns.items()]
    rows = []
    for name in list_models():
        metrics: dict[str, Any] = read_metrics(CHECKPOINTS / name)
        training = metrics.get("training", {})
        trained = f"{training['epochs']} epochs, {training['seconds']:.0f} s" if training else NONE
        cells = [cell(metrics[key]) if key in metrics else NONE for key, _, cell in columns]
        rows.append([f"[`{name}`]({folder}/{name}/README.md)", trained, *cells])
    return format_markdown(["Checkpoint", "Trained", *(head for _, head, _ in columns)], rows)


def write_page(name: str, text: str, folder: Path | None = None) -> None:
    """Write the page of a study, NAME.md, and docs/results.md with it."""
    folder = folder or PAGES
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / f"{name}.md", text.rstrip() + "\n")
    write()
