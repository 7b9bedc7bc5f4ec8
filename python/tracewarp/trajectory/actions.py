"""The one thing that every action dialect shares: a verb, then its arguments in brackets."""

from __future__ import annotations

import re

WEBARENA_VERBS = frozenset(
    {
        "click", "close_tab", "go_back", "go_forward", "goto", "hover", "new_tab", "press", "scroll", "stop",
        "tab_focus", "type",
    }
)  # fmt: skip
"""Verbs of WebArena's dialect, `click [12]`."""

BROWSERGYM_VERBS = frozenset(
    {
        "clear", "click", "dblclick", "drag_and_drop", "fill", "focus", "go_back", "go_forward", "goto", "hover",
        "keyboard_down", "keyboard_insert_text", "keyboard_press", "keyboard_type", "keyboard_up", "mouse_click",
        "mouse_dblclick", "mouse_down", "mouse_drag_and_drop", "mouse_move", "mouse_up", "mouse_upload_file", "new_tab",
        "noop", "press", "report_infeasible", "scroll", "select_option", "send_msg_to_user", "tab_close", "tab_focus",
        "upload_file",
    }
)  # fmt: skip
"""Verbs of BrowserGym's high-level dialect, `click('12')`."""

OWN_VERBS = frozenset({"dialog"})
"""Verbs of the environments here, written in either dialect."""

STANDARD_VERBS = WEBARENA_VERBS | BROWSERGYM_VERBS | OWN_VERBS
"""Verbs of either dialect. Others are legal (agents add their own); `tracewarp validate` counts them."""

_ARGUMENTS = re.compile(r"[\[(]")


def action_verb(text: str | None) -> str | None:
    """The verb of an action, in WebArena's dialect (`click [12]`) and in BrowserGym's (`click('12')`).

    Args:
        text: the action, or None where none could be parsed.

    Returns:
        The text before the first `[` or `(`, stripped and lower-cased; None where nothing stands there.
    """
    if text is None:
        return None
    return _ARGUMENTS.split(text, maxsplit=1)[0].strip().lower() or None
