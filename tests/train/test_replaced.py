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
    renewed: tuple[Explorer, Explorer], mapped: Explorer, tmp_path: Path, change: str, said: str
) -> None:
    stored, latent_map = renewed[1].model, mapped.model.latent_map
    assert latent_map is not None
    assert stored.config.aliases
    config = dataclasses.replace(stored.config, replaced={"f" * 16: "it was trained anew"})
    stored = dataclasses.replace(stored, config=config)
    folder = tmp_path / "new" / "tiny"
    fitting.attach(stored, latent_map, folder, change)
    new = load(str(folder)).config
    assert new.aliases == ()
    assert new.replaced == {
        "f" * 16: "it was trained anew",
        **dict.fromkeys((stored.fingerprint, *config.aliases), said),
    }
