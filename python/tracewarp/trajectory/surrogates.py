"""The one place that repairs text which UTF-8 cannot encode."""

from __future__ import annotations

from typing import Any, TypeVar

_T = TypeVar("_T")


def repair(text: str) -> str:
    r"""Join surrogate pairs and replace every lone surrogate with U+FFFD.

    Web pages, models and JSON escapes such as `"\ud83d"` produce such text. Python accepts it, but it cannot be
    written to a UTF-8 file, sent to a server, stored in a database or tokenized.
    """
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
        return text
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def repair_json(value: _T) -> _T:
    """Apply `repair` to every string in a JSON value, keys included; everything else is returned as it is."""
    repaired: Any = value
    if isinstance(value, str):
        repaired = repair(value)
    elif isinstance(value, list):
        repaired = [repair_json(item) for item in value]
    elif isinstance(value, dict):
        repaired = {repair_json(key): repair_json(item) for key, item in value.items()}
    return repaired  # type: ignore[no-any-return]
