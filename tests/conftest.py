"""What all tests share: real digits, tiny networks, and a data set folder made of the digits."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import os
import signal
import socket
import struct
import zlib
from collections.abc import Callable, Coroutine, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
import torch
from filelock import FileLock
from torch import Tensor

import ganlab
from ganlab import networks
from ganlab.config import ModelConfig
from ganlab.explorer import Explorer
from ganlab.gallery import GALLERIES, TRAIN_FILE, Gallery, Pictures, load_pictures, save_pictures
from ganlab.model import LatentModel, load, save
from ganlab.networks import LatentMap
from tests import fixtures, order

T = TypeVar("T")
MANY = 10_000  # pictures of a gallery whose points are worth storing

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as in the background of a shell script
    signal.signal(signal.SIGINT, signal.default_int_handler)

torch.set_num_threads(1)  # tiny matrices: on busy cores a second thread costs more than it does

# Nothing leaves this machine while tests run.
os.environ.update(
    GRADIO_ANALYTICS_ENABLED="False",
    HF_HUB_OFFLINE="1",
    NO_PROXY="127.0.0.1,localhost",
    no_proxy="127.0.0.1,localhost",
)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """A million objects that stay until the end are not looked through again and again."""
    gc.disable()
    result = yield
    gc.freeze()
    gc.enable()
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None, None, None]:
    """What needs the whole app is slow. What takes longest begins first, so that no worker ends with it."""
    for item in items:
        if "server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
    yield  # -m chooses by markers
    items[:] = order.deal(items, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


@pytest.fixture(autouse=True, scope="session")
def impatience() -> Iterator[None]:
    """Files need not outlast a power failure here: waiting for the disk takes longer than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture(autouse=True, scope="session")
def shared_points(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """All of a bundled gallery as points takes seconds: computed once for all workers and for models that are
    loaded anew."""
    compute, folder = Gallery._embed_all, tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # of all workers

    def embed_all(gallery: Gallery, space: str) -> Tensor:
        if len(gallery) < MANY or gallery.model.device.type != "cpu":
            return compute(gallery, space)
        pixels, indices = gallery.pictures.pixels[:: MANY // 10], gallery.pictures.indices
        content = zlib.crc32(indices.numpy().tobytes(), zlib.crc32(pixels.numpy().tobytes()))
        path = folder / f"{gallery.model.fingerprint}-{space}-{content}.pt"
        with FileLock(f"{path}.lock"):
            if not path.is_file():
                torch.save(compute(gallery, space), path)
            return cast("Tensor", torch.load(path, mmap=True, weights_only=True))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Gallery, "_embed_all", embed_all)
        yield
    for path in folder.glob("*.pt"):  # hundreds of MB; who still needs one has it open, or computes it
        path.unlink(missing_ok=True)


TINY = ModelConfig(
    name="tiny",
    method="bigan",
    dataset="mnist",
    family="paper",
    networks=("generator", "encoder", "joint_discriminator"),
    channels=1,
    size=28,
    latent_dim=4,
    prior="uniform",
    width=16,
    title="Tiny",
)


@pytest.fixture(scope="session")
def digits() -> Pictures:
    """The first 500 MNIST test digits."""
    return load_pictures(GALLERIES / "mnist" / "test.npz")


@pytest.fixture
def tiny_folder(tmp_path: Path) -> Path:
    """A checkpoint of untrained tiny networks, as publishing would leave it."""
    nets = networks.build(TINY)
    networks.initialise(nets, seed=0)
    save(TINY, nets, tmp_path / "tiny")
    return tmp_path / "tiny"


@pytest.fixture
def tiny_model(tiny_folder: Path) -> LatentModel:
    return load(str(tiny_folder))


@pytest.fixture
def renewed(tiny_folder: Path, tmp_path: Path) -> tuple[Explorer, Explorer]:
    """A checkpoint before and after it loses its discriminator's file; the second names the first's
    fingerprint as an alias."""
    before = load(str(tiny_folder))
    kept = ("generator", "encoder")
    config = dataclasses.replace(TINY, networks=kept, aliases=(before.fingerprint,))
    save(config, {name: before.networks[name] for name in kept}, tmp_path / "renewed" / "tiny")
    return Explorer(before), Explorer(load(str(tmp_path / "renewed" / "tiny")))


@pytest.fixture
def mapped(tmp_path: Path) -> Explorer:
    """A model of untrained tiny networks with a latent map that bends what is straight."""
    kept = ("generator", "encoder", "latent_map")
    sizes = {"map_width": 8, "map_blocks": 1, "map_steps": 2}
    config = dataclasses.replace(TINY, networks=kept, prior="normal", **sizes)
    nets = networks.build(config)
    networks.initialise(nets, seed=0)
    fixtures.fill(nets["latent_map"])
    with torch.no_grad():
        fixtures.tame(cast("LatentMap", nets["latent_map"]))
    for weight in nets["generator"].parameters():  # untrained, its pictures would all be grey
        weight.data.mul_(4)
    save(config, nets, tmp_path / "mapped")
    return Explorer(load(str(tmp_path / "mapped")))


CHANGE = "it learnt to write (May 2020)"


@pytest.fixture
def replaced(tiny_folder: Path, tmp_path: Path) -> tuple[Explorer, Explorer]:
    """A checkpoint, and another of the same name that took its place and says what has changed."""
    before = load(str(tiny_folder))
    config = dataclasses.replace(TINY, replaced={before.fingerprint: CHANGE})
    nets = networks.build(config)
    networks.initialise(nets, seed=1)
    save(config, nets, tmp_path / "replaced" / "tiny")
    return Explorer(before), Explorer(load(str(tmp_path / "replaced" / "tiny")))


def write_idx(path: Path, values: Tensor) -> None:
    """uint8 values in the idx format of the MNIST files: magic, sizes, bytes; all big-endian."""
    header = struct.pack(f">I{values.dim()}I", 0x0800 + values.dim(), *values.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + values.byte().numpy().tobytes())


def write_mnist(root: Path, pictures: Pictures) -> None:
    """`pictures` as both the training and the test set of an MNIST folder."""
    for split in ("train", "t10k"):
        write_idx(root / "MNIST" / "raw" / f"{split}-images-idx3-ubyte", pictures.pixels.squeeze(1))
        write_idx(root / "MNIST" / "raw" / f"{split}-labels-idx1-ubyte", pictures.labels)


@pytest.fixture
def mnist_root(tmp_path: Path, digits: Pictures) -> Path:
    write_mnist(tmp_path / "data", digits)
    return tmp_path / "data"


@pytest.fixture
def no_download(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Makes every download fail as an absent network would; returns the list of attempts."""
    from urllib.error import URLError

    attempts: list[str] = []

    def refuse(url: str, *args: Any, **kwargs: Any) -> None:
        attempts.append(url)
        raise URLError("no network")

    fake: Callable[..., None] = refuse
    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", fake)
    return attempts


@pytest.fixture(scope="session")
def bundled() -> Explorer:
    """The checkpoint that the app opens on."""
    return ganlab.load("mnist-bigan")


@pytest.fixture(scope="session")
def few_neighbours(digits: Pictures) -> Explorer:
    """A trained autoencoder with the first 300 digits for a gallery."""
    model = load("mnist-ae-l1")
    some = Pictures(digits.pixels[:300], digits.labels[:300], digits.indices[:300])
    return Explorer(model, Gallery(model, some))


def untrained_model(folder: Path, **settings: Any) -> str:
    """A checkpoint of untrained tiny networks, as a folder's path; `settings` differ from TINY's."""
    config = dataclasses.replace(TINY, name=folder.name, **settings)
    nets = networks.build(config)
    networks.initialise(nets, seed=0)
    save(config, nets, folder)
    return str(folder)


@pytest.fixture(scope="session")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A second model on the same gallery, as a folder: untrained, tiny."""
    folder = tmp_path_factory.mktemp("models") / "other"
    return untrained_model(folder, title="Other · MNIST", gallery="mnist")


@pytest.fixture(scope="session")
def gan_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A GAN without an encoder on the same gallery, as a folder: untrained, tiny."""
    return untrained_model(
        tmp_path_factory.mktemp("models") / "no-encoder",
        method="gan",
        family="tutorial-gan",
        networks=("generator", "discriminator"),
        prior="normal",
        title="GAN · MNIST",
        gallery="mnist",
    )


@pytest.fixture(scope="session")
def colour_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A GAN of 32x32 colour pictures without encoder and gallery, as a folder: untrained, tiny."""
    return untrained_model(
        tmp_path_factory.mktemp("models") / "colour",
        method="gan",
        dataset="colours",
        family="conv",
        networks=("generator", "discriminator"),
        channels=3,
        size=32,
        prior="normal",
        width=4,
        preparation="picture",
        title="GAN · CIFAR-10",
    )


@pytest.fixture(scope="session")
def picture_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A BiGAN of 32x32 colour pictures with a gallery of its own, as a folder: untrained, tiny."""
    folder = tmp_path_factory.mktemp("models") / "pictures"
    pixels = torch.randint(
        0, 256, (40, 3, 4, 4), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )
    pixels = pixels.repeat_interleave(8, dim=2).repeat_interleave(8, dim=3)
    (folder / "gallery").mkdir(parents=True)
    save_pictures(folder / "gallery" / TRAIN_FILE, Pictures(pixels, torch.arange(40) % 4, torch.arange(40)))
    return untrained_model(
        folder,
        dataset="squares",
        family="conv",
        networks=("generator", "encoder"),
        channels=3,
        size=32,
        prior="normal",
        width=4,
        preparation="picture",
        title="BiGAN · squares",
    )


def free_port() -> int:
    """Not "the first free of many", as Gradio looks for one: another worker might take the same."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def run_apart(test: Coroutine[Any, Any, T]) -> T:
    """Run it in a thread of its own: a browser test of before has left an event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, test).result()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Address of the real app, served as `python app.py` serves it, on any free port."""
    from ganlab.ui import app
    from ganlab.ui.server import launch
    from ganlab.ui.server.models import Models

    models = Models("mnist-bigan")
    blocks = app.build(models)
    _, url, _ = launch.launch(blocks, models, "127.0.0.1", free_port(), prevent_thread_lock=True)
    yield url
    blocks.close()
