"""Folders of pictures: classes and splits, every size and mode of file, and files that are none."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganlab import decoding, images
from ganlab.gallery import Pictures
from tests.conftest import TINY
from tests.pictures import encoded, turned_jpeg
from train.data import datasets


def colour(seed: int, width: int = 40, height: int = 30) -> Image.Image:
    """Smooth colours without symmetry."""
    corners = np.random.default_rng(seed).integers(0, 256, (3, 3, 3), dtype=np.uint8)
    return Image.fromarray(corners).resize((width, height), Image.Resampling.BILINEAR)


def put(path: Path, image: Image.Image | bytes, kind: str = "PNG") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(image if isinstance(image, bytes) else encoded(image, kind))
    return path


def load(
    folder: Path, split: str = "train", size: int | None = None, channels: int | None = None
) -> Pictures:
    return datasets.load(str(folder), "not used", split, size=size, channels=channels)


def level(picture: torch.Tensor) -> int:
    """The value that all pixels of a picture have."""
    assert picture.min() == picture.max()
    return int(picture.max())


def flat(value: int) -> Image.Image:
    """A grey picture of one value, by which a file is known again."""
    return Image.new("L", (8, 8), value)


def test_classes_are_the_subfolders_in_the_order_of_their_names(tmp_path: Path) -> None:
    for row, name in enumerate(["b/2.png", "a/x.png", "c/deep/er/1.png", "b/1.png"]):
        put(tmp_path / name, flat(row))
    (tmp_path / "0 empty").mkdir()
    result = load(tmp_path)
    assert [level(picture) for picture in result.pixels] == [1, 3, 0, 2]
    assert result.labels.tolist() == [0, 1, 1, 2]
    assert result.labels.dtype == torch.int64
    assert torch.equal(result.indices, torch.arange(4))
    assert result.pixels.shape == (4, 1, 32, 32)
    assert result.pixels.dtype == torch.uint8
    assert result.pixels.is_contiguous()


def test_pictures_without_classes_have_label_0_and_every_tenth_is_held_out(tmp_path: Path) -> None:
    for row in reversed(range(25)):
        put(tmp_path / f"{row:02d}.PNG", flat(row))
    train, test = load(tmp_path), load(tmp_path, "test")
    assert [level(picture) for picture in test.pixels] == [9, 19]
    assert [level(picture) for picture in train.pixels] == [row for row in range(25) if row not in (9, 19)]
    assert not train.labels.any()
    assert not test.labels.any()
    assert torch.equal(load(tmp_path).pixels, train.pixels)


def test_train_and_test_folders_are_the_splits(tmp_path: Path) -> None:
    for row, name in enumerate(["train/cat/1", "train/dog/1", "train/emu/1", "test/dog/1", "test/emu/1"]):
        put(tmp_path / f"{name}.png", flat(row))
    train, test = load(tmp_path), load(tmp_path, "test")
    assert [level(picture) for picture in train.pixels] == [0, 1, 2]
    assert [level(picture) for picture in test.pixels] == [3, 4]
    assert train.labels.tolist() == [0, 1, 2]
    assert test.labels.tolist() == [1, 2]  # of the same classes, though it has no cat


def test_flat_splits_have_label_0(tmp_path: Path) -> None:
    put(tmp_path / "train" / "a.png", flat(1))
    put(tmp_path / "test" / "a.png", flat(2))
    assert load(tmp_path, "test").labels.tolist() == [0]
    assert level(load(tmp_path, "test").pixels) == 2


def modes() -> dict[str, bytes]:
    """A file of each mode, none of them square."""
    picture = colour(0)
    see_through = picture.convert("RGBA")
    see_through.putalpha(Image.linear_gradient("L").resize(picture.size))
    palette = picture.quantize(16)
    deep = Image.fromarray(np.arange(1200, dtype=np.uint16).reshape(30, 40) * 54)
    return {
        "animated.gif": encoded(picture, "GIF", save_all=True, append_images=[colour(1)]),
        "bits.png": encoded(picture.convert("1"), "PNG"),
        "bitmap.bmp": encoded(picture, "BMP"),
        "cmyk.jpg": encoded(picture.convert("CMYK"), "JPEG"),
        "colour.png": encoded(picture, "PNG"),
        "deep.png": encoded(deep, "PNG"),
        "deep.tif": encoded(deep, "TIFF"),
        "grey.png": encoded(picture.convert("L"), "PNG"),
        "grey-alpha.png": encoded(see_through.convert("LA"), "PNG"),
        "palette.png": encoded(palette, "PNG"),
        "palette-transparent.png": encoded(palette, "PNG", transparency=3),
        "rgba.png": encoded(see_through, "PNG"),
        "tall.png": encoded(colour(2, 1, 50), "PNG"),
        "turned.jpg": turned_jpeg(colour(3)),
        "wide.png": encoded(colour(2, 50, 1), "PNG"),
        "webp.webp": encoded(picture, "WEBP"),
        "avif.avif": encoded(picture, "AVIF"),
    }


@pytest.mark.parametrize("size", [8, 24])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_mode_becomes_what_the_app_makes_of_an_upload(
    size: int, channels: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    files = modes()
    for name, content in files.items():
        put(tmp_path / "train" / name, content)
    put(tmp_path / "test" / "a.png", flat(0))
    result = load(tmp_path, size=size, channels=channels)
    assert result.pixels.shape == (len(files), channels, size, size)
    config = dataclasses.replace(TINY, channels=channels, size=size, preparation="picture")
    for name, pixels in zip(sorted(files), result.pixels, strict=True):
        upload = images.prepare(files[name], config).x[0]
        # 16 bits are rounded to 8 before the resizing here and after it there.
        assert (pixels / 255 - upload).abs().max() <= (1.5 / 255 if "deep" in name else 0.6 / 255), name
    assert capfd.readouterr() == ("", "")


def test_the_middle_square_is_kept_and_turned_upright(tmp_path: Path) -> None:
    sheet = Image.new("RGB", (60, 20), "red")
    sheet.paste("blue", (20, 0, 40, 20))
    sheet.paste("lime", (20, 0, 40, 5))  # the upper quarter of the middle
    put(tmp_path / "train" / "1.png", sheet)
    put(tmp_path / "train" / "2.jpg", turned_jpeg(sheet))
    put(tmp_path / "test" / "1.png", sheet)
    for picture in load(tmp_path, size=20).pixels.int():
        red, green, blue = picture
        assert red[:, 2:-2].max() < 80
        assert green[:4].min() > 170 > 80 > green[7:].max()
        assert blue[7:].min() > 170 > 80 > blue[:4].max()


def test_resizing_is_antialiased(tmp_path: Path) -> None:
    """A fine checkerboard becomes its mean, in a file that is decoded whole and in a large JPEG."""
    board = Image.fromarray((np.indices((640, 640)).sum(0) % 2 * 255).astype(np.uint8))
    put(tmp_path / "train" / "1.png", board)
    put(tmp_path / "train" / "2.jpg", encoded(board, "JPEG", quality=95))
    put(tmp_path / "test" / "1.png", board)
    result = load(tmp_path, size=16)
    assert (result.pixels.float() - 127.5).abs().max() < 3


def test_photographs_above_the_limit_of_uploads_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A JPEG decodes at a fraction of its size, so that only other formats are too large."""
    photo = colour(5, 400, 300)
    put(tmp_path / "train" / "1.jpg", encoded(photo, "JPEG", quality=95))
    put(tmp_path / "train" / "2.png", photo)
    put(tmp_path / "test" / "1.jpg", photo)
    monkeypatch.setattr(decoding, "MAX_PIXELS", 100_000)
    result = load(tmp_path, size=16)
    assert result.indices.tolist() == [0]
    assert "'train/2.png'" in capsys.readouterr().err
    expected = np.asarray(
        photo.crop((50, 0, 350, 300)).resize((16, 16), Image.Resampling.LANCZOS), np.float32
    )
    assert (result.pixels[0].permute(1, 2, 0).float() - torch.from_numpy(expected)).abs().max() < 8


def test_one_colour_among_greys_makes_all_of_them_colour(tmp_path: Path) -> None:
    put(tmp_path / "train" / "1.png", flat(7))
    put(tmp_path / "train" / "2.png", flat(9).convert("RGB"))
    put(tmp_path / "test" / "1.png", flat(7))
    grey = load(tmp_path)
    assert [level(picture) for picture in grey.pixels] == [7, 9]
    assert grey.pixels.shape == (2, 1, 32, 32)
    assert load(tmp_path, channels=3).pixels.shape == (2, 3, 32, 32)
    put(tmp_path / "train" / "3.png", Image.new("RGB", (8, 8), (1, 2, 1)))
    assert load(tmp_path).pixels.shape == (3, 3, 32, 32)
    assert load(tmp_path, channels=1).pixels.shape == (3, 1, 32, 32)


def test_what_cannot_be_read_is_left_out_with_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    good = encoded(colour(0), "PNG")
    for row in range(3):
        put(tmp_path / "train" / "b" / f"{row}.png", flat(row))
    put(tmp_path / "test" / "b" / "0.png", flat(0))
    put(tmp_path / "train" / "a" / "text.jpg", b"hello")
    put(tmp_path / "train" / "b" / "cut.png", good[: len(good) // 2])
    put(tmp_path / "train" / "b" / "empty.gif", b"")
    put(tmp_path / "train" / "b" / "line\nbreak.png", b"\x89PNG\r\n\x1a\n")
    (tmp_path / "train" / "b" / "gone.png").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "train" / "b" / "pipe.png")  # whoever opens it waits
    result = load(tmp_path)
    assert [level(picture) for picture in result.pixels] == [0, 1, 2]
    assert result.indices.tolist() == [1, 2, 3]  # of the 9 files in their order
    assert result.labels.tolist() == [1, 1, 1]
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith(
        f"warning: 6 of 9 pictures of the train split of {tmp_path} cannot be read (damaged"
    )
    assert err.endswith("left out: 'train/a/text.jpg', 'train/b/cut.png', 'train/b/empty.gif' and 3 more.\n")
    assert err.count("\n") == 1
    assert list(recwarn) == []
    load(tmp_path, "test")
    assert capfd.readouterr().err == ""


def test_what_pil_mends_is_read_without_a_word(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    odd = b"Exif\0\0MM\0*\0\0\0\x08\0\x05\x01\x12"  # five entries announced, one begun
    path = put(tmp_path / "1.jpg", encoded(flat(50), "JPEG", exif=odd))
    with pytest.warns(UserWarning, match="Corrupt EXIF"):
        images.decode(path)
    recwarn.clear()
    assert level(load(tmp_path).pixels) == 50
    assert list(recwarn) == []
    assert capfd.readouterr() == ("", "")


def test_unreadable_files_do_not_move_the_split(tmp_path: Path) -> None:
    for row in range(20):
        put(tmp_path / f"{row:02d}.png", b"broken" if row == 3 else flat(row))
    assert [level(picture) for picture in load(tmp_path, "test").pixels] == [9, 19]


def test_hidden_files_and_other_files_are_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "a" / "1.png", flat(5))
    put(tmp_path / "a" / "._1.png", b"resource fork")
    put(tmp_path / "a" / ".cache" / "1.png", flat(6))
    put(tmp_path / ".hidden" / "1.png", flat(7))
    put(tmp_path / "a" / "notes.txt", b"text")
    put(tmp_path / "notes.txt", b"text")
    put(tmp_path / "docs" / "notes.md", b"text")
    result = load(tmp_path)
    assert [level(picture) for picture in result.pixels] == [5]
    assert result.labels.tolist() == [0]
    assert capsys.readouterr().err == ""


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "folder", tmp_path / "elsewhere"
    put(folder / "a" / "1.png", flat(1))
    put(elsewhere / "2.png", flat(2))
    put(elsewhere / "3.png", flat(3))
    (folder / "b").symlink_to(elsewhere)
    (folder / "a" / "4.png").symlink_to(elsewhere / "3.png")
    (folder / "a" / "self").symlink_to(folder / "a")
    (folder / "a" / "up").symlink_to(folder)
    (elsewhere / "round").symlink_to(elsewhere)
    result = load(folder)
    assert [level(picture) for picture in result.pixels] == [1, 3, 2, 3]
    assert result.labels.tolist() == [0, 0, 1, 1]


def test_a_link_upwards_does_not_mix_the_splits(tmp_path: Path) -> None:
    put(tmp_path / "train" / "a" / "1.png", flat(1))
    put(tmp_path / "test" / "a" / "2.png", flat(2))
    (tmp_path / "train" / "a" / "up").symlink_to(tmp_path)
    assert [level(picture) for picture in load(tmp_path).pixels] == [1]


@pytest.mark.parametrize(
    ("files", "split", "message"),
    [
        ([], "train", "holds no pictures .*png"),
        (["a/notes.txt", ".1.png"], "train", "holds no pictures"),
        (["1.png", "a/1.png"], "train", "pictures beside class folders"),
        (["train/a/1.png", "test/1.png"], "test", "pictures beside class folders"),
        (["1.png", "2.png"], "test", "test split of .* is empty: .*10 or more"),
        (["train/1.png", "test/notes.txt"], "test", "test split of .* is empty: .*at least one"),
    ],
)
def test_a_folder_that_does_not_do_gets_one_sentence(
    files: list[str], split: str, message: str, tmp_path: Path
) -> None:
    for name in files:
        put(tmp_path / name, flat(0))
    with pytest.raises(ValueError, match=message) as caught:
        load(tmp_path, split)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_of_nothing_readable_gets_one_sentence(tmp_path: Path) -> None:
    put(tmp_path / "1.png", b"broken")
    with pytest.raises(ValueError, match="None of the 1 pictures of the train split"):
        load(tmp_path)


def test_names_go_before_folders_and_paths_may_be_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_download: list[str]
) -> None:
    put(tmp_path / "mnist" / "1.png", flat(4))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("./mnist", "~/mnist", "mnist/"):
        assert level(datasets.load(name, tmp_path, "train").pixels) == 4
        assert datasets.get_title(name, tmp_path) == "mnist"
        assert datasets.get_preparation(name) == "picture"
    with pytest.raises(ValueError, match="MNIST is incomplete in"):
        datasets.load("mnist", tmp_path, "train")
    monkeypatch.chdir("mnist")
    assert datasets.get_title(".", tmp_path) == "mnist"
