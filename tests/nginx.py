"""A real nginx before the app: prefix stripped and not, buffering on and off, with TLS and without."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import free_port

README = Path(__file__).parents[1] / "README.md"
SERVING = README.parent / "docs" / "serving.md"
# As the README has it. It begins routes of ours too, so that a stripped path looks like one that is not.
ROOT = "/ganlab"
PATIENCE = 60  # seconds until nginx listens

CONFIG = """\
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  {temporary}
  {servers}
}}
"""
SERVER = """
  server {{
    listen 127.0.0.1:{port}{ssl};
    proxy_buffering {buffering};
    location = /favicon.ico {{ return 204; }}  # of the site itself, for which browsers may ask first
    {location}
  }}
"""
TLS = """ ssl;
    ssl_certificate {folder}/certificate.pem;
    ssl_certificate_key {folder}/key.pem"""


def read_location() -> str:
    """The block of nginx's settings that the README shows."""
    text = README.read_text(encoding="utf-8")
    blocks = re.findall(rf"^    location {ROOT}/ {{\n.*?^    }}\n", text, flags=re.MULTILINE | re.DOTALL)
    (location,) = blocks
    return str(location)


def read_balancer(ports: tuple[int, int], name: str, stays: bool) -> str:
    """The blocks of docs/serving.md that share pages out, for two processes and with a name of its own; if a
    page does not stay with its process, any answers."""
    text = SERVING.read_text(encoding="utf-8")
    (blocks,) = re.findall(r"^    map \$http.*?^    }\n    upstream.*?^    }\n", text, flags=re.M | re.S)
    for shown, port in zip(("7860", "7861"), ports, strict=True):
        assert shown in blocks
        blocks = blocks.replace(f":{shown}", f":{port}")
    (chosen,) = re.findall(r"hash .*;", blocks)
    blocks = blocks if stays else blocks.replace(chosen, "random;")
    return str(blocks.replace("ganlab_page", f"{name}_page").replace("upstream ganlab", f"upstream {name}"))


class Way(NamedTuple):
    """How nginx passes requests on."""

    stripped: bool
    buffered: bool
    tls: bool


WAYS = (
    Way(stripped=True, buffered=True, tls=True),
    Way(stripped=True, buffered=False, tls=False),
    Way(stripped=False, buffered=True, tls=False),
    Way(stripped=False, buffered=False, tls=True),
)


def find_nginx() -> str | None:
    """Path of nginx, which Debian keeps where only root looks."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def require_nginx() -> str:
    """Path of nginx; without it the test is skipped, or fails in CI."""
    path, missing = find_nginx(), "no nginx: python -m tests installs it where it may"
    if path is None and os.environ.get("CI"):
        pytest.fail(missing)
    return path or pytest.skip(missing)


def write_certificate(folder: Path) -> None:
    """A certificate that nobody has signed."""
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=here"
    )
    files = ["-keyout", "key.pem", "-out", "certificate.pem"]
    subprocess.run([*command.split(), *files], cwd=folder, check=True, capture_output=True)


@contextlib.contextmanager
def serve_behind_nginx(app_port: int, folder: Path) -> Iterator[dict[Way, str]]:
    """Addresses, which end with "/", of the app through one nginx, one for each way."""
    location = read_location()
    path, servers, addresses = require_nginx(), [], {}
    write_certificate(folder)
    for way in WAYS:
        port = free_port()
        server = SERVER.format(
            port=port,
            ssl=TLS.format(folder=folder) if way.tls else "",
            location=location.replace("7860", f"{app_port}/" if way.stripped else str(app_port)),
            buffering="on" if way.buffered else "off",
        )
        servers.append(server)
        addresses[way] = f"http{'s' if way.tls else ''}://127.0.0.1:{port}{ROOT}/"
    with run_nginx(
        path, folder, servers, [int(each.split(":")[2].split("/")[0]) for each in addresses.values()]
    ):
        yield addresses


@contextlib.contextmanager
def share_out(ports: tuple[int, int], folder: Path) -> Iterator[tuple[str, str]]:
    """Addresses, which end with "/", of one app in two processes: where a page stays with one, and where it
    meets any of them."""
    path, servers, own = require_nginx(), [], [free_port(), free_port()]
    for name, port, stays in zip(("same", "any"), own, (True, False), strict=True):
        headers = ("Host $http_host", "X-Forwarded-For $remote_addr")
        lines = [f"proxy_pass http://{name};", *(f"proxy_set_header {header};" for header in headers)]
        location = f"location / {{ {' '.join(lines)} }}"
        servers.append(read_balancer(ports, name, stays))
        servers.append(SERVER.format(port=port, ssl="", location=location, buffering="on"))
    with run_nginx(path, folder, servers, own):
        yield f"http://127.0.0.1:{own[0]}/", f"http://127.0.0.1:{own[1]}/"


@contextlib.contextmanager
def run_nginx(path: str, folder: Path, servers: list[str], ports: list[int]) -> Iterator[None]:
    """nginx with these blocks, once it listens to these ports."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    config = folder / "nginx.conf"
    config.write_text(CONFIG.format(folder=folder, temporary=temporary, servers="".join(servers)))
    process = subprocess.Popen(
        [path, "-c", str(config), "-e", str(folder / "error.log")], stderr=subprocess.DEVNULL
    )
    try:
        for port in ports:
            wait_for(process, port, folder)
        yield
    finally:
        process.terminate()
        process.wait()


def wait_for(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    """Until nginx listens to a port."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.02)
    raise AssertionError(f"nginx does not listen: {(folder / 'error.log').read_text()}")
