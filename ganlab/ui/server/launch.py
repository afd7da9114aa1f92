"""Launching with safe defaults: loopback only, bounded requests and queue, nothing sent outside."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from ganlab.ui.html.markup import STATIC
from ganlab.ui.server import doors, health, memory, policy, routes, tools
from ganlab.ui.server.assets import Assets, Documents
from ganlab.ui.server.bodies import MAX_BODY, BodyLimit
from ganlab.ui.server.description import Description
from ganlab.ui.server.events import FairQueue
from ganlab.ui.server.gate import Gate
from ganlab.ui.server.models import Models
from ganlab.ui.server.proxy import RootPath, Streams, Visitors
from ganlab.ui.server.sentences import Sentences
from ganlab.ui.server.sessions import SessionOrder
from ganlab.ui.server.turns import Turns
from ganlab.ui.server.visits import VisitGuard, name_page

# Modules that the first screen uses.
PRELOADED = ("drawing-pad", "elements", "files", "page-line", "shelf-memory", "stale", "storage", "visit")
LATER = ("studio",)  # modules of a tab that shows its first picture as soon as they are there
# Seconds that one thread keeps Python for, a tenth of Python's own: an answer passes between threads many
# times, each time behind those that compute.
SWITCH = 0.0005
MAX_OPEN = 65_536  # connections and files
ICON = '<link rel="icon" href="favicon.ico">'  # without it, browsers look for one outside the root path
# Runs before Gradio asks for anything: events name the state that the page shows.
LINE = '<script type="module" src="ganlab/static/lib/page-line.js"></script>'
IMPORT = re.compile(r"from '\./([\w-]+)\.js'")


def build_theme() -> gr.themes.Base:
    """System fonts, so that nothing is fetched from outside; one accent colour; text that can be read."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.indigo,
        neutral_hue=gr.themes.colors.slate,
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
        font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"],
        radius_size=gr.themes.sizes.radius_md,
    ).set(  # at least 4.5 to 1 on every ground
        body_text_color_subdued="*neutral_600",
        block_title_text_color="*neutral_600",
        input_placeholder_color="*neutral_600",
        input_placeholder_color_dark="*neutral_300",
    )


def build_head() -> str:
    """Tags for the icon, and to fetch what the modules PRELOADED need with Gradio's own scripts, so that the
    pad takes strokes and files at once, and after them what the modules LATER need, so that the studio does
    not fetch import after import."""
    priorities = dict.fromkeys(list_modules(LATER), "low") | dict.fromkeys(list_modules(PRELOADED), "auto")
    return (
        ICON
        + LINE
        + "".join(
            f'<link rel="modulepreload" href="ganlab/static/lib/{module}.js" fetchpriority="{priority}">'
            for module, priority in priorities.items()
        )
    )


def list_modules(names: Iterable[str]) -> list[str]:
    """Modules of static/lib and all that they import, sorted."""
    waiting, modules = list(names), set[str]()
    while waiting:
        if (module := waiting.pop()) not in modules:
            modules.add(module)
            waiting += IMPORT.findall((STATIC / "lib" / f"{module}.js").read_text(encoding="utf-8"))
    return sorted(modules)


def build_settings(
    models: Models,
    host: str,
    port: int | None,
    root_path: str = "",
    proxies: tuple[str, ...] = (),
    public: bool = False,
    hosts: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Arguments of Gradio's launch(); the comments say why each is set. `public`: whether everybody may see
    what `health` tells of the server."""
    own = routes.list_routes(models)
    metrics = health.build_metrics(models, {getattr(route, "path", "") for route in own}, required=public)
    names = doors.name_server(host, hosts, root_path, proxies)
    middleware = [
        Middleware(RootPath),
        Middleware(Visitors, models, proxies),
        Middleware(health.Meter, metrics),
        Middleware(Documents),
        Middleware(doors.Doors, models, names, policy.choose_frames()),
        Middleware(health.Health, models, metrics, public, shut=bool(root_path) and not proxies),
        Middleware(Assets),
        Middleware(Sentences),
        Middleware(Streams),
        Middleware(BodyLimit),
        Middleware(Gate),
        Middleware(Description),
        Middleware(Turns),
        Middleware(SessionOrder),
        Middleware(VisitGuard),
    ]
    return {
        "server_name": host,
        "server_port": port,
        "root_path": root_path,
        "share": False,
        "ssr_mode": False,  # needs Node, and is slower for a page this small
        "show_error": False,  # stack traces stay on the server; errors of use are sent as results
        "enable_monitoring": False,
        "strict_cors": True,
        "max_file_size": MAX_BODY,
        "run_history": False,  # would store every picture in the visitor's browser
        "footer_links": ["api"],
        "app_kwargs": {"middleware": middleware, "routes": own},
        "theme": build_theme(),
        "css_paths": sorted(STATIC.glob("*.css")),  # app.css comes first
        "head": build_head(),
        "quiet": True,
    }


@contextlib.contextmanager
def trusting_nobody() -> Iterator[None]:
    """Servers that start meanwhile leave the headers of proxies to `Visitors`: by itself uvicorn believes
    every process of this machine, a proxy that passes on whatever a visitor claims included."""
    before = os.environ.get("FORWARDED_ALLOW_IPS")
    os.environ["FORWARDED_ALLOW_IPS"] = ""
    try:
        yield
    finally:
        if before is None:
            del os.environ["FORWARDED_ALLOW_IPS"]
        else:
            os.environ["FORWARDED_ALLOW_IPS"] = before


def allow_connections() -> None:
    """Let this process open as many connections as the system allows it, up to MAX_OPEN, where 1,024 is what
    many begin with: a page that is open holds one or two, and whoever sends slowly holds another."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no such limit
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = MAX_OPEN if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN)
        if soft != resource.RLIM_INFINITY and soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def launch(
    blocks: gr.Blocks,
    models: Models,
    host: str,
    port: int | None,
    *,
    root_path: str = "",
    proxies: tuple[str, ...] = (),
    hosts: tuple[str, ...] = (),
    mcp: bool = False,
    metrics: bool = False,
    prevent_thread_lock: bool = False,
    **more: Any,
) -> Any:
    """Serve the page. `root_path` is where a proxy serves it, see `proxy.read_root_path`; what trusted
    `proxies` say of a visitor counts; `hosts` are its names, see `doors.name_server`; with `mcp` the
    endpoints are tools too; with `metrics` everybody may see what `health` tells of the server. `more`
    overrides or adds to the settings. Returns what Gradio's launch() returns: at once with
    `prevent_thread_lock`, else when the server is stopped."""
    if mcp:
        tools.check_installed()
    blocks.queue(api_open=False, default_concurrency_limit=2)
    blocks._queue = FairQueue(blocks, blocks._queue)
    settings = {**build_settings(models, host, port, root_path, proxies, metrics, hosts), **more}
    settings["head"] += f'<meta name="ganlab-page" content="{name_page(blocks)}">'
    memory.bound_heap()
    allow_connections()
    sys.setswitchinterval(SWITCH)
    with trusting_nobody():
        launched = blocks.launch(**settings, mcp_server=mcp, prevent_thread_lock=True)
    if mcp:
        tools.write_results(blocks.mcp_server_obj)
        tools.check_arguments(blocks.mcp_server_obj)
    if not prevent_thread_lock:
        blocks.block_thread()
    return launched
