"""python app.py: serve the interface on this machine."""

from __future__ import annotations

import argparse
import os
import socket
import sys


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Explore the latent space of a GAN with an encoder.")
    on_space = "SPACE_ID" in os.environ
    parser.add_argument("--model", default="mnist-bigan-plus", help="a bundled name, a folder, or a Hub id")
    parser.add_argument("--host", default="0.0.0.0" if on_space else "127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=7860, help="port to listen on (default: 7860)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    options = parser.parse_args(arguments)

    try:
        with socket.socket(socket.AF_INET6 if ":" in options.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((options.host, options.port))
    except (OSError, OverflowError) as error:
        place = f"port {options.port} of {options.host}"
        print(
            f"error: {place} cannot be used ({error}): name another with --port or --host.", file=sys.stderr
        )
        return 2

    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    from ganlab.ui import app
    from ganlab.ui.server import launch
    from ganlab.ui.server.models import Models

    # Others who reach this server may choose among the bundled models only.
    local = options.host in ("127.0.0.1", "localhost", "::1")
    try:
        models = Models(options.model, options.device, allow_any=local)
        blocks = app.build(models)
        print(f"ganlab: http://{options.host}:{options.port}", flush=True)
        launch.launch(blocks, models, options.host, options.port)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
