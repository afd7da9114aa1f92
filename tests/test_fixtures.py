"""The committed fixtures of the page's tests are what Python computes now; else `python -m
tests.fixtures`."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import torch

from ganlab import tensor_files
from tests import fixtures


def assert_same(actual: Any, expected: Any, path: str) -> None:
    """Numbers up to float32's rounding on other processors, packed tensors up to that of half precision."""
    if path.endswith((".file", ".mapped.generator")):
        (tensors, metadata), (others, their_metadata) = (
            tensor_files.unpack(base64.b64decode(content)) for content in (actual, expected)
        )
        assert tensors.keys() == others.keys()
        for name, tensor in tensors.items():
            assert tensor.dtype == others[name].dtype
            tolerance = {"atol": 1e-3, "rtol": 1e-3} if tensor.is_floating_point() else {"atol": 1, "rtol": 0}
            torch.testing.assert_close(tensor, others[name], **tolerance)
        parsed, others_parsed = (
            {key: _parse(text) for key, text in each.items()} for each in (metadata, their_metadata)
        )
        assert_same(parsed, others_parsed, f"{path}/metadata")
    elif isinstance(actual, dict):
        assert actual.keys() == expected.keys(), path
        for key, value in actual.items():
            assert_same(value, expected[key], f"{path}.{key}")
    elif isinstance(actual, list):
        assert len(actual) == len(expected), path
        for index, (value, other) in enumerate(zip(actual, expected, strict=True)):
            assert_same(value, other, f"{path}[{index}]")
    elif isinstance(actual, float):
        assert actual == pytest.approx(expected, rel=1e-4, abs=1e-5), path
    elif ".pictures" in path:  # bytes in base64: a pixel may be rounded the other way
        pixels, others = (
            torch.frombuffer(bytearray(base64.b64decode(x)), dtype=torch.uint8) for x in (actual, expected)
        )
        torch.testing.assert_close(pixels.int(), others.int(), atol=1, rtol=0)
    else:
        assert actual == expected, path


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


@pytest.mark.parametrize("name", fixtures.MAKERS)
def test_the_committed_fixture_is_what_python_computes(name: str) -> None:
    assert_same(fixtures.compute(name), fixtures.read(name), name)


def test_every_fixture_is_written_by_a_function() -> None:
    assert {path.stem for path in fixtures.FOLDER.glob("*.json")} == set(fixtures.MAKERS)


def test_a_difference_is_noticed() -> None:
    changed = json.loads(json.dumps(fixtures.read("latent")))
    changed["cases"][0]["moved"][0] += 0.01
    with pytest.raises(AssertionError):
        assert_same(fixtures.read("latent"), changed, "latent")
