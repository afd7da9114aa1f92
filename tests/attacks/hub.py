"""A Hub that is slow, broken or hostile: what its models do to the app, and to visitors who want other ones.

The real client asks a local server. Nothing may hang, fill the disk, be used unless it is what was published,
or be said in other words than a sentence.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import statistics
import tempfile
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

from ganlab import download, hub, model, networks
from ganlab import sums as descriptions
from ganlab.config import CheckpointError
from ganlab.ui.server.downloads import PATIENCE
from ganlab.ui.server.models import Models
from tests import fake_hub
from tests.attacks.figures import Figure, at_most
from tests.attacks.page import Page, RefusedError
from tests.attacks.server import serve
from tests.conftest import TINY
from tests.fake_hub import Hub
from train import sums

SHORT = (fake_hub.DRIP, fake_hub.BOMB, fake_hub.PATH)  # the others are in tests/test_hub.py, or costly
FAULTS = (
    fake_hub.SILENT, fake_hub.DRIP, fake_hub.ERROR, fake_hub.HALF, fake_hub.HTML, fake_hub.HUGE,
    fake_hub.ENDLESS, fake_hub.BOMB, fake_hub.CHANGED, fake_hub.PATH, fake_hub.LOOP,
)  # fmt: skip
FILES = ("config.json", "generator.safetensors", "metrics.json")
STRANGE = (  # files that no config may name
    "model.pkl", "../up.json", "/etc/passwd", "a/b/c.json", "generator.bin", "", "x" * 400 + ".json",
    "C:\\x.json",
)  # fmt: skip
PYTHON = re.compile(r"Traceback|NoneType|Errno|httpx|Error\b|expected str|object has no attribute")
SLACK = 3.0  # seconds beyond the limit in which a process is ended on a busy machine
VISITORS = 40  # who ask for the same model at once


def attack(short: bool) -> list[Figure]:
    seconds = 3.0 if short else 30.0  # of a download
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_checkpoint(folder / "tiny")
        with (
            mock.patch.object(download, "MAX_SECONDS", seconds),
            fake_hub.serving(folder / "home", timeout=1 if short else 5) as server,
        ):
            server.elsewhere = Hub()
            try:
                return [
                    *ask_for_broken_models(server, folder, seconds, short),
                    *wait_for_a_slow_hub(server, folder),
                    *([] if short else use_the_app(server, folder)),
                    *ask_again_without_a_hub(server, folder),
                ]
            finally:
                server.elsewhere.close()


def write_checkpoint(folder: Path) -> None:
    """A checkpoint of tiny networks, with figures and a file that nothing may ask for."""
    nets = networks.build(TINY)
    networks.initialise(nets, seed=0)
    model.save(TINY, nets, folder)
    (folder / "metrics.json").write_text('{"note": "' + "x" * 2000 + '"}')
    sums.write(folder)
    (folder / "model.pkl").write_bytes(b"a pickle")


def ask(name: str) -> tuple[str, str, float]:
    """The fingerprint of a model or nothing, the sentence in its place, and the seconds it took."""
    start = time.monotonic()
    try:
        return model.load(name).fingerprint, "", time.monotonic() - start
    except CheckpointError as error:
        return "", str(error), time.monotonic() - start


def is_sentence(text: str) -> bool:
    """Whether it is one line for people."""
    return text.endswith(".") and "\n" not in text and not PYTHON.search(text)


def ask_for_broken_models(server: Hub, folder: Path, seconds: float, short: bool) -> list[Figure]:
    """Each fault in each of three files, ids that are none, and configs that name what they must not."""
    names = put_broken_models(server, folder, short)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(ask, names))
    accepted = [name for name, (fingerprint, *_) in zip(names, answers, strict=True) if fingerprint]
    odd = [text for _, text, _ in answers if text and not is_sentence(text)]
    cache = list((folder / "home").rglob("*"))
    outside = [path.name for path in folder.iterdir() if path.name not in ("home", "tiny")]
    largest = max((path.stat().st_size for path in cache if path.is_file()), default=0)
    return [
        Figure("broken models refused", f"{len(names) - len(accepted)} of {len(names)}", ok=not accepted),
        *(Figure("accepted", name, ok=False) for name in accepted),
        *(Figure("said", text, ok=False) for text in odd),
        at_most("slowest refusal", max(took for *_, took in answers), "s", 2 * seconds + SLACK),
        at_most("half-written files left", sum("incomplete" in path.name for path in cache), "", 0),
        at_most("largest file kept", largest / 1e6, "MB", max(download.LIMITS.values()) / 1e6),
        at_most("files written elsewhere", len(outside), "", 0),
        at_most("pickles asked for", sum("pkl" in path for path in server.paths), "", 0),
    ]


def put_broken_models(server: Hub, folder: Path, short: bool) -> list[str]:
    """Repositories that cannot be used, and names of none; in short, each fault in one file."""
    ids = ("user/tiny@../../up", "user/../tiny", "user/tiny@-", "/user", "user/absent", "user/tiny@absent")
    names = [*ids[:4]] if short else [*ids]
    server.put_folder("user/tiny", folder / "tiny")
    for row, fault in enumerate(SHORT if short else FAULTS):
        for file in FILES[row % 3 :][:1] if short else FILES:
            repo = f"{fault}/{file.split('.')[0]}"
            server.put_folder(repo, folder / "tiny")
            server.faults[f"{repo}/resolve/{newest(server, repo)}/{file}"] = fault
            server.faults[f"{repo}/resolve/main/{file}"] = fault
            names.append(repo)
    text = (folder / "tiny" / "config.json").read_text()
    text, files = descriptions.split(text, "config.json")
    for number, strange in enumerate(STRANGE[:1] if short else STRANGE):
        changed = descriptions.join(text, {**files, strange: "0" * 64})
        server.put(f"strange/number-{number}", {"config.json": changed.encode()})
        names.append(f"strange/number-{number}")
    server.put("pickle/only", {"model.pkl": b"a pickle"})
    server.put("other/config", {"config.json": b'{"architectures": ["Other"]}', "model.bin": b"0"})
    return names if short else [*names, "pickle/only", "other/config"]


def newest(server: Hub, repo: str) -> str:
    """The newest commit of a repository."""
    return list(server.commits[repo])[-1]


def wait_for_a_slow_hub(server: Hub, folder: Path) -> list[Figure]:
    """Many visitors want a model that does not come; others, meanwhile, one that is here."""
    server.put_folder("slow/model", folder / "tiny")
    server.faults["slow/model/resolve/main/config.json"] = fake_hub.SILENT
    models = Models(str(folder / "tiny"))
    models.get(models.default)
    first = threading.Thread(target=ask_models, args=(models, "slow/model"))
    first.start()
    waits, others = [], []
    for _ in range(VISITORS):
        waits.append(ask_models(models, "slow/model"))
        others.append(ask_models(models, models.default))
        models.list_names()
    first.join()
    return [
        at_most("others, p95 while a model is waited for", 1000 * percentile(others), "ms", 100),
        at_most("the same model, p95 until a message", 1000 * percentile(waits), "ms", 100),
    ]


def use_the_app(server: Hub, folder: Path) -> list[Figure]:
    """The app over HTTP, started with a model of the Hub: a visitor picks one that does not come, and another
    goes on."""
    revision = server.put_folder("user/tiny", folder / "tiny")
    server.put_folder("silent/model", folder / "tiny")
    server.faults["silent/model/resolve/main/config.json"] = fake_hub.SILENT
    name = f"user/tiny@{revision}"
    settings = {key: value for key, value in os.environ.items() if key.startswith("HF_")}
    settings |= {"HF_HUB_ETAG_TIMEOUT": "20", "HF_HUB_DOWNLOAD_TIMEOUT": "20"}
    with serve("--model", name, env=settings) as app:
        clicks, wait = asyncio.run(click_while_one_waits(app.url))
        generator = urllib.request.urlopen(f"{app.url}/ganlab/generator?model={name}").read()
    return [
        Figure("--model USER/REPO@REVISION", "served" if generator else "not served", ok=bool(generator)),
        at_most("clicks of another visitor meanwhile, p95", 1000 * percentile(clicks), "ms", 1000),
        at_most("who picked the model, until a message", wait, "s", PATIENCE + SLACK),
    ]


async def click_while_one_waits(url: str) -> tuple[list[float], float]:
    """The seconds of each click of a visitor while another waits for a model, and those of that wait."""
    waiting, other = Page(url, "127.0.6.1"), Page(url, "127.0.6.2")
    for page in (waiting, other):
        await page.open(())
    start, clicks = time.monotonic(), []

    async def pick() -> float:
        with contextlib.suppress(RefusedError):  # the message
            await waiting.send("choose", "model-picker", value="silent/model")
        return time.monotonic() - start

    picked = asyncio.create_task(pick())
    while not picked.done():
        for tab in ("latent", "reconstruct"):
            began = time.monotonic()
            await other.select(tab)
            clicks.append(time.monotonic() - began)
    for page in (waiting, other):
        await page.close()
    return clicks, await picked


def ask_models(models: Models, name: str) -> float:
    """The seconds until the app answers who wants a model."""
    start = time.monotonic()
    with contextlib.suppress(CheckpointError):
        models.get(name)
    return time.monotonic() - start


def percentile(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def ask_again_without_a_hub(server: Hub, folder: Path) -> list[Figure]:
    """What was downloaded once, also from another host, is there when no Hub is; damage to it is noticed."""
    server.put_folder("large/files", folder / "tiny")
    server.faults["generator.safetensors"] = fake_hub.ELSEWHERE
    assert server.elsewhere is not None
    with mock.patch.dict("os.environ", {"HF_TOKEN": "hf_secret"}):
        before = ask("large/files")[0]
    tokens = sum(bool(request.token) for request in server.elsewhere.requests)
    server.close()
    kept = ask("large/files")[0]
    weights = hub.resolve("large/files") / "generator.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.resolve().write_bytes(content)
    damaged, sentence, _ = ask("large/files")
    refused = not damaged and "generator.safetensors" in sentence
    return [
        at_most("tokens sent to another host", tokens, "", 0),
        Figure("without a network", "the same model", ok=bool(before) and before == kept),
        Figure("a flipped bit in the cache", "refused by name" if refused else "used", ok=refused),
    ]
