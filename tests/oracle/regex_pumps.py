"""Worst cases for regular expressions, made from the expressions themselves.

For every repetition without an upper bound: what comes before it (shortest form), then much of what it repeats, then a
character that fits nowhere; and the same beginning over and over again, so that a search starts anew many times.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

if sys.version_info >= (3, 11):
    from re import _constants as sre  # type: ignore[attr-defined]
    from re import _parser as parser  # type: ignore[attr-defined]
else:
    import sre_constants as sre
    import sre_parse as parser

_REPEATS = [getattr(sre, name) for name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT") if hasattr(sre, name)]
_ATOMIC = getattr(sre, "ATOMIC_GROUP", None)

MISFITS = ("\x01", "!", "\n", " ", "a", "")
"""What ends a pump; the empty one lets the expression reach the end of the text."""


def unbounded(pattern: str | bytes, flags: int = 0) -> bool:
    """Has the expression a repetition without an upper bound?"""
    return any(True for _ in _repeats(parser.parse(pattern, flags)))


def worst_cases(pattern: str | bytes, flags: int) -> list[tuple[str, str, str]]:
    """(beginning, what is repeated, end) of texts on which the expression has the most to try."""
    found = {}
    for before, repeated in _repeats(parser.parse(pattern, flags)):
        for pump in (repeated, " ", "\n", before, before + repeated, before + repeated * 3 + "\x01"):
            for begin in (before, ""):
                for misfit in MISFITS:
                    if pump:
                        found[begin, pump, misfit] = None
    return list(found)


def _repeats(tree: object, before: str = "") -> Iterator[tuple[str, str]]:
    """(shortest text before it, shortest text of what it repeats) for every unbounded repetition."""
    for op, value in tree:  # type: ignore[attr-defined]
        if op in _REPEATS:
            least, most, inner = value
            if most == sre.MAXREPEAT:
                yield before, _shortest(inner) or "x"
            yield from _repeats(inner, before)
            before += _shortest(inner) * min(least, 3)
        elif op is sre.SUBPATTERN:
            yield from _repeats(value[-1], before)
            before += _shortest(value[-1])
        elif op is sre.BRANCH:
            for branch in value[1]:
                yield from _repeats(branch, before)
            before += _shortest(value[1][0])
        elif op in (sre.ASSERT, sre.ASSERT_NOT):
            yield from _repeats(value[1], before)
        elif op is _ATOMIC:
            yield from _repeats(value, before)
            before += _shortest(value)
        else:
            before += _shortest([(op, value)])


def _shortest(tree: object) -> str:
    """A short text that the expression matches."""
    text = ""
    for op, value in tree:  # type: ignore[attr-defined]
        if op is sre.LITERAL:
            text += chr(value)
        elif op is sre.NOT_LITERAL:
            text += "a" if value != ord("a") else "b"
        elif op is sre.ANY:
            text += "a"
        elif op is sre.IN:
            text += _one_of(value)
        elif op in _REPEATS:
            text += _shortest(value[2]) * min(value[0], 20)
        elif op is sre.SUBPATTERN:
            text += _shortest(value[-1])
        elif op is _ATOMIC:
            text += _shortest(value)
        elif op is sre.BRANCH:
            text += _shortest(value[1][0])
    return text


_CLASSES = {"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "a", "CATEGORY_NOT_DIGIT": "a"}


def _one_of(items: list[tuple[object, object]]) -> str:
    """A character of a class."""
    if items[0][0] is sre.NEGATE:
        banned = re.compile("[" + "".join(_class_text(op, value) for op, value in items[1:]) + "]")
        return next(it for it in "a1 -.x\t/" + "bcd" if not banned.match(it))
    op, value = items[0]
    if op is sre.LITERAL:
        return chr(value)  # type: ignore[arg-type]
    if op is sre.RANGE:
        return chr(value[0])  # type: ignore[index]
    return _CLASSES.get(str(value), "a")


def _class_text(op: object, value: object) -> str:
    if op is sre.LITERAL:
        return re.escape(chr(value))  # type: ignore[arg-type]
    if op is sre.RANGE:
        return f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"  # type: ignore[index]
    return {
        "CATEGORY_DIGIT": r"\d",
        "CATEGORY_SPACE": r"\s",
        "CATEGORY_WORD": r"\w",
        "CATEGORY_NOT_DIGIT": r"\D",
        "CATEGORY_NOT_SPACE": r"\S",
        "CATEGORY_NOT_WORD": r"\W",
    }[str(value)]
