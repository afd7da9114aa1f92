"""A folder of pictures through a model: what is written, what is refused, and what an interruption leaves."""

from __future__ import annotations

import csv
import errno
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganlab import decoding, images
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.model import load
from ganlab.studio import folder_files
from ganlab.studio.folder import Listing, Outputs, encode_folder, list_pictures, make_printable
from ganlab.studio.staging import OutputError

COUNT = 7  # digits in the folder; classes are those of the first test digits: 7 2 1 0 4 1 4


@pytest.fixture
def pictures(tmp_path: Path, digits: Pictures) -> Path:
    """Digits in class folders, some of them deeper, with files that are no pictures or cannot be read."""
    folder = tmp_path / "pictures"
    for row in range(COUNT):
        name = f"{int(digits.labels[row])}/{'deep/' if row == 1 else ''}{row}.png"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        images.to_pil(digits.inputs(slice(row, row + 1))[0]).save(folder / name)
    (folder / "0" / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / "0" / "blank.bmp").write_bytes(images.encode_png(Image.new("L", (40, 40), 255)))
    (folder / "4" / "notes.txt").write_text("no picture")
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "3.png").write_bytes(b"")
    (folder / "4" / "again").symlink_to(folder)
    return folder


ORDER = [3, 2, 5, 1, 4, 6, 0]  # of the digits by their files' names: 0/3, 1/2, 1/5, 2/deep/1, 4/4, 4/6, 7/0
NAMES = ["0/3.png", "1/2.png", "1/5.png", "2/deep/1.png", "4/4.png", "4/6.png", "7/0.png"]


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def list_all(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_all_that_can_be_written(
    few_neighbours: Explorer, pictures: Path, digits: Pictures, tmp_path: Path
) -> None:
    x = digits.inputs(torch.tensor(ORDER))
    outputs = Outputs(
        tmp_path / "codes.npz", tmp_path / "rec", tmp_path / "near.csv", tmp_path / "figures.csv", k=2
    )
    calls: list[tuple[int, int]] = []
    result = encode_folder(
        few_neighbours, pictures, outputs, batch_size=4, progress=lambda *call: calls.append(call)
    )
    assert (result.count, [name for name, _ in result.refused]) == (COUNT, ["0/blank.bmp", "0/torn.jpg"])
    assert calls == [(done, COUNT + 2) for done in range(COUNT + 3)]
    with np.load(outputs.codes, allow_pickle=False) as file:
        arrays = dict(file)
    assert list(arrays["names"]) == NAMES
    z, features = few_neighbours.encode_with_features(x)
    np.testing.assert_allclose(arrays["latents"], z, atol=1e-4)
    assert np.array_equal(arrays["codes"], arrays["latents"])  # without a latent map
    np.testing.assert_allclose(arrays["features"], features, atol=1e-4)
    assert (str(arrays["model"]), str(arrays["fingerprint"])) == ("mnist-ae-l1", few_neighbours.fingerprint)
    assert [arrays["classes"][label] for label in arrays["labels"]] == [name[0] for name in NAMES]
    assert list(zip(arrays["refused"], arrays["reasons"], strict=True)) == result.refused
    assert "no ink" in result.refused[0][1]

    y = few_neighbours.reconstruct(x)
    for row, name in enumerate(NAMES):
        shown = np.asarray(Image.open(tmp_path / "rec" / name)).astype(int)
        np.testing.assert_allclose(shown, images.to_uint8(y[row]), atol=1)

    near = read_table(tmp_path / "near.csv")
    expected = few_neighbours.neighbours_of_each(x, 2)
    assert [(row["file"], row["rank"]) for row in near] == [(name, rank) for name in NAMES for rank in "12"]
    assert [int(row["index"]) for row in near] == [each.index for pair in expected for each in pair]
    assert [row["label"] for row in near] == [each.name for pair in expected for each in pair]
    assert float(near[3]["distance"]) == pytest.approx(expected[1][1].distance, rel=1e-3, abs=1e-2)

    figures = {row["file"]: row for row in read_table(tmp_path / "figures.csv")}
    assert list(figures) == sorted([*NAMES, "0/blank.bmp", "0/torn.jpg"])
    assert "no ink" in figures["0/blank.bmp"]["refused"]
    assert {figures["0/blank.bmp"][key] for key in ("error", "gauge", "class_of_picture")} == {""}
    for row, name in enumerate(NAMES):
        each = figures[name]
        assert float(each["error"]) == pytest.approx(few_neighbours.error(x[row:], y[row:]), rel=1e-3)
        assert each["class_of_picture"] == each["label"] == name[0]
        assert 0 <= float(each["larger_errors"]) <= 1
        assert each["notes"] == "already 28x28 MNIST: unchanged"
    assert list_all(tmp_path) == ["codes.npz", "figures.csv", "near.csv", "pictures", "rec"]


def test_what_preparation_doubts_is_counted_and_written(
    few_neighbours: Explorer, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare = Explorer.prepare_upload

    def doubt(explorer: Explorer, source: Path, *settings: Any) -> images.PreparedPicture:
        prepared = prepare(explorer, source, *settings)
        boxes = ((0.0, 0.0, 9.0, 9.0), (9.0, 0.0, 9.0, 9.0))
        return replace(prepared, digits=boxes, doubt="Two.") if source.name == "2.png" else prepared

    monkeypatch.setattr(Explorer, "prepare_upload", doubt)
    outputs = Outputs(tmp_path / "codes.npz", figures=tmp_path / "figures.csv")
    assert encode_folder(few_neighbours, pictures, outputs).doubtful == 1
    rows = {row["file"]: (row["digits"], row["doubt"]) for row in read_table(tmp_path / "figures.csv")}
    assert rows["1/2.png"] == ("2", "Two.")
    assert rows["1/5.png"] == ("0", "")


def test_reconstructions_in_an_array_and_on_a_sheet(
    few_neighbours: Explorer, pictures: Path, digits: Pictures, tmp_path: Path
) -> None:
    y = few_neighbours.reconstruct(digits.inputs(torch.tensor(ORDER)))
    for name in ("rec.npz", "sheet.png"):
        outputs = Outputs(tmp_path / "codes.npz", tmp_path / name, features=False)
        encode_folder(few_neighbours, pictures, outputs, batch_size=5)
    with np.load(tmp_path / "rec.npz", allow_pickle=False) as file:
        assert list(file["names"]) == NAMES
        assert file["reconstructions"].shape == (COUNT, 1, 28, 28)
        shown = file["reconstructions"][:, 0].astype(int)
    np.testing.assert_allclose(shown, np.stack([images.to_uint8(each) for each in y]), atol=1)
    with np.load(tmp_path / "codes.npz", allow_pickle=False) as file:
        assert "features" not in file
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert sheet.shape == (2 * 30 + 2, COUNT * 30 + 2)
    assert np.array_equal(sheet[2:30, 2:30], digits.pixels[3, 0].numpy())
    np.testing.assert_allclose(sheet[32:60, 32:60].astype(int), shown[1], atol=1)


def test_a_sheet_fills_its_last_row(tmp_path: Path, few_neighbours: Explorer, digits: Pictures) -> None:
    writer = folder_files.SheetWriter(tmp_path / "sheet.png")
    writer.pairs = [torch.stack([x, 1 - x]) for x in digits.inputs(slice(0, 23))]
    writer.close()
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert sheet.shape == (4 * 30 + 2, 20 * 30 + 2)
    assert np.array_equal(sheet[62:90, 62:90], digits.pixels[22, 0].numpy())
    assert np.array_equal(sheet[92:120, 62:90], 255 - digits.pixels[22, 0].numpy())
    assert (sheet[61:, 93:] == 128).all()


def test_pictures_without_class_folders_have_no_labels(
    tmp_path: Path, few_neighbours: Explorer, digits: Pictures
) -> None:
    folder = tmp_path / "flat"
    folder.mkdir()
    picture = images.to_pil(digits.inputs(slice(0, 1))[0])
    for name in ("a.png", "a.bmp"):
        picture.save(folder / name)
    (folder / "a.bmp.PNG").write_bytes((folder / "a.png").read_bytes())
    outputs = Outputs(tmp_path / "codes.npz", tmp_path / "rec")
    encode_folder(few_neighbours, folder, outputs)
    with np.load(tmp_path / "codes.npz", allow_pickle=False) as file:
        assert list(file["names"]) == ["a.bmp", "a.bmp.PNG", "a.png"]
        assert not {"labels", "classes"} & set(file)
    assert list_all(tmp_path / "rec") == ["a.bmp.PNG", "a.bmp.png", "a.png"]
    (folder / "b").mkdir()
    picture.save(folder / "b" / "b.png")
    encode_folder(few_neighbours, folder, Outputs(tmp_path / "codes.npz"))
    with np.load(tmp_path / "codes.npz", allow_pickle=False) as file:
        assert (list(file["labels"]), list(file["classes"])) == ([-1, -1, -1, 0], ["b"])


def test_latents_and_codes_differ_by_the_latent_map(mapped: Explorer, pictures: Path, tmp_path: Path) -> None:
    encode_folder(mapped, pictures, Outputs(tmp_path / "codes.npz"))
    with np.load(tmp_path / "codes.npz", allow_pickle=False) as file:
        latents, codes = torch.tensor(file["latents"]), torch.tensor(file["codes"])
    assert float((latents - codes).abs().max()) > 0.01
    torch.testing.assert_close(mapped.to_codes(latents), codes)
    paths = [pictures / name for name in NAMES]
    expected = torch.cat([mapped.encode(mapped.prepare(path)) for path in paths])
    torch.testing.assert_close(latents, expected, atol=1e-4, rtol=1e-4)


def test_batches_are_forgotten(
    few_neighbours: Explorer, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many pictures there are: no more than the batch at hand and the one before are in memory."""
    batches: list[weakref.ref[folder_files.Encoded]] = []

    def watch(writer: folder_files.CodesWriter, encoded: folder_files.Encoded) -> None:
        batches.append(weakref.ref(encoded))
        assert sum(batch() is not None for batch in batches) <= 2
        add(writer, encoded)

    add = folder_files.CodesWriter.add
    monkeypatch.setattr(folder_files.CodesWriter, "add", watch)
    outputs = Outputs(
        tmp_path / "codes.npz", tmp_path / "rec", tmp_path / "near.csv", tmp_path / "figures.csv"
    )
    encode_folder(few_neighbours, pictures, outputs, batch_size=1)
    assert len(batches) == COUNT + 2


def test_a_phones_photographs_are_read_though_they_are_larger_than_an_upload_may_be(
    few_neighbours: Explorer, digits: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "photographs"
    folder.mkdir()
    photograph = images.to_pil(1 - 0.7 * digits.inputs(slice(0, 1))[0], 30)  # 840 x 840
    for size in (1, 2, 4):
        photograph.resize((420 * size, 420 * size)).save(folder / f"{size}.jpg", quality=95)
    photograph.save(folder / "large.png")
    (folder / "heavy.jpg").write_bytes((folder / "1.jpg").read_bytes() + bytes(150_000))
    monkeypatch.setattr(decoding, "MAX_PIXELS", 420 * 420)
    monkeypatch.setattr(decoding, "MAX_BYTES", 100_000)
    result = encode_folder(few_neighbours, folder, Outputs(tmp_path / "codes.npz", tmp_path / "rec.npz"))
    assert [name for name, _ in result.refused] == ["large.png"]
    with np.load(tmp_path / "codes.npz", allow_pickle=False) as file:
        assert list(file["names"]) == ["1.jpg", "2.jpg", "4.jpg", "heavy.jpg"]
        spread = file["codes"].std(axis=0).mean()  # of one digit at several sizes
        assert spread < 0.2 * np.abs(file["codes"]).mean()
    with pytest.raises(images.PictureError, match="840 x 840 pixels"):  # an upload keeps its limit
        few_neighbours.prepare((folder / "2.jpg").read_bytes())


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space"), RuntimeError()])
def test_what_fails_leaves_nothing_torn(
    few_neighbours: Explorer,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failure: BaseException,
) -> None:
    (tmp_path / "codes.npz").write_text("what was there")
    outputs = Outputs(
        tmp_path / "codes.npz", tmp_path / "rec", tmp_path / "near.csv", tmp_path / "figures.csv"
    )

    def fail(*_: object) -> None:
        assert any(name.startswith(".ganlab-") for name in list_all(tmp_path))
        raise failure

    monkeypatch.setattr(folder_files.ArrayWriter, "add", fail)
    monkeypatch.setattr(folder_files.PngWriter, "close", fail)
    kind = OutputError if isinstance(failure, OSError) else type(failure)
    with pytest.raises(kind, match="disk is full, so nothing was written" if kind is OutputError else None):
        encode_folder(few_neighbours, pictures, outputs)
    assert list_all(tmp_path) == ["codes.npz", "pictures"]
    assert (tmp_path / "codes.npz").read_text() == "what was there"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"codes": "codes.txt"}, r"codes go into a file whose name ends in .npz, not 'codes.txt'"),
        ({"figures": "figures.txt"}, "figures go into a file whose name ends in .csv"),
        ({"codes": "no/codes.npz"}, "codes.npz cannot be written: there is no folder"),
        ({"codes": "full.npz"}, "full.npz is a folder: name a file in it"),
        ({"reconstructions": "full.npz/sheet.png", "codes": "full.npz/sheet.png"}, "ends in .npz"),
        ({"figures": "same.csv", "neighbours": "same.csv"}, "Two outputs are called .*same.csv"),
        ({"reconstructions": "full"}, "full exists already: name a new folder"),
        ({"reconstructions": "pictures/rec"}, "lies in .*pictures, whose pictures are read"),
        ({"neighbours": "near.csv", "k": 0}, "k is a whole number from 1 to 1000, not 0"),
        ({"neighbours": "near.csv", "k": 301}, "from 1 to the gallery's 300, not 301"),
        ({"neighbours": "near.csv", "space": "no"}, "Space 'no' not found; available"),
        ({"batch_size": 0}, "A batch holds from 1 to 4096 pictures, not 0"),
    ],
)
def test_outputs_that_cannot_be_are_refused_at_once(
    few_neighbours: Explorer, pictures: Path, tmp_path: Path, settings: dict[str, object], message: str
) -> None:
    for name in ("full", "full.npz"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("")
    before = list_all(tmp_path)
    size = settings.pop("batch_size", 8)
    paths = {key: tmp_path / value if isinstance(value, str) and key != "space" else value
             for key, value in settings.items()}  # fmt: skip
    outputs = Outputs(**{"codes": tmp_path / "codes.npz", **paths})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=message):
        encode_folder(few_neighbours, pictures, outputs, batch_size=size, progress=pytest.fail)  # type: ignore
    assert list_all(tmp_path) == before


def test_folders_without_usable_pictures_are_refused(
    few_neighbours: Explorer, gan_model: str, pictures: Path, tmp_path: Path
) -> None:
    outputs = Outputs(tmp_path / "codes.npz")
    empty, torn = tmp_path / "empty", tmp_path / "torn"
    for folder in (empty, torn):
        folder.mkdir()
    (torn / "a.heic").write_bytes(b"torn")
    for folder, message in (
        (tmp_path / "no", "There is no folder"),
        (pictures / "0" / "3.png", "is a file; name the folder"),
        (empty, r"holds no pictures \(.png, .jpg"),
        (torn, "No picture of .*torn can be used; a.heic, for one: .*"),
    ):
        with pytest.raises(ValueError, match=message):
            encode_folder(few_neighbours, folder, outputs)
    with pytest.raises(ValueError, match="no encoder to make codes; choose a model that has one"):
        encode_folder(Explorer(load(gan_model)), pictures, outputs)
    assert not outputs.codes.exists()


def test_a_subfolder_that_cannot_be_listed_is_named(
    few_neighbours: Explorer, pictures: Path, tmp_path: Path
) -> None:
    listing = list_pictures(pictures)
    assert (listing.classes, listing.locked) == (("0", "1", "2", "4", "7"), ())
    locked = Listing(pictures, listing.names, listing.classes, (("9", "This folder cannot be listed: no."),))
    result = encode_folder(few_neighbours, locked, Outputs(tmp_path / "codes.npz"))
    assert result.refused[0] == ("9", "This folder cannot be listed: no.")


def test_names_that_are_no_text_are_written_all_the_same() -> None:
    assert make_printable("dir/\udcff.png") == "dir/\\xff.png"
    assert make_printable("ä/7.png") == "ä/7.png"


def test_an_archive_grows_by_rows_and_holds_texts_of_any_length(tmp_path: Path) -> None:
    archive = folder_files.Archive(tmp_path / "a.npz")
    rows = np.arange(30, dtype=np.float32).reshape(5, 2, 3)
    for part in (rows[:2], rows[2:2], rows[2:]):
        archive.append("rows", part)
    names = [f"{'ü' * (index % 7)}{index}" for index in range(5000)]
    archive.write({"single": np.array("x")}, {"names": names, "none": []})
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert set(file) == {"rows", "single", "names", "none"}
        assert np.array_equal(file["rows"], rows)
        assert list(file["names"]) == names
        assert file["none"].shape == (0,)
    assert list_all(tmp_path) == ["a.npz"]
