import copy
from typing import Any

import gradio as gr
import pytest
from gradio.state_holder import SessionState

from ganlab.ui.server.blocks import Blocks
from tests.conftest import run_apart


@pytest.fixture
def page() -> Blocks:
    with Blocks() as blocks:
        parts = [gr.HTML("a"), gr.Radio(["x", "y"], value="x"), gr.State(1), gr.Textbox("t")]
        gr.Button().click(lambda: None, None, parts)
    return blocks


CHANGES: tuple[dict[int, Any], ...] = (
    {},
    {0: "b"},
    {2: 5},
    {0: "b", 1: gr.update(value="y", interactive=False), 2: 5},
    {0: "b", 1: "y", 2: 3, 3: "u"},
    {1: gr.update()},
)


def drop_empty_props(value: Any) -> Any:
    nothing = isinstance(value, dict) and value.get("props") == {"__type__": "update"}
    return {key: part for key, part in value.items() if key != "props"} if nothing else value


@pytest.mark.parametrize("changes", CHANGES)
def test_an_answer_is_what_gradio_makes_of_it(page: Blocks, changes: dict[int, Any]) -> None:
    function = page.fns[0]
    # Gradio takes the values out of updates, so that each of the two needs its own.
    answers = [
        {function.outputs[index]: copy.copy(value) for index, value in changes.items()} for _ in range(2)
    ]
    states = [SessionState(page), SessionState(page)]
    ours = run_apart(page.postprocess_data(function, answers[0], states[0]))
    theirs = run_apart(gr.Blocks.postprocess_data(page, function, answers[1] or gr.skip(), states[1]))
    # Gradio's HTML repeats in "props" what it was given; in an update of nothing, nothing.
    assert ours == [drop_empty_props(value) for value in theirs]
    stateful = function.outputs[2]._id
    assert states[0].state_data.get(stateful) == states[1].state_data.get(stateful)


def test_what_stays_is_not_built_anew(page: Blocks, monkeypatch: pytest.MonkeyPatch) -> None:
    function, built = page.fns[0], []
    start = gr.HTML.__init__
    monkeypatch.setattr(gr.HTML, "__init__", lambda self, *a, **k: built.append(1) or start(self, *a, **k))
    for answer in (gr.skip(), {function.outputs[3]: "u"}, {}):
        result = run_apart(page.postprocess_data(function, answer, SessionState(page)))
        assert result[0] == {"__type__": "update"}
    assert not built
    run_apart(gr.Blocks.postprocess_data(page, function, {function.outputs[3]: "u"}, SessionState(page)))
    assert built  # by Gradio itself
