"""The sessions of visitors, and the order of their events."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ganlab.ui.server.sessions import SessionOrder


def test_clicks_of_one_visitor_are_handled_in_their_order() -> None:
    """Ann's first click ends only after Bob's: her others wait for it, his does not."""
    log: list[str] = []

    def click(app: SessionOrder, session: str, name: str) -> Any:
        body = json.dumps({"session_hash": session, "name": name}).encode()
        parts = iter(
            {"type": "http.request", "body": part, "more_body": i == 0} for i, part in enumerate((body, b""))
        )

        async def receive() -> Any:
            return next(parts)

        return app({"type": "http", "path": "/gradio_api/run/predict"}, receive, None)  # type: ignore[arg-type]

    async def run() -> SessionOrder:
        bob_ended = asyncio.Event()

        async def handle(scope: Any, receive: Any, send: Any) -> None:
            name = json.loads((await receive())["body"])["name"]
            log.append(f"begin {name}")
            if name == "ann 1":
                await bob_ended.wait()
            await asyncio.sleep(0)  # lets others run
            log.append(f"end {name}")
            if name == "bob":
                bob_ended.set()

        app = SessionOrder(handle)
        clicks = [("ann", "ann 1"), ("ann", "ann 2"), ("bob", "bob"), ("ann", "ann 3")]
        await asyncio.wait_for(asyncio.gather(*(click(app, *names) for names in clicks)), timeout=300)
        return app

    with ThreadPoolExecutor(1) as thread:  # apart from the loop that a browser's tests leave running
        app = thread.submit(asyncio.run, run()).result()
    assert [line for line in log if "ann" in line] == [
        f"{step} ann {number}" for number in (1, 2, 3) for step in ("begin", "end")
    ]
    assert log.index("end bob") < log.index("end ann 1")
    assert not app.locks
