"""Compare, at the level of its handlers: what it computes, in which order, and what it says."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

import ganlab
from ganlab import images, metrics
from ganlab.explorer import Explorer
from ganlab.gallery import TRAIN_FILE, Pictures, save_pictures
from ganlab.ui import items
from ganlab.ui.html import markup
from ganlab.ui.items import Item
from ganlab.ui.server.models import Models
from ganlab.ui.tabs import compare
from ganlab.ui.tabs.compare import stage_html, summary
from ganlab.ui.tabs.compare.comparison import Comparison, advance, start
from tests.conftest import untrained_model
from tests.ui.visitor import Visitor

ENCODER, SECOND, GAN, COLOUR, OTHERWISE = "tiny-used", "tiny-second", "tiny-gan", "tiny-colour", "tiny-raw"


def make(folder: Path, pictures: Pictures | None = None, **settings: Any) -> str:
    """A checkpoint of untrained tiny networks, with its own small gallery."""
    if pictures is not None:
        (folder / "gallery").mkdir(parents=True)
        save_pictures(folder / "gallery" / TRAIN_FILE, pictures)
    return untrained_model(folder, **settings)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, digits: Pictures) -> dict[str, str]:
    root = tmp_path_factory.mktemp("compare")
    gan: dict[str, Any] = {"method": "gan", "networks": ("generator", "discriminator"), "prior": "normal"}
    return {
        ENCODER: make(root / ENCODER, digits),
        SECOND: make(root / SECOND, digits, latent_dim=6),
        GAN: make(root / GAN, digits, **gan),
        COLOUR: make(root / COLOUR, channels=3, size=32, preparation="picture"),
        OTHERWISE: make(root / OTHERWISE, preparation="picture"),
    }


class Offered(Models):
    """Exactly these models, in this order."""

    def __init__(self, *names: str) -> None:
        super().__init__(names[0], device="cpu")
        self.offered = list(names)

    def list_names(self) -> list[str]:
        return self.offered


class FakeJudge:
    """Sees a 4 in the pictures it was told to, a 9 in all others."""

    accuracy = 0.99

    def __init__(self, *fours: Tensor) -> None:
        self.fours = fours

    def probabilities(self, x: Tensor) -> Tensor:
        label = 4 if any(torch.equal(x, four) for four in self.fours) else 9
        return torch.full((1, 10), 0.02).index_fill(1, torch.tensor([label]), 0.82)


def judged_by(monkeypatch: pytest.MonkeyPatch, judge: FakeJudge | None) -> None:
    monkeypatch.setattr(Explorer, "judge", property(lambda self: judge))


@pytest.fixture
def item(folders: dict[str, str], digits: Pictures) -> Item:
    return items.from_picture(ganlab.load(folders[ENCODER]), digits.inputs(slice(4, 5)), "test 4 (no. 4)")


def parts(models: Models, item: Item) -> list[Comparison]:
    """All that the page is shown one after the other, from no answer to all of them."""
    explorer = models.get(models.default)
    known = [start(models, explorer, item)]
    while not known[-1].complete:
        known.append(advance(models, explorer, known[-1]))
        assert len(known) < 50, "it does not end"
    return known


def answers(known: Comparison) -> list[tuple[str, bool, bool]]:
    return [(row.called, row.image is not None, row.near is not None) for row in known.rows]


def test_every_model_that_fits_has_a_row_and_every_other_a_reason(
    folders: dict[str, str], item: Item
) -> None:
    models = Offered(*folders.values())
    known = start(models, models.get(folders[ENCODER]), item)
    assert [row.called for row in known.rows] == [ENCODER, SECOND, GAN]
    assert known.unfit == (
        "tiny-colour: made for 32 x 32 colour pictures, and this one is 28 x 28 grey.",
        "tiny-raw: made for pictures prepared as 'picture', and this one was prepared as 'digit'.",
    )
    said = stage_html(known)
    assert said.count('scope="row"') == 3
    assert all(
        images.encode_data_uri(known.x[0]) in said and reason.split(":")[0] in said for reason in known.unfit
    )
    fewer = Offered(folders[COLOUR], folders[ENCODER], folders[SECOND])
    (told,) = start(fewer, fewer.get(folders[COLOUR]), item).unfit
    assert told.startswith(f"{ENCODER}, {SECOND}: made for 28 x 28 grey")  # one reason is said once
    # The model in use comes first, once, whichever it is.
    other = ganlab.load(folders[SECOND])
    rows = start(models, other, item).rows
    assert [row.called for row in rows] == [SECOND, ENCODER, GAN]
    assert stage_html(start(models, other, item)).count("<small>in use</small>") == 1


def test_what_it_means_to_compare_without_an_encoder_is_said(folders: dict[str, str], item: Item) -> None:
    models = Offered(folders[ENCODER], folders[GAN])
    comparison = start(models, models.get(folders[ENCODER]), item)
    assert f"{GAN} has no encoder: its latents are searched" in stage_html(comparison)
    alone = start(Offered(folders[ENCODER]), models.get(folders[ENCODER]), item)
    assert "no encoder" not in stage_html(alone)


def test_the_answers_are_those_of_the_library(folders: dict[str, str], item: Item) -> None:
    known = parts(Offered(folders[ENCODER], folders[SECOND], folders[GAN]), item)[-1]
    for row in known.rows:
        own = ganlab.load(folders[row.called])
        found = own.invert(known.x)
        assert row.image is not None
        torch.testing.assert_close(row.image, found.image)
        assert row.error == pytest.approx(float(metrics.mse(known.x, row.image)[0]), rel=1e-5)
        if row.called == GAN:
            near = own.neighbours(found.image, 3, "pixels")
            assert row.steps == len(found.trace)
        else:
            near = own.neighbours(known.x, 3, "code")
            assert row.steps == 0
        assert row.near is not None
        assert [n.index for n in row.near] == [n.index for n in near]
        said = stage_html(known)
        assert f"{row.error:.4f}" in said
        assert images.encode_data_uri(row.image[0]) in said
        assert images.encode_data_uri(images.draw_difference(known.x[0], row.image[0])) in said
    assert known.closest is min(known.rows, key=lambda row: row.error)
    assert "optimised, " in said
    assert said.count('class="gl-word">closest<') == 1


def test_encoders_answer_first_and_at_once_then_neighbours_then_optimisation(
    folders: dict[str, str], item: Item
) -> None:
    known = parts(Offered(folders[ENCODER], folders[GAN], folders[SECOND]), item)
    no, yes = False, True
    assert [answers(part) for part in known] == [
        [(ENCODER, no, no), (GAN, no, no), (SECOND, no, no)],
        [(ENCODER, yes, no), (GAN, no, no), (SECOND, yes, no)],
        [(ENCODER, yes, yes), (GAN, no, no), (SECOND, yes, no)],
        [(ENCODER, yes, yes), (GAN, no, no), (SECOND, yes, yes)],
        [(ENCODER, yes, yes), (GAN, yes, no), (SECOND, yes, yes)],
        [(ENCODER, yes, yes), (GAN, yes, yes), (SECOND, yes, yes)],
    ]
    # The page asks at once, then waits for a calm hand, and stops when there is no more.
    waits = [stage_html(part).split('data-more="')[1].split('"')[0] for part in known]
    assert waits == ["0", *[str(compare.CALM)] * 4, ""]
    assert "closest so far" in stage_html(known[1])
    assert "so far" not in stage_html(known[4])
    # Room is kept for what is missing: as many pictures and tiles from the first part to the last.
    room = {html.count("gl-face") + html.count("gl-tile") for html in map(stage_html, known)}
    assert room == {1 + 3 * (2 + 3)}


def test_a_flip_is_said_in_words(
    folders: dict[str, str], item: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = Offered(folders[ENCODER], folders[SECOND], folders[GAN])
    kept = ganlab.load(folders[SECOND]).invert(item.picture).image
    judged_by(monkeypatch, FakeJudge(item.picture, kept))
    begun, first, *_, last = parts(models, item)
    assert summary(begun) == "The models are at work."
    assert summary(first).startswith("1 of 2 models so far keeps the 4. Closest so far: ")
    assert summary(last).startswith("1 of 3 models keeps the 4. Closest: ")
    assert [last.flips(row) for row in last.rows] == [True, False, True]
    said = stage_html(last)
    assert said.count("changes to 9") == 2
    assert said.count("keeps the 4</small>") == 1
    assert said.count("(82 %)") == 4  # of the picture itself and of each reconstruction


def test_without_a_judge_no_class_is_named(
    folders: dict[str, str], item: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged_by(monkeypatch, None)
    last = parts(Offered(folders[ENCODER], folders[SECOND]), item)[-1]
    said = stage_html(last)
    assert summary(last).startswith("Closest: ")
    assert markup.NO_CLASSIFIER in said
    assert "looks like" not in said
    assert "changes to" not in said


def test_a_broken_checkpoint_is_a_row_with_its_sentence(
    folders: dict[str, str], item: Item, tmp_path: Path
) -> None:
    unreadable = make(tmp_path / "unreadable")
    (tmp_path / "unreadable" / "config.json").write_text("{")
    cut = make(tmp_path / "cut")
    weights = tmp_path / "cut" / "encoder.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    gone = str(tmp_path / "gone")
    known = parts(Offered(folders[ENCODER], unreadable, cut, gone, folders[GAN]), item)[-1]
    problems = {row.called: row.problem for row in known.rows}
    assert problems[ENCODER] == problems[GAN] == ""
    assert "is not valid JSON" in problems["unreadable"]
    assert "encoder.safetensors is damaged" in problems["cut"]
    assert "not found; available = " in problems["gone"]
    assert len(known.answered) == 2
    said = stage_html(known)
    assert said.count("gl-failed") == 3
    assert "is damaged" in said


def test_one_model_alone(folders: dict[str, str], item: Item, monkeypatch: pytest.MonkeyPatch) -> None:
    judged_by(monkeypatch, FakeJudge(item.picture))
    last = parts(Offered(folders[ENCODER]), item)[-1]
    assert summary(last) == "The model does not keep the 4."
    assert "closest" not in stage_html(last).lower()


def test_no_part_changes_an_earlier_one(folders: dict[str, str], item: Item) -> None:
    models = Offered(folders[ENCODER], folders[GAN])
    known = parts(models, item)
    before = [stage_html(part) for part in known]
    parts(models, item)
    assert [stage_html(part) for part in known] == before
    assert len(set(before)) == len(before)


# ---------------------------------------------------------------------- the tab's handlers


@pytest.fixture
def visitor(folders: dict[str, str]) -> Visitor:
    return Visitor(Offered(folders[ENCODER], folders[SECOND], folders[GAN]), compare.build)


def parts_of(visitor: Visitor) -> SimpleNamespace:
    """The tab's components by what they hold."""
    (state,) = visitor.tab.reads
    (part,) = [part for part in visitor.handler("compare-stage", "more").outputs if part.elem_id is None][-1:]
    return SimpleNamespace(
        comparison=state, pad=visitor.find("compare-pad"), stage=visitor.find("compare-stage"), part=part
    )


def ask(visitor: Visitor, last: Comparison, shown: Comparison, current: Item) -> tuple[Comparison, Any]:
    """What the page is answered when it asks for more while it shows `shown` and the session holds `last`."""
    parts = parts_of(visitor)
    visitor.values |= {visitor.page.current: current, parts.comparison: last}
    answer = visitor.send("compare-stage", "more", began=shown.began)
    return answer[parts.comparison], answer[parts.part]


def test_opening_shows_the_current_picture_without_computing(
    visitor: Visitor, item: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Explorer, "invert", lambda *args, **settings: pytest.fail("it computes"))
    parts = parts_of(visitor)
    answer = visitor.render(current=item)
    assert answer[parts.pad]["show"] == images.encode_data_uri(item.picture[0])
    assert "test 4 (no. 4)" in answer[parts.stage]
    assert visitor.render(current=item) == {}  # what is shown stays, with all its answers
    other = ganlab.load(visitor.page.models.list_names()[1])
    answer = visitor.render(explorer=other, current=item)
    assert parts.pad not in answer  # the same picture: a drawing under way is not replaced
    assert answer[parts.comparison].rows[0].called == SECOND
    assert "<small>in use</small>" in answer[parts.stage]
    assert f'data-fingerprint="{other.fingerprint}"' in answer[parts.stage]


def test_a_drawing_becomes_current_with_what_the_encoders_answer(visitor: Visitor, digits: Pictures) -> None:
    parts, page = parts_of(visitor), visitor.page
    ink = 1 - digits.inputs(slice(7, 8))[0]  # dark on light, as the pad draws
    visitor.values[parts.pad] = {"kind": "draw", "picture": images.encode_data_uri(ink, 8)}
    answer = visitor.send("compare-pad", "picture")
    item, known = answer[page.current], answer[parts.comparison]
    assert item.caption == "your drawing"
    assert "your drawing" in answer[page.views[page.current].component]
    assert answer[page.notice] == ""
    assert torch.equal(known.x, item.picture)
    assert answers(known) == [(ENCODER, True, False), (SECOND, True, False), (GAN, False, False)]
    assert answer[parts.stage] == stage_html(known)
    visitor.values[parts.pad] = {"kind": "upload", "picture": "no picture"}
    answer = visitor.send("compare-pad", "picture")
    assert list(answer) == [page.notice]
    assert "not base64" in answer[page.notice]


def comparison_of(visitor: Visitor, digits: Pictures, row: int, caption: str = "old") -> Comparison:
    explorer = visitor.page.first.explorer
    item = items.from_picture(explorer, digits.inputs(slice(row, row + 1)), caption)
    return start(visitor.page.models, explorer, item)


def test_a_part_belongs_to_the_current_picture_whatever_was_begun(
    visitor: Visitor, item: Item, digits: Pictures
) -> None:
    older = comparison_of(visitor, digits, 9)
    known, part = ask(visitor, older, older, item)
    assert torch.equal(known.x, item.picture)
    assert part == {"began": known.began, "html": stage_html(known)}
    assert known.began == older.began  # so the page shows it, unless a newer picture has come meanwhile
    following, part = ask(visitor, known, known, item)
    assert [row.near is not None for row in following.rows] == [True, False, False]
    assert part["began"] == known.began


def test_a_late_part_does_not_stop_a_newer_comparison_of_the_same_picture(
    visitor: Visitor, item: Item
) -> None:
    explorer = visitor.page.first.explorer
    late, newer = (start(visitor.page.models, explorer, item) for _ in range(2))
    assert late.began < newer.began
    known, part = ask(visitor, late, newer, item)
    assert part["began"] == known.began == newer.began
    # The other way round, the page lags behind: it is given what is there.
    known, part = ask(visitor, newer, late, item)
    assert part["began"] == known.began == newer.began


def test_what_is_begun_anew_gives_way_to_a_picture_that_is_on_its_way(
    visitor: Visitor, item: Item, digits: Pictures
) -> None:
    """The page asked while it showed `older`; a newer picture was being taken before the answer was made."""
    older, taken = (comparison_of(visitor, digits, row) for row in (9, 8))
    _, part = ask(visitor, older, older, item)
    assert part["began"] < taken.began


def test_a_neighbour_of_any_model_can_be_compared_next(visitor: Visitor, digits: Pictures) -> None:
    parts, page = parts_of(visitor), visitor.page
    index = int(digits.indices[20])
    for name in ("", page.models.list_names()[2]):
        answer = visitor.send("compare-stage", "pick", value=f"{index} {name}", action="neighbour")
        assert answer[page.notice] == ""
        assert answer[page.current].fingerprint == page.first.explorer.fingerprint
        torch.testing.assert_close(answer[parts.comparison].x, digits.inputs(slice(20, 21)))
        assert answer[parts.pad]["show"] == images.encode_data_uri(digits.inputs(slice(20, 21))[0])
    answer = visitor.send("compare-stage", "pick", value="abc", action="neighbour")
    assert "named by its number" in answer[page.notice]
