"""ModelConfig: what it says of the checkpoints before."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from ganlab.config import CheckpointError, ModelConfig
from tests.conftest import TINY


def test_what_has_changed_is_written_only_where_something_has() -> None:
    assert "replaced" not in TINY.to_json()
    config = dataclasses.replace(TINY, replaced={"f" * 16: "it was trained anew"})
    again = ModelConfig.from_json(config.to_json(), "here")
    assert again == config
    assert hash(again) == hash(config)


@pytest.mark.parametrize(
    ("replaced", "message"),
    [
        ([], "an object of fingerprints"),
        (None, "an object of fingerprints"),
        ({"F" * 16: "it grew"}, "16 hexadecimal digits"),
        ({"f" * 16: ""}, "in a line of at most 200"),
        ({"f" * 16: "x" * 201}, "in a line of at most 200"),
        ({"f" * 16: "it\ngrew"}, "in a line of at most 200"),
        ({"f" * 16: " it grew"}, "in a line of at most 200"),
        ({"f" * 16: 7}, "in a line of at most 200"),
        ({"a" * 16: "it grew"}, "both among aliases and among replaced"),
    ],
)
def test_what_has_changed_is_said_in_a_line(replaced: Any, message: str) -> None:
    text = json.dumps(TINY.to_dict() | {"aliases": ["a" * 16], "replaced": replaced})
    with pytest.raises(CheckpointError, match=message):
        ModelConfig.from_json(text, "here")
