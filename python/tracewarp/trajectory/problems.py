"""What a reader could not take, and where it stood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that was lost or changed while reading; the rest of the file was read."""

    path: str
    """The file, as the caller named it (inside a folder: the folder's path and the file)."""
    line: int | None
    """1-based line, or None where the place is a whole file."""
    message: str
    """A sentence without the place: what came, and what became of it."""

    def __str__(self) -> str:
        return f"{place(self.path, self.line)}: {self.message}"


Report = Callable[[Problem], None]
"""Where a reader puts its problems: a list that grows, or (strict) an exception."""


MAX_SHOWN_CHARS = 100
"""How much of a name from a file stands in a message."""


def shown_name(text: str) -> str:
    """A name out of a file, for a message: short, and with control characters as escapes."""
    short = text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}…"
    return short if short.isprintable() else repr(short)[1:-1]


def place(path: str, line: int | None) -> str:
    """`file:12`, or `file` where there is no line."""
    return path if line is None else f"{path}:{line}"
