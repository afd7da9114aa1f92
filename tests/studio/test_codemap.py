"""The map of codes: positions against projections, what a page gets, what is refused."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load

import ganlab
from ganlab import features, networks
from ganlab.explorer import Explorer
from ganlab.gallery import ATTRIBUTES_FILE, Gallery, Pictures
from ganlab.hub import CHECKPOINTS
from ganlab.model import load as load_model
from ganlab.model import read_config, save
from ganlab.studio import codemap
from tests.conftest import TINY


def read_metadata(content: bytes) -> dict:
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return json.loads(header["__metadata__"]["ganlab"])


def test_the_principal_map_keeps_the_first_two_components(few_neighbours: Explorer) -> None:
    codes = few_neighbours.gallery.codes  # type: ignore[union-attr]
    positions = codemap.compute_positions(few_neighbours, "principal")
    plane = codemap.find_plane(few_neighbours)
    torch.testing.assert_close(codes @ plane.matrix.T + plane.offset, positions, atol=0.6, rtol=0)
    axes = torch.linalg.svd(codes - codes.mean(0), full_matrices=False).Vh[:2]
    cosines = torch.nn.functional.cosine_similarity(plane.matrix, axes)
    torch.testing.assert_close(cosines.abs(), torch.ones(2))
    spread = (codes - codes.mean(0)).square().sum(0)
    inside = ((codes - codes.mean(0)) @ axes.T).square().sum()
    assert float(plane.share) == pytest.approx(float(inside / spread.sum()), rel=1e-4)
    assert positions[:, 0].std() > positions[:, 1].std() > 0


def test_a_page_gets_codes_labels_and_where_any_latent_lies(few_neighbours: Explorer) -> None:
    content = codemap.pack(few_neighbours)
    tensors, metadata = load(content), read_metadata(content)
    gallery = few_neighbours.gallery
    assert gallery is not None
    assert tensors["codes"].dtype == torch.uint8
    assert ((features.restore_codes(tensors) - gallery.codes).abs() <= 0.51 * tensors["level"]).all()
    assert tensors["labels"].tolist() == gallery.pictures.labels.tolist()
    assert tensors["indices"].tolist() == gallery.pictures.indices.tolist()
    assert metadata["fingerprint"] == few_neighbours.fingerprint
    quantised = tensors["principal"]
    assert quantised.dtype == torch.int16
    assert int(quantised.abs().max()) == codemap.MAX_POSITION
    (kind,) = (kind for kind in metadata["kinds"] if kind["id"] == "principal")
    matrix, offset = (torch.tensor(kind["projection"][key]) for key in ("matrix", "offset"))
    torch.testing.assert_close(gallery.codes @ matrix.T + offset, quantised.float(), atol=2, rtol=1e-3)


@pytest.mark.slow
def test_a_tsne_belongs_to_its_checkpoint_alone(tmp_path: Path) -> None:
    folder = tmp_path / "mnist-ae-l1"
    shutil.copytree(CHECKPOINTS / "mnist-ae-l1", folder)
    config = read_config(folder, folder.name)[0]  # without sums, as before there were any
    (folder / "config.json").write_text(dataclasses.replace(config, files={}).to_json())
    explorer = ganlab.load(str(folder))
    assert codemap.list_kinds(explorer) == ("principal",)
    with pytest.raises(ValueError, match="no map 'tsne'"):
        codemap.compute_positions(explorer, "tsne")
    positions = torch.rand(60_000, 2)
    codemap.save(folder, positions, explorer.fingerprint)
    assert codemap.list_kinds(explorer) == ("tsne", "principal")
    stored = codemap.compute_positions(explorer, "tsne")
    assert float(np.corrcoef(stored[:, 0], positions[:, 0])[0, 1]) > 0.9999
    codemap.save(folder, positions, "0" * 16)  # of an earlier version of the weights
    assert codemap.list_kinds(explorer) == ("principal",)
    codemap.save(folder, positions[:7], explorer.fingerprint)
    assert "does not fit its gallery" in json.dumps(read_metadata(codemap.pack(explorer)))
    (folder / codemap.FILE).write_bytes(b"not safetensors")
    assert codemap.list_kinds(explorer) == ("principal",)
    assert "map.safetensors of mnist-ae-l1 is damaged" in codemap.list_faults(explorer)[0]


@pytest.mark.slow
def test_a_model_without_codes_says_why(gan_model: str, tmp_path: Path) -> None:
    gan = ganlab.load(gan_model)
    assert "no encoder" in codemap.explain_absence(gan)
    assert codemap.list_kinds(gan) == ()
    with pytest.raises(ValueError, match="no encoder"):
        codemap.pack(gan)
    alone = Explorer(ganlab.load("mnist-ae-l1").model)
    assert "python -m train.gallery mnist makes them" in codemap.explain_absence(alone)


def test_attributes_come_with_what_their_colours_mean(bundled: Explorer) -> None:
    attributes = codemap.read_attributes(bundled.model)
    assert attributes is not None, f"{ATTRIBUTES_FILE} is missing from the gallery"
    values, descriptions = attributes
    assert values.shape == (60_000, len(descriptions))
    assert all(attribute["low"] < attribute["high"] for attribute in descriptions)  # type: ignore[operator]
    loops = [attribute["name"] for attribute in descriptions].index("loops")
    labels = bundled.gallery.pictures.labels  # type: ignore[union-attr]
    assert values[labels == 8, loops].float().mean() > 2 * values[labels == 1, loops].float().mean()


def test_a_note_has_figures_only_where_they_were_measured(few_neighbours: Explorer) -> None:
    model = few_neighbours.model
    before = dict(model.metrics)
    try:
        model.metrics.pop("map", None)
        assert "nearest" not in codemap.describe(few_neighbours, "tsne")
        figures = {"neighbours_kept": 0.31, "one_nn": 0.95, "one_nn_codes": 0.97}
        model.metrics["map"] = {"k": 10, "tsne": figures}
        assert "Of the 10 codes nearest to a code, 31% are among its 10 nearest here" in codemap.describe(
            few_neighbours, "tsne"
        )
        assert "95.0% of cases; with all dimensions, in 97.0%" in codemap.describe(few_neighbours, "tsne")
    finally:
        model.metrics.clear()
        model.metrics.update(before)


def test_the_plane_behind_a_latent_map_is_stored(tiny_folder: Path, digits: Pictures) -> None:
    config = dataclasses.replace(
        TINY,
        networks=("generator", "encoder", "latent_map"),
        prior="normal",
        map_width=8,
        map_blocks=1,
        map_steps=1,
    )
    nets = networks.build(config)
    networks.initialise(nets, seed=0)
    nets["latent_map"].factor.copy_(torch.diag(torch.tensor([3.0, 1.0, 0.5, 2.0])))  # type: ignore[union-attr, operator]
    save(config, nets, tiny_folder)
    model = load_model(str(tiny_folder))
    some = Pictures(digits.pixels[:60], digits.labels[:60], digits.indices[:60])
    explorer = Explorer(model, Gallery(model, some))
    plane = codemap.compute_plane(explorer)
    codes = explorer.gallery.codes  # type: ignore[union-attr]
    assert not torch.allclose(codes, explorer.gallery.latents)  # type: ignore[union-attr]
    torch.testing.assert_close(
        codes @ plane.matrix.T + plane.offset, plane.positions.float(), atol=8, rtol=1e-3
    )
    marked = plane._replace(share=torch.tensor(0.123))
    codemap.save(tiny_folder, torch.rand(60, 2), model.fingerprint, marked)
    assert float(codemap.find_plane(explorer).share) == pytest.approx(0.123)
    assert "12% of the codes' variance" in codemap.describe(explorer, "principal")
    packed = codemap.pack(explorer)
    assert read_metadata(packed)["mapped"] is True
    tensors = load(packed)
    torch.testing.assert_close(features.restore_codes(tensors), codes, atol=1e-2, rtol=0)  # not the latents
    lengths = explorer.gallery.latents.norm(dim=1)  # type: ignore[union-attr]
    torch.testing.assert_close(tensors["lengths"].float(), lengths, atol=0, rtol=1e-3)
    codemap.save(tiny_folder, torch.rand(60, 2), "0" * 16, marked)
    assert float(codemap.find_plane(explorer).share) != pytest.approx(0.123)
    codemap.save(tiny_folder, torch.rand(60, 2), model.fingerprint, plane._replace(offset=torch.zeros(3)))
    assert float(codemap.find_plane(explorer).share) != pytest.approx(0.123)
    assert "map.safetensors of tiny does not fit its gallery" in json.dumps(
        read_metadata(codemap.pack(explorer))
    )
