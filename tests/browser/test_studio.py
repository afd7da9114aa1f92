"""The latent studio: the page makes its pictures, and Python gets a latent once the person pauses."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from ganlab import images
from ganlab.explorer import Explorer
from ganlab.studio import portable
from tests import fixtures
from tests.browser.gestures import Open, caption, tab
from tests.browser.test_kinds import choose

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect

CANVAS = """
() => {
  const canvas = document.querySelector('.gl-stage canvas');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return [...data.filter((_, i) => i % 4 === 0)];
}
"""


def studio(open_page: Open, **settings: Any) -> Any:
    page = open_page(**settings)
    tab(page, "Latent")
    expect(sliders(page).first).to_be_visible()
    return page


def sliders(page: Any) -> Any:
    return page.locator("#latent-studio .gl-dir input[type=range]")


def stage_pixels(page: Any) -> np.ndarray:
    """The red channel of the stage."""
    return np.array(page.evaluate(CANVAS))


def move_slider(page: Any, index: int, amount: str) -> None:
    """Move a slider and wait until Python got the latent."""
    with page.expect_response(lambda answer: is_move(answer.request)):
        sliders(page).nth(index).fill(amount)


def is_move(request: Any) -> bool:
    """Whether it gives Python a latent that the person moved to."""
    return '"parents"' in (request.post_data or "")


def wait_two_frames(page: Any) -> None:
    """Until the page has handled an answer that it got."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def read_out(page: Any, part: str = "gl-label b") -> Any:
    return page.locator(f".gl-stage .gl-readout .{part}")


# The readout beside a picture, given a judge and a light that the fixture holds, and the texts that it shows.
FIXTURE_READ_OUT = """
async ({ file, z, pixels }) => {
  const lib = new URL('ganlab/static/lib/', document.baseURI);
  const { Readout } = await import(new URL('readout.js', lib));
  const { Judge } = await import(new URL('judge.js', lib));
  const readout = new Readout();
  readout.judge = new Judge(Uint8Array.from(atob(file), (letter) => letter.charCodeAt(0)).buffer);
  return z.map((latent, row) => {
    readout.show(Float32Array.from(latent), Float32Array.from(pixels[row]));
    readout.light.dispatchEvent(new Event('pointerenter'));
    const { label, element, verdict, light } = readout;
    return [label.textContent, element.dataset.light, verdict.textContent, light.title];
  });
}
"""


def test_picture_label_confidence_and_light_follow_the_hand(open_page: Open, bundled: Explorer) -> None:
    page = studio(open_page)
    _the_stage_is_the_latents_picture(page, bundled)
    page.keyboard.press("Control+z")
    judge = bundled.judge
    assert judge is not None
    expect(read_out(page)).to_have_text("7")  # the test digit that the page opens with
    seen = set()
    for index in range(6):
        sliders(page).nth(index).fill("3")
        label = read_out(page).inner_text()
        x = torch.from_numpy(stage_pixels(page)).float().view(1, 1, 28, 28) / 255
        top = judge.probabilities(x).amax(1)
        assert int(label) == int(judge.labels(x)) or float(top) < 0.6  # pixels on the stage are rounded
        seen.add((label, read_out(page, "gl-confidence").inner_text()))
    assert len(seen) > 1
    fixture = fixtures.read("judge")["cases"][0]
    for row, (label, light, words, title) in enumerate(page.evaluate(FIXTURE_READ_OUT, fixture)):
        assert int(label) == int(np.argmax(fixture["logits"][row]))
        assert light == ("like" if fixture["scores"][row] <= 0 else "unlike")
        assert words == f"{light} pictures"
        assert "times as long as is typical of the prior" in title


def _the_stage_is_the_latents_picture(page: Any, bundled: Explorer) -> None:
    with page.expect_request("**/gradio_api/run/predict**") as request:
        sliders(page).nth(1).fill("-1.5")
    (sent,) = [part for part in [json.loads(request.value.post_data)["event_data"]] if part]
    wanted = images.to_uint8(decode(bundled, sent["z"]))
    assert np.abs(wanted.flatten().astype(int) - stage_pixels(page)).max() <= 1
    assert sent["fingerprint"] == bundled.fingerprint
    amount = -1.5 * float(bundled.directions.principal[1][1])
    start = torch.tensor(sent["z"]) - amount * bundled.directions.principal[0][1]
    assert float((start - torch.tensor(sent["z"])).norm()) == pytest.approx(abs(amount), rel=1e-4)


def test_an_edit_is_made_kept_and_a_direction_saved(open_page: Open) -> None:
    page = studio(open_page)
    _a_drag_makes_pictures_without_a_request(page)
    _the_edit_is_kept_between_tabs_and_left_for_another_latent(page)
    _a_direction_of_ones_own_survives_a_reload(page)


def _a_drag_makes_pictures_without_a_request(page: Any) -> None:
    start = stage_pixels(page)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    box = sliders(page).first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    seen = [start]
    for share in (0.6, 0.7, 0.8, 0.9):
        page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2, steps=5)
        changed = f"(before) => ({CANVAS})().join() !== before.join()"
        page.wait_for_function(changed, arg=seen[-1].tolist())
        seen.append(stage_pixels(page))
        page.wait_for_timeout(300)  # longer than the pause that sends a latent, but the button is down
    assert not requests
    page.mouse.up()
    expect(caption(page)).to_contain_text("moved from test 7")
    assert requests


def _the_edit_is_kept_between_tabs_and_left_for_another_latent(page: Any) -> None:
    move_slider(page, 0, "-1.5")
    expect(caption(page)).to_contain_text("moved from test 7")
    tab(page, "Sample")
    tab(page, "Latent")
    expect(sliders(page).first).to_have_value("-1.5")
    page.keyboard.press("n")
    expect(caption(page)).to_contain_text("sample 0 of seed")
    expect(sliders(page).first).to_have_value("0")
    page.keyboard.press("Control+z")  # a new sample is a step like any other
    expect(caption(page)).to_contain_text("moved from test 7")
    expect(sliders(page).first).to_have_value("-1.5")


def _a_direction_of_ones_own_survives_a_reload(page: Any) -> None:
    """From A to B, as they are at first; A becomes current."""
    page.locator("[data-action=use]").first.click()
    expect(caption(page)).not_to_contain_text("moved")
    expect(caption(page)).to_contain_text("test 7")
    page.locator("[data-view=own]").click()
    page.get_by_label("name of the direction").fill("seven to two")
    page.keyboard.press("Enter")
    expect(page.locator(".gl-dir b")).to_have_text("seven to two")
    page.reload()
    tab(page, "Latent")
    page.locator("[data-view=own]").click()
    move_slider(page, 0, "1")  # the whole way from A, which is current, to B
    page.locator("[data-action=use]").nth(1).click()
    expect(caption(page)).to_contain_text("test 2")
    page.locator("[data-view=own]").click()
    at_b = stage_pixels(page)
    page.keyboard.press("Control+z")
    assert np.abs(at_b.astype(int) - stage_pixels(page)).max() <= 2
    page.get_by_role("button", name="delete").click()
    expect(page.locator(".gl-dir")).to_have_count(0)


def decode(explorer: Explorer, z: list[float]) -> torch.Tensor:
    return explorer.decode(torch.tensor([z]))[0]


def test_undo_redo_reset_and_locks_by_keyboard(open_page: Open) -> None:
    page = studio(open_page)
    start = stage_pixels(page)
    for index, amount in enumerate(("1", "-2", "1.5")):
        move_slider(page, index, amount)
    end = stage_pixels(page)
    sliders(page).nth(1).press("l")
    page.keyboard.press("r")
    for index, value in enumerate(("0", "-2", "0")):
        expect(sliders(page).nth(index)).to_have_value(value)
    for _ in range(4):
        page.keyboard.press("Control+z")
    assert (stage_pixels(page) == start).all()
    expect(page.get_by_role("button", name="undo", exact=True)).to_be_disabled()
    for _ in range(3):
        page.keyboard.press("Control+Shift+z")
    assert (stage_pixels(page) == end).all()
    for index, value in enumerate(("1", "-2", "1.5")):
        expect(sliders(page).nth(index)).to_have_value(value)
    _many_steps_are_undone(page)
    page.keyboard.press("?")
    expect(page.locator(".gl-keys")).to_contain_text("undo")


def _many_steps_are_undone(page: Any) -> None:
    start = stage_pixels(page)
    page.locator(".gl-ruler").first.wait_for()
    for _ in range(12):
        page.keyboard.press("s")  # shuffle
    assert (stage_pixels(page) != start).any()
    for _ in range(12):
        page.keyboard.press("Control+z")
    assert (stage_pixels(page) == start).all()


def test_where_the_page_cannot_the_server_makes_the_pictures(served_page: Any) -> None:
    page = served_page
    page.locator("[data-action=example]").nth(4).click()
    tab(page, "Latent")
    expect(page.locator(".gl-stage")).to_contain_text("the server makes its pictures")
    expect(page.locator(".gl-panel")).to_contain_text("No local: the page computes them")
    with page.expect_response("**/ganlab/picture?**"):
        sliders(page).first.fill("2")
    expect(caption(page)).to_contain_text("moved from test 4")
    assert stage_pixels(page).any()


def test_the_picture_does_not_wait_for_the_sliders(open_page: Open, bundled: Explorer) -> None:
    page = open_page()
    held: list[Any] = []
    page.route("**/ganlab/directions*", lambda route: held.append(route))
    tab(page, "Latent")
    expect(page.locator(".gl-studio")).to_have_attribute("data-fingerprint", bundled.fingerprint)
    expect(page.locator(".gl-stage figcaption")).to_contain_text("test 7")
    expect(sliders(page)).to_have_count(0)
    before = stage_pixels(page)
    assert before.max() > 200
    held[0].fulfill(response=held[0].fetch())
    expect(sliders(page).first).to_be_visible()
    assert (stage_pixels(page) == before).all()


def test_a_generator_that_comes_too_late_is_not_used(open_page: Open, other_model: str) -> None:
    held: list[Any] = []
    page = studio(open_page)
    model = page.locator("#model-picker select").input_value()
    before = stage_pixels(page)
    page.route("**/ganlab/generator*", lambda route: held.append(route))
    with page.expect_request("**/ganlab/generator*"):
        choose(page, other_model, "Other · MNIST")
    choose(page, model, "BiGAN · MNIST")
    expect(sliders(page).first).to_be_visible()
    with page.expect_response("**/ganlab/generator*"):
        held[0].fulfill(response=held[0].fetch())
    wait_two_frames(page)
    page.keyboard.press("r")  # drawn again, as it was
    assert (stage_pixels(page) == before).all()


def test_a_served_picture_that_comes_too_late_is_not_shown(
    served_page: Any, bundled: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[Any] = []
    page = served_page
    tab(page, "Latent")
    expect(sliders(page).first).to_be_visible()
    page.route("**/ganlab/picture*", lambda route: held.append(route))
    with page.expect_request("**/ganlab/picture*"):
        sliders(page).first.fill("2")
    monkeypatch.setattr(portable, "MAX_MULTIPLICATIONS", 10**9)
    choose(page, bundled.config.name, "BiGAN · MNIST")
    expect(page.locator("[data-view=corners]")).to_be_visible()  # only where the page makes the pictures
    before = stage_pixels(page)
    with page.expect_response("**/ganlab/picture*"):
        held[0].fulfill(response=held[0].fetch())
    wait_two_frames(page)
    assert (stage_pixels(page) == before).all()


def test_an_edit_of_another_model_is_dropped(open_page: Open, other_model: str) -> None:
    held: list[Any] = []
    page = studio(open_page)
    page.route("**/ganlab/directions*", lambda route: held.append(route))
    box = sliders(page).first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    with page.expect_request("**/ganlab/directions*"):
        choose(page, other_model, "Other · MNIST")
    page.mouse.up()
    page.wait_for_timeout(400)  # a page error, if the edit of the other model were sent
    held[0].fulfill(response=held[0].fetch())
    expect(sliders(page).first).to_have_value("0")
    expect(page.get_by_role("button", name="undo").first).to_be_disabled()


def test_after_a_picture_that_did_not_come_the_next_is_asked_for(served_page: Any) -> None:
    page = served_page
    tab(page, "Latent")
    with page.expect_response("**/ganlab/picture?**"):
        sliders(page).first.fill("2")
    stage = page.locator(".gl-stage")
    page.wait_for_function(f"() => ({CANVAS})().length === 28 * 28")  # the answer is drawn
    before = stage_pixels(page)
    page.evaluate(
        """() => {
          window.fetched = window.fetch;
          window.fetch = () => Promise.reject(new TypeError('gone'));
        }"""
    )
    sliders(page).first.fill("1")
    expect(stage).to_contain_text("The server does not answer.")
    page.evaluate("() => void (window.fetch = window.fetched)")
    with page.expect_response("**/ganlab/picture?**"):
        sliders(page).first.fill("-2")
    expect(stage).to_contain_text("the server makes its pictures")
    changed = f"(before) => ({CANVAS})().join() !== before.join()"
    page.wait_for_function(changed, arg=before.tolist())


def test_a_finger_moves_sliders_and_the_plane(open_page: Open) -> None:
    page = studio(open_page, width=375, height=800, has_touch=True, is_mobile=True)
    touch = page.context.new_cdp_session(page)

    def drag(target: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
        target.scroll_into_view_if_needed()
        box = target.bounding_box()
        for kind, at in (("touchStart", start), ("touchMove", end), ("touchEnd", None)):
            points = (
                []
                if at is None
                else [{"x": box["x"] + at[0] * box["width"], "y": box["y"] + at[1] * box["height"]}]
            )
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    drag(sliders(page).first, (0.5, 0.5), (0.8, 0.5))
    expect(caption(page)).to_contain_text("moved from test 7")
    assert float(sliders(page).first.input_value()) > 1
    page.get_by_role("button", name="two at once").click()
    plane = page.locator(".gl-plane")
    plane.scroll_into_view_if_needed()
    before, scrolled = stage_pixels(page), page.evaluate("scrollY")
    drag(plane, (0.5, 0.5), (0.1, 0.9))
    assert (stage_pixels(page) != before).any()
    assert page.evaluate("scrollY") == scrolled  # the finger moves the latent, not the page


def test_strips_under_way_end_with_their_model(open_page: Open, other_model: str) -> None:
    page = studio(open_page)
    # Frames that never come keep the strips under way until another model is there.
    page.evaluate("window.later = []; window.requestAnimationFrame = (f) => window.later.push(f)")
    page.evaluate("window.cancelAnimationFrame = (id) => (window.later[id - 1] = () => {})")
    page.locator("[data-view=raw]").click()
    held: list[Any] = []
    page.route("**/ganlab/generator?**", lambda route: held.append(route))
    with page.expect_request("**/ganlab/generator?**"):
        choose(page, other_model, "Other · MNIST")
    page.evaluate("for (const frame of window.later.splice(0)) frame?.(performance.now())")
    held[0].continue_()
    expect(page.locator("#latent-studio .gl-dir").first).to_be_visible()
