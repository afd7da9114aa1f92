"""The line at the top: a model's measured figures, each beside what it is to be compared with."""

from __future__ import annotations

from html import escape

from ganlab.explorer import Explorer
from ganlab.ui.html import markup

ONE_NN = {  # spaces of the measurement and their names in full
    "features": "hidden layer",
    "code": "codes",
    "discriminator": "discriminator",
    "pixels": "raw pixels",
}


def header_html(explorer: Explorer) -> str:
    """The model's measured figures, all from its metrics.json; the rest opens on demand."""
    config = explorer.config
    facts = [f"<b>{escape(config.title or config.name)}</b>", f"{config.latent_dim} latents"]
    if (kept := explorer.get_figure("identity", "share")) is not None:
        what = "digit" if markup.noun(config) == "digit" else "class"
        facts.append(f"keeps the {what} {markup.percent(kept)}")
    told = (explorer.accuracy(space) for space in ("features", "discriminator"))
    if (accuracy := next((value for value in told if value is not None), None)) is not None:
        facts.append(f"1NN {markup.percent(accuracy, 2)}")
    table = "".join(f"<dt>{escape(name)}</dt><dd>{escape(said)}</dd>" for name, said in about(explorer))
    return (
        f'<div class="gl-facts" {markup.model_attributes(explorer)}><span>{" · ".join(facts)}</span>'
        f'<details class="gl-about"><summary aria-label="About this model">about</summary>'
        f"<dl>{table}</dl></details></div>"
    )


def about(explorer: Explorer) -> list[tuple[str, str]]:
    """Figures by name, each beside what it is to be compared with; what was not measured is left out."""
    measured = explorer.get_metrics

    def told(text: str, group: str, *keys: str) -> str:
        values = [explorer.get_figure(group, *key.split("/")) for key in keys]
        return "" if None in values else text.format(*values).replace("%", " %")

    training = [
        told("{:.0f} epochs", "training", "epochs"),
        told("seed {:.0f}", "training", "seed"),
        *(str(measured("training", key) or "") for key in ("updates", "precision")),
        told("{:.0f} s", "training", "seconds"),
    ]
    rows = [
        ("latent prior", explorer.config.prior),
        ("fingerprint", explorer.fingerprint),
        ("training", ", ".join(part for part in training if part)),
        (
            "keeps the class",
            told("{:.2%} ± {:.2%}", "identity", "share", "standard_error")
            + told(": the judge, right on {:.2%}, sees it in x and in G(E(x))", "identity", "judge_accuracy"),
        ),
        *(
            (
                f"1NN, {name}",
                told("{:.2%} ± {:.2%}", "one_nn", f"{space}/accuracy", f"{space}/standard_error")
                + told("; untrained {:.2%}", "one_nn", f"{space}/untrained"),
            )
            for space, name in ONE_NN.items()
        ),
        (
            "Fréchet distance, judge features",
            told("{:.2f} for samples of the mixture; ", "frechet", "mixture")
            + told("{:.2f} for {:,.0f} samples", "frechet", "distance", "n")
            + (" of the prior" if measured("frechet", "mixture") else "")
            + told("; real pictures {:.2f}", "frechet", "floor"),
        ),
        (
            "reconstruction error |x − G(E(x))|",
            told("{:.2f}; of another picture {:.2f}", "reconstruction", "l2", "l2_random_pair"),
        ),
        (
            "mean squared error per pixel",
            told(
                "{:.4f}; the mean image {:.4f}, a random pair {:.4f}",
                "reconstruction",
                *("mse", "mse_mean_image", "mse_random_pair"),
            ),
        ),
        (
            "latent error |E(G(z)) − z|",
            told(
                "{:.3f}; of another latent {:.3f}", "latent", "mean_abs_error", "mean_abs_error_random_pair"
            ),
        ),
        (
            "measured by",
            f"{measured('evaluation', 'command')} ({measured('evaluation', 'date')})"
            if measured("evaluation", "command")
            else "not yet measured: python -m train.evaluate",
        ),
    ]
    return [(name, said) for name, said in rows if said]
