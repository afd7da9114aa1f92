"""A large gallery: encoded from any folder, whatever interrupts it, and used as any other gallery is."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import tarfile
from pathlib import Path

import pytest
import torch
from PIL import Image

from ganlab import images, outliers, tensor_files, verify
from ganlab.config import CheckpointError
from ganlab.explorer import Explorer, load
from ganlab.gallery import Pictures
from ganlab.large import gallery as large
from ganlab.large.gallery import LargeGallery
from ganlab.studio import codemap
from ganlab.ui import items
from ganlab.ui.html import markup, spaces
from ganlab.ui.server.models import Models
from tests.disks import full_disk
from train import sums
from train.data import gallery as command
from train.data import large as building
from train.data.large import Builder
from train.data.listing import list_members

COUNT, SHARDED = 8, 3  # digits in files of their own, and in a tar file


def encode_png(digits: Pictures, row: int) -> bytes:
    return images.encode_png(images.to_pil(digits.inputs(slice(row, row + 1))[0]))


def write_tar(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


@pytest.fixture
def pictures(tmp_path: Path, digits: Pictures) -> Path:
    """Digits 0 to 7 in class folders, 8 to 10 in a tar file, and files that are no pictures."""
    folder = tmp_path / "pictures"
    for row in range(COUNT):
        path = folder / str(int(digits.labels[row])) / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(digits, row))
    rows = range(COUNT, COUNT + SHARDED)
    write_tar(
        folder / "shard.tar",
        {f"{int(digits.labels[row])}/{row}.png": encode_png(digits, row) for row in rows},
    )
    (folder / "0" / "torn.png").write_bytes(b"\x89PNG nothing")
    (folder / "bad.tar").write_bytes(b"no tar")
    return folder


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "BATCH", 3)
    monkeypatch.setattr(building, "CHUNK", 4)


def build(explorer: Explorer, pictures: Path, out: Path) -> building.Outcome:
    with Builder(explorer, pictures, out) as builder:
        return builder.run()


def open_large(explorer: Explorer, out: Path) -> Explorer:
    return Explorer(explorer.model, LargeGallery.open(explorer.model, out))


def read_points(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.iterdir()) if path.suffix in (".f32", ".i32")}


@pytest.mark.usefixtures("small_steps")
def test_a_folder_becomes_a_gallery(
    tiny_folder: Path, pictures: Path, digits: Pictures, tmp_path: Path
) -> None:
    explorer = Explorer(load(str(tiny_folder)).model)
    outcome = build(explorer, pictures, tmp_path / "out")
    assert outcome[:3] == (COUNT + SHARDED, COUNT + SHARDED, 2)
    with (tmp_path / "out" / "refused.csv").open(newline="") as file:
        refused = {row["name"]: row["reason"] for row in csv.DictReader(file)}
    assert refused.keys() == {"0/torn.png", "bad.tar"}
    assert "not a picture" in refused["0/torn.png"]
    assert "tar file is damaged" in refused["bad.tar"]
    used = open_large(explorer, tmp_path / "out")
    assert used.spaces == ("features", "code")
    for row in range(COUNT + SHARDED):
        prepared = explorer.prepare(encode_png(digits, row))
        nearest = used.neighbours(prepared, 1)[0]
        assert nearest.distance < 1e-4
        assert torch.equal(nearest.image, prepared[0])  # read from its file, or out of the tar file
        assert nearest.name == str(int(digits.labels[row]))
        x, label = used.get_training_picture(nearest.index)
        assert torch.equal(x, prepared)
        assert label == nearest.label
    assert items.from_gallery(used, 0).caption == "gallery 0 (no. 0)"
    assert markup.name_gallery(used) == "digits of the gallery"
    # Its classes are its folders; those that the model was trained on keep their names.
    assert markup.get_gallery_classes(used) == tuple("0124795")
    assert used.classes == used.directions.classes == explorer.classes == ()
    with pytest.raises(ValueError, match="no training picture 11"):
        used.get_training_picture(COUNT + SHARDED)
    with pytest.raises(ValueError, match="Space 'pixels' not found"):
        used.neighbours(prepared, 1, "pixels")
    with pytest.raises(ValueError, match="k is a whole number from 1 to the gallery's 11, not 12"):
        used.neighbours(prepared, 12)


@pytest.mark.usefixtures("small_steps")
def test_wherever_it_is_stopped_it_goes_on_to_the_same_gallery(
    mapped: Explorer, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(mapped, pictures, tmp_path / "whole")
    true_fsync = os.fsync
    for stop in itertools.count(1):
        calls = itertools.count(1)

        def stop_there(file: int, calls: itertools.count[int] = calls, stop: int = stop) -> None:
            if next(calls) == stop:
                raise KeyboardInterrupt

        monkeypatch.setattr(os, "fsync", stop_there)
        out, stopped = tmp_path / f"stopped-{stop}", False
        try:
            build(mapped, pictures, out)
        except KeyboardInterrupt:
            stopped = True
        monkeypatch.setattr(os, "fsync", true_fsync)
        if not stopped:
            break
        build(mapped, pictures, out)
        assert read_points(out) == read_points(tmp_path / "whole"), stop
        assert (out / "large.json").read_text() == (tmp_path / "whole" / "large.json").read_text().replace(
            str(tmp_path / "whole"), str(out)
        )
    assert stop > 15  # each batch, each chunk of latents, each file beside them


@pytest.mark.usefixtures("small_steps")
def test_what_is_added_later_leaves_ids_alone(
    mapped: Explorer, pictures: Path, digits: Pictures, tmp_path: Path
) -> None:
    build(mapped, pictures, tmp_path / "out")
    before = read_points(tmp_path / "out")
    (pictures / "0" / "0000.png").write_bytes(encode_png(digits, 20))  # before all others by its name
    (pictures / "0" / "torn.png").write_bytes(encode_png(digits, 21))  # repaired
    assert build(mapped, pictures, tmp_path / "out")[:3] == (COUNT + SHARDED + 2, 2, 1)
    after = read_points(tmp_path / "out")
    for file in ("code.f32", "features.f32", "labels.i32"):
        assert after[file].startswith(before[file])
    assert build(mapped, pictures, tmp_path / "out")[:3] == (COUNT + SHARDED + 2, 0, 1)
    assert read_points(tmp_path / "out") == after
    used = open_large(mapped, tmp_path / "out")
    nearest = used.neighbours(mapped.prepare(encode_png(digits, 20)), 1)[0]
    assert (nearest.index, round(nearest.distance, 4)) == (COUNT + SHARDED, 0)


def test_a_picture_that_has_changed_is_grey_and_says_so(
    mapped: Explorer, pictures: Path, digits: Pictures, tmp_path: Path
) -> None:
    build(mapped, pictures, tmp_path / "out")
    used = open_large(mapped, tmp_path / "out")
    x = mapped.prepare(encode_png(digits, 3))
    index = used.neighbours(x, 1)[0].index
    (pictures / "0" / "3.png").write_bytes(encode_png(digits, 4))
    assert (used.neighbours(x, 1)[0].image == large.MISSING).all()
    (pictures / "0" / "3.png").unlink()
    assert (used.neighbours(x, 1)[0].image == large.MISSING).all()
    with pytest.raises(ValueError, match=rf"Picture {index} of this gallery is not there any more, or has"):
        used.get_training_picture(index)


def test_a_tar_file_cannot_lead_out_of_itself(tmp_path: Path) -> None:
    names = ("../up.png", "/root.png", "a/../../b.png", ".hidden/c.png", "text.txt", "./a/good.png")
    write_tar(tmp_path / "shard.tar", dict.fromkeys(names, b"x"))
    with tarfile.open(tmp_path / "shard.tar", "a") as archive:
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert [name for name, _, _ in list_members(tmp_path / "shard.tar")] == [b"a/good.png"]


def test_what_is_shown_of_very_many_is_a_sample_and_said(
    mapped: Explorer, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large, "MAX_SHOWN", 5)
    build(mapped, pictures, tmp_path / "out")
    used = open_large(mapped, tmp_path / "out")
    tensors, metadata = tensor_files.unpack(codemap.pack(used))
    assert tensors["indices"].tolist() == [0, 2, 4, 6, 8]
    assert {len(tensors[name]) for name in ("codes", "labels", "lengths", "principal")} == {5}
    described = json.loads(metadata["ganlab"])
    assert "Shown are 5 of 11 pictures, evenly spread." in described["kinds"][0]["note"]
    assert described["pictures"] == "pictures of the gallery"
    assert described["lacking"][0]["reason"] == "it is computed of a checkpoint's own pictures alone"
    assert spaces.explain_absence(used) == "Of this gallery only these are stored."
    assert used.gallery is not None
    codes = used.gallery.points("code")[::2][:5]
    torch.testing.assert_close(used.to_codes(used.gallery.shown.latents), codes, rtol=1e-3, atol=1e-3)
    assert "principal" in used.directions.kinds
    # What was measured with the checkpoint's own gallery is not said of this one.
    assert used.accuracy("features") is None
    assert outliers.Gauge.load(used) is None
    assert used.find_memorized(mapped.decode(mapped.sample(1)))[0][1] is None


def test_a_gallery_of_another_model_or_folder_is_refused(
    mapped: Explorer, tiny_folder: Path, pictures: Path, tmp_path: Path
) -> None:
    build(mapped, pictures, tmp_path / "out")
    other = Explorer(load(str(tiny_folder)).model)
    with pytest.raises(CheckpointError, match=r"holds codes of tiny .*, not of tiny"):
        open_large(other, tmp_path / "out")
    with pytest.raises(ValueError, match="holds the gallery of another model"):
        Builder(other, pictures, tmp_path / "out")
    with pytest.raises(ValueError, match="holds the gallery of another folder"):
        Builder(mapped, pictures / "0", tmp_path / "out")
    with (
        Builder(mapped, pictures, tmp_path / "out"),
        pytest.raises(ValueError, match="Another command is writing"),
    ):
        Builder(mapped, pictures, tmp_path / "out")
    for file in ("code.f32", "features.f32", "labels.i32", "latents.11.f32", "pictures.sqlite"):
        content = (tmp_path / "out" / file).read_bytes()
        flipped = content[:20] + bytes([content[20] ^ 1]) + content[21:]
        for damaged in (content[:10], flipped) if file != "pictures.sqlite" else (content[:10],):
            (tmp_path / "out" / file).write_bytes(damaged)
            with pytest.raises(CheckpointError, match=rf"The gallery .*out cannot be used: {file} "):
                open_large(mapped, tmp_path / "out")
        (tmp_path / "out" / file).write_bytes(content + b"what another run appends")
        open_large(mapped, tmp_path / "out")
    (tmp_path / "out" / "code.f32").write_bytes(b"")
    with pytest.raises(ValueError, match="lacks points of pictures that were encoded: delete"):
        Builder(mapped, pictures, tmp_path / "out")


def test_the_command_and_the_app_name_the_same_folder(
    tiny_folder: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([str(tiny_folder), str(pictures)]) == 0
    said = capsys.readouterr()
    assert "11 pictures, 11 of them new" in said.out
    assert "code: all 11 compared" in said.out
    assert "Left out, 2 in all" in said.err
    assert "0/torn.png: " in said.err
    explorer = Models(str(tiny_folder), gallery=pictures).get(str(tiny_folder))
    assert isinstance(explorer.gallery, LargeGallery)
    assert len(explorer.gallery) == COUNT + SHARDED
    assert command.main([str(tiny_folder), str(pictures), "--index", "faiss"]) == 0
    assert "11 pictures, 0 of them new" in (said := capsys.readouterr().out)
    assert "IVF1,Flat" in said
    assert load(str(tiny_folder), gallery=pictures).neighbours(explorer.prepare(pictures / "0" / "3.png"), 1)


def test_a_checkpoint_may_have_one_of_its_own(tiny_folder: Path, pictures: Path) -> None:
    sums.write(tiny_folder)
    assert verify.compare_files(tiny_folder) == []
    assert command.main([str(tiny_folder), str(pictures), "--out", str(tiny_folder / "gallery")]) == 0
    assert verify.compare_files(tiny_folder) == []
    explorer = load(str(tiny_folder))
    assert isinstance(explorer.gallery, LargeGallery)
    points = tiny_folder / "gallery" / "code.f32"
    points.write_bytes(points.read_bytes()[:-1] + b"?")
    explorer = load(str(tiny_folder))  # as any damaged gallery: the model works without it
    assert explorer.gallery is None
    assert "code.f32 is damaged" in explorer.model.broken
    with pytest.raises(CheckpointError, match=r"code\.f32 is damaged"):
        load(str(tiny_folder), gallery=tiny_folder / "gallery")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["MODEL", "nowhere"], "There is no folder nowhere."),
        (["MODEL", "FOLDER", "--stand-in"], "FOLDER goes without --stand-in"),
        (["MODEL", "FOLDER", "--memory", "nan"], "--memory is a number of gigabytes above 0"),
        (["NO-ENCODER", "FOLDER"], "no-encoder has no encoder to make codes"),
    ],
)
def test_a_wrong_call_is_one_sentence(
    arguments: list[str],
    sentence: str,
    tiny_folder: Path,
    gan_model: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "no-pictures").mkdir()
    names = {"MODEL": str(tiny_folder), "NO-ENCODER": gan_model, "FOLDER": str(tmp_path / "no-pictures")}
    assert command.main([names.get(each, each) for each in arguments]) == 2
    assert sentence in (said := capsys.readouterr().err)
    assert said.count("\n") == 1


def test_a_folder_without_a_usable_picture_says_why(mapped: Explorer, tmp_path: Path) -> None:
    (tmp_path / "torn").mkdir()
    with pytest.raises(ValueError, match=r"No picture of .*torn can be used\.$"):
        build(mapped, tmp_path / "torn", tmp_path / "empty")
    (tmp_path / "torn" / "a.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"can be used; a\.png, for one: The file is empty\.$"):
        build(mapped, tmp_path / "torn", tmp_path / "out")
    with pytest.raises(ValueError, match=r"holds no gallery of tiny: python -m train\.gallery tiny"):
        load(str(mapped.model.folder), gallery=tmp_path / "torn")


def test_a_full_disk_is_one_sentence_and_it_goes_on_later(
    mapped: Explorer, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(mapped.model.folder), str(pictures), "--out", str(tmp_path / "out")]
    (tmp_path / "out").mkdir()
    with full_disk(20_000):
        assert command.main(arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert "Traceback" not in said
    assert command.main(arguments) == 0
    assert "11 pictures, 11 of them new" in capsys.readouterr().out


def test_large_photographs_are_read_and_names_need_be_no_text(mapped: Explorer, tmp_path: Path) -> None:
    folder = tmp_path / "photographs"
    folder.mkdir()
    Image.effect_noise((64, 48), 90).convert("RGB").save(os.fsencode(folder) + b"/caf\xe9.jpg", "JPEG")
    assert build(mapped, folder, tmp_path / "out")[:3] == (1, 1, 0)
    used = open_large(mapped, tmp_path / "out")
    assert used.get_training_picture(0)[0].shape == (1, 1, 28, 28)
    assert used.classes == ()
