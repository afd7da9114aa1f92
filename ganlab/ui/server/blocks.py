"""Gradio's Blocks, whose unexpected errors reach a visitor as a sentence."""

from __future__ import annotations

import logging
from typing import Any

import gradio as gr

from ganlab.ui.server.sentences import FAILED


class Blocks(gr.Blocks):  # type: ignore[misc]
    """An error that no handler turned into a sentence goes to the log, and FAILED to the visitor; Gradio
    would send {"error": null}."""

    async def process_api(self, *args: Any, **settings: Any) -> Any:
        try:
            return await super().process_api(*args, **settings)
        except (gr.Error, StopAsyncIteration):
            raise
        except Exception:
            logging.getLogger(__name__).exception("An event was not answered.")
            raise gr.Error(FAILED, print_exception=False) from None
