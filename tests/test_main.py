"""python -m ganlab, in a process of its own, interrupted, and with bad input."""

from __future__ import annotations

import io
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ganlab
from ganlab import __main__ as command
from ganlab import hub, images
from ganlab.__main__ import main
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.model import LatentModel
from ganlab.studio import film
from ganlab.studio.film import Film
from ganlab.studio.folder import FolderResult, Outputs
from ganlab.studio.recipe import ExactLatent, Recipe, make_recipe
from tests.conftest import CHANGE

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_another_process_gives_the_same_pixels(bundled: Explorer, tmp_path: Path) -> None:
    z = bundled.sample(1, seed=11)
    recipe = make_recipe(bundled, ExactLatent.from_tensor(z))
    (tmp_path / "recipe.json").write_text(recipe.to_json(), encoding="utf-8")
    command = [sys.executable, "-m", "ganlab", "replay", str(tmp_path / "recipe.json")]
    subprocess.run([*command, "-o", str(tmp_path / "out.png")], cwd=ROOT, check=True)
    np.testing.assert_array_equal(
        np.asarray(Image.open(tmp_path / "out.png")), images.to_uint8(bundled.decode(z)[0])
    )


def test_a_recipe_is_read_in_every_form(
    bundled: Explorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = make_recipe(bundled, *(ExactLatent.from_tensor(z) for z in bundled.sample(3, seed=1)), steps=4)
    renamed = Recipe("a name of its own", recipe.fingerprint, recipe.latents, recipe.steps)
    out = tmp_path / "out.png"
    contents = []
    monkeypatch.setattr(sys, "stdin", io.StringIO(recipe.to_json()))
    for text in ("-", recipe.to_json(), f"https://x.example/?recipe={recipe.to_query()}", renamed.to_query()):
        assert main(["replay", text, "-o", str(out), "--scale", "2"]) == 0
        contents.append(out.read_bytes())
    assert len(set(contents)) == 1
    assert Image.open(out).size == (2 * (7 * 29 + 1), 2 * 30)


def test_a_recipe_of_an_earlier_fingerprint_finds_its_checkpoint(
    renewed: tuple[Explorer, Explorer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = renewed
    monkeypatch.setattr(hub, "CHECKPOINTS", tmp_path / "renewed")
    z = before.sample(1, seed=3)
    recipe = Recipe("another name", before.fingerprint, (ExactLatent.from_tensor(z),))
    assert main(["replay", recipe.to_json(), "-o", str(tmp_path / "out.png")]) == 0
    np.testing.assert_array_equal(
        np.asarray(Image.open(tmp_path / "out.png")), images.to_uint8(after.decode(z)[0])
    )


def test_a_recipe_of_the_checkpoint_before_is_refused_with_what_has_changed(
    replaced: tuple[Explorer, Explorer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before, _ = replaced
    monkeypatch.setattr(hub, "CHECKPOINTS", tmp_path / "replaced")
    recipe = make_recipe(before, ExactLatent.from_tensor(before.sample(1, seed=3)))
    assert main(["replay", recipe.to_json(), "-o", str(tmp_path / "out.png")]) == 2
    assert f"This recipe was made with tiny before {CHANGE}; its latents" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no-such-file.json", "There is no file no-such-file.json"),
        ("nonsense", "This permalink is damaged|this is none"),
        ('{"ganlab": 1}', "model is a text"),
        (Recipe("gone", "f" * 16, (ExactLatent(b"\0" * 200),)).to_json(), "No checkpoint here is the gone"),
    ],
)
def test_errors_are_sentences(
    text: str, said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["replay", text, "-o", str(tmp_path / "out.png")]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert re.search(said, message)
    assert not (tmp_path / "out.png").exists()


def test_a_folder_that_is_not_there_is_said(
    bundled: Explorer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = make_recipe(bundled, ExactLatent.from_tensor(bundled.sample(1, seed=1)))
    assert main(["replay", recipe.to_json(), "-o", str(tmp_path / "no" / "out.png")]) == 2
    assert "out.png" in capsys.readouterr().err
    assert main(["replay", recipe.to_json(), "-o", str(tmp_path / "o.png"), "--model", "mnist-ae-l1"]) == 2
    assert "not with mnist-ae-l1" in capsys.readouterr().err


def test_a_film_is_the_pages(bundled: Explorer, tmp_path: Path, digits: Pictures) -> None:
    picture, recipe, out = (tmp_path / name for name in ("digit.png", "recipe.json", "film.gif"))
    images.to_pil(digits.inputs(slice(4, 5))[0], 4).save(picture)
    recipe.write_text(
        make_recipe(bundled, ExactLatent.from_tensor(bundled.sample(1, seed=3))).to_json(), encoding="utf-8"
    )
    keyframes = [str(picture), "seed:9", str(recipe)]
    arguments = ["film", "mnist-bigan", *keyframes, "-o", str(out), "--seconds", "1", "--rate", "8", "--loop"]
    assert main([*arguments, "--scale", "2"]) == 0
    z = torch.cat(
        [bundled.encode(bundled.prepare(picture)), bundled.sample(1, seed=9), bundled.sample(1, seed=3)]
    )
    settings = Film(8, 1.0, loop=True)
    assert out.read_bytes() == film.encode_file(film.render_frames(bundled, settings, z), settings, "gif", 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["seed:1", "seed:2", "-o", "film.avi"], "ends in one of .png, .gif, .webp, .mp4"),
        (["seed:1", "seed:2", "-o", "film"], "ends in one of"),
        (["seed:1", "-o", "film.gif"], "through 2 to 24 latents"),
        (["seed:x", "seed:2", "-o", "film.gif"], "seed:NUMBER"),
        (["seed:1", "no-such-picture.png", "-o", "film.gif"], "no-such-picture.png"),
        (["seed:1", "seed:2", "-o", "film.gif", "--seconds", "1000"], "from 2 to 600 frames"),
        (["seed:1", "seed:2", "-o", "film.gif", "--seconds", "nan"], "finite numbers"),
        (["seed:1", "seed:2", "-o", "film.gif", "--scale", "0"], "from 1 to 36 times"),
    ],
)
def test_a_film_that_cannot_be_is_refused_in_a_sentence(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["film", "mnist-bigan", *arguments]) == 2
    assert re.search(said, capsys.readouterr().err)


# ---------------------------------------------------------------------- encode


@pytest.fixture
def folder(tmp_path: Path, digits: Pictures) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for row in range(3):
        images.to_pil(digits.inputs(slice(row, row + 1))[0]).save(folder / f"{row}.png")
    (folder / "torn.png").write_bytes(b"torn")
    return folder


def test_a_folder_is_encoded(
    folder: Path, tiny_folder: Path, digits: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    out, tiny = folder.parent / "codes.npz", ganlab.load(str(tiny_folder))
    assert main(["encode", str(folder), "-o", str(out), "--model", str(tiny_folder), "--device", "cpu"]) == 0
    with np.load(out, allow_pickle=False) as file:
        np.testing.assert_allclose(file["latents"], tiny.encode(digits.inputs(slice(0, 3))), atol=1e-5)
        assert str(file["fingerprint"]) == tiny.fingerprint
    said = capsys.readouterr()
    assert said.out == f"Encoded 3 pictures with tiny: {out}.\n"
    assert re.fullmatch(r"Left out, 1 in all:\n  torn.png: This file is not a picture .*\n", said.err)


def test_the_report_names_doubts_and_the_first_left_out(
    tiny_model: LatentModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = FolderResult(1000, 12, [(f"{number}.png", "Torn.") for number in range(25)])
    command.report(result, Outputs(tmp_path / "codes.npz"), Explorer(tiny_model))
    said = capsys.readouterr()
    assert "Encoded 1,000 pictures with tiny" in said.out
    lines = said.err.splitlines()
    assert lines[0].startswith("Preparation was unsure of 12 of them: --figures")
    assert (lines[2], lines[21]) == ("  0.png: Torn.", "  19.png: Torn.")
    assert lines[22:] == [f'  and 5 more, which "refused" of {tmp_path / "codes.npz"} lists.']


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_no_file(
    folder: Path,
    tiny_folder: Path,
    sent: signal.Signals,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Interrupted(command.Progress):
        def __call__(self, done: int, count: int) -> None:
            super().__call__(done, count)
            if done == 2:
                signal.raise_signal(sent)

    monkeypatch.setattr(command, "Progress", Interrupted)
    before = sorted(folder.parent.iterdir())
    out = ["-o", str(folder.parent / "codes.npz"), "--figures", str(folder.parent / "figures.csv")]
    assert main(["encode", str(folder), *out, "--model", str(tiny_folder)]) == 130
    assert capsys.readouterr().err == "Interrupted after 2 of 4 pictures: nothing was written.\n"
    assert sorted(folder.parent.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no", "-o", "c.npz"], "There is no folder no."),
        ([".", "-o", "c.npz"], ". holds no pictures (.png, .jpg"),
        (["in", "-o", "c.txt"], "a file whose name ends in .npz, not 'c.txt'"),
        (["in", "-o", "no/c.npz"], "no/c.npz cannot be written: there is no folder no."),
        (["in", "-o", "/proc/c.npz"], "/proc/c.npz cannot be written: No such file or directory."),
        (["in", "-o", "c.npz", "--model", "no"], "Model 'no' not found; available = ["),
        (["in", "-o", "c.npz", "--device", "pink"], "The device is auto, cpu, cuda or cuda:N, not 'pink'."),
        (["in", "-o", "c.npz", "--neighbours", "n.csv"], "tiny has no gallery of pictures"),
        (["in", "-o", "c.npz", "--batch-size", "0"], "A batch holds from 1 to"),
    ],
)
def test_a_folder_that_cannot_be_encoded_is_refused_in_a_sentence(
    folder: Path,
    tiny_folder: Path,
    arguments: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if arguments[0] == ".":
        (folder.parent / "empty").mkdir()
    monkeypatch.chdir(folder.parent / "empty" if arguments[0] == "." else folder.parent)
    model = [] if "--model" in arguments else ["--model", str(tiny_folder)]
    assert main(["encode", *arguments, *model]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert said in message
    assert message.count("\n") == 1
    assert not list(folder.parent.glob("*.npz"))
