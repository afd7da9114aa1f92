"""Kinds of event: whether they wait in Gradio's queue, what becomes of hasty repeats, what the page shows
meanwhile.

None lets a component validate its value first (preprocess=False). Gradio's own checks raise for a value
that was right when the page sent it and is not any more, such as a choice that the next model does not
have; the page would then keep what it showed. Handlers get every value as it was sent and check it
themselves.
"""

from __future__ import annotations

from typing import Any

_ALL: dict[str, Any] = {"preprocess": False, "show_progress": "hidden", "api_visibility": "private"}
QUIET = {**_ALL, "queue": False}  # off the queue for speed
CLICK = {**QUIET, "trigger_mode": "multiple"}  # no click is lost
# Repeats in between are dropped, the last one is answered: with the components' values of then, but with what
# the first event itself carried, which is all that Gradio keeps. Not for events whose data matter.
LIVE = {**QUIET, "trigger_mode": "always_last"}
# In the queue, the only place where a handler can answer more than once; at most two run, others wait.
# Repeats are sent: a run that has been stopped may not have ended yet when the next is started.
STREAM = {**_ALL, "concurrency_limit": 2, "trigger_mode": "multiple"}

SLOW = "gl-slow"  # CSS class of components that may take seconds to fill and then show it


def waits_on(*components: Any) -> dict[str, Any]:
    """Settings of an event while which `components`, of the class SLOW, show that they are being filled."""
    return {"show_progress": "minimal", "show_progress_on": list(components)}
