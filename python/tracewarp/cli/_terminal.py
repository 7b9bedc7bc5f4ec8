"""Text of pages and models on a terminal: shown as it is, never obeyed."""

from __future__ import annotations

import io
import re
import sys

from rich.console import Console

from tracewarp.trajectory import Problem

# Everything that could move the cursor, change colours or the window's title, or reorder what stands beside it.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

_PIPE_COLUMNS = 140
"""Width where there is no terminal to ask."""


def printable(text: str) -> str:
    """Replace control characters by their pictures (ESC becomes `␛`) or `�`; tabs and line ends stay."""
    return _CONTROLS.sub(lambda found: _picture(ord(found[0])), text)


def one_line(text: str) -> str:
    """Printable text with every run of white space as one blank."""
    return " ".join(printable(text).split())


def shortened(text: str, length: int) -> str:
    """The first `length` characters, with `…` where something was cut."""
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def output_console() -> Console:
    """A console on stdout that neither reads markup nor fails on an encoding that lacks a character."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = max(console.width, _PIPE_COLUMNS)
    return console


def problem_lines(problems: list[Problem], limit: int) -> list[str]:
    """The first problems, one a line, and how many more there are."""
    lines = [one_line(str(problem)) for problem in problems[:limit]]
    if len(problems) > limit:
        lines.append(f"... and {len(problems) - limit} more")
    return lines


def _picture(code: int) -> str:
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"
