"""What a reader could not take, and where it stood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tracewarp.errors import RecordError


@dataclass(frozen=True)
class Problem:
    """One thing that was lost or changed while reading; the rest of the file was read."""

    path: str
    """The file, as the caller named it (inside a folder: the folder's path and the file)."""
    line: int | None
    """1-based line, or None where the place is a whole file."""
    message: str
    """A sentence without the place: what came, and what became of it."""
    notice: bool = False
    """True for something that was left out on purpose: it is shown, and is no error for strict readers."""

    def __str__(self) -> str:
        return escaped(f"{place(self.path, self.line)}: {self.message}")


class StrictError(RecordError):
    """The first problem of a strict reader, on its way to the caller; no reader takes it for a fault of the record."""


Report = Callable[[Problem], None]
"""Where a reader puts its problems: a list that grows, or (strict) an exception."""


MAX_SHOWN_CHARS = 100
"""How much of a name from a file stands in a message."""


def shown_name(text: str) -> str:
    """A name out of a file, for a message: short, and with control characters as escapes."""
    short = text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}…"
    return escaped(short)


def escaped(text: str) -> str:
    """Text with control characters as escapes, so that it cannot move a terminal's cursor."""
    if text.isprintable():
        return text
    return "".join(it if it.isprintable() else it.encode("unicode_escape").decode("ascii") for it in text)


def place(path: str, line: int | None) -> str:
    """`file:12`, or `file` where there is no line."""
    return path if line is None else f"{path}:{line}"
