"""Pictures read while training: the same run as from memory, resumed anywhere; what is damaged; tar files."""

from __future__ import annotations

import io
import multiprocessing
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.train.data.test_survey import write
from tests.train.runs import assert_same, settings, state, stop_after
from train.__main__ import main as train
from train.__main__ import read_arguments
from train.config import TrainConfig
from train.data import datasets, stream
from train.data.folder import read_index
from train.data.shards import main as shards
from train.data.stream import Stream, open_pictures
from train.data.tars import TarIndex, read_split
from train.trainer import Trainer

COUNT = 60  # of which six are test pictures
ROWS = torch.arange(54)
SHAPE = (3, 8, 8)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small colour pictures in two classes; not to be changed."""
    folder = tmp_path_factory.mktemp("stream") / "pictures"
    for n in range(COUNT):
        write(folder / ("barn-owl" if n % 2 else "red_fox") / f"{n:02d}.png", (8, 8), seed=n)
    return folder


@pytest.fixture(scope="module")
def packed(pictures: Path) -> Path:
    """The same as tar files of sixteen pictures; not to be changed."""
    out = pictures.with_name("packed")
    assert shards([str(pictures), str(out), "--size", "8", "--per-shard", "16"]) == 0
    return out


def config(dataset: Path, out: Path, **changes: object) -> TrainConfig:
    return settings(
        out, epochs=2, dataset=str(dataset), size=8, channels=3, batch_size=16, limit=0, **changes
    )


def build(dataset: Path, out: Path, resume: bool = False, **changes: object) -> Trainer:
    chosen = config(dataset, out, **changes)
    return Trainer(chosen, open_pictures(chosen, "cpu"), resume=resume)


@pytest.mark.slow
def test_a_streamed_run_is_the_run_from_memory_and_resumes_exactly(
    pictures: Path, packed: Path, tmp_path: Path
) -> None:
    memory = build(pictures, tmp_path / "memory", stream=False)
    assert memory.train()
    for name, dataset in (("folder", pictures), ("tars", packed)):
        streamed = build(dataset, tmp_path / name, stream=True, workers=0)
        assert isinstance(streamed.source, Stream)
        assert not stop_after(streamed, 4).train()  # within the second epoch
        resumed = build(dataset, tmp_path / name, resume=True, stream=True, workers=0)
        assert resumed.train()
        assert_same(state(resumed), state(memory))


@pytest.mark.slow
def test_workers_give_what_was_announced_and_anything_between(packed: Path) -> None:
    before = set(multiprocessing.active_children())
    index = read_split(packed, "train")
    plain, ahead = Stream(index, SHAPE), Stream(index, SHAPE, workers=2)
    for epoch in range(2):
        batches = ahead.shuffle(3, epoch)[:48].view(6, 8)
        ahead.prepare(batches[1:])  # as of a run that goes on with the second step
        for step in range(1, 4):
            assert torch.equal(ahead.fetch(batches[step]), plain.fetch(batches[step]))
            assert torch.equal(ahead.fetch(ROWS[:5]), plain.fetch(ROWS[:5]))
    batches = ahead.shuffle(3, 2)[:48].view(6, 8)
    ahead.prepare(batches)
    first, other = set(multiprocessing.active_children()) - before
    first.kill()
    first.join()
    with pytest.raises(ValueError, match=r"ended from outside.*--resume"):
        ahead.fetch(batches[0])
    ahead.close()
    other.join()
    assert torch.equal(ahead.fetch(ROWS), plain.fetch(ROWS))


def test_the_order_follows_from_seed_and_epoch(packed: Path) -> None:
    for window in (0, 20):
        source = Stream(read_split(packed, "train"), SHAPE, window=window)
        order = source.shuffle(1, 0)
        assert order.sort().values.equal(ROWS)
        assert order.equal(source.shuffle(1, 0))
        assert not order.equal(source.shuffle(1, 1))
        assert not order.equal(source.shuffle(2, 0))


def test_a_window_keeps_to_a_few_shards(packed: Path) -> None:
    index = read_split(packed, "train")
    files = index.entries["file"][Stream(index, SHAPE, window=20).shuffle(0, 0).numpy()]
    assert len(set(files[:32].tolist())) == 2  # two shards of sixteen hold more than twenty
    assert len(set(files[:16].tolist())) == 2  # and are mixed


def test_unreadable_files_give_their_turn_to_the_next(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "some"
    for n in range(12):
        write(folder / f"{n:02d}.png", (8, 8), seed=n)
    (folder / "02.png").write_bytes(b"no picture")
    (folder / "03.png").write_bytes((folder / "04.png").read_bytes()[:-30])
    source = Stream(read_index(folder, "train"), SHAPE)
    batch = source.fetch(torch.tensor([1, 2, 3, 4]))
    assert torch.equal(batch[1], batch[3])
    assert torch.equal(batch[2], batch[3])
    assert not torch.equal(batch[0], batch[3])
    source.fetch(torch.tensor([2, 3]))
    assert capsys.readouterr().err == (
        "warning: '02.png', '03.png' cannot be read, and what comes next stands for it (2 of 11 so far).\n"
    )
    for path in folder.iterdir():
        path.unlink()
    with pytest.raises(ValueError, match=r"None of 11 pictures from '01\.png' on can be read: is the disk"):
        source.fetch(torch.tensor([1]))


def test_damaged_shards_are_named(packed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "test").mkdir()
    first = (packed / "train" / "000000.tar").read_bytes()
    start = read_split(packed, "train").entries["start"][5]
    (tmp_path / "train" / "0.tar").write_bytes(first[: start - 300])  # in the middle of a header
    (tmp_path / "train" / "1.tar").write_bytes(first[: start - 512] + b"?" * 512 + first[start:])
    (tmp_path / "test" / "0.tar").write_bytes(first)
    index = read_split(tmp_path, "train")
    said = capsys.readouterr().err
    assert len(index) == 10
    assert "train/0.tar is damaged" in said
    assert "train/1.tar is damaged" in said
    assert "the 5 pictures before the damage are used" in said
    assert index.get_name(1) == "train/0.tar/000000001.png"


def test_shards_of_others_get_labels_and_splits(tmp_path: Path) -> None:
    write(tmp_path / "x.png", (8, 8))
    content = (tmp_path / "x.png").read_bytes()
    (tmp_path / "x.png").unlink()
    with tarfile.open(tmp_path / "data.tar", "w") as archive:
        for n in range(20):
            for name, data in ((f"a/{n}.jpg", content), (f"a/{n}.cls", b"7"), (f"a/{n}.json", b"{}")):
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    train, test = (read_split(tmp_path / "data.tar", split) for split in ("train", "test"))
    assert (len(train), len(test), train.classes) == (18, 2, ())
    assert set(train.labels.tolist()) == {7}
    assert train.get_name(17) == "data.tar/a/18.jpg"


def test_webdataset_reads_what_was_packed(packed: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    index = read_split(packed, "train")
    samples = list(
        webdataset.WebDataset(str(packed / "train" / "000000.tar"), shardshuffle=False).decode("rgb8")
    )
    assert len(samples) == 16
    for row, sample in enumerate(samples):
        assert sample["cls"] == index.labels[row]
        assert np.array_equal(sample["png"].transpose(2, 0, 1), index.decode(row, 8, False))


def test_packing_names_what_it_leaves_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for n in range(20):
        write(tmp_path / "in" / f"{n:02d}.png", (12, 9), seed=n)
    (tmp_path / "in" / "05.png").write_bytes(b"no picture")
    assert shards([str(tmp_path / "in"), str(tmp_path / "out"), "--shuffle"]) == 0
    said = capsys.readouterr()
    assert said.out == f"{tmp_path / 'out'}: 17 training and 2 test pictures\n"
    assert "1 files cannot be read and are left out" in said.err
    assert (tmp_path / "out" / "unreadable.txt").read_text() == "05.png\n"
    originals = {path.read_bytes() for path in (tmp_path / "in").iterdir()}
    index = read_split(tmp_path / "out", "train")
    assert all(index.read(row) in originals for row in range(17))  # files as they are
    assert shards([str(tmp_path / "in"), str(tmp_path / "out")]) == 2
    assert "is not empty" in capsys.readouterr().err


def test_the_index_is_kept_until_a_shard_changes(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = read_split(packed, "train")
    with monkeypatch.context() as patch:
        patch.setattr("train.data.tars._scan", lambda *_: pytest.fail("read again"))
        again = read_split(packed, "train")
    assert np.array_equal(index.entries, again.entries)
    assert again.classes == ("barn owl", "red fox")
    times = (packed / "classes.txt").stat()
    (packed / "classes.txt").write_text("owl\nfox\n")
    assert read_split(packed, "train").classes == ("owl", "fox")
    (packed / "classes.txt").write_text("barn owl\nred fox\n")
    os.utime(packed / "classes.txt", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert read_split(packed, "train").classes == ("barn owl", "red fox")


def test_large_sets_are_streamed_and_others_where_a_flag_says_so(
    pictures: Path, packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opens(**changes: object) -> str:
        return type(open_pictures(config(packed, tmp_path, **changes), "cpu")).__name__

    assert (opens(), opens(stream=True), opens(shuffle_window=9)) == ("Pictures", "Stream", "Stream")
    monkeypatch.setattr(datasets, "MAX_IN_MEMORY", 54 * 192 - 1)
    assert (opens(), opens(stream=False)) == ("Stream", "Pictures")
    sample = datasets.load(str(packed), "", "train", size=8, most=4 * 192)
    assert sample.indices.tolist() == [0, 13, 27, 40]
    with pytest.raises(ValueError, match="mnist fits into memory"):
        open_pictures(TrainConfig(stream=True), "cpu")
    with pytest.raises(ValueError, match="--shuffle-window belongs to --stream"):
        opens(stream=False, shuffle_window=9)


@pytest.mark.slow
def test_a_run_on_shards_by_the_command(
    packed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["gan", "--dataset", str(packed), "--size", "8", "--stream", "--workers", "0", "--device", "cpu"]
    assert read_arguments(flags)[0].channels == 3
    said = capsys.readouterr().out
    assert f"{packed}: 60 colour pictures of 8 x 8 pixels\n2 classes of 30 pictures: barn owl" in said
    assert "54 to train on, 6 to test on: its own folder" in said
    assert train([*flags, "--width", "8", "--epochs", "1", "--out", str(tmp_path / "run")]) == 0


def test_an_index_goes_to_another_process_without_its_open_files(packed: Path) -> None:
    index = read_split(packed, "train")
    index.read(0)
    copy = TarIndex.__new__(TarIndex)
    copy.__dict__.update(index.__getstate__())
    assert copy.read(3) == index.read(3)
    index.close()
    assert copy.read(0) == index.read(0)


def test_workers_leave_cores_to_the_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 32)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert stream.choose_workers() == 4
    monkeypatch.delenv("LOCAL_WORLD_SIZE")
    assert stream.choose_workers() == 8
