"""Figures into words: one way to write a share, an interval, a p-value, wherever it is printed."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from rich.cells import cell_len, set_cell_size

from tracewarp.metrics.statistics import Interval

MISSING = "–"
"""Stands for a figure that could not be computed; the run's notes say why."""

MINUS = "−"


def number(value: float | None, digits: int = 3) -> str:
    """A number with a fixed count of decimals and a true minus sign; `MISSING` for None, NaN and infinity."""
    if value is None or not math.isfinite(value):
        return MISSING
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def signed(value: float | None, digits: int = 3) -> str:
    """A difference: a number that always shows its sign, but for zero."""
    text = number(value, digits)
    return f"+{text}" if value is not None and text[0].isdigit() and float(text) > 0 else text


def percent(share: float | None) -> str:
    """A share in 0..1 as a percentage with one decimal: `69.3 %`."""
    return MISSING if share is None or not math.isfinite(share) else f"{number(100 * share, 1)} %"


def share_interval(interval: Interval | tuple[float, float] | None) -> str:
    """An interval of shares in percent: `[66.1, 72.4]`."""
    return _between(interval, lambda end: number(100 * end, 1))


def score_interval(interval: Interval | None, digits: int = 3) -> str:
    """An interval of scores: `[0.412, 0.455]`."""
    return _between(interval, lambda end: number(end, digits))


def points(difference: float) -> str:
    """A difference of shares in percentage points: `+2.2 pp`."""
    return f"{signed(100 * difference, 1)} pp"


def points_interval(interval: Interval | tuple[float, float] | None) -> str:
    """An interval of a difference of shares, in percentage points: `[−0.4, +4.9]`."""
    return _between(interval, lambda end: signed(100 * end, 1))


def difference_interval(interval: Interval | None) -> str:
    """An interval of a difference of scores: `[−0.010, +0.031]`."""
    return _between(interval, signed)


def ends(interval: Interval | None) -> tuple[float, float] | None:
    """The two ends of an interval."""
    return None if interval is None else (interval.low, interval.high)


def _between(interval: Interval | tuple[float, float] | None, write: Callable[[float], str]) -> str:
    found = ends(interval) if isinstance(interval, Interval) else interval
    return MISSING if found is None else f"[{write(found[0])}, {write(found[1])}]"


def verdict(p: float, confidence: float) -> str:
    """What a comparison shows, in words."""
    return "differs" if p <= 1 - confidence else "no difference shown"


def p_value(p: float) -> str:
    """A p-value with three decimals; below a thousandth only the bound."""
    return "< 0.001" if p < 0.001 else number(p)


def of(part: int, whole: int) -> str:
    """`563 of 812`, with thousands apart."""
    return f"{part:,} of {whole:,}"


def plain(text: str) -> str:
    """Text of unknown origin on one line, with spaces for control and format characters (escape codes, bidi signs)."""
    return " ".join("".join(" " if unsafe(character) else character for character in text).split())


def unsafe(character: str) -> bool:
    """Control and format characters, lone surrogates, line separators; not the joiners that scripts and emoji need."""
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") and character not in "\u200c\u200d"


def shorten(text: str, cells: int) -> str:
    """At most `cells` columns wide (wide characters count two), with an ellipsis where something was cut."""
    text = plain(text)
    return text if cell_len(text) <= cells else set_cell_size(text, cells - 1).rstrip() + "…"


def shorten_middle(text: str, cells: int) -> str:
    """At most `cells` columns wide, cut in the middle: names of runs often differ at their ends alone."""
    text = plain(text)
    if cell_len(text) <= cells:
        return text
    end = text[::-1]
    return f"{set_cell_size(text, cells // 2).rstrip()}…{set_cell_size(end, (cells - 1) // 2).rstrip()[::-1]}"


def level(settings: Mapping[str, Any]) -> str:
    """The confidence of the intervals as `95 %`; empty where the settings do not tell it."""
    confidence = settings.get("confidence")
    return f"{100 * confidence:g} %" if isinstance(confidence, (int, float)) else ""
