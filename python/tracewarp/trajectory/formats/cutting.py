"""Text between two marks, in time proportional to its length: patterns that try again take the square of it."""

from __future__ import annotations


def between(text: str, begin: str, end: str) -> str | None:
    """The text from the first `begin` to the first `end` after it; None where either is missing."""
    start = text.find(begin)
    if start < 0:
        return None
    start += len(begin)
    stop = text.find(end, start)
    return None if stop < 0 else text[start:stop]
