"""Contact sheets of a model in colour: what they show, and how few real pictures."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from ganlab import images, networks
from ganlab.explorer import Explorer
from ganlab.gallery import Gallery
from ganlab.model import LatentModel, save
from ganlab.pictures import Pictures
from tests.train.measure.test_colour import CONFIG, draw
from train.report import card, contact, sheets

NAMES = ("ant", "bee", "cat", "a dog with an extremely long name", "elk", "fox", "gnu")


@pytest.fixture(scope="module")
def explorer() -> Explorer:
    nets = networks.build(CONFIG)
    networks.initialise(nets, 1)
    for net in nets.values():
        net.eval().requires_grad_(False)
    model = LatentModel(CONFIG, nets, "fingerprint")
    return Explorer(model, Gallery(model, name(draw(70, 0))))


def name(pictures: Pictures) -> Pictures:
    return dataclasses.replace(pictures, classes=NAMES)


@pytest.fixture(scope="module")
def test_pictures() -> Pictures:
    pictures = draw(70, 1)
    return name(pictures.take(torch.randperm(70, generator=torch.Generator().manual_seed(0))))


def test_all_sheets_are_written_and_shown(
    explorer: Explorer, test_pictures: Pictures, tmp_path: Path
) -> None:
    save(CONFIG, explorer.model.networks, tmp_path)
    (tmp_path / card.SAMPLES_FILE).write_bytes(b"of train.publish")
    paths = contact.write(explorer, test_pictures, tmp_path)
    names = {"samples.jpg", "reconstructions.jpg", "paths.jpg", "neighbours.jpg"}
    assert {path.name for path in paths} == names
    card.write(tmp_path)
    assert not (tmp_path / card.SAMPLES_FILE).exists()
    text = (tmp_path / card.CARD_FILE).read_text(encoding="utf-8")
    for file in names:
        assert f"({file})" in text
    assert "R3GAN" in text
    assert "digit" not in text
    once = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in contact.write(explorer, test_pictures, tmp_path)] == once


def test_pairs_are_the_first_test_pictures_above_their_reconstructions(
    explorer: Explorer, test_pictures: Pictures
) -> None:
    x = test_pictures.inputs(slice(0, contact.PAIRS))
    expected = images.draw_grid(torch.cat([x, explorer.reconstruct(x)]), contact.PAIRS, 4)
    assert np.array_equal(np.asarray(contact.draw_pairs(explorer, test_pictures)), np.asarray(expected))


def test_rows_of_neighbours_are_of_different_classes_and_named(
    explorer: Explorer, test_pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[list[sheets.Strip]] = []
    monkeypatch.setattr(contact, "draw_sheet", lambda lines, strips, scale: rows.extend(strips))
    contact.draw_neighbours(explorer, test_pictures)
    assert len(rows) == contact.QUERIES
    chosen = contact.choose_classes(test_pictures.labels, contact.QUERIES)
    assert len(set(test_pictures.labels[chosen].tolist())) == contact.QUERIES
    for row, cells in zip(chosen.tolist(), rows, strict=True):
        x = test_pictures.inputs(torch.tensor([row]))
        near = explorer.neighbours(x, k=contact.NEIGHBOURS)
        assert torch.equal(cells[0].pictures, x)
        torch.testing.assert_close(cells[1].pictures, explorer.reconstruct(x), atol=1e-5, rtol=0)
        assert [cell.caption[:3] for cell in cells[2:]] == [other.name[:3] for other in near]
        for cell, other in zip(cells[2:], near, strict=True):
            assert torch.equal(cell.pictures[0], other.image.reshape(3, 32, 32))
    longest = [cell.caption for cells in rows for cell in cells if cell.caption.startswith("a dog")]
    assert all(caption.endswith("…") for caption in longest)


def test_real_pictures_are_few() -> None:
    assert contact.PAIRS + contact.QUERIES * (1 + contact.NEIGHBOURS) <= contact.MAX_THUMBNAILS == 40


def test_a_model_without_a_gallery_has_no_sheet_of_neighbours(
    explorer: Explorer, test_pictures: Pictures, tmp_path: Path
) -> None:
    paths = contact.write(Explorer(explorer.model), test_pictures, tmp_path)
    assert "neighbours.jpg" not in {path.name for path in paths}
