"""Switching models at random moments in every tab: what is shown together belongs together, or is marked."""

from __future__ import annotations

import base64
import io
import random
import re
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from ganlab import images
from ganlab.explorer import Explorer
from ganlab.gallery import TRAIN_FILE, Pictures, save_pictures
from ganlab.ui import app
from ganlab.ui.items import Item
from ganlab.ui.server import launch
from ganlab.ui.server.models import Models
from ganlab.ui.tabs import neighbours
from tests.browser.gestures import Open, choose_model, photo
from tests.browser.screenshots import TABS, open_tab
from tests.conftest import free_port, untrained_model
from tests.ui.test_switching import KINDS

pytestmark = pytest.mark.browser
playwright = pytest.importorskip("playwright.sync_api")
expect, TimeoutError = playwright.expect, playwright.TimeoutError

MOVES, MANY_MOVES = 60, 600
ROUND = 10  # moves between two looks at a settled page
HASTE = 60  # ms at most between two moves
LONG = 120_000  # ms
BUNDLED = "mnist-ae-l1"

# Requests to Python's handlers under way, as the page counts them.
COUNT = """
  window.underWay = 0;
  const request = window.fetch;
  window.fetch = async (address, ...rest) => {
    const counts = /run.predict|queue.join|ganlab.(?!static)/.test(String(address?.url ?? address));
    if (counts) window.underWay += 1;
    try {
      const answer = await request(address, ...rest);
      if (counts) await answer.clone().arrayBuffer().catch(() => null);
      return answer;
    } finally {
      if (counts) window.underWay -= 1;
    }
  };
"""

# What on the page belongs to which model: the header's fingerprint, and of all else in sight where it is, its
# fingerprint and whether it is marked.
LOOK = """
() => {
  const header = document.querySelector('.gl-header [data-fingerprint]').dataset.fingerprint;
  const parts = [...document.querySelectorAll('#tabs [data-fingerprint], .gl-shelf [data-fingerprint]')];
  const seen = parts.filter((part) => part.offsetParent !== null && part.dataset.fingerprint);
  const where = (part) => part.closest('[id]')?.id + ' ' + part.className;
  const marked = (part) => part.classList.contains('gl-stale');
  return [header, seen.map((part) => [where(part), part.dataset.fingerprint, marked(part)])];
}
"""

# Nothing is under way, nothing is marked, and that has been so for a while.
SETTLED = """
(name) => {
  const [header, parts] = (LOOK)();
  const chosen = [document.querySelector('#model-picker select').value, ''].includes(name);
  const alike = parts.every(([, fingerprint, marked]) => fingerprint === header && !marked);
  const more = [...document.querySelectorAll('[data-more="0"]')].some((part) => part.offsetParent !== null);
  if (!chosen || !alike || more || window.underWay) window.calm = [];
  else window.calm.push(performance.now());
  return window.calm.length > 12 && window.calm.at(-1) - window.calm[0] > 300;
}
""".replace("LOOK", LOOK)

# A click or a new value for the nth visible element, counted round; whether there is one.
TOUCH = """
([selector, n, value]) => {
  const all = [...document.querySelectorAll(selector)];
  const usable = all.filter((one) => one.offsetParent !== null && !one.disabled && !one.closest('.gl-stale'));
  if (!usable.length) return false;
  const target = usable[n % usable.length];
  if (value === null) { target.click(); return true; }
  const { set } = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value');
  set.call(target, value);
  for (const type of ['input', 'change']) target.dispatchEvent(new Event(type, { bubbles: true }));
  return true;
}
"""

# By tab, what a hand can do there: a selector, and what to enter ("" clicks).
CONTROLS: dict[str, list[tuple[str, str]]] = {
    "Reconstruct": [("[data-action=example]", ""), ("#reconstruct-stage [data-action=neighbour]", "")],
    "Latent": [("#latent-studio .gl-dir input[type=range]", "1.2"), ("#latent-studio .gl-stage button", "")],
    "Interpolate": [
        ("#interpolate-stage [data-action=swap]", ""),
        ("#interpolate-stage [data-action=random]", ""),
        ("#interpolate-stage [data-action=example]", ""),
    ],
    "Neighbours": [
        ("#space input", ""),
        ("#k input[type=range]", "7"),
        ("#neighbours-stage [data-action=neighbour]", ""),
    ],
    "Sample": [
        ("#seed input", "5"),
        ("#another-seed", ""),
        ("#tabs input[type=range]", "0.6"),
        ("#sample-source input", ""),
        ("#sample-stage .gl-tile", ""),
    ],
    "Map": [],
    "Compare": [("#compare-stage [data-action=neighbour]", "")],
    "Methods": [("#method input", ""), ("#methods-stage [data-action=another]", "")],
    "Training": [],
}
PAD = "[role=tabpanel]:visible .gl-pad input[type=file]"  # of Reconstruct, or of Compare
UNDO = ".gl-pad [data-do=undo], #latent-studio button[title='ctrl z']"
# Back, if that does not leave the app; whether it went.
BACK = """
async (first) => {
  if (navigation.currentEntry.index <= first) return false;
  const arrived = new Promise((resolve) => addEventListener('popstate', resolve, { once: true }));
  history.back();
  await arrived;
  return true;
}
"""
# What the page's address says, and what the page shows: tab, model and the key of the current picture.
WHERE = """
() => {
  const query = new URLSearchParams(location.search);
  const part = (selector) => document.querySelector(selector).dataset;
  const shown = [part('[data-tab]').tab, document.querySelector('#model-picker select').value];
  return [[query.get('tab'), query.get('model')], shown, JSON.parse(part('.gl-current').item).key];
}
"""
SHELF = [".gl-shelf [data-action=keep]", ".gl-shelf [data-action=use]", ".gl-shelf [data-action=end]"]


class Offered(Models):
    """Exactly these models."""

    def __init__(self, *names: str) -> None:
        super().__init__(names[0], device="cpu")
        self.offered = list(names)

    def list_names(self) -> list[str]:
        return self.offered


@pytest.fixture(scope="module")
def offered(tmp_path_factory: pytest.TempPathFactory, digits: Pictures) -> Offered:
    """A small untrained model of each kind, all but the colour model with a gallery, and a bundled one."""
    root = tmp_path_factory.mktemp("models")
    some = Pictures(digits.pixels[:100], digits.labels[:100], digits.indices[:100])
    for name, settings in KINDS.items():
        untrained_model(root / name, **settings)
        if settings.get("channels", 1) == 1:
            (root / name / "gallery").mkdir()
            save_pictures(root / name / "gallery" / TRAIN_FILE, some)
    return Offered(BUNDLED, *(str(root / name) for name in KINDS))


class App:
    """The app in this process, whose visitors' state a test can look at."""

    def __init__(self, models: Offered, digits: Pictures) -> None:
        self.models, self.digits = models, digits
        self.blocks = app.build(models)
        self.server, self.url, _ = launch.launch(
            self.blocks, models, "127.0.0.1", free_port(), prevent_thread_lock=True
        )

    def find_current(self) -> Item:
        """What is current for the visitor who came last."""
        *_, session = self.server.state_holder.session_data.values()
        state = min(
            key for key, part in self.blocks.blocks.items() if part.stateful and isinstance(part.value, Item)
        )
        return session[state]


@pytest.fixture(scope="module")
def served(offered: Offered, digits: Pictures) -> Iterator[App]:
    served = App(offered, digits)
    yield served
    served.blocks.close()


@pytest.fixture
def page(open_page: Open, served: App) -> Any:
    page = open_page(also=served.url)
    page.add_init_script(COUNT)
    page.goto(served.url)
    page.locator("#reconstruct-stage .gl-card").first.wait_for()
    return page


def choose(page: Any, name: str) -> None:
    choose_model(page, name)


def assert_marked(page: Any) -> None:
    """Whatever is shown of another model than the header's is marked as late; so may be what an upload on its
    way replaces."""
    header, parts = page.evaluate(LOOK)
    late = [where for where, fingerprint, marked in parts if fingerprint != header and not marked]
    assert not late, late


def settle(page: Any, name: str) -> None:
    page.evaluate("window.calm = []")
    try:
        page.wait_for_function(SETTLED, arg=name, timeout=LONG)
    except TimeoutError:
        chosen = page.locator("#model-picker select").input_value()
        pytest.fail(f"unsettled: {name}, {chosen}, {page.evaluate('underWay')}, {page.evaluate(LOOK)}")


def faces(page: Any, selector: str) -> list[np.ndarray]:
    sources = page.locator(selector).evaluate_all("all => all.map((one) => one.src)")
    contents = [base64.b64decode(source.split(",")[1]) for source in sources]
    return [np.asarray(Image.open(io.BytesIO(content))) for content in contents]


def assert_pictures(shown: list[np.ndarray], expected: Tensor) -> None:
    for face, x in zip(shown, expected, strict=True):
        np.testing.assert_allclose(face.astype(int), images.to_uint8(x), atol=2)


def chosen(page: Any, group: str) -> str | None:
    """The value that is chosen in a group of radio buttons."""
    values = page.locator(f"{group} input").evaluate_all(
        "all => all.filter((one) => one.checked).map((one) => one.value)"
    )
    return values[0] if values else None


def check_reconstruct(page: Any, explorer: Explorer, item: Item) -> None:
    y = item.image if item.x is not None else explorer.invert(item.picture).image
    seen, back, *_ = faces(page, "#reconstruct-stage .gl-card img")
    assert_pictures([seen], item.picture)
    if "encoder" in explorer.model.networks or item.x is not None:
        assert_pictures([back], y)
    polarity = page.locator("#polarity input").first
    assert polarity.is_enabled() == (explorer.config.preparation == "digit")


def check_neighbours(page: Any, explorer: Explorer, item: Item) -> None:
    assert page.locator("#space input").count() == len(explorer.spaces)
    assert_pictures(faces(page, "#neighbours-stage .gl-card img"), item.picture)
    if explorer.spaces:
        space = chosen(page, "#space")
        assert space in explorer.spaces
        k = int(float(page.locator("#k input[type=range]").input_value()))
        near = neighbours.look_up(explorer, item, k, space)
        indices = page.locator("#neighbours-stage [data-action=neighbour]").evaluate_all(
            "all => all.map((one) => Number(one.dataset.value))"
        )
        assert indices == [n.index for n in near]


def check_sample(page: Any, explorer: Explorer, item: Item) -> None:
    tiles = page.locator("#sample-stage .gl-tile")
    seed = int(re.findall(r"seed (\d+)", tiles.first.get_attribute("aria-label"))[0])
    assert page.locator("#seed input").input_value() == str(seed)
    truncation = float(page.locator("#tabs input[type=range]:visible").first.input_value())
    assert page.locator("#sample-source input").first.is_enabled() == (len(explorer.sources) > 1)
    source = chosen(page, "#sample-source") or explorer.sources[0]
    expected = explorer.decode(explorer.sample(tiles.count(), seed, truncation, source))
    assert_pictures(faces(page, "#sample-stage .gl-tile > img"), expected)


CHECKS = {"Reconstruct": check_reconstruct, "Neighbours": check_neighbours, "Sample": check_sample}


def current_tab(page: Any) -> str:
    return str(page.locator("#tabs [role=tab][aria-selected=true]").first.inner_text())


def move(page: Any, served: App, chance: random.Random, first: int) -> str | None:
    """One thing that a hasty hand, or a server with little memory, does. The model if another was chosen; ""
    if it may be any; `first` is where the app begins in the browser's history."""
    kinds = {"model": 4, "tab": 5, "control": 7, "shelf": 2, "upload": 2, "undo": 2, "back": 2, "forget": 1}
    kind = chance.choices([*kinds], weights=[*kinds.values()])[0]
    tab = current_tab(page)
    if kind == "model":
        name = chance.choice(served.models.list_names())
        choose(page, name)
        return name
    if kind in ("tab", "forget"):
        if kind == "forget":
            settle(page, "")  # a server that stops answers nothing more
            served.server.state_holder.session_data.clear()
        open_tab(page, chance.choice([*TABS, "Reconstruct", "Neighbours", "Sample", "Sample"]))
    elif kind == "back":
        return "" if page.evaluate(BACK, first) else None
    elif kind == "upload" and page.locator(PAD).count():
        picture = photo(served.digits, chance.randrange(100))
        page.locator(PAD).first.set_input_files(
            {"name": "digit.jpg", "mimeType": "image/jpeg", "buffer": picture}
        )
    elif kind == "undo":
        page.evaluate(TOUCH, [UNDO, chance.randrange(99), None])
    elif kind == "shelf":
        page.evaluate(TOUCH, [chance.choice(SHELF), chance.randrange(99), None])
    elif CONTROLS[tab]:
        selector, value = chance.choice(CONTROLS[tab])
        page.evaluate(TOUCH, [selector, chance.randrange(99), value or None])
    return None


@pytest.mark.slow(20)
@pytest.mark.parametrize("moves", [MOVES, pytest.param(MANY_MOVES, marks=pytest.mark.long)])
def test_what_is_shown_together_belongs_together(
    page: Any, served: App, offered: Offered, moves: int
) -> None:
    """Also with uploads, undo, the browser's Back and a server that forgets among the moves."""
    chance, name, checked = random.Random(7), offered.list_names()[0], set[str]()
    first = page.evaluate("navigation.currentEntry.index")
    for number in range(1, moves + 1):
        other = move(page, served, chance, first)
        name = name if other is None else other
        page.wait_for_timeout(chance.uniform(0, HASTE))
        assert_marked(page)
        if number % ROUND == 0:
            if number % (2 * ROUND) == 0:  # else it is wherever the moves have led
                open_tab(page, [*CHECKS][number // (2 * ROUND) % len(CHECKS)])
            settle(page, name)
            address, shown, key = page.evaluate(WHERE)
            assert address == shown
            explorer, item, tab = offered.get(shown[1]), served.find_current(), current_tab(page)
            assert (item.fingerprint, item.key) == (explorer.fingerprint, key)
            assert {fingerprint for _, fingerprint, _ in page.evaluate(LOOK)[1]} == {explorer.fingerprint}
            if tab in CHECKS:
                CHECKS[tab](page, explorer, item)
                checked.add(tab)
    assert checked == set(CHECKS)
    assert page.locator(".gl-main .gl-notice:visible").count() == 0
    assert page.locator(".toast-body:visible").count() == 0


def test_a_choice_that_the_next_model_does_not_have(
    page: Any, served: App, offered: Offered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tab is opened while the page still shows a space of the model before, which the new one has not."""
    failures: list[int] = []
    page.on("response", lambda answer: failures.append(answer.status) if answer.status >= 500 else None)
    with_discriminator = next(name for name in offered.list_names() if name.endswith("/regressor"))
    without = next(name for name in offered.list_names() if name.endswith("/encoder-only"))
    choose(page, with_discriminator)
    settle(page, with_discriminator)
    open_tab(page, "Neighbours")
    page.locator("#space").get_by_label("discriminator").check()
    expect(page.locator("#neighbours-stage")).to_contain_text("nearest in the discriminator's hidden layer")
    open_tab(page, "Reconstruct")
    choose(page, without)
    look_up, gate = neighbours.look_up, threading.Event()

    def look_up_late(*arguments: Any) -> Any:
        gate.wait(LONG / 1000)
        return look_up(*arguments)

    monkeypatch.setattr(neighbours, "look_up", look_up_late)
    with page.expect_request(lambda request: "run/predict" in request.url):
        open_tab(page, "Neighbours")
    open_tab(page, "Sample")  # waits in the page for the answer before it
    gate.set()
    explorer = offered.get(without)
    settle(page, without)
    check_sample(page, explorer, served.find_current())
    open_tab(page, "Neighbours")
    settle(page, without)
    check_neighbours(page, explorer, served.find_current())
    assert failures == []
