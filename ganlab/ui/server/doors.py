"""Who may come in, by which door, and what an answer lets a browser do (ASGI).

A page of another site can have a browser send requests to a server on the same machine, or in the same
network: by <img> and forms, or under a name of its own that it points at 127.0.0.1 (DNS rebinding). So a
server of this machine answers to its own names only; and whatever computes, loads or changes anything is for
its own page and for programs, never for pages of other sites.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers

from ganlab.ui.server.models import Models
from ganlab.ui.server.policy import ITSELF, Marked
from ganlab.ui.server.proxy import App, Message, Receive, Send
from ganlab.ui.server.runs import check_link
from ganlab.ui.server.sentences import NOTHING_HERE, get_path, refuse

NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_.-]{0,252}[a-z0-9_.])?|\[[0-9a-f:.]{2,45}\])", re.ASCII)
LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
FOREIGN_SITES = ("cross-site", "same-site")  # of Sec-Fetch-Site: pages of another origin
PORTS = {"http": "80", "https": "443"}
ORIGIN = re.compile(r"(https?)://([^/?#@\s]+)")

# What the page and programs use of Gradio's routes, after the root path. All others are closed: uploads (no
# component takes files), files, proxies, streams, monitoring, and what later versions may add.
OPEN = re.compile(
    r"/|/config/?|/health|/metrics|/favicon\.ico|/theme\.css|/robots\.txt|/manifest\.json|/pwa_icon(/\d+)?"
    r"|/(assets|static|svelte)/.+"
    r"|/ganlab/.+"
    r"|/gradio_api/(app_id|info|openapi\.json|startup-events|heartbeat/[\w-]{1,64}|theme\.css)/?"
    r"|/gradio_api/(run/predict|queue/join|queue/data|cancel)"
    r"|/gradio_api/call/.+|/gradio_api/mcp(/.*)?",
    re.ASCII,
)
# What any page may lead to or show: the page itself and its files.
SHOWN = re.compile(
    r"/|/health|/metrics|/favicon\.ico|/theme\.css|/robots\.txt|/manifest\.json|/pwa_icon.*|/(assets|static|svelte)/.+"
)

OTHER_NAME = "This server answers to {names}, not to {name}. If that is its name, --allowed-hosts says so."
OTHER_SITE = "This is for the app's own page and for programs, not for the pages of other sites."
OTHER_MODEL = (
    "A link on another page asks for the model {name}, which would be loaded to this machine."
    " If you want that, copy the address into the address bar."
)
OTHER_RUN = (
    "A link on another page asks for the run {name}, which would be read from this machine or fetched to it."
    " If you want that, copy the address into the address bar."
)


@dataclass(frozen=True)
class Names:
    """What a server is called. `refuses` says whether it answers to nobody who calls it anything else."""

    names: tuple[str, ...]
    refuses: bool

    def knows(self, host: str) -> bool:
        """Whether a Host header, with a port or without, names this server."""
        name = split_host(host)[0]
        return name in self.names or is_loopback(name)


def read_hosts(text: str) -> tuple[str, ...]:
    """The names of --allowed-hosts, with commas between them; ValueError for what is none."""
    names = tuple(part.strip().lower() for part in text.split(",") if part.strip())
    for name in names:
        if not NAME.fullmatch(name):
            raise ValueError(
                "--allowed-hosts holds the names that visitors use, as gan.example.org or 192.168.1.5,"
                f" without port and with commas between them, not {name!r}."
            )
    return names


def name_server(
    host: str, allowed: tuple[str, ...] = (), root_path: str = "", proxies: tuple[str, ...] = ()
) -> Names:
    """The names of a server that listens to `host`. One that only this machine reaches has no others than
    those; what a proxy calls it, or other machines do, nobody has said, unless by --allowed-hosts."""
    address = f"[{host}]" if ":" in host else host.lower()
    local = is_loopback(address) and not root_path and not proxies
    outer = split_host(urlsplit(root_path).netloc)[0]
    names = dict.fromkeys((*LOCAL_NAMES, address, outer, *allowed))
    return Names(tuple(name for name in names if name), refuses=local or bool(allowed))


def split_host(host: str) -> tuple[str, str]:
    """Name and port of a Host header, in lower case; "" for what is none."""
    name, colon, port = host.strip().lower().rpartition(":")
    if not colon or port.endswith("]"):  # no port; an address of IPv6 has colons of its own
        name, port = host.strip().lower(), ""
    return (name, port) if NAME.fullmatch(name) and (port.isdecimal() or not port) else ("", "")


def is_loopback(name: str) -> bool:
    """Whether a name in a Host header is this machine's for itself."""
    try:
        return name == "localhost" or ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def is_foreign(headers: Headers, names: Names) -> bool:
    """Whether a request comes from a page of another origin. A browser says so; programs say nothing."""
    if site := headers.get("sec-fetch-site"):  # of every browser, where its connection cannot be read
        return site in FOREIGN_SITES
    if "origin" not in headers:
        return False
    sent = ORIGIN.fullmatch(headers["origin"])
    name, port = split_host(sent[2]) if sent else ("", "")
    if not sent or not name:
        return True  # "null", of a page without an origin
    if name in names.names and not is_loopback(name):
        return False  # a proxy may have changed the Host header
    for header in ("host", "x-forwarded-host"):
        own, own_port = split_host(headers.get(header, "").split(",")[0])
        if name == own and own_port in ("", port or PORTS[sent[1]]):  # nginx's $host is without port
            return False
    return True


class Doors:
    """Refuses what is not for this server, what comes from other sites' pages, and routes that are closed;
    adds HEADERS and the policy of the page to every answer."""

    def __init__(self, app: App, models: Models, names: Names, frames: str = ITSELF) -> None:
        self.app, self.models, self.names, self.frames = app, models, names, frames

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        send = Marked(send, self.frames)
        path = get_path(scope)
        headers = Headers(scope=scope)
        if sentence := self._check(path, scope, headers):
            return await refuse(path, 403, sentence)(scope, receive, send)
        if not OPEN.fullmatch(path):
            return await refuse(path, 404, NOTHING_HERE)(scope, receive, send)
        await self.app(scope, receive, send)

    def _check(self, path: str, scope: Message, headers: Headers) -> str:
        """Why a request is refused; "" for one that is not."""
        host = headers.get("host", "")
        if not self.names.knows(host):
            if self.names.refuses:
                name = split_host(host)[0]
                names = ", ".join(self.names.names)
                return OTHER_NAME.format(names=names, name=repr(name[:80]) if name else "another name")
            self.models.restrict()  # it may be a page that has pointed its own name here
        if not is_foreign(headers, self.names):
            return ""
        if not SHOWN.fullmatch(path):
            return OTHER_SITE
        query = parse_qs(scope["query_string"].decode("latin-1"))
        wanted = query.get("model", [""])[-1]
        if path == "/" and wanted and self.models.allow_any and wanted not in self.models.list_names():
            return OTHER_MODEL.format(name=repr(wanted[:80]))
        if path == "/" and (
            run := check_link(self.models, [*query.get("run", ()), *query.get("beside", ())])
        ):
            return OTHER_RUN.format(name=repr(run[:80]))
        return ""
