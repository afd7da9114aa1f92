"""What an answer lets a browser do: HEADERS, and the content security policy under which the page runs."""

from __future__ import annotations

import base64
import functools
import hashlib
import os
import re
from collections.abc import Iterable

from starlette.datastructures import MutableHeaders

from ganlab.ui.server.proxy import Message, Send

HEADERS = {
    "X-Content-Type-Options": "nosniff",  # a file is what its type says
    "Referrer-Policy": "same-origin",  # an address may hold a latent
    "Cross-Origin-Resource-Policy": "same-origin",  # other sites' pages cannot show what is here
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
}
SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)  # with its code inside
PAGE_TYPE = "text/html"
ITSELF = "'self'"
SPACES = "https://huggingface.co https://*.huggingface.co https://*.hf.space"  # which show a Space in a frame


def choose_frames() -> str:
    """The pages that may show this one in a frame: on a Hugging Face Space the Hub's, else nobody's."""
    return f"{ITSELF} {SPACES}" if "SPACE_ID" in os.environ else ITSELF


def build_policy(scripts: Iterable[str], frames: str) -> str:
    """The policy of an answer with these inline scripts (hashes); pages of `frames` may show it in a frame.

    Gradio makes functions of the code of components ('unsafe-eval'), and writes styles wherever it likes.
    """
    return "; ".join(
        (
            "default-src 'self'",
            " ".join(("script-src 'self' 'unsafe-eval' 'wasm-unsafe-eval'", *scripts)),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "media-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self' data: blob:",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            f"frame-ancestors {frames}",
        )
    )


@functools.lru_cache(maxsize=8)  # most visitors get the same page
def find_scripts(page: bytes) -> list[str]:
    """The inline scripts of a page as a policy names them."""
    digests = (hashlib.sha256(code).digest() for code in SCRIPT.findall(page))
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]


class Marked:
    """Sends an answer with HEADERS and a policy; that of a page names the scripts which the server wrote into
    it, so no other runs."""

    def __init__(self, send: Send, frames: str) -> None:
        self.send, self.frames = send, frames
        self.start: Message | None = None  # of a page, held back until its text is complete
        self.text = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            if headers.get("content-type", "").startswith(PAGE_TYPE):
                self.start = message
                return
            headers["Content-Security-Policy"] = build_policy((), self.frames)
        elif self.start is not None and message["type"] == "http.response.body":
            self.text += message.get("body", b"")
            if message.get("more_body"):
                return
            headers = MutableHeaders(scope=self.start)
            headers["Content-Security-Policy"] = build_policy(find_scripts(self.text), self.frames)
            await self.send(self.start)
            message, self.start = {**message, "body": self.text}, None
        await self.send(message)
