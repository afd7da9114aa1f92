"""What families of networks and named presets change of TrainConfig's defaults."""

from __future__ import annotations

from typing import Any

_TUTORIAL: dict[str, Any] = {
    "prior": "normal",
    "updates": "alternating",
    "weight_decay": 0.0,
    "decay_epochs": 0,
}
# What a family of networks changes of the defaults below, which are the paper's.
FAMILY_DEFAULTS: dict[str, dict[str, Any]] = {
    "tutorial-gan": _TUTORIAL | {"latent_dim": 100},
    "tutorial-gan-colour": _TUTORIAL | {"latent_dim": 100},
    "tutorial-bigan": _TUTORIAL,
    "conv": {"width": 32, "prior": "normal", "weight_decay": 0.0, "ema": 0.999},
    "residual": {
        "width": 48,
        "blocks": 1,
        "latent_dim": 128,
        "prior": "normal",
        "weight_decay": 0.0,
        "beta1": 0.0,
        "beta2": 0.99,
        "ema": 0.999,
    },
}
# A game for pictures in colour, with what R3GAN teaches.
_COLOUR: dict[str, Any] = {
    "family": "residual",
    "batch_size": 128,
    "lr": 4e-4,
    "lr_final": 0.05,
    "game": "relativistic",
    "penalty": 0.5,  # that of R3GAN, 1 for pixels in [-1, 1], would be 0.25
    "penalty_share": 0.25,
    "perturb_chance": 0.3,
    "mirror": True,
    "pair_weight": 0.0,
    "decoded_weight": 1.0,
    "feature_weight": 1.0,
    "pixel_weight": 0.02,
    "latent_weight": 0.1,
    "prior_weight": 10.0,
    "contrast_weight": 2.0,
    "feature_dim": 64,
    "code_noise": 0.1,
}
# Named settings of a method, `--preset NAME`, beyond those of their family.
PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "bigan-plus": {
        "mnist": {  # those of checkpoints/mnist-bigan-plus
            "dataset": "mnist",
            "family": "conv",
            "norm": "spectral",
            "width": 24,
            "epochs": 36,
            "lr": 6e-4,
            "pixel_weight": 0.2,
            "latent_weight": 0.1,
            "prior_weight": 10.0,
            "contrast_weight": 2.0,
            "feature_dim": 64,
            "code_noise": 0.15,
            "code_share": 1.0,
            "augment": True,
            "precision": "bf16",
        },
        "mnist-second": {  # a second stage, --from-checkpoint one of the first with a latent map
            "dataset": "mnist",
            "family": "conv",
            "norm": "spectral",
            "width": 24,
            "feature_dim": 64,
            "epochs": 20,
            "lr": 4e-4,
            "pair_weight": 0.0,
            "pixel_weight": 0.2,
            "latent_weight": 0.05,
            "again_weight": 0.1,
            "image_weight": 1.0,
            "anchor_weight": 2.0,
            "code_noise": 0.1,
            "stretch_share": 0.1,
            "augment": True,
            "precision": "bf16",
        },
        "colour": _COLOUR,  # for a folder of pictures
        "cifar10": _COLOUR | {"dataset": "cifar10"},
        "imagenet64": _COLOUR | {"dataset": "imagenet64", "pixel_weight": 0.01},
    },
    "bigan": {
        # The game of the paper (section 4.2) alone, with the networks of the other colour models at a third
        # of their width. DCGAN's (--family conv) fell onto one picture with batch norm and with spectral norm
        # in D, and also with this penalty.
        "imagenet64": {
            "dataset": "imagenet64",
            "family": "residual",
            "width": 16,
            "mirror": True,
            "lr": 4e-4,
            "ema": 0.995,
            "penalty": 0.5,
            "penalty_share": 0.25,
            "epochs": 60,
        },
    },
}


def find_preset(method: str, name: str | None) -> dict[str, Any]:
    """The settings of a method's preset, none without a name; ValueError for a name that it lacks."""
    presets = PRESETS.get(method, {})
    if name is not None and name not in presets:
        available = f"its presets are {list(presets)}" if presets else "it has none"
        raise ValueError(f"{method} has no preset {name!r}: {available}.")
    return presets[name] if name is not None else {}
