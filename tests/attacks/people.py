"""What people do with the page, with the pauses that they make, and how long each answer took them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import random
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import httpx
import numpy as np
from PIL import Image

from ganlab import tensor_files
from ganlab.gallery import GALLERIES, load_pictures
from tests.attacks.page import Page, RefusedError

THINKING = (1.5, 6.0)  # seconds between two things that a person does
STROKE = 0.35  # seconds between two pictures of a drawing under way
STAY = (25.0, 90.0)  # seconds until a person leaves; another comes
PAPER, PHOTO = 280, 640  # pixels of the pad, and of a photograph
STAGES = (0.35, 0.6, 0.8, 1.0)  # how much of a digit is drawn when the pad sends it
REFINING = 3.0  # seconds after which a person stops a descent


class GaveUpError(Exception):
    """Something did not work, so that the visitor goes on to something else."""


class Deed(NamedTuple):
    """One thing that a visitor did: when it began, how long its answer took (seconds), what went wrong."""

    action: str
    began: float
    seconds: float
    error: str = ""


class Pictures:
    """Digits as the pad sends them while they are drawn, and as photographs."""

    def __init__(self, count: int = 24) -> None:
        digits = load_pictures(GALLERIES / "mnist" / "test.npz").pixels[:count, 0].numpy()
        self.drawings = [[self._draw(digit, part) for part in STAGES] for digit in digits]
        self.photos = [self._photograph(digit) for digit in digits]

    @staticmethod
    def _draw(digit: np.ndarray, part: float) -> str:
        """The upper `part` of a digit as ink on a pad, as a data: URI."""
        inked = np.zeros((28, 28), np.uint8)
        rows = max(8, round(28 * part))
        inked[:rows] = digit[:rows]
        alpha = Image.fromarray(inked).resize((PAPER, PAPER), Image.Resampling.BICUBIC)
        picture = Image.new("RGBA", (PAPER, PAPER), (0, 0, 0, 0))
        picture.putalpha(alpha.point(lambda value: 255 if value > 90 else 0))
        file = io.BytesIO()
        picture.save(file, "PNG")
        return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()

    @staticmethod
    def _photograph(digit: np.ndarray) -> bytes:
        image = Image.fromarray(255 - digit).resize((PHOTO, PHOTO), Image.Resampling.BICUBIC)
        file = io.BytesIO()
        image.save(file, "JPEG", quality=90)
        return file.getvalue()


class Visitor:
    """Somebody who comes, does this and that, and leaves. What they do is the same for the same seed."""

    def __init__(self, page: Page, pictures: Pictures, seed: int, deeds: list[Deed]) -> None:
        self.page, self.pictures, self.deeds = page, pictures, deeds
        self.chance = random.Random(seed)
        self.indices: dict[str, list[int]] = {}  # of the codes on a model's map
        self.keys = 0

    @contextlib.asynccontextmanager
    async def doing(self, action: str) -> AsyncIterator[None]:
        """Note how long the answer takes, and what goes wrong; GaveUpError then."""
        began, error = time.monotonic(), ""
        try:
            yield
        except RefusedError as refusal:
            error = str(refusal)
        except (httpx.HTTPError, KeyError, ValueError, TypeError, IndexError) as trouble:
            error = f"{type(trouble).__name__}: {str(trouble)[:120]}"
        self.deeds.append(Deed(action, began, time.monotonic() - began, error))
        if error:
            raise GaveUpError

    async def think(self) -> None:
        await asyncio.sleep(self.chance.uniform(*THINKING))

    async def visit(self, assets: tuple[str, ...], until: float) -> None:
        """Come, by a link or not, and stay for a while or `until` then (monotonic)."""
        until = min(until, time.monotonic() + self.chance.uniform(*STAY))
        try:
            await self.attempt(self.arrive(assets))
            ways, weights = zip(*WAYS, strict=True)
            while self.page.config and time.monotonic() < until:
                await self.think()
                (way,) = self.chance.choices(ways, weights)
                await self.attempt(way(self))
        finally:
            await self.page.close()

    @staticmethod
    async def attempt(way: Awaitable[None]) -> None:
        """Do something, or give it up."""
        with contextlib.suppress(GaveUpError):
            await way

    async def arrive(self, assets: tuple[str, ...]) -> None:
        link = self.chance.choice(LINKS) if self.chance.random() < 0.3 else None
        async with self.doing("open the page"):
            await self.page.open(assets, f"?{'&'.join(f'{k}={v}' for k, v in link.items())}" if link else "")
            await self.page.select("reconstruct")
        if link is not None:
            async with self.doing("follow a link"):
                await self.page.send("arrive", None, {"kind": "link", **link, "id": "1"})

    def create_key(self) -> str:
        self.keys += 1
        return f"{self.page.session}.{self.keys}"

    async def send_picture(self, **picture: Any) -> None:
        """What the pad sends; its answer must be of that picture."""
        key = self.create_key()
        await self.page.send("picture", value={**picture, "key": key})
        stage = str(self.page.value_of("reconstruct-stage"))
        pad = self.page.values[self.page.find("picture")["source"]]
        if isinstance(pad, dict) and pad.get("refused"):
            raise RefusedError(f"the pad says: {pad.get('says')}")
        if key not in stage:
            raise RefusedError("the answer is another picture's")

    @property
    def studio(self) -> dict[str, Any]:
        return dict(self.page.value_of("latent-studio"))


# ---------------------------------------------------------------------- what people do


async def draw(visitor: Visitor) -> None:
    """A digit, stroke by stroke."""
    async with visitor.doing("open Reconstruct"):
        await visitor.page.select("reconstruct")
    for picture in visitor.chance.choice(visitor.pictures.drawings):
        await asyncio.sleep(STROKE)
        async with visitor.doing("draw"):
            await visitor.send_picture(kind="draw", picture=picture)


async def upload(visitor: Visitor) -> None:
    """A photograph: the file once, looks at parts of it, then the part that was chosen."""
    async with visitor.doing("upload a file"):
        content = visitor.chance.choice(visitor.pictures.photos)
        name = (await visitor.page.post("/ganlab/upload?preview=no", content)).json()["upload"]
    model = str(visitor.page.value_of("latent-studio")["fingerprint"])
    for _ in range(3):
        await asyncio.sleep(STROKE)
        edge = visitor.chance.randrange(0, 40)
        part = {"upload": name, "crop": [edge, edge, PHOTO - 2 * edge], "polarity": "auto", "model": model}
        async with visitor.doing("look at a part"):
            await visitor.page.post("/ganlab/view", part)
    async with visitor.doing("take a part"):
        await visitor.send_picture(kind="upload", upload=name, crop=None)


async def refine(visitor: Visitor) -> None:
    """Gradient descent, which a person watches for a moment."""
    async with visitor.doing("open Reconstruct"):
        await visitor.page.select("reconstruct")
    async with visitor.doing("refine"):
        await visitor.page.stream("start", "refine", {"content": False}, REFINING)
    async with visitor.doing("stop refining"):
        await visitor.page.send("stop", "refine")


async def slide(visitor: Visitor) -> None:
    """A slider is dragged in the page, and let go."""
    async with visitor.doing("open Latent"):
        await visitor.page.select("latent")
        model = visitor.studio["model"]
        for route in ("directions", "judge", "generator"):
            await visitor.page.get(f"/ganlab/{route}?model={model}")
    for _ in range(3):
        await visitor.think()
        async with visitor.doing("let a slider go"):
            studio = visitor.studio
            z = [value + visitor.chance.gauss(0, 0.2) for value in studio["z"]]
            if max(map(abs, studio["z"])) <= 1:  # perhaps a uniform prior
                z = [max(-1.0, min(1.0, value)) for value in z]
            rest = {
                "fingerprint": studio["fingerprint"],
                "key": visitor.create_key(),
                "z": z,
                "about": "moved",
            }
            await visitor.page.send("rest", data={**rest, "parents": [studio["key"]]})
            if visitor.studio["key"] != rest["key"]:
                raise RefusedError("the answer is another latent's")


async def walk(visitor: Visitor) -> None:
    """Between A and B, what is seen on the way, and a film to take home."""
    async with visitor.doing("open Interpolate"):
        await visitor.page.select("interpolate")
        film = visitor.page.value_of("film")
        settings = {"frames": 61, "seconds": 3, "easing": "linear", "way": None, "loop": False}
        body = {
            "model": film["model"],
            "fingerprint": film["fingerprint"],
            "keyframes": [film["a"]["z"], film["b"]["z"]],
            "film": settings,
        }
        await visitor.page.post("/ganlab/ribbon", body)
    if visitor.chance.random() < 0.5:
        await visitor.think()
        async with visitor.doing("film"):
            kind = visitor.chance.choice(("gif", "webp"))
            await visitor.page.post("/ganlab/film", {**body, "kind": kind, "scale": 8})


async def look_around(visitor: Visitor) -> None:
    """Neighbours, more of them, and the neighbours of a neighbour."""
    async with visitor.doing("open Neighbours"):
        await visitor.page.select("neighbours")
    await visitor.think()
    async with visitor.doing("more neighbours"):
        await visitor.page.send("input", "k", value=visitor.chance.randrange(3, 50))
    await visitor.think()
    stage = str(visitor.page.value_of("neighbours-stage"))
    tiles = re.findall(r'data-action="(\w+)"[^>]*data-value="(\d+)"', stage)
    if not tiles:
        return
    async with visitor.doing("follow a neighbour"):
        action, index = visitor.chance.choice(tiles)
        studio = visitor.page.value_of("latent-studio")
        fingerprint = (re.findall(r'data-fingerprint="(\w+)"', stage) or [studio["fingerprint"]])[0]
        data = {"action": action, "value": index, "fingerprint": fingerprint}
        await visitor.page.send("pick", "neighbours-stage", data)


async def sample(visitor: Visitor) -> None:
    """Other samples, of which one is taken."""
    async with visitor.doing("open Sample"):
        await visitor.page.select("sample")
    await visitor.think()
    async with visitor.doing("another seed"):
        await visitor.page.send("click", "another-seed")
    await visitor.think()
    async with visitor.doing("take a sample"):
        await visitor.page.send("pick", "sample-stage", {"action": "sample", "value": "3"})


async def see_map(visitor: Visitor) -> None:
    """All codes, of which one is taken."""
    async with visitor.doing("open Map"):
        await visitor.page.select("map")
        value = visitor.page.value_of("map")
        if value.get("reason"):
            return
        model = value["model"]
        if content := (await visitor.page.get(f"/ganlab/map?model={model}")).content:
            visitor.indices[model] = tensor_files.unpack(content)[0]["indices"].tolist()
    async with visitor.doing("point at a code"):
        index = visitor.chance.choice(visitor.indices[model][:1000])
        await visitor.page.get(f"/ganlab/training?model={value['model']}&index={index}")
    await visitor.think()
    async with visitor.doing("take a code"):
        use = {"index": index, "fingerprint": value["fingerprint"]}
        await visitor.page.send("use", "map", use)


async def compare(visitor: Visitor) -> None:
    """The same picture by all models, which arrive one after the other."""
    async with visitor.doing("compare"):
        await visitor.page.select("compare")
        for _ in range(40):
            stage = str(visitor.page.value_of("compare-stage"))
            state = re.search(r'data-began="(\d+)" data-more="(\d+)"', stage)
            if state is None:
                break
            await asyncio.sleep(int(state[2]) / 1000)
            await visitor.page.send("more", "compare-stage", {"began": int(state[1])})


async def switch(visitor: Visitor) -> None:
    """Another model."""
    async with visitor.doing("switch models"):
        await visitor.page.send("choose", "model-picker", value=visitor.chance.choice(MODELS))


WAYS: tuple[tuple[Callable[[Visitor], Awaitable[None]], int], ...] = (
    (draw, 6),
    (slide, 4),
    (look_around, 3),
    (sample, 3),
    (walk, 2),
    (upload, 2),
    (switch, 2),
    (refine, 1),
    (see_map, 1),
    (compare, 1),
)
MODELS = ("mnist-bigan-plus", "mnist-bigan", "mnist-ae-l1", "mnist-jlr", "cifar10-bigan-plus")
LINKS: tuple[dict[str, str], ...] = (
    {"tab": "neighbours", "model": "mnist-bigan-plus", "at": "test-3"},
    {"tab": "latent", "model": "mnist-bigan", "at": "training-1234"},
    {"tab": "sample", "model": "mnist-bigan-plus", "at": "sample-5-2"},
)
