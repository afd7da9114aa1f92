"""Reference values for what both Python and the page's JavaScript compute.

    python -m tests.fixtures    # writes tests/js/fixtures/NAME.json anew

Python writes them, tests/test_fixtures.py checks that they are what Python computes now, and the node tests
in tests/js hold the page's code to the same files. Inputs come from `latent.draw`, which gives the same
numbers on every machine.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ganlab import geodesic, latent, light, networks, tensor_files
from ganlab.config import ModelConfig
from ganlab.explorer import Explorer
from ganlab.features import compress_codes, restore_codes
from ganlab.gallery import Gallery, Pictures
from ganlab.judge import Judge, JudgeConfig, Network
from ganlab.model import load, save
from ganlab.networks import LatentMap
from ganlab.sensitivity import compute_local
from ganlab.studio import codemap, portable, portable_judge, shelf
from ganlab.studio import film as films
from ganlab.studio.film import EASINGS, Film
from ganlab.studio.recipe import ExactLatent, Recipe
from tests.crops import make_crop
from tests.latents import make_latent, to_base64, to_list

FOLDER = Path(__file__).parent / "js" / "fixtures"
FINGERPRINT = "0123456789abcdef"
CONFIG = ModelConfig(
    name="fixture",
    method="gan",
    dataset="mnist",
    family="paper",
    networks=("generator",),
    channels=1,
    size=8,
    latent_dim=4,
    prior="uniform",
    width=8,
)
MAPPED = "with a latent map"
GENERATORS: dict[str, dict[str, Any]] = {  # one of each family, small; settings that differ from CONFIG
    "paper": {},
    "tutorial-gan": {"prior": "normal"},
    "tutorial-gan-colour": {"prior": "normal", "channels": 3},
    "tutorial-bigan": {"prior": "normal"},
    "conv": {"prior": "normal", "channels": 3, "size": 32, "width": 2},
    "residual": {"prior": "normal", "channels": 3, "size": 64, "width": 2, "blocks": 1},
    MAPPED: {
        "prior": "normal",
        "networks": ("generator", "latent_map"),
        "latent_dim": 5,
        "map_width": 6,
        "map_blocks": 2,
        "map_steps": 3,
    },
}


def make_film() -> dict[str, Any]:
    """Latents of each frame for every combination of settings, for both priors; of a film straight between
    codes, for the generator "with a latent map"; and of one along routes."""
    cases = []
    choices = itertools.product(latent.PRIORS, EASINGS, (None, *latent.WAYS), (False, True))
    for prior, easing, path, loop in choices:
        film = Film(frames=7, seconds=2.0, easing=easing, way=path, loop=loop)
        way = latent.WAYS[path or latent.WAYS_OF_PRIORS[prior]]
        latents = film.interpolate(latent.draw(prior, 3, 3, seed=3), way)
        cases.append({"prior": prior, "film": dataclasses.asdict(film), "latents": to_list(latents)})
    keyframes = {prior: to_list(latent.draw(prior, 3, 3, seed=3)) for prior in latent.PRIORS}
    return {"keyframes": keyframes, "cases": cases, "codes": make_codes_film(), "routes": make_routes_film()}


def make_codes_film() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        explorer = make_mapped_model(Path(folder) / "fixture")
        z = latent.draw("normal", explorer.config.latent_dim, 2, seed=10)
        film = Film(frames=5, way="codes")
        latents = films.interpolate(explorer, film, z)
    return {"film": dataclasses.asdict(film), "keyframes": to_list(z), "latents": to_list(latents)}


def make_routes_film() -> dict[str, Any]:
    film = Film(frames=9, way="geodesic", easing="smooth", loop=True)
    z = latent.draw("normal", 3, 3, seed=11)
    parts = film.split(z)
    routes = [
        torch.stack([a, *latent.draw("normal", 3, 2, seed=12 + i), b]) for i, (a, b) in enumerate(parts)
    ]
    waiting = iter(routes)
    latents = film.interpolate(z, lambda a, b, t: geodesic.resample(next(waiting), t))
    return {
        "film": dataclasses.asdict(film),
        "keyframes": to_list(z),
        "routes": [to_list(route) for route in routes],
        "latents": to_list(latents),
    }


def fill(network: nn.Module) -> None:
    """Weights and statistics of batch norm from `latent.draw`: large enough that every layer shows."""
    entries = [(name, value) for name, value in network.state_dict().items() if value.is_floating_point()]
    for seed, (name, value) in enumerate(entries):
        numbers = latent.draw("uniform", value.numel(), 1, seed).view(value.shape)
        large = 0.2 if ".last." in name else 0.8  # small at the end of residual blocks, which add up
        value.copy_(0.6 + 0.5 * numbers if name.endswith("running_var") else large * numbers)


def tame(latent_map: LatentMap) -> None:
    """Make its steps smaller, and its triangle invertible."""
    for layer in (*latent_map.velocity.parameters(), latent_map.factor):
        layer.mul_(0.7)
    latent_map.factor += torch.eye(len(latent_map.factor))


def make_model(folder: Path, **settings: Any) -> Explorer:
    config = dataclasses.replace(CONFIG, **settings)
    nets = networks.build(config)
    for network in nets.values():
        fill(network)
    save(config, nets, folder)
    return Explorer(load(str(folder)))


def make_mapped_model(folder: Path) -> Explorer:
    """The generator "with a latent map"."""
    explorer = make_model(folder, family=CONFIG.family, **GENERATORS[MAPPED])
    assert explorer.model.latent_map is not None
    tame(explorer.model.latent_map)  # other weights would make steps that cannot be undone
    return explorer


def make_generators() -> dict[str, Any]:
    """A packed generator of each family and one with a latent map; its pictures (N, H, W, C), codes, and the
    local directions of the first latent as PyTorch computes them."""
    cases = []
    for name, settings in GENERATORS.items():
        family = name if name in networks.FAMILIES else CONFIG.family
        with tempfile.TemporaryDirectory() as folder:
            explorer = (
                make_mapped_model(Path(folder) / "fixture")
                if name == MAPPED
                else make_model(Path(folder) / "fixture", family=family, **settings)
            )
            z = latent.draw(explorer.config.prior, explorer.config.latent_dim, 2, seed=4)
            gains, vectors = compute_local(explorer.model.generator, z[0])
            vectors = vectors[gains > 1e-3 * gains[0]]  # the others are any basis of what is left
            pictures = (255 * explorer.decode(z).movedim(1, -1).flatten(1)).round().to(torch.uint8)
            content = portable.pack(explorer.model)
        cases.append(
            {
                "name": name,
                "shape": list(explorer.config.image_shape),
                "file": to_base64(content),
                "z": to_list(z),
                "codes": to_list(explorer.to_codes(z)),
                "local": {"gains": to_list(gains), "vectors": to_list(vectors)},
                "pictures": [to_base64(bytes(row.tolist())) for row in pictures],
            }
        )
    return {"cases": cases}


def make_judge() -> dict[str, Any]:
    """Packed judges with a light, and what both see in pictures (N, H, W, C): grey ones, a side of which is
    odd at each pooling, and larger ones in colour, whose last grid is averaged to one that does not divide
    it."""
    grey = JudgeConfig(
        "fixture", 1, 9, 3, widths=(3, 9, 4), features=6, accuracy=0, standard_error=0, count=0
    )
    colour = dataclasses.replace(grey, channels=3, size=20, grid=2)
    return {"cases": [describe_judge(grey, 1.0, 14.0), describe_judge(colour, 0.5, 3.2)]}


def describe_judge(config: JudgeConfig, scale: float, bias: float) -> dict[str, Any]:
    """`scale` of the weights of its light, and the light's bias."""
    with tempfile.TemporaryDirectory() as folder:
        explorer = make_model(Path(folder) / "fixture", channels=config.channels, size=config.size)
        network = Network(config)
        fill(network)
        network.half().float()  # as it is stored
        judge = explorer.judge = Judge(config, network, FINGERPRINT)
        weight = scale * latent.draw("uniform", light.count_inputs(judge), 1, seed=11)[0]
        light.Light(weight, bias).save(explorer, Path(folder) / "fixture")
        count = 20 if config.channels == 1 else 3
        z = latent.draw("uniform", CONFIG.latent_dim, 2 * count, seed=10)
        noise = latent.draw("uniform", math.prod(config.image_shape), count, seed=12).relu()
        x = torch.cat([explorer.decode(z[:count]), noise.view(count, *config.image_shape)])
        stored = light.Light.load(explorer)
        assert stored is not None
        return {
            "file": to_base64(portable_judge.pack(explorer)),
            "z": to_list(z),
            "pixels": to_list(x.movedim(1, -1).flatten(1)),
            "logits": to_list(judge.logits(x)),
            "features": to_list(judge.features(x)),
            "probabilities": to_list(judge.probabilities(x)),
            "scores": to_list(stored.score(light.compute_inputs(explorer, z, x))),
        }


def make_recipe() -> dict[str, Any]:
    """Recipes as the page writes them, with their permalinks."""
    cases = []
    z = latent.draw("normal", 5, 3, seed=5)
    exact = [ExactLatent.from_tensor(row) for row in z]
    settings = Film(frames=38, seconds=1.5, easing="smooth", way="slerp", loop=True)
    for recipe in (
        Recipe("mnist-bigan", FINGERPRINT, (exact[0],)),
        Recipe("ein Modell, ü", FINGERPRINT, (dataclasses.replace(exact[1], picture="ab" * 32),)),
        Recipe("m", FINGERPRINT, tuple(exact), film=settings),
    ):
        latents = [
            {"z": to_list(source.to_tensor()[0]), "picture": source.picture}
            for source in recipe.latents
            if isinstance(source, ExactLatent)
        ]
        cases.append({"latents": latents, "json": json.loads(recipe.to_json()), "query": recipe.to_query()})
    return {"cases": cases}


def make_shelf() -> dict[str, Any]:
    """The file of a shelf."""
    with tempfile.TemporaryDirectory() as folder:
        explorer = make_model(Path(folder) / "fixture")
    z, captions = latent.draw("uniform", CONFIG.latent_dim, 3, seed=6), ["test 7", "ä “quoted”", ""]
    return {"file": to_base64(shelf.pack(explorer, z, captions)), "z": to_list(z), "captions": captions}


def make_map() -> dict[str, Any]:
    """A packed map of 40 pictures, with the position of some latents that are no codes; and the same with a
    latent map between."""
    plain = describe_map(networks=("generator", "encoder"))
    mapped = describe_map(
        networks=("generator", "encoder", "latent_map"),
        prior="normal",
        map_width=6,
        map_blocks=1,
        map_steps=2,
    )
    return {**plain, "mapped": mapped}


def describe_map(**settings: Any) -> dict[str, Any]:
    """The map of a small model of these settings."""
    with tempfile.TemporaryDirectory() as folder:
        explorer = make_model(Path(folder) / "fixture", family="paper", **settings)
        if explorer.model.latent_map is not None:
            tame(explorer.model.latent_map)
        pixels = (127 * (1 + latent.draw("uniform", 64, 40, seed=7))).to(torch.uint8).view(40, 1, 8, 8)
        pictures = Pictures(pixels, torch.arange(40) % 3, torch.arange(40) + 100)
        explorer = Explorer(explorer.model, Gallery(explorer.model, pictures))
        content, generator = codemap.pack(explorer), portable.pack(explorer.model)
        latents = codemap.pack_latents(explorer)
        gallery = explorer.gallery
        assert gallery is not None
        codes, rows = (restore_codes(compress_codes(each)) for each in (gallery.codes, gallery.latents))
        plane = codemap.find_plane(explorer)
        z = latent.draw("uniform", CONFIG.latent_dim, 5, seed=8)
        elsewhere = explorer.to_codes(z)
        nearest = (elsewhere.unsqueeze(1) - codes).square().sum(2).argsort(1)[:, :3]
    return {
        "file": to_base64(content),
        "generator": to_base64(generator),
        "latents_file": to_base64(latents),
        "latents": to_list(rows),
        "labels": to_list(pictures.labels),
        "positions": to_list(plane.positions),
        "codes": to_list(codes),
        "lengths": to_list(gallery.latents.norm(dim=1)),
        "z": to_list(z),
        "z_positions": to_list(elsewhere @ plane.matrix.T + plane.offset),
        "nearest": to_list(nearest),
    }


def make_tensors() -> dict[str, Any]:
    """One tensor of each type that the page reads; half precision from zero to its largest number."""
    halves = torch.tensor([0.0, -0.0, 1.0, -2.5, 1 / 3, 6e-8, -6e-5, 6.2e-5, 65504.0, -1e-7]).half()
    tensors = {
        "halves": halves,
        "floats": latent.draw("normal", 3, 2, seed=9),
        "bytes": torch.tensor([0, 1, 255], dtype=torch.uint8),
        "shorts": torch.tensor([-32767, 0, 32767], dtype=torch.int16),
        "integers": torch.tensor([-(2**31), 7, 2**31 - 1], dtype=torch.int32),
    }
    content = tensor_files.pack(tensors, {"ganlab": "{}", "other": "ü"})
    return {
        "file": to_base64(content),
        "tensors": {name: to_list(x.flatten()) for name, x in tensors.items()},
    }


MAKERS: dict[str, Callable[[], dict[str, Any]]] = {
    "latent": make_latent,
    "film": make_film,
    "generators": make_generators,
    "judge": make_judge,
    "recipe": make_recipe,
    "shelf": make_shelf,
    "map": make_map,
    "tensors": make_tensors,
    "crop": make_crop,
}


@functools.lru_cache
def compute(name: str) -> dict[str, Any]:
    """The fixture as Python computes it now."""
    with torch.inference_mode():
        fixture: dict[str, Any] = json.loads(json.dumps(MAKERS[name]()))  # keys as JSON has them
    return fixture


def read(name: str) -> dict[str, Any]:
    """The fixture as it is committed."""
    fixture: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return fixture


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in MAKERS:
        text = json.dumps(compute(name), ensure_ascii=False, separators=(",", ":"))
        (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        print(f"{name}.json: {len(text):,} characters")


if __name__ == "__main__":
    main()
