"""Gradio's Blocks, whose unexpected errors reach a visitor as a sentence, and whose answers cost what they
change."""

from __future__ import annotations

import copy
import logging
from typing import Any

import gradio as gr

from ganlab.ui.server.sentences import FAILED

UNCHANGED = {"__type__": "update"}  # what Gradio sends for a component that stays as it is


class Blocks(gr.Blocks):  # type: ignore[misc]
    """An error that no handler turned into a sentence goes to the log, and FAILED to the visitor; Gradio
    would send {"error": null}.

    Answers by component name few of an event's many outputs. Gradio builds each of the others anew, which
    takes the loop that all visitors share more time than all else that it does for an event.
    """

    async def process_api(self, *args: Any, **settings: Any) -> Any:
        try:
            return await super().process_api(*args, **settings)
        except (gr.Error, StopAsyncIteration):
            raise
        except Exception:
            logging.getLogger(__name__).exception("An event was not answered.")
            raise gr.Error(FAILED, print_exception=False) from None

    async def postprocess_data(self, block_fn: Any, predictions: Any, state: Any) -> list[Any]:
        if predictions == UNCHANGED:
            predictions = {}
        answered = isinstance(predictions, dict) and predictions.keys() <= {*block_fn.outputs}
        if not answered or block_fn.batch or block_fn.is_validator_function:
            return list(await super().postprocess_data(block_fn, predictions, state))
        outputs = [block for block in block_fn.outputs if block in predictions]
        changed: dict[Any, Any] = {}
        if outputs:
            part = copy.copy(block_fn)
            part.outputs = outputs
            values = predictions if len(outputs) > 1 else predictions[outputs[0]]
            changed = dict(zip(outputs, await super().postprocess_data(part, values, state), strict=True))
        return [
            changed[block] if block in changed else None if block.stateful else dict(UNCHANGED)
            for block in block_fn.outputs
        ]
