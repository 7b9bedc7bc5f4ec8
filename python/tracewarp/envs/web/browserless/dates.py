"""The fields that Chromium shows inside an input of the type date or time, as it does for American English."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tracewarp.envs.web.browserless.controls import input_type, value_of
from tracewarp.envs.web.browserless.dom import Element
from tracewarp.envs.web.nodes import Node

_FORMS = {
    "date": re.compile(r"(?P<year>\d{4,6})-(?P<month>\d\d)-(?P<day>\d\d)"),
    "time": re.compile(r"(?P<hour>\d\d):(?P<minute>\d\d)(?::\d\d(?:\.\d{1,3})?)?"),
}
_LAYOUT = {
    "date": ("Month", "/", "Day", "/", "Year"),
    "time": ("Hours", ":", "Minutes", "\u202f", "AM/PM"),
}


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    empty: str


_FIELDS = {
    "Month": _Field("Month", 1, 12, "mm"),
    "Day": _Field("Day", 1, 31, "dd"),
    "Year": _Field("Year", 1, 275760, "yyyy"),
    "Hours": _Field("Hours", 1, 12, "--"),
    "Minutes": _Field("Minutes", 0, 59, "--"),
    "AM/PM": _Field("AM/PM", 1, 2, "--"),
}


def is_valid_date(kind: str, value: str) -> bool:
    """Is a text a value that an input of this kind takes?"""
    found = _FORMS[kind].fullmatch(value)
    if found is None:
        return False
    parts = {name: int(text) for name, text in found.groupdict().items()}
    days = (31, 29 if _is_leap(parts.get("year", 4)) else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    month = parts.get("month", 1)
    return (
        1 <= month <= 12
        and 1 <= parts.get("day", 1) <= days[month - 1]
        and parts.get("hour", 0) <= 23
        and parts.get("minute", 0) <= 59
        and parts.get("year", 1) >= 1
    )


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def date_parts(element: Element, node: Node, *, disabled: bool, focused: bool) -> list[Node]:
    """The nodes inside a date or time input.

    Args:
        element: the input.
        node: its own node, whose name each field repeats.
        disabled: is it disabled? Then there is no button for the picker.
        focused: has the input the focus? The first field shows it.
    """
    kind = input_type(element)
    shown = _shown(kind, value_of(element))
    years = _years(element) if kind == "date" else None
    found: list[Node] = []
    for number, part in enumerate(_LAYOUT[kind]):
        key = (node.key, "part", number)
        field = _FIELDS.get(part)
        if field is None:
            found.append(Node(key, "StaticText", part))
            continue
        low, high = years if years is not None and part == "Year" else (field.low, field.high)
        properties: tuple[tuple[str, object], ...] = (
            ("required", False),
            ("valuemin", low),
            ("valuemax", high),
            ("valuetext", ""),
        )
        if disabled:
            properties = (("disabled", True), *properties)
        elif focused:
            properties = (("focused", True), *properties)
            focused = False
        inner = Node(key, "spinbutton", _repeated(field.name, node), properties)
        inner.children.append(Node((*key, "text"), "StaticText", shown.get(part, field.empty)))
        found.append(inner)
    if not disabled and "readonly" not in element.attrs:
        picker = Node((node.key, "picker"), "button", _repeated(f"Show {kind} picker", node), (("hasPopup", "menu"),))
        found.append(picker)
    return found


def _repeated(name: str, node: Node) -> str:
    """Chromium names each field twice where the input itself has a name (seen in version 156)."""
    return f"{name} {name}" if node.name else name


def _shown(kind: str, value: str) -> dict[str, str]:
    """What each field shows of a value."""
    if not is_valid_date(kind, value):
        return {}
    found = _FORMS[kind].fullmatch(value)
    assert found is not None  # a valid value has the form
    parts = found.groupdict()
    if kind == "date":
        return {"Year": parts["year"], "Month": parts["month"], "Day": parts["day"]}
    hour = int(parts["hour"])
    return {
        "Hours": f"{hour % 12 or 12:02d}",
        "Minutes": parts["minute"],
        "AM/PM": "AM" if hour < 12 else "PM",
    }


def _years(element: Element) -> tuple[int, int]:
    """The years between the attributes `min` and `max`."""
    low, high = (element.attrs.get(name, "")[:4] for name in ("min", "max"))
    return (int(low) if low.isdigit() else 1, int(high) if high.isdigit() else 275760)
