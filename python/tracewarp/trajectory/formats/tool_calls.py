"""A tool call as the text of an action.

definition  A call of a verb of WebArena whose arguments have its names becomes that action, `click [5]`, `stop [x]`.
            Any other call is written as `name(argument=JSON, ...)`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

_ELEMENT: Final = ("element_id", "element", "id")
_WEBARENA: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "click": (_ELEMENT,),
    "hover": (_ELEMENT,),
    "type": (_ELEMENT, ("text", "content")),
    "press": (("keys", "key_comb", "key_combination"),),
    "scroll": (("direction",),),
    "close_tab": (),
    "stop": (("answer", "text"),),
}
"""Verb -> the names of each of its arguments, without the verbs that are calls of BrowserGym as well (`goto`, ...)."""

_ENTER: Final = ("press_enter_after", "press_enter", "enter")


def call_text(name: str, arguments: Any) -> str:
    """The text of one call.

    Args:
        name: of the function.
        arguments: an object, the JSON text of one, or null.
    """
    arguments = _object(arguments)
    if arguments is None:
        arguments = {}
    if isinstance(arguments, Mapping):
        written = _webarena(name, arguments)
        if written is not None:
            return written
        return f"{name}({', '.join(f'{key}={_json(value)}' for key, value in arguments.items())})"
    return f"{name}({_json(arguments)})"


def _object(arguments: Any) -> Any:
    if not isinstance(arguments, str):
        return arguments
    if not arguments.strip():
        return None
    try:
        read = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    return read if isinstance(read, Mapping) or read is None else arguments


def _webarena(name: str, arguments: Mapping[str, Any]) -> str | None:
    """The action in WebArena's dialect, or None where the call is not one of its own."""
    if name not in _WEBARENA:
        return None
    given = dict(arguments)
    values: list[str] = []
    for names in _WEBARENA[name]:
        found = next((one for one in names if one in given), None)
        value = "" if found is None and name == "stop" else given.pop(found, None) if found is not None else None
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            return None
        if names is _ELEMENT and not str(value).strip().isdecimal():
            return None
        values.append(str(value).strip() if names is _ELEMENT else str(value))
    if name == "type":
        enter = next((one for one in _ENTER if one in given), None)
        if enter is not None:
            values.append("0" if str(given.pop(enter)).lower() in ("0", "false", "none") else "1")
    if given:
        return None
    return " ".join([name, *(f"[{value}]" for value in values)])


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
