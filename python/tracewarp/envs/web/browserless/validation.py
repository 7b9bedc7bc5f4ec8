"""Does a field hold what its markup asks for? The sentences are those that Chromium shows (American English)."""

from __future__ import annotations

import math
import re

from tracewarp.envs.web.browserless.controls import (
    DATE_TYPES,
    input_type,
    is_checked,
    is_disabled,
    is_read_only,
    options_of,
    radio_group,
    selected_options,
    value_of,
)
from tracewarp.envs.web.browserless.dom import Document, Element

_EMAIL = re.compile(
    r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
    r"(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*"
)
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:\S+")
_UNJUDGED = frozenset(("hidden", "reset", "button", "image", "submit", "color"))
_MISSING = {
    "checkbox": "Please check this box if you want to proceed.",
    "radio": "Please select one of these options.",
    "file": "Please select a file.",
}


def message_about(element: Element, document: Document) -> str | None:
    """What a browser shows beside a control that keeps its form from being sent; None: nothing is wrong with it.

    Beside an input a blank stands at its end.
    """
    wrong = complaint(element, document)
    return wrong if wrong is None or element.tag != "input" else f"{wrong} "


def complaint(element: Element, document: Document) -> str | None:
    """What is wrong with a control, in a sentence; None: nothing."""
    if element.tag == "button" or is_disabled(element):
        return None
    if element.tag == "select":
        return _select_complaint(element)
    kind = input_type(element) if element.tag == "input" else "textarea"
    if kind in _UNJUDGED or (is_read_only(element) and kind not in ("checkbox", "radio", "file", "range")):
        return None
    if "required" in element.attrs and _is_missing(element, kind, document):
        return _MISSING.get(kind, "Please fill out this field.")
    if kind == "radio" and any("required" in it.attrs for it in radio_group(element, document)):
        return None if any(is_checked(it) for it in radio_group(element, document)) else _MISSING["radio"]
    value = value_of(element)
    if not value or kind in ("checkbox", "radio", "file"):
        return None
    return _type_complaint(kind, value) or _text_complaint(element, value) or _range_complaint(element, kind, value)


def _select_complaint(select: Element) -> str | None:
    if "required" not in select.attrs:
        return None
    chosen = selected_options(select)
    first = next(iter(options_of(select)), None)
    placeholder = "multiple" not in select.attrs and first is not None and value_of(first) == ""
    if chosen and not (placeholder and chosen[0] is first):
        return None
    return "Please select an item in the list."


def _is_missing(element: Element, kind: str, document: Document) -> bool:
    if kind == "checkbox":
        return not is_checked(element)
    if kind == "radio":
        return not any(is_checked(it) for it in radio_group(element, document))
    return kind == "file" or not value_of(element)


def _type_complaint(kind: str, value: str) -> str | None:
    if kind == "url" and not _URL.fullmatch(value.strip()):
        return "Please enter a URL."
    if kind != "email" or _EMAIL.fullmatch(value.strip()):
        return None
    name, at, host = value.strip().partition("@")
    if not at:
        return f"Please include an '@' in the email address. '{value}' is missing an '@'."
    if not host:
        return f"Please enter a part following '@'. '{value}' is incomplete."
    if not name:
        return f"Please enter a part followed by '@'. '{value}' is incomplete."
    if "@" in host:
        return "A part following '@' should not contain the symbol '@'."
    for place, part in (("following", host), ("followed by", name)):
        wrong = re.search(r"[^a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]", part)
        if wrong is not None:
            return f"A part {place} '@' should not contain the symbol '{wrong[0]}'."
    return f"'.' is used at a wrong position in '{host}'."


def _text_complaint(element: Element, value: str) -> str | None:
    attrs = element.attrs
    least = attrs.get("minlength", "")
    if element.value is not None and least.isdigit() and len(value) < int(least):
        count = "1 character" if len(value) == 1 else f"{len(value)} characters"
        return f"Please lengthen this text to {least} characters or more (you are currently using {count})."
    return None


def _range_complaint(element: Element, kind: str, value: str) -> str | None:
    attrs = element.attrs
    if kind in DATE_TYPES:
        low, high = attrs.get("min", ""), attrs.get("max", "")
        if low and value < low:
            return f"Value must be {_shown_date(kind, low)} or later."
        if high and value > high:
            return f"Value must be {_shown_date(kind, high)} or earlier."
        return None
    if kind not in ("number", "range"):
        return None
    number = _number(value)
    if number is None:
        return "Please enter a number."
    lowest, highest = _number(attrs.get("min", "")), _number(attrs.get("max", ""))
    if lowest is not None and number < lowest:
        return f"Value must be greater than or equal to {attrs['min']}."
    if highest is not None and number > highest:
        return f"Value must be less than or equal to {attrs['max']}."
    return _step_complaint(attrs.get("step", "1"), lowest or 0.0, number, highest)


def _step_complaint(step: str, lowest: float, number: float, highest: float | None) -> str | None:
    width = _number(step)
    if step.lower() == "any":
        return None
    if width is None or width <= 0:
        width = 1.0
    steps = (number - lowest) / width
    if math.isclose(steps, round(steps), abs_tol=1e-9):
        return None
    below = lowest + math.floor(steps) * width
    above = below + width
    if highest is not None and above > highest:
        return f"Please enter a valid value. The nearest valid value is {_written(below)}."
    return f"Please enter a valid value. The two nearest valid values are {_written(below)} and {_written(above)}."


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _written(number: float) -> str:
    return f"{number:.10g}"


def _shown_date(kind: str, value: str) -> str:
    if kind == "date" and len(value) == 10:
        year, month, day = value.split("-")
        return f"{month}/{day}/{year}"
    return value
