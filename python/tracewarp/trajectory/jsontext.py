"""JSON as others write it: read strictly, except where a whole episode would be lost for a detail."""

from __future__ import annotations

import json
import math
from typing import Any

from tracewarp.trajectory.encodings import NotUtf8Error, decode_utf8
from tracewarp.trajectory.surrogates import repair_json


class BadJsonError(ValueError):
    """Bytes that are no JSON value; the text is a sentence without the place. Never leaves this package."""


def parse_json(data: bytes) -> tuple[Any, list[str]]:
    """Parse one JSON value.

    Two faults are repaired, and said: NaN, Infinity and numbers beyond float64 become null (JSON has none of them, yet
    Python writes them), and halves of surrogate pairs become U+FFFD (they cannot be written as UTF-8 again).

    Args:
        data: UTF-8 text without a byte order mark.

    Returns:
        The value, and one sentence per kind of repair.

    Raises:
        BadJsonError: not UTF-8, not JSON, nested too deeply, or with an integer of thousands of digits.
    """
    try:
        text = decode_utf8(data)
    except NotUtf8Error as error:
        raise BadJsonError(str(error)) from None
    odd_numbers: list[str] = []

    def no_number(name: str) -> None:
        odd_numbers.append(name)

    def finite(digits: str) -> float | None:
        value = float(digits)
        if math.isfinite(value):
            return value
        no_number(digits)
        return None

    try:
        value = json.loads(text, parse_constant=no_number, parse_float=finite)
        notes = [f"{_short(odd_numbers[0])} is no JSON number; read as null"] if odd_numbers else []
        # A half pair can only come from an escape: raw ones are not UTF-8.
        if "\\ud" in text.lower():
            repaired = repair_json(value)
            if repaired != value:
                notes.append("half of a surrogate pair in a text; read as U+FFFD")
            value = repaired
    except json.JSONDecodeError as error:
        raise BadJsonError(f"not JSON: {error.msg} at column {error.pos + 1}") from None
    except RecursionError:
        raise BadJsonError("JSON nested too deeply to be a trajectory") from None
    except ValueError as error:  # an integer beyond Python's limit of digits
        raise BadJsonError(f"not a usable number: {error}") from None
    return value, notes


def finite_number(value: Any) -> float | None:
    """Return a JSON value as a finite number, or None for anything else (booleans too)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _short(text: str) -> str:
    return text if len(text) <= 20 else f"{text[:20]}…"
