"""What the app's OpenAPI description promises: it lists what is open, and any request that is made of it, in
its sense or against it, is answered rightly or with one sentence.

The full form has schemathesis make the requests (`pip install -e .[attacks]`); the short form makes a few of
its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx

from tests.attacks.figures import Figure, at_most
from tests.attacks.requests import MAX_PRINTED, Wrong, ask, connect, write
from tests.attacks.server import serve

DESCRIPTION = "/gradio_api/openapi.json"
EXAMPLES = 40  # requests to each operation in the sense of the description, and as many against it
NO_EVENT = "no-such-event"


def attack(short: bool) -> list[Figure]:
    with serve() as server, connect(server) as client:
        description = client.get(DESCRIPTION).json()
        described = set(description["paths"])
        expected = list_paths(client.get("/gradio_api/info").json())
        shut = [path for path in described if is_shut(client, path, description["paths"][path])]
        made = list_few(description, expected) if short else generate(description)
        traces = server.log().count("Traceback")
        sent, faults = 0, []
        for wrong in made:
            sent += 1
            if fault := ask(client, wrong):
                faults.append((wrong, fault))
        traces = server.log().count("Traceback") - traces
        alive = server.is_alive()
    for wrong, fault in faults[:MAX_PRINTED]:
        print(wrong.method, wrong.path, (wrong.content or b"")[-200:], fault, sep="  ")
    for path in sorted({*described ^ expected, *shut}):
        print(path)
    return [
        Figure("operations in the description", sum(len(item) for item in description["paths"].values())),
        at_most("endpoints that it lacks, or has too many", len(described ^ expected), "", 0),
        at_most("closed routes that it lists", len(shut), "", 0),
        Figure("requests made of it", sent),
        at_most("answers that are no sentence, or of status 5xx", len(faults), "", 0),
        at_most("stack traces in the log", traces, "", 0),
        Figure("the server runs on", "yes" if alive else "no", ok=alive),
    ]


def list_paths(info: dict[str, Any]) -> set[str]:
    """The paths of the endpoints that the app names."""
    names = info["named_endpoints"]
    calls = {f"/gradio_api/call/v2{name}" for name in names}
    return calls | {f"/gradio_api/call{name}/{{event_id}}" for name in names}


def is_shut(client: httpx.Client, path: str, item: dict[str, Any]) -> bool:
    """Whether there is nothing at a path: it says the same as one that has never been."""
    method = next(iter(item)).upper()
    content = b"[]" if method == "POST" else None
    absent = client.request(method, "/gradio_api/no-such", content=content)
    return client.request(method, path.replace("{event_id}", NO_EVENT), content=content).text == absent.text


def list_few(description: dict[str, Any], expected: set[str]) -> Iterator[Wrong]:
    """Of each operation: nothing, a name too many, and once each value of a type that it does not take."""
    for path, item in description["paths"].items():
        if "post" not in item:
            yield Wrong("GET", path.replace("{event_id}", NO_EVENT))
            continue
        yield Wrong("POST", path, write({"other": 1}))
        if path not in expected:
            continue
        schema = item["post"]["requestBody"]["content"]["application/json"]["schema"]
        required = schema.get("required", [])
        if required:
            yield Wrong("POST", path, b"{}")
        fitting = {name: make_value(schema["properties"][name]) for name in required}
        for name in list(schema["properties"])[:2]:
            yield Wrong("POST", path, write({**fitting, name: {"a": [None, True]}}), result=True)


def make_value(schema: dict[str, Any]) -> Any:
    """A value of the type that a parameter has."""
    values = {"string": "x", "array": [], "object": {}, "boolean": True, "integer": 1, "number": 0.5}
    return schema["enum"][0] if "enum" in schema else values[schema["type"]]


def generate(description: dict[str, Any]) -> list[Wrong]:
    """What schemathesis makes of the description; the same each time."""
    import hypothesis
    import requests
    import schemathesis

    settings = hypothesis.settings(
        max_examples=EXAMPLES,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    made: list[Wrong] = []

    def keep(case: Any) -> None:
        sent = case.as_transport_kwargs(base_url="http://127.0.0.1")
        parts = ("method", "url", "headers", "params", "json", "data")
        prepared = requests.Request(**{part: sent[part] for part in parts if part in sent}).prepare()
        body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body
        kind = prepared.headers.get("Content-Type", "")
        kind = kind.decode("latin-1") if isinstance(kind, bytes) else kind
        method = prepared.method or "GET"
        made.append(Wrong(method, prepared.path_url, body, kind, result=method == "POST"))

    for result in schemathesis.openapi.from_dict(description).get_all_operations():
        operation = result.ok()
        for mode in schemathesis.GenerationMode:
            try:
                strategy = operation.as_strategy(generation_mode=mode)
                settings(hypothesis.given(strategy)(keep))()
            except hypothesis.errors.Unsatisfiable:  # there is nothing against such a description
                continue
    return made
