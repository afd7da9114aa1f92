"""A checkpoint that gets a latent map refuses what was made before, and says why."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ganlab.explorer import Explorer
from ganlab.model import load
from train import latent_map as fitting


@pytest.mark.parametrize(("change", "said"), [("", "it got its latent map"), ("it grew", "it grew")])
def test_latents_of_before_the_map_are_refused(
    mapped: Explorer, tmp_path: Path, change: str, said: str
) -> None:
    latent_map = mapped.model.latent_map
    assert latent_map is not None
    nets = {name: net for name, net in mapped.model.networks.items() if name != "latent_map"}
    config = dataclasses.replace(
        mapped.config,
        networks=tuple(nets),
        map_width=0,
        map_blocks=0,
        map_steps=0,
        aliases=("a" * 16,),
        replaced={"f" * 16: "it was trained anew"},
    )
    stored = dataclasses.replace(mapped.model, config=config, networks=nets)
    folder = tmp_path / "new" / "tiny"
    fitting.attach(stored, latent_map, folder, change)
    new = load(str(folder)).config
    assert new.aliases == ()
    assert new.replaced == {"f" * 16: "it was trained anew", stored.fingerprint: said, "a" * 16: said}
