"""The arguments of a named endpoint: what anybody sent, as the types that its function says it takes."""

from __future__ import annotations

import functools
import inspect
import math
import types
from collections.abc import Callable, Mapping
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from ganlab.ui.server.reading import describe

MAX_WHOLE = 2**53  # whole numbers that every client writes exactly
MAX_TEXT = 16_000_000  # characters
LATENT = '{"fingerprint": the model\'s, "z": numbers}'


@functools.cache
def read_types(function: Callable[..., Any]) -> Mapping[str, Any]:
    """Parameter -> type, in their order."""
    hints = get_type_hints(function)
    return {name: hints[name] for name in inspect.signature(function).parameters}


def list_required(function: Callable[..., Any]) -> list[str]:
    """The parameters without a default."""
    parameters = inspect.signature(function).parameters.values()
    return [each.name for each in parameters if each.default is each.empty]


def read_arguments(function: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with numbers of the function's types; ValueError with a sentence for what is none. None
    stands for a default."""
    parameters = inspect.signature(function).parameters
    arguments = {}
    for name, kind in read_types(function).items():
        value, default, missing = given.get(name), parameters[name].default, parameters[name].empty
        if name not in given and default is missing:
            raise ValueError(f"{name} is missing.")
        if value is None and default is not missing:
            value = default
        arguments[name] = read(name, value, kind)
    return arguments


def read(name: str, value: object, kind: Any) -> Any:
    """A value as one of a type; ValueError for what is none."""
    if get_origin(kind) in (Union, types.UnionType):  # None, or one other
        kinds = [each for each in get_args(kind) if each is not type(None)]
        return None if value is None else read(name, value, kinds[0])
    if get_origin(kind) is Literal:
        return read_choice(name, value, get_args(kind))
    reader = READERS[get_origin(kind) or kind]
    return reader(name, value, *get_args(kind)) if get_origin(kind) is list else reader(name, value)


def read_choice(name: str, value: object, choices: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in choices:
        listed = ", ".join(describe(each) for each in choices)
        raise ValueError(f"{name} is one of {listed}, not {describe(value)}.")
    return value


def read_text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} is text, not {describe(value)}.")
    if len(value) > MAX_TEXT:
        raise ValueError(f"{name} has at most {MAX_TEXT} characters.")
    return value


def read_switch(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name} is true or false, not {describe(value)}.")
    return value


def read_whole(name: str, value: object) -> int:
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        value = int(value)  # JavaScript writes 5 and 5.0 alike, others do not
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name} is a whole number, not {describe(value)}.")
    if abs(value) > MAX_WHOLE:
        raise ValueError(f"{name} is too large; whole numbers go up to 2 to the power of 53.")
    return value


def read_number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is a number, not {describe(value)}.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name} is a finite number.")
    return number


def read_object(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is {LATENT}, not {describe(value)}.")
    return value


def read_list(name: str, value: object, kind: Any) -> list[Any]:
    what = {float: "finite numbers", str: "texts"}[kind]
    if not isinstance(value, list):
        raise ValueError(f"{name} is a list of {what}, not {describe(value)}.")
    try:
        return [read(name, each, kind) for each in value]
    except ValueError:
        raise ValueError(f"{name} is a list of {what}.") from None


READERS: dict[Any, Callable[..., Any]] = {
    str: read_text,
    bool: read_switch,
    int: read_whole,
    float: read_number,
    dict: read_object,
    list: read_list,
}
