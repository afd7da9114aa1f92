"""python app.py: serve the interface on this machine."""

from __future__ import annotations

import argparse
import os
import runpy
import socket
import sys
from pathlib import Path

# Networks of a Space's own proxy: nothing else reaches the container.
SPACE_PROXIES = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
LOCAL = ("127.0.0.1", "localhost", "::1")
DEFAULT_MODEL = "mnist-bigan-plus"


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    share_cores()
    device = choose_device(options.device)
    try:
        for port in range(options.port, options.port + options.workers):
            check_address(options.host, port)
        if options.workers != 1:
            return supervise(sys.argv[1:] if arguments is None else arguments, options)
        from ganlab.download import MAX_SECONDS
        from ganlab.ui.server.doors import read_hosts
        from ganlab.ui.server.models import Models
        from ganlab.ui.server.proxy import read_proxies, read_root_path

        root_path, proxies = read_root_path(options.root_path), read_proxies(options.trusted_proxies)
        hosts = read_hosts(options.allowed_hosts)
        # Visitors from other machines may choose among the bundled models only.
        private = options.host in LOCAL and (bool(proxies) or not root_path)
        name = options.model or choose_model()
        models = Models(name, device, allow_any=private, gallery=options.gallery)
        # A wrong name is reported before Gradio is imported, which takes seconds.
        if notice := models.open_default(patience=MAX_SECONDS):
            print(f"warning: {notice}", file=sys.stderr, flush=True)
        from ganlab.ui import app, zero_gpu
        from ganlab.ui.server import launch

        zero_gpu.prepare()
        blocks = app.build(models)
        print(f"ganlab: http://{options.host}:{options.port}", flush=True)
        serving = {"root_path": root_path, "proxies": proxies, "hosts": hosts, "mcp": options.mcp}
        serving["metrics"] = options.metrics
        launch.launch(blocks, models, options.host, options.port, **serving)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    on_space = "SPACE_ID" in os.environ
    parser = argparse.ArgumentParser(description="Explore the latent space of a GAN with an encoder.")
    parser.add_argument(
        "--model",
        help=f"a bundled name, a folder, or a Hub id (default: {DEFAULT_MODEL}, or the first one there is);"
        " where it is damaged or the Hub is away, another bundled one is shown",
    )
    parser.add_argument(
        "--gallery",
        type=Path,
        metavar="FOLDER",
        help="the model's pictures in place of its own: what python -m train.gallery MODEL FOLDER encoded",
    )
    parser.add_argument("--host", default="0.0.0.0" if on_space else "127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=7860, help="port to listen on (default: 7860)")
    parser.add_argument(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="processes at as many ports from --port on, for a proxy to share visitors out (default: 1)",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument(
        "--root-path",
        default=os.environ.get("GRADIO_ROOT_PATH", ""),
        help="where a proxy serves it: /tools/ganlab (default: GRADIO_ROOT_PATH, or none)",
    )
    parser.add_argument(
        "--trusted-proxies",
        default=",".join(SPACE_PROXIES) if on_space else "",
        metavar="ADDRESSES",
        help="proxies whose X-Forwarded-For and -Proto count, as 127.0.0.1,10.0.0.0/8 (default: none; on a"
        " Space its own)",
    )
    parser.add_argument(
        "--metrics", action="store_true", help="let other machines see /health and /metrics (Prometheus)"
    )
    parser.add_argument(
        "--allowed-hosts",
        default="",
        metavar="NAMES",
        help="the names it answers to, as gan.example.org (default: on this machine its own, else all)",
    )
    parser.add_argument("--mcp", action="store_true", help="offer the API to assistants (MCP)")
    return parser.parse_args(arguments)


def share_cores() -> None:
    """On a Space, which has many visitors and few cores: one thread for each product of matrices, since
    threads that wait for each other cost the visitors more than they save. What OMP_NUM_THREADS says already
    stays. PyTorch reads it when it is imported."""
    if "SPACE_ID" in os.environ:
        os.environ.setdefault("OMP_NUM_THREADS", "1")


def choose_device(name: str) -> str:
    """The device that serves: on a Space that lends GPUs call by call, the CPU. There the package `spaces`
    has to be imported before anything that might use CUDA."""
    if not os.environ.get("SPACES_ZERO_GPU"):
        return name
    import spaces  # noqa: F401

    return "cpu" if name == "auto" else name


def choose_model() -> str:
    """What is served where nobody names a model: DEFAULT_MODEL, unless its folder was left out."""
    from ganlab.hub import CHECKPOINTS, list_models

    names = list_models()
    return DEFAULT_MODEL if not names or (CHECKPOINTS / DEFAULT_MODEL).is_dir() else names[0]


def supervise(arguments: list[str], options: argparse.Namespace) -> int:
    """Run several processes. Their supervisor is read as a file: the package would take 0.5 GB of memory."""
    workers = runpy.run_path(str(Path(__file__).parent / "ganlab" / "ui" / "server" / "workers.py"))
    commands = workers["list_commands"](__file__, arguments, options.port, options.workers)
    return int(workers["supervise"](commands))


def check_address(host: str, port: int) -> None:
    """ValueError for a port that is in use, or an address that this machine does not have."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (OSError, OverflowError) as error:
        raise ValueError(
            f"port {port} of {host} cannot be used ({error}): name another with --port or --host."
        ) from None


if __name__ == "__main__":
    sys.exit(main())
