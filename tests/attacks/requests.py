"""Wrong requests to every endpoint: each is answered with one sentence, or rightly where it does no harm.

The table is made of the endpoints that the server describes, of what each takes, and of VALUES, none of which
belongs there. A sentence begins and ends as one does, and holds no word of Python's or of a library's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx

from ganlab.ui.server import routes
from tests.attacks.figures import Figure, at_most
from tests.attacks.server import Server, serve

ADDRESS = "127.0.0.9"  # of this attack; what is bounded by address is its own
MODEL = "mnist-bigan"
FINGERPRINT = "082644f51dd8fe3e"
VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    1.5,
    10**15,
    1e300,
    "",
    "x",
    "\u0663\x00\u202e",
    "../../etc/passwd",
    "9" * 400,
    [],
    [None],
    [[1, 2], {"a": 1}],
    [1e300] * 3,
    {},
    {"a": 1},
    {"fingerprint": {}, "z": {"a": 1}},
    {"fingerprint": FINGERPRINT, "z": ["x"] * 50},
    {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
)
RAW = (  # bodies that are no JSON, or not what they should be
    b"",
    b"x",
    b"[]",
    b"null",
    b'"text"',
    b'{"a": 1}',
    b'{"data": NaN}',
    b'{"data": [1e999]}',
    b'{"data": [' + b"9" * 400 + b"]}",
    b'{"data": ["\\ud800"]}',
    b'{"data": "\xff"}',
    b'{"data": ' + b"[" * 60 + b"]" * 60 + b"}",
    b"[" * 100_000,
    b'{"data": {"a": 1}}',
    b'{"data": [], "fn_index": -1}',
    b'{"data": [], "fn_index": 1e9, "session_hash": ["x"]}',
)
KINDS = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "image/png")
NAMES = (  # of runs, that name something else
    "/etc/passwd",
    "/etc",
    "/proc/self/environ",
    "..",
    "../../../../etc",
    "bigan/../../../checkpoints",
    "bigan/history/about.json",
    "bigan\x00",
    "~root",
    "file:///etc/passwd",
    "ftp://127.0.0.1/run",
    "http://[::1",
    "http://user:secret@127.0.0.1/run",
    "http://127.0.0.1:1/run",
    "http://127.0.0.1:99999/run",
    "HTTP://127.0.0.1:0/run?x#y",
    "a" * 5000,
)
CONTENT = re.compile(r"root:.?:0:0|daemon:|PATH=|\bHOME=")  # of files that are nobody's business
JSON = "application/json"
PYTHON = re.compile(
    r"\bNone\b|NoneType|\bTrue\b|\bFalse\b|Traceback|Error\b|<class|object is|has no attribute|expected str"
    r"|invalid literal|could not convert|unsupported operand|not supported between|unhashable|Input should be"
    r"|type=|\bdict\b|\btuple\b|\bfloat\(|\bint\(|\bnan\b|\binf\b|\bNaN\b",
)
SENTENCE = re.compile(r"[A-Z'\"a-z_0-9‘“].{4,}[.?]\s*", re.DOTALL)
SHORT, MAX_SHORT = 8, 150  # every so many of the table, and at most, in the short form
SMALL = 120  # bytes of an event that no handler gets
MAX_PRINTED = 40
NOTICE = re.compile(r'class="gl-notice[^"]*"[^>]*>(.*?)</', re.DOTALL)


class Wrong(NamedTuple):
    """A request that means nothing."""

    method: str
    path: str
    content: bytes | None = None
    kind: str = JSON
    result: bool = False  # the answer is the name of an event, whose result is to be fetched


def list_requests(config: dict[str, Any], info: dict[str, Any]) -> Iterator[Wrong]:
    """The table, for the page's config and Gradio's description of the endpoints."""
    yield from list_gets()
    yield from list_posts()
    yield from list_calls(info)
    yield from list_events(config)


def list_gets() -> Iterator[Wrong]:
    texts = [value if isinstance(value, str) else json.dumps(value) for value in VALUES]
    for name, route in routes.GET.items():
        for text in texts:
            yield Wrong("GET", f"/ganlab/{name}?{httpx.QueryParams({'model': text})}")
        yield Wrong("GET", f"/ganlab/{name}?model={MODEL}&other=1")
        yield Wrong("GET", f"/ganlab/{name}?model={MODEL}&model=x")
        for parameter in route.parameters:
            fitting = {"count": "1", "seed": "1"} if name == "samples" else {}
            for text in texts:
                query = httpx.QueryParams({"model": MODEL, **fitting, parameter: text})
                yield Wrong("GET", f"/ganlab/{name}?{query}")
    for name, parameter in (("runs", "other"), ("history", "seen"), ("moments", "after")):
        for text in [*texts, *NAMES]:
            fitting = {} if name == "runs" else {"run": text}
            yield Wrong("GET", f"/ganlab/{name}?{httpx.QueryParams({**fitting, 'other': text})}")
            yield Wrong("GET", f"/ganlab/{name}?{httpx.QueryParams(fitting)}")
            query = httpx.QueryParams({**fitting, "run": "bigan", parameter: text})
            yield Wrong("GET", f"/ganlab/{name}?{query}")


def list_posts() -> Iterator[Wrong]:
    film = {"frames": 2, "seconds": 1}
    fitting = {"model": MODEL, "fingerprint": FINGERPRINT, "keyframes": [[0.0] * 50] * 2, "film": film}
    payloads = {"film": {**fitting, "kind": "png", "scale": 1}, "view": {"model": MODEL, "upload": "x"}}
    for name, route in routes.POST.items():
        payload, path = payloads.get(name, fitting), f"/ganlab/{name}"
        for part in route.names:
            yield from (Wrong("POST", path, write({**payload, part: value})) for value in VALUES)
        if "film" in payload:
            for part in ("frames", "seconds", "easing", "way", "loop", "other"):
                changed = ({**payload, "film": {**film, part: value}} for value in VALUES)
                yield from (Wrong("POST", path, write(each)) for each in changed)
            changed = ({**payload, "keyframes": [[0.0] * 50, value]} for value in VALUES)
            yield from (Wrong("POST", path, write(each)) for each in changed)
        yield from (Wrong("POST", path, content) for content in RAW)
        yield from (Wrong("POST", path, write(payload), kind) for kind in KINDS)
    yield from list_wishes()
    yield from (Wrong("POST", "/ganlab/upload", content, "image/png") for content in RAW)
    yield from (Wrong("POST", "/ganlab/upload", b"x", kind) for kind in KINDS)


def list_wishes() -> Iterator[Wrong]:
    """What is wished of runs in training; none of it starts one."""
    path = "/ganlab/train"
    start, stop = {"wish": "start", "seed": 0, "epochs": 0}, {"wish": "stop", "run": "none"}
    for payload in (start, stop):
        for part in (*payload, "other"):
            yield from (Wrong("POST", path, write({**payload, part: value})) for value in VALUES)
    yield from (Wrong("POST", path, write({**stop, "run": name})) for name in NAMES)
    yield from (Wrong("POST", path, content) for content in RAW)
    yield from (Wrong("POST", path, write(stop), kind) for kind in KINDS)


def list_calls(info: dict[str, Any]) -> Iterator[Wrong]:
    for name, endpoint in info["named_endpoints"].items():
        parts = [part["parameter_name"] for part in endpoint["parameters"]]
        fitting = {
            part["parameter_name"]: part.get("parameter_default", "x") for part in endpoint["parameters"]
        }
        path, named = f"/gradio_api/call{name}", f"/gradio_api/call/v2{name}"
        for part in parts:
            for value in VALUES:
                arguments = {**fitting, part: value}
                yield Wrong("POST", path, write({"data": list(arguments.values())}), result=True)
                yield Wrong("POST", named, write(arguments), result=True)
        for count in (len(parts) + 1, len(parts) + 99):
            yield Wrong("POST", path, write({"data": [None] * count}))
        if parts:
            yield Wrong("POST", path, write({"data": []}))
        yield Wrong("POST", named, write({**fitting, "other": 1}))
        for content in RAW:
            yield Wrong("POST", path, content)
            if content != b"{}":
                yield Wrong("POST", named, content)
        yield from (Wrong("POST", path, write({"data": []}), kind) for kind in KINDS)
        yield Wrong("GET", f"{path}/no-such-event")
    for name in ("no-such", "answer", "%00", "a/b/c"):
        yield Wrong("POST", f"/gradio_api/call/{name}", write({"data": []}))


def list_events(config: dict[str, Any]) -> Iterator[Wrong]:
    """The page's own events, with a wrong value in each place where the page sends one."""
    states = {part["id"] for part in config["components"] if part["type"] == "state"}
    opened = {part["id"]: part["props"].get("value") for part in config["components"]}
    for function in config["dependencies"]:
        path = "/gradio_api/queue/join" if function["queue"] else "/gradio_api/run/predict"
        numbers = function["inputs"]
        data = [None if number in states else opened.get(number) for number in numbers]
        event = {
            "data": data,
            "event_data": None,
            "fn_index": function["id"],
            "session_hash": "wrong-requests",
            "trigger_id": (function["targets"] or [[None]])[0][0],
        }
        for part, value in (
            ("data", data[1:]),
            ("data", [*data, 1]),
            ("data", {"a": 1}),
            ("fn_index", 10**9),
            ("fn_index", "1"),
            ("trigger_id", {"a": 1}),
            ("session_hash", ["x"]),
            ("session_hash", "x" * 99),
            ("batched", True),
            ("event_id", "x"),
            ("other", 1),
        ):
            if not (part == "data" and value == data):
                yield Wrong("POST", path, write({**event, part: value}))
        if function["queue"]:
            continue
        for value in VALUES:
            yield Wrong("POST", path, write({**event, "event_data": value}))
            for place in [place for place, number in enumerate(numbers) if number not in states][:3]:
                changed = [*data[:place], value, *data[place + 1 :]]
                yield Wrong("POST", path, write({**event, "data": changed}))
    for path in ("run/predict", "queue/join", "cancel"):
        yield from (Wrong("POST", f"/gradio_api/{path}", content) for content in RAW)
        yield from (Wrong("POST", f"/gradio_api/{path}", b"{}", kind) for kind in KINDS)
    yield Wrong("GET", "/gradio_api/queue/data?session_hash=none")


def write(value: Any) -> bytes:
    return json.dumps(value).encode()


def ask(client: httpx.Client, wrong: Wrong) -> str:
    """What is wrong with the answer; "" where nothing is."""
    headers = {"Content-Type": wrong.kind} if wrong.content is not None else {}
    answer = client.request(wrong.method, wrong.path, content=wrong.content, headers=headers)
    if CONTENT.search(answer.text):
        return f"a file's content: {answer.text[:200]}"
    if answer.status_code == 200 and wrong.result:
        name = answer.json()["event_id"]
        answer = client.get(f"{wrong.path.replace('/v2', '')}/{name}")
        lines = answer.text.splitlines()
        if "event: complete" in lines:
            return ""
        data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        return judge(json.loads(data[-1]).get("error"))
    if answer.status_code < 400:
        kind = answer.headers.get("content-type", "")
        if not kind.startswith((JSON, "text/event-stream")):
            return ""
        if '"error":null' in answer.text.replace(" ", ""):
            return "error: null"
        said = [each for each in NOTICE.findall(_unescape(answer.text)) if each]
        return next(filter(None, map(judge, said)), "")
    if answer.status_code >= 500:
        return f"{answer.status_code}: {answer.text[:200]}"
    if wrong.path.startswith("/ganlab/"):
        return judge(answer.text)
    try:
        return judge(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code}: {answer.text[:200]}"


def _unescape(text: str) -> str:
    return text.replace('\\"', '"').replace("&#x27;", "'").replace("&quot;", '"')


def judge(sentence: object) -> str:
    """What is wrong with a sentence; "" where nothing is."""
    if not isinstance(sentence, str) or not SENTENCE.fullmatch(sentence) or len(sentence) > 700:
        return f"no sentence: {str(sentence)[:200]}"
    return f"Python's words: {sentence[:300]}" if PYTHON.search(sentence) else ""


def attack(short: bool) -> list[Figure]:
    """All of the table, some thousand; or of each kind a few that cost no work."""
    with serve() as server, connect(server) as client:
        info = client.get("/gradio_api/info").json()
        table = list(list_requests(client.get("/config").json(), info))
        sent = choose_quick(table) if short else table
        traces = server.log().count("Traceback")
        faults = [(wrong, fault) for wrong in sent if (fault := ask(client, wrong))]
        traces = server.log().count("Traceback") - traces
    for wrong, fault in faults[:MAX_PRINTED]:
        print(wrong.method, wrong.path, (wrong.content or b"")[-200:], fault, sep="  ")
    return [
        Figure("requests in the table", len(table)),
        Figure("requests that were sent", len(sent)),
        at_most("answers that are no sentence", len(faults), "", 0),
        at_most("stack traces in the log", traces, "", 0),
    ]


def connect(server: Server) -> httpx.Client:
    transport = httpx.HTTPTransport(local_address=ADDRESS)
    return httpx.Client(base_url=server.url, transport=transport, timeout=300, trust_env=False)


def choose_quick(table: list[Wrong]) -> list[Wrong]:
    """Every so many of those that start nothing."""
    work = ("/ganlab/map", "/ganlab/judge", "/ganlab/shortest", "/ganlab/film", "/ganlab/ribbon")
    quick = [wrong for wrong in table if not wrong.result and not wrong.path.startswith(work)]
    quick = [wrong for wrong in quick if "run/predict" not in wrong.path or len(wrong.content or b"") < SMALL]
    return quick[::SHORT][:MAX_SHORT]
